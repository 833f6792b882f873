"""Numbers that can't be, by the numbering plans of the world."""

from __future__ import annotations

import re
from collections.abc import Iterable

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from pager.model.origin import Origin
from pager.model.problem import Level, Problem
from pager.rehearse.check.ground import problem
from pager.rehearse.check.scene import Scene

_CHANNELS = ("sms", "voice")
_FICTION = re.compile(r"\+1\d{3}55501\d\d|\+44(7700900|1632960)\d{3}|\+3363998\d{4}|\+3532091\d{5}")
"""Set aside for films and examples by NANPA, Ofcom, ARCEP and ComReg: nobody has them by intention."""


def phones(scene: Scene) -> Iterable[Problem]:
    """Each number of a person once. In demo nobody is called: then it is worth a note."""
    config = scene.ground.config
    for person in config.users.values():
        for number in dict.fromkeys(person.contact[channel] for channel in _CHANNELS if channel in person.contact):
            channels = [channel for channel in _CHANNELS if person.contact.get(channel) == number]
            yield from _said(number, channels, f"users.{person.id}.contact.{channels[0]}", person.origin, config.settings.demo)
    glass = config.settings.break_glass
    for k, number in enumerate(glass.sms if glass else ()):
        yield from _said(number, ["sms"], f"settings.break_glass.sms[{k}]", config.settings.origin, config.settings.demo)


def _said(number: str, channels: Iterable[str], path: str, origin: Origin | None, demo: bool) -> Iterable[Problem]:
    found = wrong_with(number, channels)
    if found is not None:
        level, message, advice = found
        yield problem(Level.NOTE if demo else level, origin, path, message, advice)


def wrong_with(number: str, channels: Iterable[str]) -> tuple[Level, str, str] | None:
    """Level, message and suggestion; None for a number that may be somebody's."""
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException as error:
        return Level.ERROR, f"{number} is no phone number: {str(error).rstrip('.').lower()}", "in international form, such as +34600000001"
    region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    if not phonenumbers.is_possible_number(parsed):
        return Level.ERROR, f"{number} is no phone number: too long or too short for +{parsed.country_code} ({region})", _example(region)
    if not phonenumbers.is_valid_number(parsed) and not _FICTION.fullmatch(number):
        return Level.WARNING, f"{number} is no number in use: +{parsed.country_code} ({region}) gives out none like it", _example(region)
    if "sms" in channels and phonenumbers.number_type(parsed) is PhoneNumberType.FIXED_LINE:
        return Level.WARNING, f"{number} is a landline: a text message does not reach it", "give it as voice, and a mobile number as sms"
    return None


def _example(region: str) -> str:
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    return f"such as {phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)}" if example else ""
