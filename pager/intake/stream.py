"""Entries of the alerts stream: one field `alert` with JSON, or flat fields as from a shell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from pager.intake.fields import Unreadable, read_fields
from pager.model.alert import Alert

SCOPE = "stream"
MAX_ENTRY = 256 * 1024  # bytes of all names and values
_JSON_WHEN_FLAT = ("labels", "details", "links", "images")

_decode = msgspec.json.Decoder().decode


def read_entry(fields: Mapping[bytes, bytes]) -> Alert | Unreadable:
    """The alert an entry holds, or why it holds none."""
    size = sum(len(name) + len(value) for name, value in fields.items())
    if size > MAX_ENTRY:
        return Unreadable(f"entry: {size} bytes, at most {MAX_ENTRY} are taken")
    if not fields:
        return Unreadable("entry: has no fields")
    if len(fields) == 1 and b"alert" in fields:
        return _from_json(fields[b"alert"])
    return read_fields(_from_flat(fields), SCOPE)


def _from_json(raw: bytes) -> Alert | Unreadable:
    try:
        body = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            body = _mended(raw)
        except (ValueError, RecursionError):
            return Unreadable(f"alert: not JSON: {error}")
    except RecursionError:
        return Unreadable("alert: nested too deeply")
    if not isinstance(body, dict):
        return Unreadable("alert: should be a JSON object")
    return read_fields(body, SCOPE)


def _mended(raw: bytes) -> Any:
    """A broken byte, or half an emoji of a text cut in its middle, should not cost the page. Raises ValueError or RecursionError."""
    read = json.loads(raw.decode("utf-8", "replace"))
    return _decode(json.dumps(read, ensure_ascii=False).encode("utf-8", "replace"))


def _from_flat(fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    flat: dict[str, Any] = {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in fields.items()}
    for name in _JSON_WHEN_FLAT:
        if name in flat:
            with suppress(msgspec.DecodeError, RecursionError):  # else it stays text, and read_fields notes what it is not
                flat[name] = _decode(flat[name].encode())
    return flat
