"""The promises, checked on what was seen of a run. Nothing here knows how any of it is done; what the installation asks for is said by hand.

Time limits count healthy time: a fault stops the clock, and so do the seconds in which the others notice it and take over."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator

from tests.simulation.history import Fault, History, Seen, Violation
from tests.simulation.installation import (
    CALM,
    FLOODED,
    GLASS_AFTER,
    HIGH_AFTER,
    LAST_RESORT,
    LAST_RESORT_EVERY,
    LATE,
    MORNING,
    MUTED,
    OWNER,
    PHONE_GETS,
    PHONE_WITHIN,
    POOL,
    SILENCED,
    STAGES,
    STAND_IN,
    STORM_PAGES,
    STORM_WITHIN,
)
from tests.simulation.plan import ENDS

AT_ONCE = 7.0  # healthy seconds, a provider's wish for time included
SOON = 3.0
GRACE = 30.0  # what still fires when its last mute ends is paged in that time
RECOVERY = 8.0  # an absent worker is noticed after 3 s, its claims are free after 2; who waits for the store looks each 5 s here
JUST = 0.25


def check(history: History) -> list[Violation]:
    """Every breach of a promise that can be seen, the earliest first."""
    facts = _Facts(history)
    found = [violation for promise in _PROMISES for violation in promise(facts)]
    return sorted(found, key=lambda v: (v.at, v.promise))


class _Facts:
    def __init__(self, history: History) -> None:
        self.history = history
        self.ends = {seen["number"]: seen for seen in history.of("end")}
        self.accepted = [s for s in history.of("accepted") if s["action"] != "garbage"]
        self.states: dict[int, list[Seen]] = defaultdict(list)
        self.timeline: dict[int, list[Seen]] = defaultdict(list)
        self.asked: dict[int, list[Seen]] = defaultdict(list)
        self.sent: dict[int, list[Seen]] = defaultdict(list)  # what became of pages: carried, refused, receipt
        for seen in history.seen:
            match seen.kind:
                case "state":
                    self.states[seen["number"]].append(seen)
                case "timeline":
                    self.timeline[seen["number"]].append(seen)
                case "asked" if seen["page"]:
                    self.asked[seen["number"]].append(seen)
                case "carried" | "refused" if seen["page"]:
                    self.sent[seen["number"]].append(seen)
                case "receipt":
                    self.sent[int(seen["page"].split("-")[0])].append(seen)
        replies = history.of("reply")
        self.untouched = self.states.keys() - {r["number"] for r in replies}
        self._sick = _union([(f.begins - JUST, _until(f, history.faults)) for f in history.faults if f.what != "step"])

    def state(self, number: int, at: float) -> str:
        """Just before that moment, and whatever it became in it."""
        return next((s["state"] for s in reversed(self.states[number]) if s.at <= at), "")

    def service(self, number: int) -> str:
        return str(self.states[number][0]["service"])

    def is_silenced(self, number: int) -> bool:
        """Whether the silence is meant for it."""
        return any(a["service"] == SILENCED for a in self.accepted if a["key"] == self.states[number][0]["key"])

    def flood(self, critical: bool) -> list[int]:
        """The incidents of the service that is flooded, by what their alerts were from the first."""
        severities = {a["key"]: a["severity"] for a in reversed(self.accepted) if a["action"] == "trigger"}
        keys = {key for key, severity in severities.items() if key.startswith(FLOODED) and (severity == "critical") is critical}
        return [number for number, states in self.states.items() if states[0]["key"] in keys]

    def healthy(self, begins: float, ends: float) -> float:
        """Seconds between, less those in which something was broken; the store's clock running back stops it, too."""
        sick = sum(max(0.0, min(ends, b) - max(begins, a)) for a, b in self._sick)
        back = sum(-by for at, by in self.history.steps if by < 0 and begins <= at + JUST and at <= ends)
        return ends - begins - sick - back

    def on_the_stores_clock(self, begins: float, ends: float) -> float:
        return ends - begins + sum(by for at, by in self.history.steps if begins < at <= ends)

    def skew(self, at: float) -> float:
        """By how much the store's clock is ahead."""
        return sum(by for when, by in self.history.steps if when <= at)

    def morning(self) -> float:
        """From then on the store's clock shows that it has come."""
        return max([MORNING - self.skew(ENDS), *(at for at, _ in self.history.steps)])

    def may_be_morning(self, at: float) -> bool:
        """Whether the store's clock has shown it by then."""
        return any(when + skew >= MORNING - JUST for when, skew in [(at, self.skew(at)), *self._stepped(at)])

    def _stepped(self, until: float) -> list[tuple[float, float]]:
        return [(at, self.skew(at - JUST)) for at, _ in self.history.steps if at <= until]

    def calm(self) -> Iterator[tuple[int, set[str]]]:
        """The incidents that may wait for the morning, with the severities that their alerts ever had."""
        severities: dict[str, set[str]] = defaultdict(set)
        for alert in self.accepted:
            if alert["action"] == "trigger":
                severities[alert["key"]].add(alert["severity"])
        return ((n, severities[s[0]["key"]]) for n, s in self.states.items() if s[0]["key"].startswith(CALM))

    def held_up(self, worker: str, begins: float, ends: float) -> float:
        """Seconds between, in which that worker may have stood still between reading and doing."""
        mine = [(f.begins, f.ends) for f in self.history.faults if f.worker in (worker, None)]
        return sum(max(0.0, min(ends, b) - max(begins, a)) for a, b in _union(mine))


