"""Groups: which alerts belong together, by what they have in common as they came. The route has no say in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import blake2b

import msgspec

from pager.conditions.condition import Facts, Holds, check
from pager.model.alert import Alert
from pager.model.condition import Condition, key_of
from pager.model.incident import Incident
from pager.model.noise import Group
from pager.model.snapshot import Pointer

PREFIX = "group:"
_ALL = Condition()


class Belongs(msgspec.Struct, frozen=True):
    """Where an alert belongs: `name` is the pointer of its group, `shared` what its alerts have in common, by key."""

    rule: Group
    name: str
    shared: dict[str, str]


class Groups:
    """The rules of one config. The first that holds, and all of whose keys the alert has, decides."""

    def __init__(self, rules: Sequence[Group], service_of: Callable[[Alert], str]) -> None:
        """`service_of`: what an alert is about, whatever its route makes of it."""
        self._service_of = service_of
        self._rules = [(rule, tuple(map(_key, rule.by))) for rule in rules]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def of(self, alert: Alert) -> Belongs | None:
        if not self._rules:
            return None
        facts = Facts(alert, {"service": self._service_of(alert)})
        for rule, keys in self._rules:
            values = [facts.get(key) for key in keys]
            if all(values) and isinstance(check(rule.condition or _ALL, facts), Holds):
                shared = {key.removeprefix("labels."): str(value) for key, value in zip(keys, values, strict=True)}
                return Belongs(rule, f"{PREFIX}{rule.name}:{_digest((*keys, *shared.values()))}", shared)
        return None


def takes(rule: Group, pointer: Pointer, incident: Incident, is_member: bool, now: datetime) -> bool:
    """Whether the incident that the pointer names takes one more alert. `is_member`: it was one of its alerts before."""
    within = bool(pointer.times) and now < pointer.times[0] + rule.window
    has_room = is_member or rule.limit is None or incident.alerts < rule.limit
    return incident.is_open and pointer.incident == incident.number and within and has_room


def _key(name: str) -> str:
    """A group does not know whose service it is: only the label tells the team."""
    key = key_of(name)
    return "labels.team" if key == "team" else key


def _digest(texts: Sequence[str]) -> str:
    return blake2b("".join(f"{len(text)}:{text}" for text in texts).encode(errors="surrogatepass"), digest_size=16).hexdigest()
