"""Pages in people's nights, which their limits count."""

from __future__ import annotations

from datetime import datetime

from pager.model.person import Person
from pager.model.settings import Settings
from pager.oncall.windows import contains


def counts_as_night_page(person: Person, settings: Settings, at: datetime) -> bool:
    """Whether a page at that moment (UTC) is one of those that the person's limits count."""
    limits = person.limits or settings.limits
    if limits is None or (limits.pages_per_night is None and limits.rest is None):
        return False
    return contains(limits.night, at, person.timezone)
