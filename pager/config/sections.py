"""The sections of the config, by name."""

from __future__ import annotations

from typing import Any

from pager.config.calendars import CALENDARS
from pager.config.carriers import CHANNELS, CHAT_CHANNELS, PROVIDERS, SETTINGS
from pager.config.named import Named
from pager.config.noise import NOISE
from pager.config.people import SCHEDULES, TEAMS, USERS
from pager.config.reading import Shape
from pager.config.services import HEARTBEATS, INTEGRATIONS, POLICIES, ROUTES, SERVICES

BY_NAME: dict[str, Named] = {
    "providers": PROVIDERS,
    "users": USERS,
    "teams": TEAMS,
    "calendars": CALENDARS,
    "schedules": SCHEDULES,
    "policies": POLICIES,
    "services": SERVICES,
    "integrations": INTEGRATIONS,
    "heartbeats": HEARTBEATS,
}
WHOLE: dict[str, Shape[Any]] = {
    "settings": SETTINGS,
    "channels": CHANNELS,
    "chat_channels": CHAT_CHANNELS,
    "routes": ROUTES,
    "noise": NOISE,
}
SECTIONS: dict[str, Shape[Any]] = {**WHOLE, **BY_NAME}
