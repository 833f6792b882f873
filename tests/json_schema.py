"""jsonschema without a format that nothing here asks for: as it is imported, that builds a grammar of IRIs for seconds."""

from __future__ import annotations

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

from jsonschema import Draft4Validator, Draft202012Validator  # noqa: E402

__all__ = ["Draft4Validator", "Draft202012Validator"]
