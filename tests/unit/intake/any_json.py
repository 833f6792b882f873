"""Any JSON value, for hypothesis: with half surrogates, numbers beyond 64 bits, NaN, and the names that readers look for."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pager.intake.text import MAX_KEY
from pager.model.alert import Action, Alert
from pager.model.plain import KEPT_DEPTH, plain

_TEXTS = st.text(max_size=8) | st.text(st.characters(categories=["Cs", "Cc", "Ll"]), max_size=4)
_SCALARS = st.none() | st.booleans() | st.integers() | st.integers(2**64, 2**70) | st.floats() | _TEXTS


def json_values(*names: str) -> st.SearchStrategy[Any]:
    """`names`: keys that maps have more often than others."""
    keys = (_TEXTS | st.sampled_from(names)) if names else _TEXTS
    return st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12)


def is_whole(alert: Alert) -> None:
    """What every reader promises of an alert."""
    assert 0 < len(alert.dedup_key) <= MAX_KEY
    assert alert.summary or alert.action is not Action.TRIGGER
    assert alert.scope
    assert alert.integration
    assert plain(alert.details, KEPT_DEPTH + 1) == alert.details
    texts = [
        alert.summary,
        alert.dedup_key,
        alert.source,
        alert.service,
        alert.component,
        alert.class_,
        *alert.labels,
        *alert.labels.values(),
    ]
    assert not [text for text in texts if any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in text)]
