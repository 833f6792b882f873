"""What happens in a run: alerts, and faults. All of it follows from a seed, and each step can be left out without changing the others."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec
from msgspec.structs import replace

TROUBLE_ENDS = 100.0  # seconds; then everything is healed
ENDS = 235.0
WORKERS = 2
KEYS = ("disk", "cpu", "mem", "net")
GROUPED = ("one", "two", "three", "four")  # of one group, of which an incident takes three


Fault = Callable[[Random], "Step"]


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """`at` in seconds. A fault at a worker strikes at its `exchange`-th exchange with the outside after `at`, so between any two of them."""

    at: float
    what: str
    worker: int = 0
    exchange: int = 0
    seconds: float = 0.0
    key: str = ""
    action: str = ""
    service: str = ""
    severity: str = ""
    way: str = ""

    def __str__(self) -> str:
        facts = [f"{name}={value}" for name, value in msgspec.to_builtins(self).items() if name not in ("at", "what")]
        return f"{self.at:7.2f}  {self.what} {' '.join(facts)}"


class Plan(msgspec.Struct, frozen=True):
    seed: int
    steps: tuple[Step, ...]


def plan_of(seed: int) -> Plan:
    rng = Random(seed)
    alerts = [_alert(rng) for _ in range(rng.randint(2, 9))]
    if rng.random() < 0.4:
        alerts += _flurry(rng)
    faults = [_FAULTS[rng.choice(_NAMES)](rng) for _ in range(rng.choice((0, 1, 2, 3, 4, 6)))]
    alerts += _burst(chance(seed, "burst")) + _flood(chance(seed, "flood")) + _evening(chance(seed, "evening"))
    said = [*_overrides(chance(seed, "overrides")), *_silences(chance(seed, "silences")), *_pool(chance(seed, "pool"))]
    return Plan(seed, tuple(sorted(alerts + faults + said, key=lambda step: step.at)))


def chance(seed: int, *of: object) -> Random:
    """Chance that belongs to one thing, whatever else happens in the run."""
    return Random(repr((seed, *of)))


def _at(rng: Random, latest: float = 70.0) -> float:
    return round(rng.uniform(0.5, latest), 2)


def _alert(rng: Random) -> Step:
    key = rng.choice(KEYS)
    service = {"disk": "api", "cpu": "db", "mem": "web", "net": rng.choice(("lines", "muted"))}[key]
    action = rng.choices(("trigger", "resolve", "acknowledge", "garbage"), (8, 2, 1, 1))[0]
    severity = rng.choice(("critical", "error", "warning"))
    return Step(
        _at(rng),
        "alert",
        rng.randrange(WORKERS),
        key=key,
        action=action,
        service=service,
        severity=severity,
        way=rng.choice(("xadd", "http")),
    )


def _burst(rng: Random) -> list[Step]:
    """Many at once for the same people, and some of them end soon."""
    if rng.random() < 0.6:
        return []
    at, service, keys = _at(rng, 60.0), rng.choice(("api", "web", "db")), [f"burst-{k}" for k in range(rng.randint(5, 12))]
    one = Step(at, "alert", action="trigger", service=service, way="xadd")
    severity = ("critical", "error", "error")
    begins = [
        replace(one, at=round(at + rng.uniform(0, 2), 2), worker=rng.randrange(WORKERS), key=key, severity=rng.choice(severity))
        for key in keys
    ]
    return begins + [
        replace(begin, at=round(begin.at + rng.uniform(0.1, 20), 2), action="resolve") for begin in begins if rng.random() < 0.2
    ]


def _flood(rng: Random) -> list[Step]:
    """In few runs, since it costs: more of one service than anybody can be paged for, and a worker that falls over in it."""
    if rng.random() < 0.95:
        return []
    at, keys = _at(rng, 40.0), [f"flood-{k}" for k in range(rng.randint(16, 24))]
    one = Step(at, "alert", action="trigger", service="flood", severity="error", way="xadd")
    begins = [
        replace(
            one,
            at=round(at + rng.uniform(0, 6), 2),
            worker=rng.randrange(WORKERS),
            key=key,
            severity=rng.choice(("critical", *["error"] * 5)),
        )
        for key in keys
    ]
    over = [replace(begin, at=round(begin.at + rng.uniform(0.1, 30), 2), action="resolve") for begin in begins if rng.random() < 0.2]
    fault = Step(
        at, rng.choice(("crash", "pause", "lost")), rng.randrange(WORKERS), rng.randint(1, 25), round(rng.uniform(1, 15), 2), way="after"
    )
    return [*begins, *over, *([fault] if rng.random() < 0.6 else [])]


def _pool(rng: Random) -> list[Step]:
    """In some runs: alerts of one group, close together."""
    if rng.random() < 0.6:
        return []
    begins = rng.uniform(0.5, 30)
    return [
        replace(
            _alert(rng),
            at=round(begins + rng.uniform(0, rng.choice((2, 60))), 2),
            key=rng.choice(GROUPED),
            service="pool",
            action=rng.choices(("trigger", "resolve", "acknowledge"), (5, 4, 1))[0],
        )
        for _ in range(rng.randint(3, 14))
    ]


def _evening(rng: Random) -> list[Step]:
    """In some runs: what is of low urgency until the morning, and some of it for longer."""
    if rng.random() < 0.75:
        return []
    return [
        replace(
            _alert(rng),
            at=_at(rng, 110.0),
            key=f"calm-{rng.randrange(4)}",
            service="calm",
            action=rng.choices(("trigger", "resolve"), (5, 1))[0],
            severity=rng.choices(("warning", "error", "critical"), (5, 2, 1))[0],
        )
        for _ in range(rng.randint(1, 5))
    ]


def _overrides(rng: Random) -> list[Step]:
    """Somebody is put on call while the run goes on, and taken off again."""
    if rng.random() < 0.5:
        return []
    at = _at(rng, 60.0)
    return [Step(at, "override", action="add"), Step(round(at + rng.uniform(5, 60), 2), "override", action="remove")]


def _silences(rng: Random) -> list[Step]:
    """A service is silenced while the run goes on, and the silence is taken back."""
    if rng.random() < 0.5:
        return []
    at = _at(rng, 60.0)
    return [Step(at, "silence", action="add"), Step(round(at + rng.uniform(5, 40), 2), "silence", action="end")]


def _flurry(rng: Random) -> list[Step]:
    """An alert, and what ends it right behind, while a worker falls over."""
    first = replace(_alert(rng), action="trigger")
    at = round(first.at + rng.uniform(0.01, 1.5), 2)
    over = replace(first, at=at, action=rng.choice(("resolve", "acknowledge")), worker=1 - first.worker)
    fault = Step(
        first.at - 0.01,
        rng.choice(("pause", "crash")),
        rng.randrange(WORKERS),
        rng.randint(1, 5),
        round(rng.uniform(2, 20), 2),
        way="after",
    )
    return [first, over, fault]


def _worker_fault(what: str, shortest: float, longest: float, ways: tuple[str, ...] = ("",)) -> Fault:
    def fault(rng: Random) -> Step:
        seconds = round(rng.uniform(shortest, longest), 2)
        at = _at(rng, TROUBLE_ENDS - longest - 5)
        return Step(at, what, rng.randrange(WORKERS), rng.randint(1, 12), seconds, way=rng.choice(ways))

    return fault


def _storewide(what: str, shortest: float, longest: float) -> Fault:
    return lambda rng: Step(_at(rng, TROUBLE_ENDS - longest - 5), what, seconds=round(rng.uniform(shortest, longest), 2))


def _outage(rng: Random) -> Step:
    how = rng.choice(("provider", "address", "again_once", "busy", "hangs", "raises", "doubtful"))
    return Step(_at(rng), "outage", seconds=round(rng.uniform(1, 25), 2), key=rng.choice(("twilio", "backup", "slack")), way=how)


_FAULTS: dict[str, Fault] = {
    "crash": _worker_fault("crash", 0.5, 30, ("before", "after")),
    "lost": _worker_fault("lost", 0, 0),  # the store did it, and the answer is lost
    "failed": _worker_fault("failed", 0, 0),  # the store did not do it
    "pause": _worker_fault("pause", 1, 35),  # as by SIGSTOP
    "slow": _worker_fault("slow", 2, 20),  # each exchange takes longer
    "down": _storewide("down", 0.5, 45),
    "step": lambda rng: Step(_at(rng), "step", seconds=rng.choice((-40.0, -3.0, 3.0, 40.0))),
    "reload": lambda rng: Step(_at(rng), "reload", rng.randrange(WORKERS), way=rng.choice(("second", "first", "bad"))),
    "outage": _outage,
}  # fmt: skip
_NAMES = tuple(_FAULTS)