def _until(fault: Fault, faults: list[Fault]) -> float:
    """A crash or a stopped worker is taken over from while it lasts; unless everybody is gone."""
    others = any(
        f.worker != fault.worker and f.what in ("crash", "pause", "down") and f.begins < fault.ends and fault.begins < f.ends
        for f in faults
    )
    if fault.what in ("crash", "pause") and not others:
        return min(fault.ends, fault.begins) + RECOVERY
    return fault.ends + RECOVERY


def _union(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for begins, ends in sorted(spans):
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ends))
        else:
            joined.append((begins, ends))
    return joined


# --- the promises, by their numbers ---------------------------------------------------------------------------------------------------
def _1_nothing_accepted_is_lost(f: _Facts) -> Iterator[Violation]:
    by_key: dict[str, list[Seen]] = defaultdict(list)
    for seen in f.accepted:
        by_key[seen["key"]].append(seen)
    for key, alerts in by_key.items():
        last = max(alerts, key=lambda a: _entry(a["entry"]))
        mine = [end for end in f.ends.values() if key in end["keys"]]
        if any(a["action"] == "trigger" for a in alerts) and not mine:
            yield Violation(1, last.at, f"no incident came of the alerts of {key}")
        if last["action"] == "trigger" and not any(key in end["firing"] for end in mine) and not _resolved_by_a_person(f, mine, last.at):
            yield Violation(1, last.at, f"{key} was triggered last by {last['entry']}, and nothing is open")
    garbage = [s for s in f.history.of("accepted") if s["action"] == "garbage"]
    dead = f.history.of("dead")
    if len(dead) < len(garbage) or any(not letter["reason"] for letter in dead):
        yield Violation(1, ENDS, f"{len(garbage)} could not be read, {len(dead)} are among the dead letters")
    for left in f.history.of("left"):
        if left["alerts"] or left["outboxes"]:
            yield Violation(1, ENDS, f"not worked off: {left}")
    for number in f.states:
        yield from _is_paged(f, number)


def _resolved_by_a_person(f: _Facts, ends: list[Seen], since: float) -> bool:
    lines = [line for end in ends for line in f.timeline[end["number"]] if line["event"] == "incident.resolved"]
    return any(line.at >= since - JUST and line["who"] not in ("stream", "pagerd") for line in lines)


