"""What mutes has changed, or begins by the clock: whatever is open is looked at again, so that what is muted no longer pages, and what is muted now stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from pager.advance import Advance, Item
from pager.decide import Rules
from pager.loops.cadence import Cadence
from pager.loops.lead import Lead
from pager.model.event import Look
from pager.ports import Incidents

EVERY = timedelta(seconds=1)
AT_ONCE = 200
ONCE_MORE = (5, 20)
"""So many runs after a change: by then no worker decides any more by what it knew before."""
MOST_OPEN = 10_000
"""With more open than that, those that still page find out at their next event, before anything goes out."""

log = structlog.get_logger()


class LookAgain:
    def __init__(self, incidents: Incidents, advance: Advance, rules: Callable[[], Rules]) -> None:
        self._incidents = incidents
        self._advance = advance
        self._rules = rules
        self._looked_at: object = None
        self._since = 0  # runs
        self._begins_at: datetime | None = None  # a silence or a maintenance window

    def lead_on(self, cadence: Cadence, lead: Lead) -> None:
        cadence.every(EVERY, "look", lead.only(self.run_once))

    async def run_once(self, token: int) -> None:
        """After each change, when a window begins, and by each new leader. Two that do it at once do no harm, so it goes without the token. A worker
        that did not know of the change yet may have muted one more: so what is suppressed then is looked at once more, and again."""
        rules = self._rules()
        now = (rules.config.revision, rules.rota.facts.silences, token)
        if now == self._looked_at:
            self._since += 1
            if self._begins_at is None or await self._incidents.now() < self._begins_at:
                if self._since in ONCE_MORE:
                    await self._look(await self._incidents.suppressed_numbers())
                return
        self._begins_at = rules.mutes.next_at(await self._incidents.now())
        numbers = await self._incidents.open_numbers()
        if len(numbers) > MOST_OPEN:
            numbers = await self._incidents.suppressed_numbers()
        await self._look(numbers)
        self._looked_at, self._since = now, 0
        if numbers:
            log.info("mutes.looked_at", incidents=len(numbers))

    async def _look(self, numbers: Sequence[int]) -> None:
        for first in range(0, len(numbers), AT_ONCE):
            await self._advance.events([Item(number, Look()) for number in numbers[first : first + AT_ONCE]])
