"""Where in the config a noun was written."""

from __future__ import annotations

import msgspec


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """A place in the config folder. `file` is relative to that folder; `line` and `column` count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"