def _is_paged(f: _Facts, number: int) -> Iterator[Violation]:
    """Somebody is asked soon after the incident becomes triggered, for as long as it stays so."""
    for begins, ends in _spans(f, number, "triggered"):
        limit = AT_ONCE + 4
        asked = next((a.at for a in f.asked[number] if a.at >= begins - JUST), ends)
        if f.healthy(begins, min(asked, ends)) > limit:
            promise = 5 if f.service(number) == "db" else 1
            yield Violation(promise, begins, f"incident {number} is triggered, and nobody is asked until {asked:.1f}")


def _spans(f: _Facts, number: int, state: str) -> Iterator[tuple[float, float]]:
    begins = None
    for seen in f.states[number]:
        if seen["state"] == state and begins is None:
            begins = seen.at
        elif seen["state"] != state and begins is not None:
            yield begins, seen.at
            begins = None
    if begins is not None:
        yield begins, ENDS


def _2_every_open_incident_has_a_deadline(f: _Facts) -> Iterator[Violation]:
    for end in f.ends.values():
        if end["state"] != "resolved" and (end["next_deadline"] is None or not end["armed"]):
            yield Violation(2, ENDS, f"incident {end['number']} is {end['state']} without a deadline")
    for states in f.states.values():
        for seen in states:
            if seen["state"] != "resolved" and not seen["armed"]:
                yield Violation(2, seen.at, f"incident {seen['number']} became {seen['state']} without a deadline")
    for seen in f.history.of("repaired"):
        yield Violation(2, seen.at, f"the sweeper repaired {seen['count']}")


def _3_an_acknowledgement_stops_paging(f: _Facts) -> Iterator[Violation]:
    for number, asked in f.asked.items():
        for page in asked:
            if f.state(number, page.at) == "triggered":
                continue
            over = max((s.at for s in f.states[number] if s.at <= page.at and s["state"] != "triggered"), default=0.0)
            for seen in reversed([s for s in f.states[number] if s.at <= page.at]):
                if seen["state"] == "triggered":
                    break
                over = seen.at
            late = page.at - over
            if late > JUST + f.held_up(page["worker"], over - 12, page.at):
                yield Violation(
                    3, page.at, f"page {page['page']} goes to {page['user']} {late:.2f} s after {number} was {f.state(number, page.at)}"
                )


def _1_what_a_silence_held_back_is_paged_when_it_ends(f: _Facts) -> Iterator[Violation]:
    for over in (s.at for s in f.history.of("silence") if s["action"] == "end"):
        for number in f.states:
            if not f.is_silenced(number):
                continue
            for begins, ends in _spans(f, number, "suppressed"):
                if f.healthy(max(begins, over), ends) > GRACE:
                    yield Violation(1, over, f"{number} is suppressed from {begins:.1f} to {ends:.1f}, and its silence ended at {over:.1f}")


def _1_what_a_storm_held_back_is_paged_when_it_is_over(f: _Facts) -> Iterator[Violation]:
    last = max((a.at for a in f.accepted if a["service"] == FLOODED and a["action"] == "trigger"), default=0.0)
    for number in f.flood(critical=False):
        for begins, ends in _spans(f, number, "suppressed"):
            if f.healthy(max(begins, last), ends) > 3 * STORM_WITHIN + AT_ONCE:
                yield Violation(
                    1, begins, f"{number} is held back from {begins:.1f} to {ends:.1f}, and the last of the storm came at {last:.1f}"
                )


def _1_what_is_critical_is_named_in_a_storm(f: _Facts) -> Iterator[Violation]:
    for number in f.flood(critical=True):
        opened = f.states[number][0]
        if opened["state"] == "suppressed":
            yield Violation(1, opened.at, f"{number} is critical, and held back")
        for page in f.asked[number]:
            if f"#{number}" not in page["text"] and f"<{opened['key']}>" not in page["text"]:
                yield Violation(1, page.at, f"a page for {number}, which is critical, does not name it: {page['text']}")


