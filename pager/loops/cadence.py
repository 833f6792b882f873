"""What is periodic, idempotent and may be missed. Never a deadline."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from pager.ports import StoreUnavailable

log = structlog.get_logger()

Job = Callable[[], Awaitable[None]]


class Cadence:
    """Jobs on an APScheduler with its memory store. A run that is late is made up for once; one that fails is logged, and the next one tries again."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})
        self._failed = failed

    def every(self, period: timedelta, name: str, job: Job) -> None:
        async def guarded() -> None:
            try:
                await job()
            except StoreUnavailable:
                pass  # the watch says so; the next run tries again
            except Exception:
                self._failed(name)
                log.exception("cadence.failed", job=name)

        self._scheduler.add_job(guarded, "interval", seconds=period.total_seconds(), id=name)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)
