"""Something wrong, or worth knowing, in the config."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Level(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """`file` is relative to the folder, `line` and `column` count from 1 (0: the file as a whole); `path` is where in the config, such as
    `policies.payments.stages[0].ack_timeout`; `suggestion` is what to write instead, or empty."""

    level: Level = Level.ERROR
    file: str
    line: int = 0
    column: int = 0
    path: str = ""
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        hint = f" ({self.suggestion})" if self.suggestion else ""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.level}: {f'{self.path}: ' if self.path else ''}{self.message}{hint}"