def _3_in_a_storm_one_page_speaks_for_all(f: _Facts) -> Iterator[Violation]:
    """The one with which it begins; and where that is over, another."""
    opened = sorted(f.states[number][0].at for number in f.flood(critical=False) if f.states[number][0]["state"] == "triggered")
    over = [s.at for number in f.flood(critical=False) for s in f.states[number] if s["state"] == "resolved"]
    for first, last in zip(opened, opened[STORM_PAGES + 1 + len(over) :], strict=False):
        if last - first < STORM_WITHIN and not any(first - STORM_WITHIN <= at <= last for at, _ in f.history.steps):
            yield Violation(3, last, f"{STORM_PAGES + 2} of the flood page within {last - first:.1f} s")


def _1_what_waited_is_paged_in_the_morning(f: _Facts) -> Iterator[Violation]:
    for number, _ in f.calm():
        for begins, ends in _spans(f, number, "suppressed"):
            if f.healthy(max(begins, f.morning()), ends) > GRACE:
                yield Violation(
                    1, ends, f"{number} is suppressed from {begins:.1f} to {ends:.1f}, and the morning came at {f.morning():.1f}"
                )


def _2_what_nobody_looks_at_is_high(f: _Facts) -> Iterator[Violation]:
    for number, severities in f.calm():
        raised = any(line["event"] == "urgency.raised" for line in f.timeline[number])
        if number not in f.untouched or raised or len(severities) > 1 or severities == {"critical"}:
            continue
        for begins, ends in _spans(f, number, "triggered"):
            if severities == {"warning"} and f.healthy(begins, ends) > HIGH_AFTER + AT_ONCE:
                yield Violation(2, ends, f"{number} is triggered from {begins:.1f} to {ends:.1f}, and low")


def _3_low_urgency_lets_people_sleep(f: _Facts) -> Iterator[Violation]:
    """A rise in severity ends that."""
    for number, severities in f.calm():
        for page in f.asked[number] if len(severities) == 1 and severities != {"critical"} else ():
            if not f.may_be_morning(page.at):
                yield Violation(3, page.at, f"{page['user']} is asked for {number} before the morning")


def _3_nobody_is_paged_under_a_silence(f: _Facts) -> Iterator[Violation]:
    said = f.history.of("silence")
    heard = {reply["number"] for reply in f.history.of("reply") if reply["action"] in ("escalate", "assign")}  # over every silence
    for begins, ends in [
        (a.at, b.at) for a, b in itertools.pairwise([*said, Seen(ENDS, "silence", {"action": "end"})]) if a["action"] == "add"
    ]:
        for number, asked in f.asked.items():
            for page in asked:
                begun = any(begins - 12 <= x.ends and x.begins <= page.at for x in f.history.faults)  # it may have been under way
                if f.is_silenced(number) and number not in heard and begins + SOON < page.at < ends and not begun:
                    yield Violation(3, page.at, f"{page['user']} is asked for {number}, {page.at - begins:.1f} s after it was silenced")


def _4_a_page_that_failed_is_not_a_page(f: _Facts) -> Iterator[Violation]:
    for number, sent in f.sent.items():
        for failed in sent:
            is_failure = failed.kind == "refused" or (failed.kind == "receipt" and failed["fate"] == "failed")
            if not is_failure or f.state(number, failed.at) != "triggered":
                continue
            if sum(s.kind == "carried" and s["page"] == failed["page"] for s in sent) > 1:
                continue  # twice out: one of them failed
            if failed.kind == "refused" and _another_try_has_it(sent, failed):
                continue
            if _a_newer_page_is_under_way(f.asked[number], sent, failed):
                continue
            follows = next((a.at for a in f.asked[number] if a.at >= failed.at), ENDS)
            settled = next((s.at for s in f.states[number] if s.at > failed.at and s["state"] != "triggered"), ENDS)
            limit = AT_ONCE + (failed["again_after"] if failed.kind == "refused" else 0.0)
            asked = [a for a in f.asked[number] if a.at <= failed.at]
            if any(a["user"] == LAST_RESORT for a in asked):
                limit += LAST_RESORT_EVERY
            if f.healthy(failed.at, min(follows, settled, ENDS)) > limit and not _somebody_has_it(f, number, failed):
                yield Violation(4, failed.at, f"a page of {number} failed ({failed}), and nothing was tried until {follows:.1f}")


