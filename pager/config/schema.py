"""The JSON Schema for editors, made from the shapes that read the config."""

from __future__ import annotations

from typing import Any

from pager.config.sections import SECTIONS


def json_schema() -> dict[str, Any]:
    """Draft 2020-12. Any file of the folder may hold any of the sections."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pagerd config",
        "type": "object",
        "properties": {name: {"anyOf": [shape.schema(), {"type": "null"}]} for name, shape in SECTIONS.items()},
        "additionalProperties": False,
    }
