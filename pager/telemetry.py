"""What is seen from outside: logs as events, and metrics for Prometheus."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from pager.model.incident import State
from pager.model.mute import MuteKind

_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800)


def set_up_logs(*, on_terminal: bool, level: int = logging.INFO) -> None:
    """JSON lines on stderr, or coloured ones on a terminal. Times are UTC."""
    structlog.configure(
        processors=processors(on_terminal=on_terminal),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    # A job that is still under way when its next run comes is no news: a chat may hang for seconds.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


def processors(*, on_terminal: bool) -> list[structlog.typing.Processor]:
    """What makes a line of an event."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if on_terminal:
        # structlog's own way with exceptions shows each frame's variables, where rich is installed: tokens and numbers among them.
        return [*shared, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


class Metrics:
    """Implements the Meter port."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self._alerts = Counter("pagerd_alerts", "Alerts taken from the stream, by what became of them", ["outcome"], registry=r)
        self._pages = Counter("pagerd_pages", "Pages, by channel and result", ["channel", "result"], registry=r)
        self._folded = Counter("pagerd_folded_pages", "Pages for which one message was sent together with others", registry=r)
        self._replies = Counter(
            "pagerd_replies", "Replies of people, by how they came and what became of them", ["channel", "result"], registry=r
        )
        self._paged_after = Histogram(
            "pagerd_page_latency_seconds", "From acceptance of the alert to the provider's yes, first pages", buckets=_SECONDS, registry=r
        )  # fmt: skip
        self._late = Histogram("pagerd_deadline_lateness_seconds", "How late deadlines were acted upon", buckets=_SECONDS, registry=r)
        self._muted = Counter("pagerd_muted", "Incidents muted, by the rule; silences are one", ["kind", "rule"], registry=r)
        self._suppressed = Gauge("pagerd_suppressed_incidents", "Incidents that are muted now", registry=r)
        self._conflicts = Counter("pagerd_commit_conflicts", "Decisions taken again because somebody else committed first", registry=r)
        self._failures = Counter("pagerd_failures", "Faults of our own that were survived", ["where"], registry=r)
        self._left = Counter(
            "pagerd_left_to_newer", "What this release can't read, and leaves to workers of a newer one", ["where"], registry=r
        )  # fmt: skip
        self._repairs = Counter("pagerd_invariant_repairs", "Open incidents found without a deadline, and given one", registry=r)
        self._incidents = Gauge("pagerd_incidents", "Incidents by state", ["state"], registry=r)
        self._backlog = Gauge("pagerd_backlog", "Entries not yet worked off", ["stream"], registry=r)
        self._config = Gauge("pagerd_config_last_reload_successful", "1 when the config in the folder is the one in force", registry=r)
        self._glass = Counter("pagerd_break_glass", "Break-glass messages, by result", ["result"], registry=r)
        self._slack = Gauge("pagerd_slack_connected", "1 while Socket Mode is connected", ["provider"], registry=r)
        self._calendars = Counter("pagerd_calendar_reads", "Readings of calendars from URLs, by result", ["calendar", "result"], registry=r)
        self._leads = Gauge("pagerd_leader", "1 while this worker does what one does for all", registry=r)
        self._handoffs = Counter("pagerd_handoffs", "What was to be told of hand-offs, by whether it could", ["kind", "result"], registry=r)
        self._shown = Counter("pagerd_slack_shown", "Showing who is on call in Slack, by result", ["what", "result"], registry=r)
        self._config.set(1)

    def alerts(self, outcome: str, count: int = 1) -> None:
        self._alerts.labels(outcome).inc(count)

    def page(self, channel: str, result: str) -> None:
        self._pages.labels(channel, result).inc()

    def folded(self, pages: int) -> None:
        self._folded.inc(pages)

    def reply(self, channel: str, result: str) -> None:
        self._replies.labels(channel, result).inc()

    def paged_after(self, seconds: float) -> None:
        self._paged_after.observe(max(seconds, 0))

    def late(self, seconds: float) -> None:
        self._late.observe(max(seconds, 0))

    def muted(self, kind: str, rule: str, count: int) -> None:
        self._muted.labels(kind, "" if kind in (MuteKind.SILENCE, MuteKind.STORM) else rule).inc(count)

    def conflicts(self, count: int) -> None:
        self._conflicts.inc(count)

    def failure(self, where: str) -> None:
        self._failures.labels(where).inc()

    def left(self, where: str, count: int = 1) -> None:
        self._left.labels(where).inc(count)

    def repaired(self, count: int) -> None:
        self._repairs.inc(count)

    def incidents(self, counts: Mapping[str, int]) -> None:
        for state in State:
            self._incidents.labels(state).set(counts.get(state, 0))
        self._suppressed.set(counts.get(State.SUPPRESSED, 0))

    def backlog(self, stream: str, count: int) -> None:
        self._backlog.labels(stream).set(count)

    def config_in_force(self, good: bool) -> None:
        self._config.set(int(good))

    def slack_connected(self, provider: str, there: bool) -> None:
        self._slack.labels(provider).set(int(there))

    def leads(self, it_does: bool) -> None:
        self._leads.set(int(it_does))

    def calendar_read(self, calendar: str, result: str) -> None:
        self._calendars.labels(calendar, result).inc()

    def handoff(self, kind: str, result: str) -> None:
        self._handoffs.labels(kind, result).inc()

    def shown(self, what: str, result: str) -> None:
        self._shown.labels(what, result).inc()

    def break_glass(self, result: str) -> None:
        self._glass.labels(result).inc()

    def text(self) -> bytes:
        """The exposition format of Prometheus, version 0.0.4."""
        return generate_latest(self.registry)


class Progress:
    """Whether every loop still goes round. A loop that has stood still for long makes the daemon unready."""

    STILL = 30.0  # seconds

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def of(self, loop: str) -> Callable[[], None]:
        def tick() -> None:
            self._last[loop] = self._clock()

        tick()
        return tick

    def standing_still(self) -> list[str]:
        now = self._clock()
        return [loop for loop, at in self._last.items() if now - at > self.STILL]
