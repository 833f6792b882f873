"""An incident and what hangs on it: the pages sent for it, the people asked, and its deadlines."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from pager.model.alert import AlertRecord, Severity, Urgency
from pager.model.mute import Hush, Mute, Muted, MuteKind
from pager.model.origin import Origin
from pager.model.person import Rung


class State(StrEnum):
    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    SUPPRESSED = "suppressed"
    RESOLVED = "resolved"


class Phase(StrEnum):
    """Where a triggered incident stands in its chain."""

    STAGE = "stage"
    HOURS = "hours"  # the stage waits for its hours
    ASSIGNED = "assigned"  # somebody named by hand is asked; the chain waits
    CATCH_ALL = "catch_all"


class DeadlineKind(StrEnum):
    ACK_TIMEOUT = "ack_timeout"
    REPEAT_EVERY = "repeat_every"
    RESOLVE_TIMEOUT = "resolve_timeout"
    RUNG = "rung"  # of: the user whose next rung starts
    RECEIPT = "receipt"  # of: the page whose receipt is due
    RETRY = "retry"  # of: the page to hand to its provider again
    DELIVERY = "delivery"  # a page is out with the workers: look again if nothing is heard of it
    HOURS = "hours"
    ASSIGNED = "assigned"
    CATCH_ALL = "catch_all"
    SNOOZE_END = "snooze_end"
    ACK_EXPIRES = "ack_expires"
    SLA_ACK_SOON = "sla_ack_soon"
    SLA_ACK = "sla_ack"
    SLA_RESOLVE_SOON = "sla_resolve_soon"
    SLA_RESOLVE = "sla_resolve"
    RESOLVE_AFTER = "resolve_after"
    STORM = "storm"  # the storm for which it speaks is looked at again
    STABLE = "stable"  # an alert that flaps has not changed for long
    HUSHED = "hushed"  # what mutes one of a group's alerts, a worse one than it pages for, ends
    SUPPRESSED = "suppressed"  # a suppressed incident is looked at again, too
    SUPPORT = "support"  # of low urgency because of the hour: the support hours begin
    UNSEEN = "unseen"  # of low urgency, and nobody has acknowledged it for long


class Deadline(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """`turn` is the incident's turn when it was set; another turn since then makes it stale. Deadlines of a whole incident (SLA,
    resolve_after) have turn -1: they never go stale."""

    kind: DeadlineKind
    at: datetime
    turn: int = -1
    of: str = ""


class PageState(StrEnum):
    QUEUED = "queued"  # in the outbox or with a worker
    WAITING = "waiting"  # to be tried again at a RETRY deadline
    ACCEPTED = "accepted"  # the provider said yes
    DELIVERED = "delivered"
    UNCONFIRMED = "unconfirmed"  # accepted, but no receipt in time: not trusted
    FAILED = "failed"
    WITHDRAWN = "withdrawn"  # not sent: somebody answered first

    @property
    def is_live(self) -> bool:
        """Whether it may still reach its person, or has."""
        return self in (PageState.QUEUED, PageState.WAITING, PageState.ACCEPTED, PageState.DELIVERED)

    @property
    def is_out(self) -> bool:
        """Whether a provider has said yes."""
        return self in (PageState.ACCEPTED, PageState.DELIVERED, PageState.UNCONFIRMED)


class Page(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One attempt to reach one person at one address. `seq` counts within the incident; (incident, seq) is the page's id.
    `due_at` is when it should have gone out: lateness is measured from it. `receipt` is the provider's id for it."""

    seq: int
    user: str
    channel: str
    address: str
    provider: str
    due_at: datetime
    stage: int  # from 0; -1: the catch-all
    rung: int = 0
    state: PageState = PageState.QUEUED
    attempt: int = 1
    accepted_at: datetime | None = None
    receipt: str = ""
    why: str = ""
    turn: int = 0
    repeat: bool = False  # this person was paged for this incident before
    folded: str = ""  # the page (`42-3`) whose message speaks for this one as well, where it speaks for several
    digest: bool = False  # its incident, of low urgency, has waited for the morning until this page


