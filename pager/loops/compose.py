"""The message of a page, worded from what stands in the record right before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from pager.decide import Rules
from pager.model.alert import AlertRecord, Severity
from pager.model.incident import Incident, Page
from pager.model.outgoing import Limit, Notice, SendPage
from pager.model.policy import Policy
from pager.model.settings import CatchAll
from pager.model.snapshot import Snapshot
from pager.notify.cards import page_card, subject
from pager.notify.clock import since as since_words
from pager.notify.folding import Told, folded_card, folded_sms, folded_text, one_line_of, spoken_for
from pager.notify.limits import limits_of, limits_of_notice
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
        late = lateness(page.due_at, now, _timeout(snapshot.policy, page))
        told = Told(incident, record, page)
        message, since = self.marked(told), self._since((told,), now)
        if page.provider == CONSOLE:
            return replace(message, text=console_page(incident, record, page, service, now, late, rules.names, since))
        if _is_roomy(page):
            return self._roomy(message, incident, record, page, now, late, since)
        return replace(message, text=sms_page(incident, record, page, service, message.code, now, late, rules.names, since))

    # --- one message for several pages ------------------------------------------------------------------------------------------------
    def limits(self, item: SendPage) -> tuple[Limit, ...]:
        """What a page counts for; nothing where pages are not to be bounded."""
        return limits_of(self._rules().config.settings.throttle, item)

    def limits_of_notice(self, notice: Notice) -> tuple[Limit, ...]:
        return limits_of_notice(self._rules().config.settings.throttle, notice)

    def spoken_for(self, waiting: Sequence[Told], now: datetime) -> list[Told]:
        """Those of the pages, all to one address over one channel, that one message speaks for, in order."""
        return spoken_for(waiting, _is_roomy(waiting[0].page), self._since(waiting, now)) if waiting else []

    def together(self, lead: Told, told: Sequence[Told], now: datetime) -> Message:
        """The message for all of `told`, which goes by the id of `lead`."""
        late = max((late for one in told if (late := lateness(one.page.due_at, now, _timeout(one.policy, one.page)))), default=None)
        message, since = replace(self.marked(lead), pages=tuple(one.id for one in told)), self._since(told, now)
        if lead.page.provider == CONSOLE:
            return replace(message, text=folded_text(told, late, since))
        if not _is_roomy(lead.page):
            return replace(message, text=folded_sms(told, message.code, late, since))
        card = folded_card(told, late, since, lead)
        link = self._link(lead.incident, lead.page, now) if lead.page.channel == "email" else ""
        if lead.page.channel == "email" and not link:
            card = replace(card, lines=(*card.lines, f"To acknowledge: pagerd ack {' '.join(str(one.incident.number) for one in told)}"))
        return replace(
            message,
            text=one_line_of(card),
            card=card,
            link=link,
            subject=card.title,
            urgent=any(one.incident.severity in (Severity.CRITICAL, Severity.ERROR) for one in told),
        )

    def _since(self, told: Sequence[Told], now: datetime) -> str:
        """When the first of them came, on the wall clock of whom they go to, where all have waited for the morning; else nothing."""
        if not all(one.page.digest for one in told):
            return ""
        config = self._rules().config
        person = config.users.get(told[0].page.user)
        return since_words(min(one.incident.opened_at for one in told), now, person.timezone if person else config.settings.timezone)

    def marked(self, told: Told) -> Message:
        """A message without words: what it is known by."""
        number, page = told.incident.number, told.page
        return Message(
            address=page.address,
            text="",
            id=f"{number}-{page.seq}",
            code=self._code(number, page.seq),
            callback=self._callback(number, page),
            thread=told.incident.thread,
        )

    def _roomy(
        self, message: Message, incident: Incident, record: AlertRecord, page: Page, now: datetime, late: timedelta | None, since: str
    ) -> Message:
        rules = self._rules()
        card = page_card(incident, record, page, rules.config.services.get(incident.service), now, late, rules.names, since)
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


def _is_roomy(page: Page) -> bool:
    return page.channel in _ROOMY or page.provider == CONSOLE


def _timeout(policy: Policy | None, page: Page) -> timedelta:
    stages = policy.stages if policy else ()
    return stages[page.stage].ack_timeout if 0 <= page.stage < len(stages) else CatchAll(notify=()).every