def _a_newer_page_is_under_way(asked: list[Seen], sent: list[Seen], failed: Seen) -> bool:
    """The same person was asked anew just before, and nothing is known of that yet: what becomes of it is looked at by itself."""
    known = {s["page"] for s in sent if s.at <= failed.at}
    people = {a["user"] for a in asked if a["page"] == failed["page"]}
    return any(a["user"] in people and failed.at - 12 <= a.at <= failed.at and a["page"] not in known for a in asked)


def _another_try_has_it(sent: list[Seen], refused: Seen) -> bool:
    """The same page was handed over to another worker, and taken, before this try of it came to its end."""
    mine = [s for s in sent if s["page"] == refused["page"] and s.at <= refused.at]
    return any(s.kind == "carried" for s in mine) and not any(s.kind == "receipt" and s["fate"] == "failed" for s in mine)


def _4_one_in_turn(f: _Facts) -> Iterator[Violation]:
    """Nobody else of the pool is asked for an incident while the one whose turn it is can be reached."""
    for number, asked in f.asked.items():
        first: Seen | None = None
        for page in asked:
            if f.service(number) != "lines" or page["user"] not in POOL:
                continue
            first = first or page
            lost = any(
                s.kind in ("refused", "receipt") and s.facts.get("fate", "failed") == "failed" and s.at <= page.at for s in f.sent[number]
            )
            if page["user"] != first["user"] and not lost:
                yield Violation(4, page.at, f"{page['user']} is asked for {number} in the turn of {first['user']}, who can be reached")


def _somebody_has_it(f: _Facts, number: int, failed: Seen) -> bool:
    """Another page was taken lately, and may be answered yet."""
    lost = {s["page"] for s in f.sent[number] if s.kind == "receipt" and s["fate"] == "failed"}
    return any(
        s.kind == "carried" and s["page"] not in lost and failed.at - 25 <= s.at and s["page"] != failed["page"]
        for s in f.sent[number]
        if s.at <= failed.at + AT_ONCE
    )


def _5_nobody_is_said_loudly(f: _Facts) -> Iterator[Violation]:
    for number, states in f.states.items():
        opened = states[0]
        if f.service(number) != "db" or opened["state"] != "triggered":
            continue
        if not any(line["event"] == "stage.nobody" for line in f.timeline[number]):
            yield Violation(5, opened.at, f"stage 1 of {number} has nobody, and its timeline doesn't say so")
        notices = [s for s in f.history.of("asked") if not s["page"] and s["user"] == OWNER and s.at >= opened.at]
        if not notices and f.healthy(opened.at, ENDS) > 30:
            yield Violation(5, opened.at, f"stage 1 of {number} has nobody, and the owner was not told")


def _6_almost_never_twice(f: _Facts) -> Iterator[Violation]:
    carried: dict[str, list[Seen]] = defaultdict(list)
    for seen in f.history.of("carried"):
        if seen["page"]:
            carried[seen["page"]].append(seen)
    for page, times in carried.items():
        failed = any(s.kind == "receipt" and s["fate"] == "failed" and s["page"] == page for s in f.sent[times[0]["number"]])
        for first, second in itertools.pairwise(times):
            # A jump of the store's clock ends a worker's presence, too.
            excused = any(x.begins <= second.at and x.ends >= first.at - 12 for x in f.history.faults)
            if not excused and not failed:
                yield Violation(6, second.at, f"page {page} was carried twice, and nothing had happened")


