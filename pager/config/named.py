"""Sections whose entries have names, and rules that have conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pager.config.reading import Context, Field, Record, Shape, pairs_of
from pager.config.shapes import (
    condition_of,
)
from pager.config.tree import Node
from pager.model.condition import Condition


class Named(Shape[dict[str, Any]]):
    """A map by name, whose entries are told their name as `name` (or another word)."""

    def __init__(self, entry: Record[Any], word: str = "name") -> None:
        self.entry, self._word = entry, word
        self.expected = "a map by name"

    def read(self, node: Node, context: Context, path: str) -> dict[str, Any] | None:
        if node.kind != "map":
            return self.wrong(node, context, path)
        found: dict[str, Any] = {}
        for key, value in pairs_of(node, context, path):
            at = f"{path}.{key.text}"
            values = self.entry.values(value, context, at)
            if values is not None:
                built = self.entry.build(key, context, at, {self._word: key.text, **values})
                if built is not None:
                    found[key.text] = built
        return found

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.entry.schema()}


def with_condition(model: Callable[..., Any], *, required: bool = False, mutes: bool = False) -> Callable[..., Any]:
    """`required`: without one it is for all. What `mutes` must say for what."""

    def build(**values: Any) -> Any:
        condition = condition_of(values)
        if mutes and (condition is None or not (condition.terms or condition.expression)):
            raise ValueError("it would mute everything: say what with match or if")
        if condition is None and required:
            condition = Condition(origin=values.get("origin"))
        return model(condition=condition, **values)

    return build


def part(fields: dict[str, Field | Shape[Any]]) -> Record[dict[str, Any]]:
    return Record(fields, dict, origin=False)
