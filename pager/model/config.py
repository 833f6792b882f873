"""The whole configuration of an installation."""

from __future__ import annotations

import msgspec

from pager.model.calendar import Calendar
from pager.model.noise import Noise
from pager.model.person import Person, Team
from pager.model.policy import Policy
from pager.model.route import Route
from pager.model.schedule import Schedule
from pager.model.service import Heartbeat, Integration, Service
from pager.model.settings import ChatRule, Provider, Settings


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All maps are by name, in the order of the files. `revision` is a short hash of the folder's content."""

    settings: Settings = Settings()
    providers: dict[str, Provider] = {}
    channels: dict[str, tuple[str, ...]] = {}
    chat_channels: tuple[ChatRule, ...] = ()
    users: dict[str, Person] = {}
    teams: dict[str, Team] = {}
    calendars: dict[str, Calendar] = {}
    schedules: dict[str, Schedule] = {}
    policies: dict[str, Policy] = {}
    services: dict[str, Service] = {}
    integrations: dict[str, Integration] = {}
    heartbeats: dict[str, Heartbeat] = {}
    routes: tuple[Route, ...] = ()
    noise: Noise = Noise()
    revision: str = ""
