"""The message of a page, worded from what stands in the record right before it is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from pager.decide import Rules
from pager.model.alert import AlertRecord, Severity
from pager.model.incident import Incident, Page
from pager.model.settings import CatchAll
from pager.model.snapshot import Snapshot
from pager.notify.cards import page_card, subject
from pager.notify.plan import CONSOLE
from pager.notify.wording import console_page, late_words, lateness, sms_page
from pager.ports import Message

_ROOMY = ("chat", "email")  # channels that show a card


class Compose:
    def __init__(
        self, rules: Callable[[], Rules], code: Callable[[int, int], str], link: Callable[[Incident, Page, datetime], str] = lambda *_: ""
    ) -> None:
        """`code` gives the reply code of a page, `link` the address of a web page to answer it by, or nothing."""
        self._rules = rules
        self._code = code
        self._link = link

    def __call__(self, snapshot: Snapshot, page: Page, now: datetime) -> Message:
        """Raises ValueError for a page without incident or alert: there is nothing to say."""
        incident, record = snapshot.incident, snapshot.own
        if incident is None or record is None:
            raise ValueError(f"page {page.seq} has no incident")
        rules = self._rules()
        service = rules.config.services.get(incident.service)
        late = lateness(page.due_at, now, _timeout(snapshot, page))
        code = self._code(incident.number, page.seq)
        message = Message(
            address=page.address,
            text="",
            id=f"{incident.number}-{page.seq}",
            code=code,
            callback=self._callback(incident.number, page),
            thread=incident.thread,
        )
        if page.provider == CONSOLE:
            return replace(message, text=console_page(incident, record, page, service, now, late, rules.names))
        if page.channel in _ROOMY:
            return self._roomy(message, incident, record, page, now, late)
        return replace(message, text=sms_page(incident, record, page, service, code, now, late, rules.names))

    def _roomy(
        self, message: Message, incident: Incident, record: AlertRecord, page: Page, now: datetime, late: timedelta | None
    ) -> Message:
        rules = self._rules()
        card = page_card(incident, record, page, rules.config.services.get(incident.service), now, late, rules.names)
        link = self._link(incident, page, now) if page.channel == "email" else ""
        if page.channel == "email" and not link:  # there must be a way to answer
            card = replace(card, lines=(*card.lines, f"To acknowledge: pagerd ack {incident.number}"))
        return replace(
            message,
            text=" ".join(filter(None, (card.title, late_words(late)))),
            card=card,
            link=link,
            subject=subject(incident, record),
            urgent=incident.severity in (Severity.CRITICAL, Severity.ERROR),
        )

    def _callback(self, number: int, page: Page) -> str:
        settings = self._rules().config.settings
        provider = self._rules().config.providers.get(page.provider)
        if not settings.public_url or provider is None or provider.kind != "twilio":
            return ""
        return f"{settings.public_url.rstrip('/')}/twilio/status?incident={number}&page={page.seq}&attempt={page.attempt}"


def _timeout(snapshot: Snapshot, page: Page) -> timedelta:
    stages = snapshot.policy.stages if snapshot.policy else ()
    return stages[page.stage].ack_timeout if 0 <= page.stage < len(stages) else CatchAll(notify=()).every
