"""`python -m bench [--fsync] [SCENARIO ...]`: measure, and print a row for each target."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path

from bench import groups, limits, rota, scenarios
from bench.scenarios import Row
from bench.worker import Worker

SCENARIOS: dict[str, Callable[[], Coroutine[None, None, list[Row]]]] = {
    "idle": scenarios.idle, "stream": scenarios.stream, "http": scenarios.http, "latency": scenarios.latency, "burst": scenarios.burst,
    "memory": scenarios.memory, "deadlines": scenarios.deadlines, "flat": limits.flat, "silences": limits.silences, "groups": groups.groups,
    "crash": scenarios.crash, "takeover": limits.takeover,
    "rota": rota.rota, "versus": scenarios.versus, "million": limits.million,
}  # fmt: skip
_BY_NAME_ONLY = {"million"}
_ON_DISK = ("stream", "http", "latency", "burst", "crash")  # whose figures a slower disk changes


def main() -> None:
    wanted = [word for word in sys.argv[1:] if word != "--fsync"]
    unknown = set(wanted) - SCENARIOS.keys()
    if unknown:
        sys.exit(f"no such scenario: {', '.join(sorted(unknown))}. There are: {', '.join(SCENARIOS)}")
    print(f"{os.cpu_count()} cores shared by daemon, store (appendfsync always) and load; one worker\n")
    if "--fsync" not in sys.argv:
        _measure(wanted or [name for name in SCENARIOS if name not in _BY_NAME_ONLY])
    with tempfile.TemporaryDirectory(prefix="pagerd-bench-") as folder:
        if (not wanted or "--fsync" in sys.argv) and (library := _slow_fsync(Path(folder))):
            print("\nwith 2 ms more for each fsync")
            Worker.slow_fsync = library
            _measure(wanted or _ON_DISK)


def _measure(wanted: Iterable[str]) -> None:
    print(f"{'what':<56}{'must':<14}came out")
    for name in wanted:
        for row in asyncio.run(SCENARIOS[name]()):
            mark = "" if row.met is None else "  ok" if row.met else "  MISSED"
            print(f"{row.what:<56}{row.must:<14}{row.came_out}{mark}", flush=True)


def _slow_fsync(folder: Path) -> str:
    """Empty where it can't be made."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        print("\nNO SLOW DISK: that needs Linux and a C compiler")
        return ""
    library = folder / "slow_fsync.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(Path(__file__).with_name("slow_fsync.c")), "-ldl"], check=True)
    return str(library)


main()
