"""`python -m tests.chaos`: real workers on a real store, all of which fail while alerts come; then an audit."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import Plan, chaos


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description="Break things under load, and see whether a promise is broken.")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=10, help="alerts a second")
    parser.add_argument("--only", default="", help="kinds of faults, with commas; else all")
    parser.add_argument("--keep", action="store_true", help="leave the logs behind, and say where")
    args = parser.parse_args()
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # connections that are cut are what this is about
    folder = Path(tempfile.mkdtemp(prefix="pagerd-chaos-"))
    only = tuple(filter(None, args.only.split(",")))
    try:
        result = asyncio.run(chaos(folder, Plan(seconds=args.seconds, seed=args.seed, rate=args.rate, only=only)))
        print(result.text)
        return 1 if result.findings.violations else 0
    finally:
        if args.keep:
            print(f"logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