def _7_order_does_not_matter(f: _Facts) -> Iterator[Violation]:
    by_key: dict[str, list[Seen]] = defaultdict(list)
    for seen in f.accepted:
        by_key[seen["key"]].append(seen)
    for key, alerts in by_key.items():
        last = max(alerts, key=lambda a: _entry(a["entry"]))
        still = [end["number"] for end in f.ends.values() if key in end["firing"]]
        if last["action"] == "resolve" and still:
            yield Violation(7, last.at, f"{key} was resolved last, and {still} is open")
        if len(still) > 1:
            yield Violation(7, last.at, f"{key} has several open incidents: {still}")
    for end in f.ends.values():
        if (end["state"] == "resolved") is bool(end["firing"]):
            yield Violation(7, ENDS, f"{end['number']} is {end['state']}, and of its alerts {end['firing']} still fire")
        if end["fire"] not in (None, len(end["firing"])) or end["alerts"] != len(end["keys"]):
            yield Violation(
                7, ENDS, f"{end['number']} has {end['alerts']} alerts, {end['fire']} fire; it is of {end['keys']}, {end['firing']} fire"
            )


def _8_late_is_said_and_nobody_is_passed_over(f: _Facts) -> Iterator[Violation]:
    for number in f.untouched:
        yield from _not_before_its_time(f, number)
        yield from _no_storm(f, number)
    for number, asked in f.asked.items():
        opened = f.states[number][0]
        pushed = [_entry_seconds(a["entry"]) for a in f.history.of("stored") if a["key"] == opened["key"] and a["action"] == "trigger"]
        pushed = [at for at in pushed if at <= opened.at + f.skew(opened.at) + JUST]
        if not asked or not pushed or any(by < 0 for when, by in f.history.steps if when <= asked[0].at + 5):
            continue  # entry ids stand still while the clock catches up with them
        first = asked[0]
        if any(s["state"] != "triggered" for s in f.states[number] if s.at <= first.at):
            continue
        service = f.service(number)
        slack = 1 + f.held_up(first["worker"], first.at - 12, first.at)
        late = first.at + f.skew(first.at) - max(pushed)
        if late - slack > LATE[service] and "late by" not in first["text"]:
            yield Violation(8, first.at, f"the first page of {number} is {late:.1f} s late and doesn't say so: {first['text']}")


def _not_before_its_time(f: _Facts, number: int) -> Iterator[Violation]:
    """A stage is over when its time has passed since its first page was carried, or when all of its pages have failed."""
    service = f.service(number)
    if service == MUTED or any(line["event"] in ("incident.worsened", "incident.acknowledged") for line in f.timeline[number]):
        return
    stages = [
        (first | second, lasts) for (first, lasts), (second, _) in zip(STAGES["first"][service], STAGES["second"][service], strict=True)
    ]
    for (people, lasts), (after, _) in itertools.pairwise(stages):
        entered = next((a for a in f.asked[number] if a["user"] in after), None)
        if entered is None or not people:
            continue
        carried = [s for s in f.sent[number] if s.kind == "carried" and s["user"] in people and s.at <= entered.at]
        failed = [
            s for s in f.sent[number] if s.at <= entered.at and (s.kind == "refused" or (s.kind == "receipt" and s["fate"] == "failed"))
        ]
        waited = max(entered.at - carried[0].at, f.on_the_stores_clock(carried[0].at, entered.at)) if carried else 0.0
        if waited < lasts - JUST and not failed:
            yield Violation(
                8, entered.at, f"{entered['user']} is asked for {number} {waited:.1f} s after the first page to {sorted(people)}"
            )


