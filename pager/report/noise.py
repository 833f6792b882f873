"""What each rule that mutes is held to account by: what it muted, and what that cost."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any

import msgspec

from pager.model.config import Config
from pager.model.incident import Incident
from pager.model.mute import MuteKind
from pager.model.origin import Origin
from pager.model.times import rfc3339

SOON = timedelta(hours=1)
"""A page about the same service within this time after a mute speaks against it."""

_Key = tuple[MuteKind, str]


class RuleCount(msgspec.Struct, frozen=True):
    """Incidents that a rule muted. `paged_later`: somebody was paged for them after that; `service_paged`: an incident of the same service
    that opened after that paged within an hour; `regretted`: one or the other. `origin`: where it stands in the config, if it does."""

    kind: MuteKind
    rule: str
    origin: Origin | None
    muted: int = 0
    paged_later: int = 0
    service_paged: int = 0
    regretted: int = 0
    last: datetime | None = None


class Report(msgspec.Struct, frozen=True):
    """`rules`: those that muted something, most first; `never`: those of the config that did not."""

    start: datetime
    end: datetime
    incidents: int
    muted: int
    paged: int
    rules: tuple[RuleCount, ...]
    never: tuple[RuleCount, ...]


class _Hit(msgspec.Struct, frozen=True):
    service: str
    at: datetime
    paged_later: bool


class Ledger:
    """Counts incidents one by one: it keeps a line for each mute and each first page, no incident."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self._start, self._end = start, end
        self._hits: defaultdict[_Key, list[_Hit]] = defaultdict(list)
        self._first_pages: defaultdict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
        self._incidents = self._muted = self._paged = 0

    def add(self, incident: Incident) -> None:
        """One that was open at some time between start and end."""
        self._incidents += 1
        first, last = _pages(incident)
        if first is not None and last is not None:
            self._paged += last >= self._start
            self._first_pages[incident.service].append((first, incident.opened_at))
        hits = [one for one in incident.mutes if self._start <= one.at <= self._end]
        self._muted += bool(hits)
        for one in hits:
            hit = _Hit(incident.service, one.at, last is not None and last > one.at)
            self._hits[one.kind, one.rule].append(hit)

    def report(self, config: Config) -> Report:
        for pages in self._first_pages.values():
            pages.sort()
        known = dict(_rules(config))
        rules = [self._count(key, known.get(key), hits) for key, hits in self._hits.items()]
        rules.sort(key=lambda one: (-one.muted, one.kind, one.rule))
        never = tuple(RuleCount(*key, origin) for key, origin in known.items() if key not in self._hits)
        return Report(self._start, self._end, self._incidents, self._muted, self._paged, tuple(rules), never)

    def _count(self, key: _Key, origin: Origin | None, hits: list[_Hit]) -> RuleCount:
        neighbours = [self._service_paged(hit) for hit in hits]
        puts_off = key[0] is MuteKind.DIGEST  # what waits for the morning is meant to page then
        return RuleCount(
            *key,
            origin,
            muted=len(hits),
            paged_later=sum(hit.paged_later for hit in hits),
            service_paged=sum(neighbours),
            regretted=sum((hit.paged_later and not puts_off) or near for hit, near in zip(hits, neighbours, strict=True)),
            last=max(hit.at for hit in hits),
        )

    def _service_paged(self, hit: _Hit) -> bool:
        """By what opened later: what was open already, such as the source of an inhibition, is no news."""
        pages = self._first_pages.get(hit.service, ()) if hit.service else ()
        within = islice(pages, bisect_right(pages, (hit.at, hit.at)), None)
        return any(opened_at > hit.at for _, opened_at in takewhile(lambda page: page[0] <= hit.at + SOON, within))


def _pages(incident: Incident) -> tuple[datetime | None, datetime | None]:
    """When a provider took the first page, and the last one. Of very many pages the first are forgotten: then it began as it opened."""
    times = [page.accepted_at for page in incident.pages if page.accepted_at is not None] + [one.at for one in incident.paged]
    if not times:
        return None, None
    forgotten = bool(incident.pages) and incident.pages[0].seq > 1
    return incident.opened_at if forgotten else min(times), max(times)


def _rules(config: Config) -> Iterator[tuple[_Key, Origin | None]]:
    """Every rule of the config that mutes."""
    noise = config.noise
    yield from (((MuteKind.ROUTE, route.name), route.origin) for route in config.routes if route.suppress)
    for kind, rules in (
        (MuteKind.MAINTENANCE, noise.maintenance), (MuteKind.INHIBITION, noise.inhibit), (MuteKind.PAUSE, noise.pause),
        (MuteKind.THRESHOLD, noise.threshold),
    ):  # fmt: skip
        yield from (((kind, rule.name), rule.origin) for rule in rules)
    if config.settings.digest is not None:
        yield (MuteKind.DIGEST, "digest"), config.settings.digest.origin
    yield from (((MuteKind.SILENCE, silence.id), silence.origin) for silence in noise.silences)


# --- JSON -----------------------------------------------------------------------------------------------------------------------------
def report_json(report: Report) -> dict[str, Any]:
    return {
        "from": rfc3339(report.start),
        "to": rfc3339(report.end),
        "incidents": report.incidents,
        "muted": report.muted,
        "paged": report.paged,
        "rules": [
            {
                **_named(rule),
                "muted": rule.muted,
                "paged_later": rule.paged_later,
                "service_paged": rule.service_paged,
                "regretted": rule.regretted,
                "last": rfc3339(rule.last),
            }
            for rule in report.rules
        ],
        "never": [_named(rule) for rule in report.never],
    }


def _named(rule: RuleCount) -> dict[str, Any]:
    return {"kind": rule.kind.value, "rule": rule.rule, "origin": str(rule.origin) if rule.origin else None}
