"""What a condition comes to."""

from __future__ import annotations

import msgspec


class Holds(msgspec.Struct, frozen=True):
    pass


class DoesNot(msgspec.Struct, frozen=True):
    pass


class Failed(msgspec.Struct, frozen=True):
    """The expression could not be evaluated. It counts as false; whoever asked notes it, and never keeps a page back for it."""

    why: str


Verdict = Holds | DoesNot | Failed

HOLDS, DOES_NOT = Holds(), DoesNot()
