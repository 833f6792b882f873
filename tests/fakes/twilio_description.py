"""Twilio's own API description, where the contract folder is at hand: the fake's answers, and what is asked of it, are held against it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.json_schema import Draft4Validator


def contract_file(name: str) -> Path | None:
    """A file of the contract folder: PAGERD_CONTRACT, else `shared` beside the checkout. None when it is not there."""
    root = Path(os.environ.get("PAGERD_CONTRACT") or Path(__file__).resolve().parents[3] / "shared")
    path = root / name
    return path if path.exists() else None


class Description:
    """A judge for TwilioFake."""

    def __init__(self, path: Path) -> None:
        spec = json.loads(path.read_text(encoding="utf-8"))
        self._schemas: dict[str, Any] = spec["components"]["schemas"]
        self._operations = {
            item[method]["operationId"]: item[method] for item in spec["paths"].values() for method in ("get", "post") if method in item
        }

    def __call__(self, op: str, params: Mapping[str, Any], status: int, answer: Mapping[str, Any]) -> None:
        operation = self._operations[op]
        known = self._parameters(operation)
        for name, value in params.items():
            assert name in known, f"{name} is no parameter of {op}"
            _hold(self._schema(known[name]), value, f"{op} {name}")
        _hold(self._schema(operation["responses"][str(status)]["content"]["application/json"]["schema"]), answer, f"the answer to {op}")

    def _parameters(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        known = {p["name"]: p["schema"] for p in operation.get("parameters", []) if p["in"] == "query"}
        body = operation.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {})
        named: dict[str, Any] = body.get("schema", {}).get("properties", {})
        return known | named

    def _schema(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """An OpenAPI 3.0 schema as a JSON schema: references followed, `nullable` honoured, formats left out."""
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[1]]
        out = {k: v for k, v in schema.items() if k not in ("nullable", "format", "description", "example")}
        if "properties" in out:
            out["properties"] = {k: self._schema(v) for k, v in out["properties"].items()}
        if "items" in out:
            out["items"] = self._schema(out["items"])
        return {"anyOf": [out, {"type": "null"}]} if schema.get("nullable") else out


def _hold(schema: Mapping[str, Any], value: object, what: str) -> None:
    problem = next(iter(Draft4Validator(dict(schema)).iter_errors(value)), None)
    assert problem is None, f"{what} breaks Twilio's description: {problem.message if problem else ''}"
