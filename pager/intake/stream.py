"""Entries of the alerts stream: one field `alert` with JSON, or flat fields as from a shell; and what was read over HTTP already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pager.intake.at_once import read_at_once
from pager.intake.fields import Unreadable, read_fields
from pager.intake.lenient import read_json, unfolded
from pager.model.alert import Alert
from pager.model.plain import KEPT_DEPTH, plain

SCOPE = "stream"
MAX_ENTRY = 256 * 1024  # bytes of all names and values

_READ = "pagerd-alert"
_READ_NAME = _READ.encode()
_DEEP = KEPT_DEPTH + 10  # never less than an alert was given
_decode_read = msgspec.json.Decoder(Alert).decode
_encode = msgspec.json.Encoder().encode


def to_entry(alert: Alert) -> dict[str, str]:
    """The entry that `read_entry` reads back into exactly this alert, with its scope and integration. It may be of any size: whoever read
    the alert kept to its own limit. What no JSON can hold is mended as `plain` does."""
    sound = msgspec.structs.replace(alert, details=plain(alert.details, _DEEP), timestamp=_utc(alert.timestamp))
    try:
        return {_READ: _encode(sound).decode()}
    except UnicodeEncodeError:
        return {_READ: _encode(plain(msgspec.to_builtins(sound), _DEEP)).decode()}


def read_entry(fields: Mapping[bytes, bytes]) -> Alert | Unreadable:
    """The alert an entry holds, or why it holds none."""
    if len(fields) == 1 and _READ_NAME in fields:
        return _from_read(fields[_READ_NAME])
    size = sum(map(len, fields)) + sum(map(len, fields.values()))
    if size > MAX_ENTRY:
        return Unreadable(f"entry: {size} bytes, at most {MAX_ENTRY} are taken")
    if not fields:
        return Unreadable("entry: has no fields")
    if len(fields) == 1 and b"alert" in fields:
        return _from_json(fields[b"alert"])
    try:
        return read_fields(_from_flat(fields), SCOPE)
    except RecursionError:
        return Unreadable("entry: nested too deeply")


def _from_json(raw: bytes) -> Alert | Unreadable:
    try:
        if (simple := read_at_once(raw, SCOPE)) is not None:
            return simple
        body = read_json(raw)
        if not isinstance(body, dict):
            return Unreadable("alert: should be a JSON object")
        return read_fields(body, SCOPE)
    except json.JSONDecodeError as error:
        return Unreadable(f"alert: not JSON: {error}")
    except RecursionError:
        return Unreadable("alert: nested too deeply")


def _from_read(raw: bytes) -> Alert | Unreadable:
    try:
        return _decode_read(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Unreadable(f"{_READ}: damaged: {error}")


def _utc(at: datetime | None) -> datetime | None:
    try:
        return at if at is None or at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:  # in the first or the last hours of the calendar
        return at


def _from_flat(fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    return unfolded({name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in fields.items()})
