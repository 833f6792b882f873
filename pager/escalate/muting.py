"""Muted: nobody is paged for a time. What still fires when that is over is paged for."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from pager.escalate import chain, sla
from pager.escalate.draft import Draft
from pager.escalate.urgency import waits
from pager.model.alert import Urgency
from pager.model.incident import Deadline, DeadlineKind, Phase, State
from pager.model.mute import Mute, Muted, MuteKind
from pager.model.service import Sla

AT_MOST = timedelta(days=7)
"""Nothing stays muted for longer without a person's word, where `noise.limits` says nothing else."""

K = DeadlineKind
_QUIET = "it does not fire now, and is held as flapping: it pages if it fires again"
_MUTES_KEPT = 20
_WOULD_PAGE = frozenset({K.RESOLVE_TIMEOUT, K.ACK_EXPIRES, K.SNOOZE_END, K.SLA_ACK, K.SLA_RESOLVE})


def mute(d: Draft, by: Mute) -> None:
    """From now on nobody is paged; those who were keep what they have."""
    d.withdraw_all(f"muted: {by.reason}")
    if d.incident.phase in (Phase.ASSIGNED, Phase.HOURS):
        d.set(phase=Phase.STAGE)
    d.next_turn(runs=())
    d.set(state=State.SUPPRESSED, since=d.now, muted_at=d.now)
    _held(d, by)


def on_time(d: Draft, by: Mute | None, sla_of: Sla) -> bool:
    """Before a deadline is acted upon, with what mutes the incident now. True when it is muted no longer, and its chain goes on."""
    if d.incident.state is State.SUPPRESSED:
        if by is not None and not outlasted(d, by):
            _held(d, by)
            return False
        if _is_quiet(d):
            return False
        _release(d, sla_of, outlasted=by is not None)
        return True
    if by is not None and (d.incident.state is State.TRIGGERED or any(x.kind in _WOULD_PAGE for x in _due(d))):
        mute(d, by)
    return False


def loud(d: Draft, sla_of: Sla) -> None:
    """One of its alerts is not muted."""
    _release(d, sla_of, outlasted=False)


def over_at(d: Draft) -> datetime:
    """When what mutes from now on has to be over."""
    return d.now + (d.world.config.noise.suppress_at_most or AT_MOST)


def outlasted(d: Draft, by: Mute) -> bool:
    """Whether the incident is muted for as long as may be. It may be so again from the word of a person who knew of it."""
    return d.now >= _over(d, by)


def held(d: Draft, by: Mute) -> None:
    """It is muted already, by this as well."""
    _held(d, by)


def heard(d: Draft) -> None:
    """A person wants it to page: only what somebody says later mutes it again."""
    d.set(heard_at=d.now)


def _held(d: Draft, by: Mute) -> None:
    reason = _in_words(d, by)
    if d.incident.mute is None or d.incident.reason != reason:
        d.say("incident.suppressed", reason, origin=by.origin)
        _note(d, by)
    d.set(mute=by, reason=reason)
    d.arm(K.SUPPRESSED, min(by.until or _over(d, by), _over(d, by)))


def _in_words(d: Draft, by: Mute) -> str:
    """With its end, where that is no secret."""
    over = _over(d, by)
    if by.until is not None and by.kind is MuteKind.MAINTENANCE:
        return f"{by.reason} until {min(by.until, over):%Y-%m-%d %H:%M} UTC"
    return f"{by.reason}, at most until {over:%Y-%m-%d %H:%M} UTC" if by.until is not None and by.until > over else by.reason


def _is_quiet(d: Draft) -> bool:
    """It flaps, and does not fire now: there is nothing to page for. It waits until it is stable, or fires again."""
    was, stable = d.incident.mute, next((x.at for x in d.incident.deadlines if x.kind is K.STABLE), None)
    if d.firing or was is None or stable is None or stable <= d.now:
        return False
    if d.incident.reason != _QUIET:
        d.say("incident.suppressed", _QUIET, origin=was.origin)
    d.set(mute=replace(was, until=stable, names=()), reason=_QUIET)
    d.arm(K.SUPPRESSED, stable)
    return True


def _note(d: Draft, by: Mute) -> None:
    """Once for as long as the same rule goes on, in whatever words."""
    was = d.incident.mute
    if was is None or (was.kind, was.rule) != (by.kind, by.rule):
        others = [one for one in d.incident.mutes if (one.kind, one.rule) != (by.kind, by.rule)]
        d.set(mutes=(*others[1 - _MUTES_KEPT :], Muted(by.kind, by.rule, d.now)))


def _release(d: Draft, sla_of: Sla, outlasted: bool) -> None:
    was = d.incident.mute
    said = _said(d, was, outlasted)
    if outlasted:
        heard(d)
    d.say("incident.unmuted", said, origin=was.origin if was else None)
    d.released = True
    d.digest = _has_slept(d, was)
    if d.incident.sla_ack is None and d.incident.sla_resolve is None:
        sla.arm(d, sla_of, since=d.now)
    chain.resume(d, said)
    d.set(reason=said)


def _has_slept(d: Draft, was: Mute | None) -> bool:
    """Whether it has waited for the morning, as low urgency, and that has come."""
    is_low = d.incident.urgency is Urgency.LOW
    return is_low and was is not None and was.kind is MuteKind.DIGEST and not waits(d, Urgency.LOW, d.incident.service, False)


def _said(d: Draft, was: Mute | None, outlasted: bool) -> str:
    if was is not None and was.kind is MuteKind.PAUSE:
        return f"it has not healed by itself (pause {was.rule})"
    if was is not None and was.kind is MuteKind.DIGEST and not outlasted:
        return f"it has waited until now ({was.reason})"
    if outlasted:
        return f"muted until now, which is as long as may be ({was.reason if was else d.incident.reason})"
    return f"muted until now ({was.as_it_ended(d.now) if was else d.incident.reason})"


def _over(d: Draft, by: Mute) -> datetime:
    since = d.incident.muted_at or d.incident.since
    if by.said_at is not None and by.said_at > since:
        since = by.said_at
    return since + (d.world.config.noise.suppress_at_most or AT_MOST)


def _due(d: Draft) -> list[Deadline]:
    return [x for x in d.incident.deadlines if x.at <= d.now and x.turn in (-1, d.incident.turn)]
