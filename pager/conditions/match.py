"""Match maps: every key must match."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol

from pager.model.condition import Term


class Values(Protocol):
    """Facts by the keys of terms, such as `severity` or `labels.env`. A plain dict of texts is one, too."""

    def get(self, key: str, /) -> str | None:
        """None when there is no such fact."""


def holds(terms: Iterable[Term], facts: Values) -> bool:
    """Whether all terms match; no terms match everything. A missing key never matches."""
    return all(_matches(term, facts.get(term.key)) for term in terms)


def _matches(term: Term, value: str | None) -> bool:
    if value is None:
        return False
    return (value in term.values or (term.regex is not None and _regex(term.regex).fullmatch(value) is not None)) is not term.negated


@lru_cache(maxsize=4096)
def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
