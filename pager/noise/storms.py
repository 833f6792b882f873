"""Storms: more incidents in a time than anybody can be paged for. One page speaks for all, and the others wait until it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from pager.model.incident import Incident
from pager.model.mute import Mute, MuteKind
from pager.model.noise import Storm
from pager.model.snapshot import Pointer
from pager.model.times import duration

SPANS_AT_MOST = 10
"""Times `within` that one incident is held back, however long the storm lasts."""
_SERVICES, _LABELS, _VALUES = 30, 6, 5  # told apart: services, labels, values of each
_SERVICE = "service="


def name_of(storm: Storm, service: str, team: str) -> str:
    """The pointer that counts incidents of a service, of a team, or all."""
    return f"storm:{storm.per}:{ {'service': service, 'team': team}.get(storm.per, '') }".replace(": ", ":")


def rate_of(name: str, rates: Sequence[Storm]) -> Storm | None:
    """Which of them the pointer counts for; None where it is no more, or there is no pointer."""
    per = name.split(":")[1] if name else ""
    return next((storm for storm in rates if storm.per == per), None)


def one_more(storm: Storm, pointer: Pointer, incident: Incident, summary: str, now: datetime) -> Pointer:
    """With one more incident that pages, or would. What was counted before it has been quiet for `within` is forgotten. `at`: since when it
    storms, which is from one incident more than `pages` on."""
    recent = tuple(at for at in pointer.times if at > now - storm.within)
    if not recent:
        pointer = Pointer(version=pointer.version, since=now, first=" ".join(summary.split())[:60])
    storms = len(recent) >= storm.pages
    return replace(
        pointer,
        times=(*recent, now)[-storm.pages :],
        count=pointer.count + 1,
        at=(pointer.at or now) if storms else None,
        incident=pointer.incident if storms else 0,
        tally=_tallied(pointer.tally, incident),
    )


def goes_on(storm: Storm, pointer: Pointer | None, now: datetime) -> bool:
    """Whether there are as many in the last `within` as make a storm."""
    return pointer is not None and pointer.at is not None and sum(at > now - storm.within for at in pointer.times) >= storm.pages


def over(pointer: Pointer) -> Pointer:
    return replace(pointer, at=None, incident=0)


def held(storm: Storm, name: str, incident: Incident, now: datetime) -> Mute | None:
    """The mute of one that is held back; None once it has been for as long as may be."""
    ends = (incident.muted_at or now) + SPANS_AT_MOST * storm.within
    if now >= ends:
        return None
    of = name.split(":", 2)[1:]
    what = f"{of[0]} {of[1]}".strip() if of[0] != "all" else "all"
    reason = f"a storm: more than {storm.pages} in {duration(storm.within)} ({what}); one page speaks for all"
    return Mute(MuteKind.STORM, name, reason, min(now + 2 * storm.within, ends), storm.origin)


def words(pointer: Pointer, now: datetime) -> str:
    """`212 alerts of 14 services in 3m; first: disk full; by cluster: eu-1 190`."""
    services = sum(key.startswith(_SERVICE) for key in pointer.tally)
    more = "+" if services >= _SERVICES else ""
    of = f" of {services}{more} services" if services > 1 else ""
    since = max(now - (pointer.since or now), timedelta(seconds=1))
    span = duration(timedelta(minutes=since // timedelta(minutes=1)) or timedelta(seconds=since // timedelta(seconds=1)))
    by = _most_telling(pointer.tally)
    return f"{pointer.count} alerts{of} in {span}; first: {pointer.first}{f'; by {by}' if by else ''}"


def _tallied(tally: Mapping[str, int], incident: Incident) -> dict[str, int]:
    """How often each service and label was seen; bounded, and what finds no room is left out."""
    seen = dict(tally)
    keys = [f"{_SERVICE}{incident.service[:40]}"] if incident.service else []
    keys += [f"{label[:20]}={value[:30]}" for label, value in incident.labels.items()]
    for key in keys:
        if key in seen or _has_room(seen, key.partition("=")[0]):
            seen[key] = seen.get(key, 0) + 1
    return seen


def _has_room(seen: Mapping[str, int], label: str) -> bool:
    if label == "service":
        return sum(key.startswith(_SERVICE) for key in seen) < _SERVICES
    values = sum(key.startswith(f"{label}=") for key in seen)
    labels = {key.partition("=")[0] for key in seen} - {"service"}
    return values < _VALUES if label in labels else len(labels) < _LABELS


def _most_telling(tally: Mapping[str, int]) -> str:
    """The label of which one value stands out most; one that never differs tells least."""
    by_label: dict[str, list[tuple[int, str]]] = {}
    for key, count in tally.items():
        label, _, value = key.partition("=")
        if label != "service":
            by_label.setdefault(label, []).append((count, value))
    ranked = sorted(by_label.items(), key=lambda item: (len(item[1]) > 1, max(item[1])[0]), reverse=True)
    if not ranked or max(ranked[0][1])[0] < 2:
        return ""
    label, values = ranked[0]
    return f"{label}: {', '.join(f'{value} {count}' for count, value in sorted(values, reverse=True)[:2])}"
