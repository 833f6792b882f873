"""One truth about the shape of the config: each Shape reads a node into a value, collecting every problem, and describes itself as JSON Schema."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from pager.config.tree import Node, as_bool
from pager.model.origin import Origin
from pager.model.problem import Problem

T = TypeVar("T")
Json = dict[str, Any]

_VARIABLE = re.compile(r"\$(\$)?\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?)?\}?")
_SECRET = re.compile(r"(key|token|secret|sid|password|smtp)$")
_ADDRESS = re.compile(
    r"providers\.|(integrations|heartbeats)\.[^.]+\.(key|secret)$|users\.[^.]+\.contact\."
    r"|settings\.(redis|data_dir|stream|demo|http|heartbeat_out|break_glass)\b"
)
"""Where credentials, keys and addresses stand: they decide nothing about who is asked."""


class Context:
    """One reading of a folder: what is wrong so far, and which names are spoken of. Where it is `forgiving`, a variable that is not set is empty,
    and an error only where a value is needed to say who is asked."""

    def __init__(self, environment: Mapping[str, str], forgiving: bool = False) -> None:
        self.environment = environment
        self._forgiving = forgiving
        self._unset: dict[int, str] = {}  # by the id of the node that speaks of it
        self.problems: list[Problem] = []
        self.references: list[tuple[str, str, Node, str]] = []  # (kind, name, where, path)

    def fail(self, node: Node, path: str, message: str, suggestion: str = "") -> None:
        o = node.origin
        self.problems.append(Problem(file=o.file, line=o.line, column=o.column, path=path, message=message, suggestion=suggestion))

    def refer(self, kind: str, name: str, node: Node, path: str) -> None:
        self.references.append((kind, name, node, path))

    def text(self, node: Node, path: str) -> str:
        """A scalar's text with its variables put in. `$${` is a literal `${`."""
        text = node.text
        if "${" not in text:
            return text

        def value(found: re.Match[str]) -> str:
            if found[1]:
                return found[0][1:]
            if found[2] is None or not found[0].endswith("}"):
                self.fail(
                    node, path, f"{found[0]!r} is not a variable", "write ${NAME} or ${NAME:-default}; $${ for the characters themselves"
                )
                return ""
            known = self.environment.get(found[2])
            if known:
                return known
            if found[3] is None and known is None:
                self._unset[id(node)] = found[2]
                if not self._forgiving:
                    self._fail_unset(node, path)
            return found[3] or ""

        return _VARIABLE.sub(value, text)

    @property
    def unset(self) -> tuple[str, ...]:
        """The variables that are spoken of and not set."""
        return tuple(sorted(set(self._unset.values())))

    def forgives(self, node: Node, path: str) -> bool:
        """Whether no more is to be said of a value that can't be read: a variable in it is not set, and that has been said or may be so."""
        if not self._forgiving or id(node) not in self._unset:
            return False
        if not _ADDRESS.match(path):
            self._fail_unset(node, path)
        return True

    def _fail_unset(self, node: Node, path: str) -> None:
        name = self._unset[id(node)]
        self.fail(node, path, f"the variable {name} is not set", f"set it, or write ${{{name}:-default}}")


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean x?`, or what there is."""
    names = list(known)
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if found:
        return f"did you mean {found[0]}?"
    return f"one of: {', '.join(sorted(names)[:12])}" if names else "there are none"


class Shape(Generic[T]):
    """`read` gives None when the node is not of this shape, after saying why."""

    expected = "a value"

    def read(self, node: Node, context: Context, path: str) -> T | None:
        raise NotImplementedError

    def schema(self) -> Json:
        raise NotImplementedError

    def wrong(self, node: Node, context: Context, path: str) -> T | None:
        """Say what was expected; always None."""
        context.fail(node, path, f"expected {self.expected}, found {_found(node, path)}")
        return None


class Scalar(Shape[T]):
    """A scalar that `parse` turns into a value; it raises ValueError with what is expected, or none."""

    def __init__(self, expected: str, parse: Callable[[str], T], schema: Json | None = None, example: str = "") -> None:
        self.expected = expected
        self._parse = parse
        self._schema = schema or {"type": "string"}
        self._example = example

    def read(self, node: Node, context: Context, path: str) -> T | None:
        if node.kind != "scalar" or node.is_null:
            return self.wrong(node, context, path)
        text = context.text(node, path)
        try:
            return self._parse(text)
        except (ValueError, OverflowError) as error:
            if not context.forgives(node, path):
                context.fail(node, path, f"expected {self.expected}, found {_found(node, path)}", str(error) or self._example)
            return None

    def schema(self) -> Json:
        # A scalar may be written as a variable.
        return {"anyOf": [self._schema, {"type": "string", "pattern": r"\$\{"}]} if self._schema != {"type": "string"} else self._schema


class Bool(Shape[bool]):
    expected = "true or false"

    def read(self, node: Node, context: Context, path: str) -> bool | None:
        found = as_bool(node) if "${" not in node.text else {"true": True, "false": False}.get(context.text(node, path).lower())
        if found is None and not context.forgives(node, path):
            self.wrong(node, context, path)
        return found

    def schema(self) -> Json:
        return {"type": ["boolean", "string"]}


class Choice(Scalar[Any]):
    """One of some words; `values` maps them to what they mean."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        def parse(text: str) -> Any:
            if text not in values:
                raise ValueError(nearest(text, values))
            return values[text]

        super().__init__(f"one of {', '.join(values)}", parse, {"enum": list(values)})


class Ref(Scalar[str]):
    """A name that must exist elsewhere in the config, as `kind`."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"the name of a {kind}", str)
        self._kind = kind

    def read(self, node: Node, context: Context, path: str) -> str | None:
        name = super().read(node, context, path)
        if name == "" and context.forgives(node, path):
            return None
        if name is not None:
            context.refer(self._kind, name, node, path)
        return name


class ListOf(Shape[tuple[T, ...]]):
    """A list; with `or_one` a single value stands for a list of one. `nulls`: null is an item, too."""

    def __init__(self, item: Shape[T], *, or_one: bool = False, least: int = 0, nulls: bool = False) -> None:
        self._item, self._or_one, self._least, self._nulls = item, or_one, least, nulls
        self.expected = f"a list of {item.expected}"

    def read(self, node: Node, context: Context, path: str) -> tuple[T, ...] | None:
        if node.kind != "list":
            if not self._or_one:
                return self.wrong(node, context, path)
            one = self._item.read(node, context, path)
            return None if one is None else (one,)
        found: list[Any] = []
        for k, item in enumerate(node.items()):
            if self._nulls and item.is_null:
                found.append(None)
                continue
            value = self._item.read(item, context, f"{path}[{k}]")
            if value is not None:
                found.append(value)
        if len(found) < self._least and not len(list(node.items())) >= self._least:
            context.fail(node, path, f"expected at least {self._least} of {self._item.expected}, found {len(found)}")
        return tuple(found)

    def schema(self) -> Json:
        item = {"anyOf": [self._item.schema(), {"type": "null"}]} if self._nulls else self._item.schema()
        listed: Json = {"type": "array", "items": item}
        return {"anyOf": [listed, self._item.schema()]} if self._or_one else listed


class MapOf(Shape[dict[str, T]]):
    """A map from any name to values of one shape; `named` shapes are told the name."""

    def __init__(self, value: Shape[T], expected: str = "a map") -> None:
        self._value = value
        self.expected = expected

    def read(self, node: Node, context: Context, path: str) -> dict[str, T] | None:
        if node.kind != "map":
            return self.wrong(node, context, path)
        found: dict[str, T] = {}
        for key, value in pairs_of(node, context, path):
            read = self._value.read(value, context, f"{path}.{key.text}" if path else key.text)
            if read is not None:
                found[key.text] = read
        return found

    def schema(self) -> Json:
        return {"type": "object", "additionalProperties": self._value.schema()}


class Field:
    """One key of a Record. `to` is the name under which the builder gets it; absent it is left out, so that the model's default applies.
    `needed`: where it stands and can't be read, nothing is to be said of the whole."""

    def __init__(
        self, shape: Shape[Any], *, to: str = "", required: bool = False, null_ok: bool = False, about: str = "", needed: bool = False
    ) -> None:
        self.shape, self.to, self.required, self.null_ok, self.about = shape, to, required, null_ok, about
        self.needed = needed or required


class Record(Shape[T]):
    """A map with known keys. `build` gets what was read, and `origin`; it may raise ValueError about the whole."""

    def __init__(
        self, fields: Mapping[str, Field | Shape[Any]], build: Callable[..., T], expected: str = "a map", origin: bool = True
    ) -> None:
        self.fields = {name: f if isinstance(f, Field) else Field(f) for name, f in fields.items()}
        self._build = build
        self._origin = origin
        self.expected = expected

    def read(self, node: Node, context: Context, path: str) -> T | None:
        values = self.values(node, context, path)
        return None if values is None else self.build(node, context, path, values)

    def build(self, node: Node, context: Context, path: str, values: dict[str, Any]) -> T | None:
        try:
            return self._build(**values, **({"origin": node.origin} if self._origin else {}))
        except ValueError as error:
            context.fail(node, path, str(error))
            return None

    def values(self, node: Node, context: Context, path: str) -> dict[str, Any] | None:
        """What stands there by the builder's names; None when something required is missing or wrong."""
        if node.kind != "map":
            self.wrong(node, context, path)
            return None
        values: dict[str, Any] = {}
        good = True
        for key, value in pairs_of(node, context, path):
            at = f"{path}.{key.text}" if path else key.text
            field = self.fields.get(key.text)
            if field is None:
                context.fail(key, at, f"unknown key {key.text!r}", nearest(key.text, self.fields))
                continue
            if value.is_null and (field.null_ok or not field.required):
                continue
            read = field.shape.read(value, context, at)
            if read is None:
                good = good and not field.needed
            else:
                values[field.to or key.text] = read
        for name, field in self.fields.items():
            if field.required and (field.to or name) not in values:
                if node.get(name) is None:
                    context.fail(node, path, f"{name} is missing: expected {field.shape.expected}")
                good = False
        return values if good else None

    def schema(self) -> Json:
        properties = {
            name: ({"anyOf": [f.shape.schema(), {"type": "null"}]} | ({"description": f.about} if f.about else {}))
            for name, f in self.fields.items()
        }
        required = [name for name, f in self.fields.items() if f.required]
        return {"type": "object", "properties": properties, "additionalProperties": False} | ({"required": required} if required else {})


class Either(Shape[Any]):
    """The first shape whose kind of node it is: a map, a list or a scalar."""

    def __init__(self, **by_kind: Shape[Any]) -> None:
        self._by_kind = by_kind
        self.expected = " or ".join(shape.expected for shape in by_kind.values())

    def read(self, node: Node, context: Context, path: str) -> Any:
        shape = self._by_kind.get(node.kind)
        return shape.read(node, context, path) if shape else self.wrong(node, context, path)

    def schema(self) -> Json:
        return {"anyOf": [shape.schema() for shape in self._by_kind.values()]}


def pairs_of(node: Node, context: Context, path: str) -> list[tuple[Node, Node]]:
    """The map's pairs, each name once; a second one is a problem that names the first."""
    seen: dict[str, Origin] = {}
    good: list[tuple[Node, Node]] = []
    for key, value in node.pairs():
        if key.kind != "scalar":
            context.fail(key, path, "expected a name as key")
        elif key.text in seen:
            context.fail(key, f"{path}.{key.text}" if path else key.text, f"{key.text!r} stands here twice, first at {seen[key.text]}")
        else:
            seen[key.text] = key.origin
            good.append((key, value))
    return good


def _found(node: Node, path: str) -> str:
    if node.kind != "scalar":
        return "a list" if node.kind == "list" else "a map"
    if node.is_null:
        return "nothing"
    return "a value" if _SECRET.search(path) else repr(node.text[:60])
