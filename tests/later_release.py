"""A later release of pagerd, to run beside the present one: incidents and records have a schema of which the present one knows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pager.model.alert import AlertRecord
from pager.model.incident import Incident
from pager.store import codec
from pager.store.codec import Codec


def _same(body: Any) -> Any:
    return body


def learn(*, writes: bool) -> None:
    """Be the release that is the first to read the new schema, or the one after, which `writes` it."""
    down = None if writes else _same
    codec.incidents = Codec(Incident, schema=codec.incidents.schema + 1, upgrades={codec.incidents.schema: _same}, downgrade=down)
    codec.records = Codec(AlertRecord, schema=codec.records.schema + 1, upgrades={codec.records.schema: _same}, downgrade=down)
    codec.incident_of.cache_clear()


@contextmanager
def later_release(*, writes: bool = True) -> Iterator[None]:
    """What this process does meanwhile, the later release does."""
    before = codec.incidents, codec.records
    learn(writes=writes)
    try:
        yield
    finally:
        codec.incidents, codec.records = before
        codec.incident_of.cache_clear()