def _no_storm(f: _Facts, number: int) -> Iterator[Violation]:
    """After a stall the chain moves once: nobody gets page upon page."""
    lost = {s["page"] for s in f.sent[number] if s.kind in ("refused", "receipt") and s.facts.get("fate", "failed") == "failed"}
    if any(line["event"] == "incident.worsened" for line in f.timeline[number]):
        return
    last: dict[tuple[str, str], Seen] = {}
    for page in f.asked[number]:
        whom = (page["user"], page["provider"])
        before = last.get(whom)
        last[whom] = page
        if (
            before is None
            or before["page"] == page["page"]
            or before["page"] in lost
            or f.held_up(before["worker"], before.at - 12, page.at)
        ):
            continue
        if 0 < f.on_the_stores_clock(before.at, page.at) < 14.5:
            yield Violation(8, page.at, f"{page['user']} gets {page['page']} {page.at - before.at:.1f} s after {before['page']}")


def _8_a_phone_gets_no_more_than_it_may(f: _Facts) -> Iterator[Violation]:
    """Messages that were late to leave may meet those that were not; and a clock that jumps forward makes time of its own."""
    by_user: dict[str, list[Seen]] = defaultdict(list)
    for seen in f.history.of("message"):
        if seen["page"]:
            by_user[seen["user"]].append(seen)
    for user, messages in by_user.items():
        for first, last in zip(messages, messages[PHONE_GETS:], strict=False):
            between = [m for m in messages if first.at - 12 <= m.at <= last.at]
            stalled = any(f.held_up(m["worker"], m.at - 12, m.at) for m in between)
            if last.at - first.at < PHONE_WITHIN and not stalled and not any(first.at - 12 <= at <= last.at for at, _ in f.history.steps):
                yield Violation(8, last.at, f"{user} gets {PHONE_GETS + 1} messages in {last.at - first.at:.1f} s")


def _9_a_bad_config_never_replaces_a_good_one(f: _Facts) -> Iterator[Violation]:
    in_force: dict[str, str] = defaultdict(lambda: "first")
    for seen in f.history.of("config"):
        expected = in_force[seen["worker"]] if seen["wanted"] == "bad" else seen["wanted"]
        if seen["in_force"] != expected:
            yield Violation(9, seen.at, f"{seen['worker']} was given {seen['wanted']} and goes by {seen['in_force']}")
        in_force[seen["worker"]] = seen["in_force"]


def _10_edits_dont_rewrite_the_past(f: _Facts) -> Iterator[Violation]:
    changes = f.history.of("config")
    for number in f.states:
        opened, service = f.states[number][0], f.service(number)
        if service != "api" or any(line["event"] == "incident.worsened" for line in f.timeline[number]):
            continue
        by = {c["in_force"] for c in changes if c.at <= opened.at} | {"first"}
        latest = {worker: c["in_force"] for c in changes if c.at <= opened.at for worker in [c["worker"]]}
        if len(latest) == 2:
            by = set(latest.values())
        allowed = {LAST_RESORT}.union(*(people for version in by for people, _ in STAGES[version][service]))
        for page in f.asked[number]:
            if page["user"] not in allowed:
                yield Violation(10, page.at, f"{page['user']} is asked for {number}, which began when {sorted(by)} was in force")


def _10_who_is_on_call_is_asked_at_the_moment_of_paging(f: _Facts) -> Iterator[Violation]:
    said = f.history.of("override")
    for number, lines in f.timeline.items():
        entered = {line.at for line in lines if line["event"] == "stage.entered"}
        for line in lines:
            if line.at not in entered or line["event"] != "page.queued" or "on call in night" not in line["what"]:
                continue
            last = next((s for s in reversed(said) if s.at <= line.at), None)
            stands_in = line["what"].startswith(STAND_IN)
            if last is None and stands_in:
                yield Violation(10, line.at, f"{STAND_IN} is asked for {number}, and nobody said so")
            elif last is not None and stands_in != (last["action"] == "add") and f.healthy(last.at, line.at) > SOON:
                yield Violation(10, line.at, f"{line['what']}, for {number}, and at {last.at:.1f} it was said: {last['action']} {STAND_IN}")


