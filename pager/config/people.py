"""People, teams and schedules."""

from __future__ import annotations

import re
from typing import Any

from pager.config.handoffs import HANDOFF, IN_SLACK
from pager.config.named import Named, part
from pager.config.reading import Field, ListOf, Record, Ref, Scalar
from pager.config.scalars import POSITIVE, SPAN, TEXT, WALL
from pager.config.shapes import (
    EVERY,
    HOURS,
    LADDER,
    LIMITS,
    ROOM,
    ZONE,
)
from pager.model.origin import Origin
from pager.model.person import Away, Person, Team
from pager.model.schedule import Holidays, Layer, NamedShift, Override, OverrideKind, Schedule
from pager.oncall.holidays import public_holidays


def _period(start: Any, end: Any) -> None:
    if end <= start:
        raise ValueError("`to` must be after `from`")


def _away(start: Any, end: Any, origin: Origin, reason: str = "") -> Away:
    _period(start, end)
    return Away(start, end, reason, origin)


_FROM_TO = {"from": Field(WALL, to="start", required=True), "to": Field(WALL, to="end", required=True)}


def _phone(text: str) -> str:
    digits = text.removeprefix("+")
    if not text.startswith("+") or not digits.isdigit() or not 7 <= len(digits) <= 15:
        raise ValueError("in international form, such as +34600000001")
    return text


def _handle(text: str) -> str:
    if not re.fullmatch(r"slack:[UW][A-Z0-9]{2,30}", text):
        raise ValueError("such as slack:U0123ABCD: the member ID, from the person's Slack profile")
    return text


def _email(text: str) -> str:
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", text):
        raise ValueError("such as ana@example.com")
    return text


_SOME_YEAR = 2026  # to ask whether a country is known
_PHONE = Scalar("a phone number", _phone)
_CHAT = Scalar("a person in a chat", _handle)
_EMAIL = Scalar("an email address", _email)
USERS = Named(
    Record(
        {
            "name": Field(TEXT, required=True),
            "timezone": ZONE,
            "contact": part({"sms": _PHONE, "voice": _PHONE, "chat": _CHAT, "email": _EMAIL}),
            "ladder": LADDER,
            "away": ListOf(Record({**_FROM_TO, "reason": TEXT}, _away)),
            "limits": LIMITS,
        },
        Person,
    ),
    "id",
)
TEAMS = Named(Record({"members": ListOf(Ref("user")), "lead": Ref("user"), "chat": ROOM}, Team))


def _override(
    start: Any, end: Any, origin: Origin, user: str = "", instead_of: str | None = None, add: str = "", remove: str = "", reason: str = ""
) -> Override:
    _period(start, end)
    who = {OverrideKind.REPLACE: user, OverrideKind.ADD: add, OverrideKind.REMOVE: remove}
    named = [kind for kind, name in who.items() if name]
    if len(named) != 1:
        raise ValueError("an override has one of user, add or remove")
    if instead_of and named != [OverrideKind.REPLACE]:
        raise ValueError("`for` goes with user")
    return Override(
        start=start, end=end, kind=named[0], user=who[named[0]], instead_of=instead_of, reason=reason, by="the config", origin=origin
    )


def _holidays(
    users: tuple[str, ...], origin: Origin, country: str = "", region: str | None = None, calendar: str | None = None
) -> Holidays:
    if not country and calendar is None:
        raise ValueError("country is missing: two letters, such as ES; or `calendar`, one of `calendars`")
    if not country and region:
        raise ValueError("country is missing: whose region it is, two letters, such as ES")
    if country:
        public_holidays(country, region, _SOME_YEAR)
    return Holidays(users=users, country=country, region=region, calendar=calendar, origin=origin)


def _schedule(layers: tuple[Layer, ...] = (), **values: Any) -> Schedule:
    names = [layer.name for layer in layers]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"two layers are called {twice!r}")
    return Schedule(layers=layers, timezone=values.pop("timezone", "UTC"), **values)


def _layer(
    name: str,
    origin: Origin,
    users: tuple[str | None, ...] = (),
    shifts: tuple[NamedShift, ...] = (),
    **values: Any,
) -> Layer:
    if values.get("calendar"):
        if users or shifts or values.keys() & {"every", "starts", "take"}:
            raise ValueError("who is on call in a layer with `calendar` stands there: no users, shifts, every, starts or take")
        return _in_effect(Layer(name=name, origin=origin, **values))
    if bool(shifts) == ("every" in values):
        raise ValueError("a rotation has `every`, the length of its turns, or `shifts`, each of its own length")
    if "starts" not in values:
        raise ValueError("starts is missing: the first hand-off, such as 2026-01-05T09:00")
    all_have_their_own = bool(shifts) and all(shift.users for shift in shifts)
    if bool(users) == all_have_their_own:
        raise ValueError(
            "`users` of the layer are never asked: each shift has its own" if users else "users is missing: who takes the turns"
        )
    names = [shift.name for shift in shifts]
    if len(set(names)) < len(names):
        raise ValueError("two shifts have the same name")
    return _in_effect(Layer(name=name, origin=origin, users=users, shifts=shifts, **values))


def _in_effect(layer: Layer) -> Layer:
    if layer.begins and layer.ends and layer.ends <= layer.begins:
        raise ValueError("`ends` must be after `begins`")
    return layer


_USERS = ListOf(Ref("user"), least=1, nulls=True)
_SHIFT = Record(
    {"name": Field(TEXT, required=True), "lasts": Field(SPAN, required=True), "users": _USERS},
    NamedShift,
    "a shift such as {name: weekend, lasts: 2d}",
)
_LAYER = Record(
    {
        "name": Field(TEXT, required=True),
        "users": _USERS,
        "every": EVERY,
        "shifts": ListOf(_SHIFT, least=1),
        "calendar": Ref("calendar"),
        "starts": WALL,
        "begins": WALL,
        "ends": WALL,
        "timezone": ZONE,
        "only": ListOf(HOURS, or_one=True, least=1),
        "take": POSITIVE,
    },
    _layer,
)
_OVERRIDE = Record(
    {
        **_FROM_TO,
        "user": Ref("user"),
        "for": Field(Ref("user"), to="instead_of"),
        "add": Ref("user"),
        "remove": Ref("user"),
        "reason": TEXT,
    },
    _override,
)
SCHEDULES = Named(
    Record(
        {
            "team": Ref("team"),
            "timezone": ZONE,
            "layers": Field(ListOf(_LAYER, least=1), required=True),
            "overrides": ListOf(_OVERRIDE),
            "override_calendars": ListOf(Ref("calendar"), or_one=True),
            "holidays": Record(
                {"country": TEXT, "region": TEXT, "calendar": Ref("calendar"), "users": Field(ListOf(Ref("user"), least=1), required=True)},
                _holidays,
            ),
            "handoff": HANDOFF,
            "slack": IN_SLACK,
        },
        _schedule,
    )
)
