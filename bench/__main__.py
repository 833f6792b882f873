from __future__ import annotations

import asyncio
import os
import sys

from bench.scenarios import SCENARIOS, Row


def main() -> None:
    wanted = sys.argv[1:] or list(SCENARIOS)
    unknown = set(wanted) - SCENARIOS.keys()
    if unknown:
        sys.exit(f"no such scenario: {', '.join(sorted(unknown))}. There are: {', '.join(SCENARIOS)}")
    print(f"{os.cpu_count()} cores shared by daemon, store (appendfsync always) and load; one worker\n")
    print(f"{'what':<56}{'must':<14}came out")
    for name in wanted:
        rows: list[Row] = asyncio.run(SCENARIOS[name]())
        for row in rows:
            mark = "" if row.met is None else "  ok" if row.met else "  MISSED"
            print(f"{row.what:<56}{row.must:<14}{row.came_out}{mark}", flush=True)


main()
