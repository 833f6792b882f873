"""What is asked before it happens, with many people: `who`, and `check` over 90 days."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from bench.scenarios import Row
from pager.config import load
from pager.model.config import Config
from pager.oncall.memo import Rota
from pager.rehearse.check import check

CARRIED = {"sms": ("twilio",), "email": ("smtp",)}
START = datetime(2026, 9, 1, tzinfo=UTC)
_ZONES = ("Europe/Madrid", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "UTC")


def installation(services: int, schedules: int, people: int, routes: int = 200) -> str:
    """A whole config: follow-the-sun days, nights and weekends, people who are away, conditions, waiting stages. One schedule in 50 has a gap."""
    lines = [
        "settings: {timezone: UTC, default_policy: p0, catch_all: {notify: ['team:t0']}}",
        "providers: {twilio: {account_sid: a, auth_token: b, from: '+14155550111'}, email: {smtp: 'smtp://127.0.0.1', from: a@example.com}}",
        "channels: {sms: [twilio], email: [email]}",
        "users:",
    ]
    for k in range(people):
        away = (
            f", away: [{{from: 2026-{9 + k % 3:02}-{1 + k % 20:02}T08:00, to: 2026-{9 + k % 3:02}-{3 + k % 20:02}T20:00}}]"
            if k % 3 == 0
            else ""
        )
        contact = f"sms: '+346{k:08}', email: u{k}@example.com"
        lines.append(f"  u{k}: {{name: U{k}, timezone: {_ZONES[k % 5]}, contact: {{{contact}}}{away}}}")
    lines.append("teams:")
    lines += [f"  t{k}: {{members: [{', '.join(f'u{(k * 7 + j) % people}' for j in range(5))}]}}" for k in range(max(schedules // 5, 1))]
    lines.append("schedules:")
    for k in range(schedules):
        users = [f"u{(k * 5 + j) % people}" for j in range(5)]
        starts = "starts: 2026-01-05T09:00"
        night = "" if k % 50 else ', only: {from: "03:00", to: "02:00"}'
        lines += [
            f"  s{k}:",
            f"    timezone: {_ZONES[k % 5]}",
            "    layers:",
            f"      - {{name: night, users: [{', '.join(users)}], every: 1w, {starts}{night}}}",
            f'      - {{name: day, users: [{", ".join(reversed(users))}], every: 1d, {starts}, only: {{days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00"}}}}',
            f"    overrides: [{{from: 2026-10-{1 + k % 20:02}T20:00, to: 2026-10-{2 + k % 20:02}T09:00, user: {users[2]}}}]",
        ]
    lines.append("policies:")
    policies = max(services // 3, 1)
    office = 'wait_for_hours: {days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00"}'
    for k in range(policies):
        first, second = k % schedules, (k + 1) % schedules
        last = f"{{notify: ['team:t{k % max(schedules // 5, 1)}'], match: {{severity: critical}}}}"
        waits = office if k % 4 == 0 else "ack_timeout: 5m"
        lines.append(
            f"  p{k}: {{stages: [{{notify: ['schedule:s{first}']}}, {{notify: ['schedule:s{second}'], via: [sms], {waits}}}, {last}]}}"
        )
    lines.append("services:")
    lines += [f"  v{k}: {{policy: p{k % policies}, sla: {{ack: {5 + k % 3 * 5}m}}, labels: {{cell: c{k % 10}}}}}" for k in range(services)]
    lines.append("routes:")
    lines += [
        f"  - {{name: r{k}, match: {{team: t{k}}}, service: v{k % services}, urgency: {'low' if k % 2 else 'high'}}}" for k in range(routes)
    ]
    return "\n".join(lines) + "\n"


def config_of(text: str) -> Config:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pagerd.yaml").write_text(text)
        loaded = load(Path(folder), os.environ)
    assert loaded.config is not None, "\n".join(map(str, loaded.problems[:5]))
    return loaded.config


async def rota() -> list[Row]:
    """Who is on call, and the proof that somebody is."""
    return [_one_instant(), _fortnight(), _check()]


def _one_instant(layers: int = 50, instants: int = 500) -> Row:
    """Random instants of a year, so that nothing found before helps."""
    only = ", only: {days: [sat, sun], from: '22:00', to: '06:00'}"
    listed = "".join(
        f"\n      - {{name: l{k}, users: [u{k % 9}, u{k % 7}], every: {1 + k % 3}d, starts: 2026-01-05T09:00{only if k else ''}}}"
        for k in range(layers)
    )
    people = "\n".join(f"  u{k}: {{name: U{k}, contact: {{sms: '+346{k:08}'}}}}" for k in range(9))
    schedule = f"schedules:\n  s:\n    timezone: Europe/Madrid\n    layers:{listed}\n"
    config = config_of(f"providers: {{twilio: {{account_sid: a, auth_token: b, from: '+14155550111'}}}}\nusers:\n{people}\n{schedule}")
    rota, random = Rota.of(config), Random(1)
    asked = [START + timedelta(minutes=random.randrange(525_600)) for _ in range(instants)]
    began = time.perf_counter()
    for at in asked:
        rota.who("s", at)
    took = (time.perf_counter() - began) / instants * 1000
    return Row(f"who at one instant, {layers} layers", "1 ms", f"{took:.2f} ms", took < 1)


def _fortnight() -> Row:
    config = config_of(installation(300, 100, 500))
    began = time.perf_counter()
    rota = Rota.of(config)
    shifts = sum(len(rota.shifts(name, START, START + timedelta(days=14))) for name in config.schedules)
    took = time.perf_counter() - began
    return Row("who: 14 days of 100 schedules", "2 s", f"{took:.2f} s; {shifts} shifts", took < 2)


def _check() -> Row:
    config = config_of(installation(300, 100, 500))
    began = time.perf_counter()
    found = check(config, (), CARRIED, START, START + timedelta(days=90))
    took = time.perf_counter() - began
    return Row("check: 300 services, 100 schedules, 500 people, 90 days", "10 s", f"{took:.1f} s; {len(found)} problems", took <= 10)
