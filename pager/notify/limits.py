"""How many pages and notices a phone gets: the configured rates as limits that a store can count."""

from __future__ import annotations

from datetime import timedelta

from pager.model.outgoing import Limit, Notice, SendPage
from pager.model.settings import Rate, Throttle

_SLACK = timedelta(seconds=2)  # what one message may take longer than another, so that they don't arrive closer than they were sent


def limits_of(throttle: Throttle, item: SendPage) -> tuple[Limit, ...]:
    """What a page counts for. A page of an older release, which does not say whose it is, counts for nothing."""
    found = []
    if throttle.per_person is not None and item.user:
        found.append(spread(f"person:{item.user}", throttle.per_person))
    if throttle.per_number is not None and item.address:
        found.append(spread(f"number:{item.address}", throttle.per_number))
    return tuple(found)


def limits_of_notice(throttle: Throttle, notice: Notice) -> tuple[Limit, ...]:
    """What a notice to a person counts for: half of what pages get, and counted by itself, so that no page ever waits for a notice."""
    found = []
    if throttle.per_person is not None and notice.user:
        found.append(spread(f"notices:person:{notice.user}", _half(throttle.per_person)))
    if throttle.per_number is not None and notice.address:
        found.append(spread(f"notices:number:{notice.address}", _half(throttle.per_number)))
    return tuple(found)


def _half(rate: Rate) -> Rate:
    return Rate(max(1, rate.count // 2), rate.within)


def spread(name: str, rate: Rate) -> Limit:
    """Half of them may go at once; the others are spread over the rest of the time, so that what comes later does not wait for all of it. Never
    more than `rate.count` in any span of `rate.within`: that is `burst - 1` and one for each `every` begun."""
    burst = max(1, rate.count // 2)
    return Limit(name, (rate.within + min(_SLACK, rate.within / 10)) / (rate.count - burst + 1), burst)
