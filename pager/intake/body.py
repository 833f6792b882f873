"""The body of a request: JSON, or a form, into a value; or what is wrong with it, and where."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from pager.intake.lenient import read_json
from pager.model.plain import MAX_DEPTH, deeper_than

FORM = "application/x-www-form-urlencoded"
MAX_FORM_FIELDS = 1000


class Bad(msgspec.Struct, frozen=True):
    """What to answer instead: `status` is that of HTTP; each of `errors` names the place or the field."""

    message: str
    errors: tuple[str, ...]
    status: int = 400


def read_body(raw: bytes, content_type: str) -> Any | Bad:
    """JSON whatever the content type says, since many tools name another one or none; a form, when it says so, into a map from names to
    texts (lists of texts where a field is repeated). Text is UTF-8 unless the content type names a charset."""
    kind, _, parameters = content_type.partition(";")
    if not raw.strip():
        return Bad("The body is empty", ("line 1, column 1: expected JSON, found nothing",))
    text = _in_utf8(raw, parameters)
    if kind.strip().lower() == FORM and text.lstrip()[:1] not in (b"{", b"["):  # curl calls JSON a form, too
        return _form(text)
    return _json(text)


def _json(raw: bytes) -> Any | Bad:
    try:
        body = read_json(raw)
    except json.JSONDecodeError as error:
        return Bad("The body is not JSON", (f"line {error.lineno}, column {error.colno}: {error.msg}",))
    except RecursionError:
        return _too_deep()
    return _too_deep() if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and deeper_than(body) else body


def _too_deep() -> Bad:
    return Bad("The body is nested too deeply", (f"more than {MAX_DEPTH} maps and lists inside one another",))


def _form(raw: bytes) -> dict[str, str | list[str]] | Bad:
    if b"=" not in raw:
        return Bad("The body is not a form", ("line 1, column 1: expected name=value, found no equals sign",))
    try:
        pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        return Bad("The form has too many fields", (f"more than {MAX_FORM_FIELDS} fields",))
    found: dict[str, str | list[str]] = {}
    for name, value in pairs:
        before = found.get(name)
        if before is None:
            found[name] = value
        else:
            found[name] = [*before, value] if isinstance(before, list) else [before, value]
    return found


def _in_utf8(raw: bytes, parameters: str) -> bytes:
    """The same in UTF-8. A charset that nobody knows is not worth a page: then it is read as UTF-8."""
    charset = next((p.partition("=")[2] for p in parameters.split(";") if p.strip().lower().startswith("charset=")), "")
    charset = charset.strip().strip("\"'").lower() or json.detect_encoding(raw)
    if charset in ("utf-8", "utf8", "utf-8-sig", "us-ascii", "ascii"):
        return raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode(charset, "replace").encode("utf-8", "replace")
    except (LookupError, ValueError):
        return raw
