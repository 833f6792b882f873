from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.daemon import Daemon
from tests.fakes.twilio_fake import TwilioFake


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioFake]:
    async with TwilioFake() as fake:
        yield fake


@pytest.fixture
async def make_daemon(tmp_path: Path, twilio: TwilioFake) -> AsyncIterator[Callable[..., Daemon]]:
    """Daemons that are gone, with the store they started, when the test is over."""
    made: list[Daemon] = []

    def make(name: str = "a", **more: Any) -> Daemon:
        daemon = Daemon(tmp_path / name, twilio, **more)
        twilio.sms_url["*"] = f"{daemon.url}/twilio/sms"
        made.append(daemon)
        return daemon

    yield make
    for daemon in made:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.kill()
    for daemon in made:
        end_store(daemon.folder / "data")


@pytest.fixture
async def daemon(make_daemon: Callable[..., Daemon]) -> Daemon:
    return await make_daemon().start()


def end_store(data_dir: Path) -> None:
    from pager.store.embedded import stop

    stop(data_dir)
