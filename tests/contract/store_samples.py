"""Incidents, records and commits for the contract suite."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from pager.model.alert import Alert, AlertRecord, Severity, Urgency
from pager.model.event import Entry
from pager.model.incident import Deadline, DeadlineKind, Incident, Page, State
from pager.model.outgoing import Notice, Outgoing, Priority, SendPage
from pager.model.policy import Policy, Stage, Target, TargetKind
from pager.model.snapshot import Identity, Snapshot
from pager.ports import Commit, Incidents, Outcome
from tests.contract.store_backends import Worker

FAR = timedelta(hours=1)
POLICY = Policy(name="payments", stages=(Stage(notify=(Target(TargetKind.USER, "ana"),)),))
DISK = Identity("alertmanager", "db1/disk")
CPU = Identity("alertmanager", "db1/cpu")


def record_of(identity: Identity, number: int = 0, **more: Any) -> AlertRecord:
    alert = Alert(scope=identity.scope, dedup_key=identity.dedup_key, summary="disk full")
    return AlertRecord(alert=alert, incident=number, open=number != 0, **more)


def incident_of(identity: Identity, number: int, at: datetime, due: datetime | None = None, **more: Any) -> Incident:
    return Incident(
        number=number,
        scope=identity.scope,
        dedup_key=identity.dedup_key,
        state=State.TRIGGERED,
        severity=Severity.CRITICAL,
        worst=Severity.CRITICAL,
        urgency=Urgency.HIGH,
        service="db",
        policy="payments",
        policy_ref="abc",
        opened_at=at,
        since=at,
        deadlines=(Deadline(DeadlineKind.ACK_TIMEOUT, due or at + FAR),),
        pages=(Page(1, "ana", "sms", "+34600000001", "twilio", at, 0),),
        **more,
    )


def opening(identity: Identity, number: int, at: datetime, due: datetime | None = None, **more: Any) -> Commit:
    """The commit that opens an incident for an identity of which nothing is known."""
    after = Snapshot(record_of(identity, number), incident_of(identity, number, at, due), POLICY)
    return Commit(before=Snapshot(), after=after, entries=(Entry(at, number, "incident.opened"),), **more)


def changing(before: Snapshot, state: State | None = None, due: datetime | None = None, **more: Any) -> Commit:
    """A commit that changes the incident alone."""
    assert before.incident is not None
    changes: dict[str, Any] = {"turn": before.incident.turn + 1}
    if state is not None:
        changes["state"] = state
    if state is State.RESOLVED:
        changes["deadlines"] = ()
    if due is not None:
        changes["deadlines"] = (Deadline(DeadlineKind.ACK_TIMEOUT, due),)
    return Commit(before=before, after=replace(before, incident=replace(before.incident, **changes)), **more)


def touching(before: Snapshot, **more: Any) -> Commit:
    """A commit that changes neither record nor incident."""
    return Commit(before=before, after=before, **more)


async def opened(incidents: Incidents, identity: Identity = DISK, due: datetime | None = None, **more: Any) -> Snapshot:
    """Open an incident, and load it."""
    [number] = await incidents.numbers(1, incidents.part_of(identity.scope))
    assert await incidents.commit([opening(identity, number, await incidents.now(), due, **more)]) == [Outcome.DONE]
    return await loaded(incidents, number)


async def loaded(incidents: Incidents, number: int) -> Snapshot:
    _, [snapshot] = await incidents.by_number([number])
    return snapshot


def page(number: int, priority: Priority = Priority.PAGE, seq: int = 1, attempt: int = 1) -> Outgoing:
    return SendPage(number, seq, attempt, "twilio", priority)


def notice(number: int, text: str = "resolved") -> Outgoing:
    return Notice(number, "resolved", "ana", "sms", "+34600000001", ("twilio",), text)


async def queue(worker: Worker, *items: Outgoing) -> None:
    """Put into the outboxes what a commit would."""
    commits = [Commit(before=Snapshot(), after=Snapshot(), outgoing=(item,)) for item in items]
    assert await worker.incidents.commit(commits) == [Outcome.DONE] * len(items)