class Run(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One person being asked in the present stage: how far up the ladder, and why this person."""

    user: str
    target: str  # as the policy names it
    because: str
    rungs: tuple[Rung, ...]
    rung: int = 0  # the highest rung started
    accepted_at: datetime | None = None  # first accepted page
    acknowledged_at: datetime | None = None  # for `wait_for: all`
    failed: bool = False
    origin: Origin | None = None


class Paged(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What a person has got for this incident so far."""

    user: str
    stage: int
    at: datetime
    channel: str
    address: str
    provider: str
    pages: int = 1
    result: str = ""


class Turn(msgspec.Struct, frozen=True, array_like=True):
    """Which turn of a schedule's `/next` an incident has, from 1, and who was asked in it last."""

    schedule: str
    number: int
    user: str


class Incident(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What people are paged for. `stage` counts from 0 here, from 1 in all output. `turn` rises whenever the chain moves.
    `lap` counts finished passes over the policy."""

    number: int
    scope: str
    dedup_key: str
    state: State
    severity: Severity
    worst: Severity  # of the alerts as they came, since it opened: only what is worse pages again
    urgency: Urgency
    service: str
    policy: str
    policy_ref: str
    opened_at: datetime
    since: datetime  # of the present state
    reason: str = ""
    route: str = ""
    integration: str = ""
    team: str = ""
    labels: dict[str, str] = {}
    alerts: int = 1
    phase: Phase = Phase.STAGE
    stage: int = 0
    lap: int = 0
    repeats: int = 0  # how often the present stage was paged again by `on_timeout: repeat`
    turn: int = 0
    entered_at: datetime | None = None
    reached_in_lap: bool = False  # somebody was paged in this pass
    deadlines: tuple[Deadline, ...] = ()
    runs: tuple[Run, ...] = ()
    pages: tuple[Page, ...] = ()
    last_seq: int = 0
    paged: tuple[Paged, ...] = ()
    notes: tuple[str, ...] = ()
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    resolved_at: datetime | None = None
    resolved_by: str = ""
    sla_ack: datetime | None = None
    sla_resolve: datetime | None = None
    sla_breached: tuple[str, ...] = ()
    policies_seen: tuple[str, ...] = ()  # of `service:` targets, against cycles
    revision: str = ""
    drill: bool = False
    version: int = 0
    ended_with: AlertRecord | None = None  # what was known of its alert at the end: the identity's record goes on with the next incident
    chats: tuple[str, ...] = ()  # chat channels that have a message about it, as the config names them
    mute: Mute | None = None  # what keeps it suppressed
    muted_at: datetime | None = None  # since when, without a break
    inhibits: tuple[str, ...] = ()  # the pointers that count it while it is open
    heard_at: datetime | None = None  # from then on only what a person says later mutes it
    turns: tuple[Turn, ...] = ()  # a release that forgets them takes another turn: another of those on call is asked
    group: str = ""  # the pointer that leads to it
    shared: dict[str, str] = {}  # what all alerts of the group have in common, by the keys of its rule
    firing: tuple[int, ...] = ()  # how many of its alerts are open, by the rank of their severity
    fields: dict[str, str] = {}  # the alert fields that are the same in all of them
    differ: tuple[str, ...] = ()  # what routing made of them that is not
    hushes: tuple[Hush, ...] = ()
    came_under: Mute | None = None  # the route or pause that it was opened under, whatever else mutes it meanwhile
    mutes: tuple[Muted, ...] = ()  # what muted it so far, each rule once, the latest last
    storm: str = ""  # the pointer of the storm for which it speaks
    storm_told: int = 0  # how many its last page spoke for; 0, of a release before this one: it is paged for that no more
    storm_words: str = ""

    @property
    def is_open(self) -> bool:
        return self.state is not State.RESOLVED

    @property
    def waits_for_a_word(self) -> bool:
        """Suppressed, and by something that people say or take back: what a storm holds back looks for itself."""
        return self.state is State.SUPPRESSED and not (self.mute is not None and self.mute.kind is MuteKind.STORM)

    @property
    def still_fire(self) -> int:
        """How many of its alerts are open."""
        return (sum(self.firing) if self.group else 1) if self.is_open else 0

    @property
    def next_deadline(self) -> datetime | None:
        return min([d.at for d in self.deadlines], default=None)

    @property
    def thread(self) -> str:
        """The same for all messages about it; another installation, or one begun anew, counts from 1 again."""
        return f"{self.number}-{self.opened_at:%Y%m%d%H%M%S}"

    @property
    def is_shown(self) -> bool:
        """Whether a chat has a message about it that must follow what becomes of it."""
        return bool(self.chats) or any(p.channel == "chat" and p.receipt and not p.folded for p in self.pages)

    def page(self, seq: int) -> Page | None:
        return next((p for p in self.pages if p.seq == seq), None)
