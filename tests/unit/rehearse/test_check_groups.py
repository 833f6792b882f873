"""What `pagerd check` says of groups."""

from __future__ import annotations

from datetime import timedelta

from pager.rehearse.check import check
from tests.night import CARRIED, START, config_of

CONFIG = """
settings: {{redis: {{shards: {shards}}}}}
noise: {{group: [{{name: per-cluster, by: labels.cluster, window: 5m}}]}}
"""


def said(shards: int) -> list[str]:
    found = check(config_of(CONFIG.format(shards=shards)), (), CARRIED, START, START + timedelta(days=7))
    return [f"{p.level}: {p.message}" for p in found if p.path == "noise.group.per-cluster"]


def test_a_group_may_not_reach_over_shards() -> None:
    assert said(1) == []
    assert said(3) == ["warning: with 3 shards, alerts of different scopes may not meet in one incident"]
