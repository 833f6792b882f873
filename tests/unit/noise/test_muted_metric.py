"""Each mute is counted once, with its rule."""

from __future__ import annotations

from typing import Any

from tests.house import House, NoMeter
from tests.payments import PAYMENTS


class Counting(NoMeter):
    def __init__(self) -> None:
        self.muted_by: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        return self._muted if name == "muted" else super().__getattr__(name)

    def _muted(self, kind: object, rule: str, count: int) -> None:
        self.muted_by += [(str(kind), rule)] * count


def test_a_mute_counts_when_it_begins_and_not_at_its_repeats_nor_when_it_ends() -> None:
    h = House(PAYMENTS + "\nnoise: {pause: [{name: transient, match: {severity: warning}, for: 2m}]}\n")
    meter = Counting()
    h.advance._meter = meter
    h.alert("a", severity="warning")
    h.alert("a", severity="warning")
    h.until("1:00").look("a")
    h.alert("b")
    assert meter.muted_by == [("pause", "transient")]
    h.until("3:00").resolve("a")
    h.alert("a", severity="warning")
    assert meter.muted_by == [("pause", "transient")] * 2, "another incident"
