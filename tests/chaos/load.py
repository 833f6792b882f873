"""A steady stream of alerts, and people who answer some of their pages."""

from __future__ import annotations

import asyncio
import random

import aiohttp

from pager.ports import StoreUnavailable
from pager.store.connection import connect
from tests.chaos.house import SERVICES, House, Worker, tool_key
from tests.chaos.ledger import Account, Deed, Ledger, Line, Said
from tests.chaos.provider import PageSent

_TRIGGERS, _REPEATS = 0.6, 0.85  # of the alerts; the rest are resolves
_ANSWERED = 0.3  # of the pages
_CLI_EVERY = 6.0
_HTTP_LIMIT = aiohttp.ClientTimeout(total=8)


class Load:
    """Alerts go by turns of chance straight into the store's stream and to a worker by HTTP. A key is resolved once, when nothing about it is
    under way, and not used again: so at most one incident belongs to it."""

    def __init__(self, house: House, seed: int, rate: float) -> None:
        self.ledger = Ledger()
        self._house, self._rate = house, rate
        self._dice = random.Random(f"load {seed}")
        self._store = connect(house.store.url)
        self._group = asyncio.TaskGroup()
        self._answering = False

    async def run(self, seconds: float) -> None:
        self._answering = True
        self._house.provider.on_page = self._maybe_answer
        end = self._house.now() + seconds
        try:
            async with aiohttp.ClientSession(timeout=_HTTP_LIMIT) as http, self._group:
                commands = self._group.create_task(self._command_line(end))
                while self._house.now() < end:
                    self._next(http)
                    await asyncio.sleep(1 / self._rate)
                await commands
                self._answering = False
        finally:
            await self._store.close()

    def _next(self, http: aiohttp.ClientSession) -> None:
        chance = self._dice.random()
        idle = [a for a in self.ledger.accounts.values() if a.is_open and not a.under_way]
        if chance < _TRIGGERS or not idle:
            account, deed = self.ledger.open(self._dice.randrange(SERVICES)), Deed.TRIGGER
        else:
            account, deed = self._dice.choice(idle), Deed.REPEAT if chance < _REPEATS else Deed.RESOLVE
        worker = self._dice.choice(self._house.workers) if self._dice.random() < 0.5 else None
        account.under_way += 1
        self._group.create_task(self._send(http, account, deed, worker))

    async def _send(self, http: aiohttp.ClientSession, account: Account, deed: Deed, worker: Worker | None) -> None:
        began = self._house.now()
        said = await (self._add(account, deed) if worker is None else self._post(http, account, deed, worker))
        account.lines.append(Line(deed, "stream" if worker is None else worker.name, began, self._house.now(), said))
        account.under_way -= 1

    async def _add(self, account: Account, deed: Deed) -> Said:
        action = "resolve" if deed is Deed.RESOLVE else "trigger"
        fields = ("action", action, "summary", f"{account.key} fails", "severity", "critical")
        words = (*fields, "service", f"s{account.service}", "dedup_key", account.key)
        try:
            await self._store.call("XADD", "pager:alerts", "*", *words)
            return Said.YES
        except StoreUnavailable:
            return Said.UNKNOWN

    async def _post(self, http: aiohttp.ClientSession, account: Account, deed: Deed, worker: Worker) -> Said:
        payload = {"summary": f"{account.key} fails", "source": "chaos", "severity": "critical", "component": "c"}
        body = {
            "routing_key": tool_key(account.service), "event_action": "resolve" if deed is Deed.RESOLVE else "trigger", "dedup_key": account.key, "payload": payload,
        }  # fmt: skip
        try:
            async with http.post(f"{worker.url}/v2/enqueue", json=body) as answer:
                # A 503 says "not accepted": what was on its way then may be in the store all the same, and is sent again.
                return Said.YES if answer.status == 202 else Said.UNKNOWN
        except aiohttp.ClientConnectorError:
            return Said.NO
        except (aiohttp.ClientError, TimeoutError):
            return Said.UNKNOWN

    # --- answers ----------------------------------------------------------------------------------------------------------------------
    def _maybe_answer(self, page: PageSent) -> None:
        if self._answering and page.key in self.ledger.accounts and self._dice.random() < _ANSWERED:
            self._group.create_task(self._reply(page, self._dice.uniform(0.2, 4), self._dice.choice(self._house.workers)))

    async def _reply(self, page: PageSent, after: float, worker: Worker) -> None:
        await asyncio.sleep(after)
        began = self._house.now()
        got = await self._house.provider.inbound_sms(page.to, page.sender, page.code, url=f"{worker.url}/twilio/sms")
        said = Said.YES if any(text.lower().startswith("acknowledged") for text in got["replies"]) else Said.UNKNOWN
        self.ledger.accounts[page.key].lines.append(Line(Deed.ACK, f"sms {worker.name}", began, self._house.now(), said))

    async def _command_line(self, end: float) -> None:
        """Somebody acknowledges from a terminal, now and then."""
        while self._house.now() + _CLI_EVERY < end:
            await asyncio.sleep(_CLI_EVERY)
            pages = self._house.provider.pages[-20:]
            if not pages:
                continue
            page, worker = self._dice.choice(pages), self._dice.choice(self._house.workers)
            began = self._house.now()
            said = Said.YES if await worker.acknowledge(page.incident) else Said.UNKNOWN
            self.ledger.accounts[page.key].lines.append(Line(Deed.ACK, f"cli {worker.name}", began, self._house.now(), said))
