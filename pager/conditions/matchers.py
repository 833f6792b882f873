"""Matchers as Alertmanager's documentation has them, `cluster=eu-1` or `alertname!~"Disk.*"`: from text to terms and back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pager.model.alert import Severity
from pager.model.condition import Term, key_of

_MATCHER = re.compile(r"\s*([^=!~]*?)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_PLAIN = re.compile(r"[^\s\"'\\={}~][^\s\"'\\={}]*")


def read_matcher(text: str) -> Term:
    """`name=value`, `name!=value`, `name=~regex` or `name!~regex`; a value may stand in double quotes, with `\\` before a quote. Names are those
    of a match map. Raises ValueError that says what is wrong."""
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no matcher: name=value, name!=value, name=~regex or name!~regex")
    if text.lstrip().startswith("{"):
        raise ValueError(f"{text!r}: without the braces, each matcher by itself")
    name, operator, value = found[1], found[2], _unquoted(found[3], text)
    key = key_of(name)
    if not name or key.endswith(".") or any(c.isspace() for c in name):
        raise ValueError(f"{text!r} has no name of a field or label before {operator}")
    negated = operator.startswith("!")
    if operator.endswith("~"):
        return Term(key, regex=_regex(value, text), negated=negated)
    if not value and not negated:
        raise ValueError(f"{text!r} matches nothing: a missing label never matches, and no value is empty")
    if key == "severity" and value and value not in set(Severity):
        raise ValueError(f"{text!r}: no alert has that severity; they are {', '.join(Severity)}")
    return Term(key, (value,), negated=negated)


def tells_apart(terms: Sequence[Term]) -> bool:
    """Whether any of them leaves something out besides what has no such label."""
    return any(term.negated or term.regex is None or re.fullmatch(term.regex, "") is None for term in terms)


def matcher(term: Term) -> str:
    """As it would be typed; several values stand as a list."""
    bare = term.key.removeprefix("labels.")
    name = bare if key_of(bare) == term.key else term.key
    sign = "!" if term.negated else ""
    if term.regex is not None:
        return f"{name}{sign or '='}~{_quoted(term.regex)}"
    values = ", ".join(map(_quoted, term.values))
    return f"{name}{sign}={values if len(term.values) == 1 else f'[{values}]'}"


def _unquoted(value: str, text: str) -> str:
    if value.startswith("="):
        raise ValueError(f"{text!r}: == is none of =, !=, =~, !~; a value that begins with = stands in quotes")
    if not value.startswith('"'):
        return value
    if _QUOTED.fullmatch(value) is None:
        raise ValueError(f"{text!r}: its quotes don't end")
    return _ESCAPED.sub(lambda c: "\n" if c[1] == "n" else c[1] if c[1] in '"\\' else c[0], value[1:-1])


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _regex(value: str, text: str) -> str:
    """Matches whole values."""
    if not value:
        raise ValueError(f"{text!r} has an empty regular expression, and no value is empty")
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{text!r}: {value!r} is no regular expression: {error.msg} at position {error.pos}") from None
    except (RecursionError, OverflowError):
        raise ValueError(f"{text!r}: {value!r} is nested too deeply") from None
    return value