def _11_every_decision_has_a_reason(f: _Facts) -> Iterator[Violation]:
    for number, states in f.states.items():
        lines = f.timeline[number]
        for line in lines:
            if not line["what"]:
                yield Violation(11, line.at, f"{line['event']} of {number} gives no reason")
        for state in states:
            if not any(abs(line.at - state.at) < 0.01 for line in lines):
                yield Violation(11, state.at, f"{number} became {state['state']}, and its timeline doesn't say why")
        for page in f.asked[number]:
            named = [line for line in lines if line["event"] == "page.queued" and page["user"] in line["what"] and line.at <= page.at]
            if not named:
                yield Violation(11, page.at, f"{page['user']} is asked for {number}, and its timeline doesn't say why")
    for end in f.ends.values():
        if end["state"] == "suppressed" and not end["reason"]:
            yield Violation(11, ENDS, f"{end['number']} is suppressed without a reason")


def _12_somebody_is_paged_when_the_pager_is_broken(f: _Facts) -> Iterator[Violation]:
    others = [x for x in f.history.faults if x.what in ("crash", "pause", "slow")]
    glass = [s.at for s in f.history.of("asked") if s["user"] == "glass"]
    downs = _union([(x.begins, x.ends) for x in f.history.faults if x.what == "down"])
    for begins, ends in downs:
        if any((a, b) != (begins, ends) and a - 6 <= ends and b + 6 >= begins for a, b in downs):
            continue  # back for a moment, which may have been seen or not
        told_by = begins + GLASS_AFTER + 5 + 4 + SOON
        disturbed = any(x.begins - 1 <= ends and x.ends + 1 >= begins for x in others)
        if ends > told_by and not disturbed and not any(begins <= at <= told_by for at in glass):
            yield Violation(12, told_by, f"the store was gone from {begins:.1f} to {ends:.1f}, and nobody was told by {told_by:.1f}")
    for reply in f.history.of("reply"):
        stood = any(line["who"] == reply["user"] and reply["since"] - JUST <= line.at <= reply.at for line in f.timeline[reply["number"]])
        if reply["done"] and not stood:
            yield Violation(12, reply.at, f"{reply['user']} was told '{reply['said']}', and nothing was recorded")
    for seen in f.history.of("failure"):
        if seen["where"] != "deliver":
            yield Violation(12, seen.at, f"a fault of our own: {seen}")


def _entry(id_: str) -> tuple[int, int]:
    ms, _, sequence = id_.partition("-")
    return int(ms), int(sequence)


def _entry_seconds(id_: str) -> float:
    """Seconds since the run's beginning, by the store's clock: the first entry's day is the run's."""
    return (_entry(id_)[0] - 1780362000000) / 1000


_PROMISES = (
    _1_nothing_accepted_is_lost,
    _1_what_a_silence_held_back_is_paged_when_it_ends,
    _1_what_a_storm_held_back_is_paged_when_it_is_over,
    _1_what_is_critical_is_named_in_a_storm,
    _1_what_waited_is_paged_in_the_morning,
    _2_what_nobody_looks_at_is_high,
    _2_every_open_incident_has_a_deadline,
    _3_in_a_storm_one_page_speaks_for_all,
    _3_low_urgency_lets_people_sleep,
    _3_nobody_is_paged_under_a_silence,
    _3_an_acknowledgement_stops_paging,
    _4_a_page_that_failed_is_not_a_page,
    _4_one_in_turn,
    _5_nobody_is_said_loudly,
    _6_almost_never_twice,
    _7_order_does_not_matter,
    _8_late_is_said_and_nobody_is_passed_over,
    _8_a_phone_gets_no_more_than_it_may,
    _9_a_bad_config_never_replaces_a_good_one,
    _10_edits_dont_rewrite_the_past,
    _10_who_is_on_call_is_asked_at_the_moment_of_paging,
    _11_every_decision_has_a_reason,
    _12_somebody_is_paged_when_the_pager_is_broken,
)
