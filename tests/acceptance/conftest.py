from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.daemon import SEVERAL, Daemon
from tests.fakes.mail_server import MailServer
from tests.fakes.slack_fake import SlackFake
from tests.fakes.twilio_fake import TwilioFake


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioFake]:
    async with TwilioFake() as fake:
        yield fake


@pytest.fixture
async def slack() -> AsyncIterator[SlackFake]:
    async with SlackFake() as fake:
        yield fake


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with MailServer() as server:
        yield server


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


@pytest.fixture
async def several(make_daemon: Callable[..., Daemon], slack: SlackFake, mail: MailServer) -> Daemon:
    """A daemon with chat, email and SMS, whose Slack socket is open."""
    daemon = await start_several(make_daemon, slack, mail)
    await slack.wait_socket()
    return daemon


async def start_several(make: Callable[..., Daemon], slack: SlackFake, mail: MailServer, name: str = "a", **more: Any) -> Daemon:
    vendors = {"bot": slack.bot_token, "app": slack.app_token, "signing": slack.signing_secret, "slack": slack.base_url, "smtp": mail.url}
    vendors |= more.pop("vendors", {})
    daemon = make(name, **{"config": SEVERAL, "vendors": vendors} | more)
    slack.request_url, slack.command_url = f"{daemon.url}/slack/interactivity", f"{daemon.url}/slack/command"
    slack.event_url = f"{daemon.url}/slack/events"
    return await daemon.start()


def end_store(data_dir: Path) -> None:
    from pager.store.embedded import stop

    stop(data_dir)
