"""The Lua scripts. Each is a file in `lua/`; the server keeps them by the SHA-1 of their text until it restarts."""

from __future__ import annotations

from functools import cache
from hashlib import sha1
from importlib.resources import files

import msgspec


class Script(msgspec.Struct, frozen=True):
    name: str
    body: str
    sha: str


@cache
def script(name: str) -> Script:
    """Load `lua/<name>.lua`. Raises FileNotFoundError."""
    body = files("pager.store").joinpath("lua", f"{name}.lua").read_text("utf-8")
    return Script(name, body, sha1(body.encode(), usedforsecurity=False).hexdigest())
