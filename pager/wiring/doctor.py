"""Looks at the config, the store and each credential, and says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from pager.channels.calendar_url import CalendarUrl
from pager.config import load_settings
from pager.loops.calendars import spans_of
from pager.model.calendar import Calendar
from pager.model.config import Config
from pager.model.settings import Provider, Settings
from pager.ports import NotRead, StoreUnavailable
from pager.store.shards import ShardsDiffer
from pager.wiring.stores import Store, find_store
from pager.wiring.vendors import load_whole, make

if TYPE_CHECKING:  # see `make`
    from pager.channels.slack import Slack


class Finding(msgspec.Struct, frozen=True):
    """One thing that `doctor` looked at, and what to do about it."""

    ok: bool
    what: str
    advice: str = ""


async def doctor(folder: Path, environment: Mapping[str, str]) -> list[Finding]:
    """Look at the config, the store and each credential."""
    loaded = load_whole(folder, environment)
    errors = [p for p in loaded.problems if p.level == "error"]
    findings = [Finding(not errors, f"config {folder}: {len(errors)} errors", "run `pagerd check`" if errors else "")]
    settings = loaded.config.settings if loaded.config else load_settings(folder, environment)
    findings += await _store_findings(settings, environment)
    findings.append(
        Finding(
            bool(settings.public_url),
            "settings.http.public_url",
            "" if settings.public_url else "set it: receipts, replies by SMS and links in emails need it",
        )
    )
    if loaded.config is not None:
        findings += await _provider_findings(loaded.config)
        findings += [await _calendar(calendar, loaded.config) for calendar in loaded.config.calendars.values() if calendar.url]
    return findings


async def _store_findings(settings: Settings, environment: Mapping[str, str]) -> list[Finding]:
    try:
        url = find_store(settings, environment)
        store = Store(url, settings, worker="doctor")
    except (StoreUnavailable, ValueError) as error:
        return [Finding(False, f"store: {error}", "start the daemon, or mend settings.redis.url")]
    try:
        await store.settle()
        await store.ping()
        return [Finding(True, "store: answers and writes")] + [
            Finding(found.ok, f"store: {found.what}", found.advice) for found in await store.durability()
        ]
    except ShardsDiffer as error:
        return [Finding(False, f"store: {error}")]
    except StoreUnavailable as error:
        return [Finding(False, f"store: {error}", "start it, or mend settings.redis.url")]
    finally:
        await store.close()


async def _provider_findings(config: Config) -> list[Finding]:
    findings = []
    for name, provider in config.providers.items():
        if provider.missing:
            findings.append(
                Finding(config.settings.demo, f"provider {name}: no {', '.join(provider.missing)}", "set it, or demo: true to try without")
            )
            continue
        channel = make(provider)
        try:
            findings.append(_credentials(name, await channel.check()))
            if provider.kind == "slack":
                findings.append(await _ways_back(provider, config.settings))
                findings += await _shown(name, cast("Slack", channel), config)
        finally:
            await channel.close()
    return findings


async def _calendar(calendar: Calendar, config: Config) -> Finding:
    """Whether it can be read now."""
    try:
        spans, remarks = spans_of(await CalendarUrl().read(calendar.url), calendar, config, datetime.now(UTC))
    except NotRead as error:
        return Finding(False, f"calendar {calendar.name}: {error}", "what was last read well stays in force; see to its url")
    named = sum(bool(span.users) for span in spans)
    advice = f"{len(remarks)} events were not taken whole: {remarks[0]}" if remarks else ""
    return Finding(
        bool(spans), f"calendar {calendar.name}: {len(spans)} events in the next 400 days and the last 30, {named} name somebody", advice
    )


def _credentials(name: str, wrong: str | None, what: str = "credentials work") -> Finding:
    return Finding(wrong is None, f"provider {name}: {what if wrong is None else wrong}")


async def _shown(name: str, slack: Slack, config: Config) -> list[Finding]:
    """Whether it can show who is on call, where it is to."""
    if name != next(
        (n for n in config.channels.get("chat", ()) if config.providers[n].kind == "slack" and not config.providers[n].missing), ""
    ):
        return []
    shown = [schedule.slack for schedule in config.schedules.values() if schedule.slack is not None]
    groups, rooms = [s.user_group for s in shown if s.user_group], [s.topic for s in shown if s.topic]
    if not groups and not rooms:
        return []
    wrong = await slack.roster.check(groups, rooms)
    return [_credentials(name, why) for why in wrong] or [_credentials(name, None, "who is on call can be shown in user groups and topics")]


async def _ways_back(provider: Provider, settings: Settings) -> Finding:
    """Whether a press of a button reaches us."""
    if provider.options.get("app_token"):
        from pager.channels.slack_socket import check_app_token

        return _credentials(provider.name, await check_app_token(provider), "Socket Mode works: buttons and commands reach pagerd")
    if not provider.options.get("signing_secret"):
        return Finding(
            False, f"provider {provider.name}: buttons lead nowhere", "set app_token (Socket Mode), or signing_secret and a public_url"
        )
    url = f"{settings.public_url.rstrip('/')}/slack/interactivity"
    return Finding(
        bool(settings.public_url),
        f"provider {provider.name}: buttons come to {url if settings.public_url else 'no address'}, signed",
        "" if settings.public_url else "set settings.http.public_url, or app_token for Socket Mode",
    )
