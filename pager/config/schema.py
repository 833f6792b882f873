"""The JSON Schema for editors, made from the shapes that read the config."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from pager.config.sections import SECTIONS

_WORTH_A_NAME = 200  # characters of a part that stands in several places


def json_schema() -> dict[str, Any]:
    """Draft 2020-12. Any file of the folder may hold any of the sections."""
    sections = {name: {"anyOf": [shape.schema(), {"type": "null"}]} for name, shape in SECTIONS.items()}
    counts: Counter[str] = Counter()
    _count(sections, counts)
    shared = [text for text, count in counts.items() if count > 1 and len(text) > _WORTH_A_NAME]
    names = {text: f"shape{k}" for k, text in enumerate(sorted(shared, key=len, reverse=True), start=1)}
    definitions = {name: _fold(json.loads(text), names, whole=False) for text, name in names.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pagerd config",
        "type": "object",
        "properties": _fold(sections, names),
        "additionalProperties": False,
        "$defs": definitions,
    }


def _count(value: Any, counts: Counter[str]) -> None:
    """How often each part stands there; what is inside a repeated part is counted once."""
    if isinstance(value, dict):
        text = json.dumps(value, sort_keys=True)
        counts[text] += 1
        if counts[text] > 1:
            return
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _count(inner, counts)


def _fold(value: Any, names: dict[str, str], whole: bool = True) -> Any:
    if isinstance(value, dict):
        name = names.get(json.dumps(value, sort_keys=True)) if whole else None
        return {"$ref": f"#/$defs/{name}"} if name else {key: _fold(inner, names) for key, inner in value.items()}
    return [_fold(inner, names) for inner in value] if isinstance(value, list) else value
