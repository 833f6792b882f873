"""YAML 1.2 as a tree of nodes that know their place.

The syntax is read by libyaml; what a plain scalar means is decided here, by the core schema of YAML 1.2: `NO`, `on`, `12:30` and
`2026-01-05T09:00` are text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import yaml
from yaml._yaml import CParser

from pager.model.origin import Origin

MOST_NODES = 2_000_000  # aliases counted as often as they are used: a small file must not become a large tree
DEEPEST = 60


class Node(msgspec.Struct, frozen=True):
    """`value` is text (a scalar), a list of nodes, or a list of (key, node) pairs. `plain` is a scalar written without quotes."""

    value: str | list[Node] | list[tuple[Node, Node]]
    kind: str  # "scalar", "list" or "map"
    plain: bool
    origin: Origin

    @property
    def text(self) -> str:
        return self.value if isinstance(self.value, str) else ""

    @property
    def is_null(self) -> bool:
        return self.kind == "scalar" and self.plain and self.text in ("", "~", "null", "Null", "NULL")

    def items(self) -> Iterator[Node]:
        yield from self.value if self.kind == "list" else ()  # type: ignore[misc]

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        yield from self.value if self.kind == "map" else ()  # type: ignore[misc]

    def get(self, name: str) -> Node | None:
        return next((value for key, value in self.pairs() if key.text == name), None)


class SyntaxProblem(Exception):
    """The text is not YAML, or not a kind that is taken."""

    def __init__(self, origin: Origin, message: str) -> None:
        super().__init__(message)
        self.origin = origin
        self.message = message


def parse(text: str, file: str) -> Node | None:
    """The tree of a file; None for an empty one. Raises SyntaxProblem."""
    try:
        root = _compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        origin = Origin(file, mark.line + 1, mark.column + 1) if mark else Origin(file, 1, 1)
        raise SyntaxProblem(origin, f"not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise SyntaxProblem(Origin(file, 1, 1), f"not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise SyntaxProblem(Origin(file, 1, 1), "nested too deeply") from None
    return _Reader(file).read_whole(root) if root is not None else None


def _compose(text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


class _Loader(CParser, yaml.resolver.BaseResolver):
    """libyaml's parser, without any implicit meaning for scalars."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        yaml.resolver.BaseResolver.__init__(self)


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self._sizes: dict[int, int] = {}

    def read_whole(self, root: yaml.Node) -> Node:
        self._size(root)
        return self._read(root, 0)

    def _size(self, node: yaml.Node) -> int:
        """How many values stand in the node, those of an alias as often as it is used. One that holds itself is found when it is read."""
        if id(node) not in self._sizes:
            self._sizes[id(node)] = 1
            inner = () if isinstance(node, yaml.ScalarNode) else node.value
            size = 1 + sum(self._size(one) if isinstance(one, yaml.Node) else sum(map(self._size, one)) for one in inner)
            if size > MOST_NODES:
                raise SyntaxProblem(self._origin(node), "too large: its aliases unfold to millions of values")
            self._sizes[id(node)] = size
        return self._sizes[id(node)]

    def _origin(self, node: yaml.Node) -> Origin:
        return Origin(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _read(self, node: yaml.Node, depth: int) -> Node:
        origin = self._origin(node)
        if depth > DEEPEST:
            raise SyntaxProblem(origin, "nested too deeply, or an alias that holds itself")
        match node:
            case yaml.ScalarNode():
                return Node(node.value, "scalar", not node.style, origin)
            case yaml.SequenceNode():
                return Node([self._read(item, depth + 1) for item in node.value], "list", False, origin)
            case yaml.MappingNode():
                return Node([(self._read(k, depth + 1), self._read(v, depth + 1)) for k, v in node.value], "map", False, origin)
            case _:
                raise SyntaxProblem(origin, f"a {type(node).__name__} can't stand here")


_INT = re.compile(r"[-+]?[0-9]+")


def as_bool(node: Node) -> bool | None:
    """By YAML 1.2; quoted text is no boolean."""
    if not node.plain:
        return None
    return {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}.get(node.text)


def as_int(text: str) -> int | None:
    return int(text) if _INT.fullmatch(text) and len(text) < 19 else None
