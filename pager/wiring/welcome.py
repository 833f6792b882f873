"""What a demo says to who tries it for the first time."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path


def welcome(folder: Path, service: str) -> str:
    """Whole paths: the other terminal may stand anywhere, and has no environment activated."""
    config = f"--config {shlex.quote(os.path.abspath(folder))}"
    program = shlex.quote(os.path.abspath(sys.argv[0])) if sys.argv[0].endswith("/pagerd") else "pagerd"
    about = f" --service {service}" if service else ""
    return f"""
pagerd runs. This is a demo: the console stands in for providers without credentials, and pages nobody.
Send a real alert from another terminal:

{program} send {config} --summary "disk full on db1" --severity critical{about} --dedup-key db1-disk

A page appears here. Answer it (1 is the incident's number, as the page has it):

{program} ack {config} 1

Ctrl-C stops the daemon and its store; what is open goes on when it starts again.
"""
