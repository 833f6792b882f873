"""What is told about hand-offs, look by look, on a clock that is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pager.model.handoff import Handoff, Telling, Watched, telling
from pager.notify.handoffs import Handing, Kind, look
from pager.oncall.crews import Crew, at, stint

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
H, D = timedelta(hours=1), timedelta(days=1)
HOW = Telling(before=(D, H))


def week(*users: str, start: datetime = MONDAY - 7 * D, each: timedelta = 7 * D) -> tuple[Crew, ...]:
    """One after another; `-` is nobody, `ana+ben` both."""
    made = [Crew(start + k * each, start + (k + 1) * each, tuple(u for u in one.split("+") if u != "-")) for k, one in enumerate(users)]
    return (*made[:-1], Crew(made[-1].start, None, made[-1].users))


class Watch:
    """Looks, and keeps what it has said as `kind user`."""

    def __init__(self, crews: tuple[Crew, ...], how: Telling = HOW) -> None:
        self.crews, self.how = crews, how
        self.known: Watched | None = None
        self.said: list[Handing] = []

    def look(self, now: datetime) -> list[str]:
        self.known, said = look("s", self.how, self.crews, self.known, now)
        self.said += said
        return [f"{h.kind} {h.user}".strip() for h in said]


def test_who_comes_is_told_a_day_before_an_hour_before_and_at_it_and_who_goes_at_it() -> None:
    watch = Watch(week("ana", "ben"))
    told = {at: watch.look(MONDAY + at) for at in (-2 * D, -D - timedelta(minutes=1), -D, -2 * H, -H, -timedelta(seconds=1), 0 * H, H)}
    assert {at: said for at, said in told.items() if said} == {-D: ["soon ben"], -H: ["soon ben"], 0 * H: ["on ben", "off ana"]}
    assert [(h.start, h.end, h.others) for h in watch.said] == [
        (MONDAY, None, ("ana",)), (MONDAY, None, ("ana",)), (MONDAY, None, ("ana",)), (MONDAY, None, ("ben",))
    ]  # fmt: skip


def test_a_stall_over_all_the_moments_tells_the_present_and_nothing_that_makes_no_sense_any_more() -> None:
    watch = Watch(week("ana", "ben", "chandra"))
    watch.look(MONDAY - 3 * D)
    assert watch.look(MONDAY + H) == ["on ben", "off ana"]
    assert watch.look(MONDAY + 7 * D + 5 * H) == ["on chandra", "off ben"]
    other = Watch(week("ana", "ben"))
    other.look(MONDAY - 3 * D)
    assert other.look(MONDAY - timedelta(minutes=20)) == ["soon ben"], (
        "a day and an hour before are told as one, with the time that is left"
    )
    there_and_back = Watch(week("ana", "ben", "ana"))
    there_and_back.look(MONDAY - 3 * D)
    assert there_and_back.look(MONDAY + 8 * D) == []


def test_the_first_look_tells_nobody_that_they_have_just_come() -> None:
    assert Watch(week("ana", "ben")).look(MONDAY + D) == []
    assert Watch(week("ana", "-")).look(MONDAY + D) == []


def test_who_stays_is_not_told() -> None:
    watch = Watch(week("ana+ben", "ben+chandra"))
    watch.look(MONDAY - 2 * D)
    assert watch.look(MONDAY - H) == ["soon chandra"]
    assert watch.look(MONDAY) == ["on chandra", "off ana"]
    [_, on, off] = watch.said
    assert (on.others, off.others, off.crew) == (("ana",), ("chandra",), ("ben", "chandra"))


def test_an_override_after_the_notice_tells_the_new_person_and_the_one_who_was_told() -> None:
    watch = Watch(week("ana", "ben"))
    watch.look(MONDAY - D)
    watch.crews = week("ana", "dora")
    assert watch.look(MONDAY - 5 * H) == ["not_after_all ben", "soon dora"]
    assert watch.said[-2].others == ("dora",)
    watch.crews = week("ana", "ben")
    assert watch.look(MONDAY - 4 * H) == ["not_after_all dora", "soon ben"], "back again: both are told again"
    assert watch.look(MONDAY - 3 * H) == []


def test_who_was_told_is_told_that_the_times_have_changed() -> None:
    watch = Watch(week("ana", "ben", "ana"))
    watch.look(MONDAY - D)
    watch.crews = (Crew(MONDAY - 7 * D, MONDAY, ("ana",)), Crew(MONDAY, MONDAY + 3 * D, ("ben",)), Crew(MONDAY + 3 * D, None, ("ana",)))
    assert watch.look(MONDAY - 20 * H) == ["changed ben"]
    assert (watch.said[-1].before, watch.said[-1].end) == ((MONDAY, MONDAY + 7 * D), MONDAY + 3 * D)
    later = MONDAY + 2 * H
    watch.crews = (Crew(MONDAY - 7 * D, later, ("ana",)), Crew(later, MONDAY + 3 * D, ("ben",)), Crew(MONDAY + 3 * D, None, ("ana",)))
    assert watch.look(MONDAY - 19 * H) == ["changed ben"]
    assert watch.look(MONDAY - 18 * H) == []


def test_an_end_that_comes_into_sight_is_no_change() -> None:
    watch = Watch(week("ana", "ben"))
    watch.look(MONDAY - D)
    watch.crews = week("ana", "ben", "ana")
    assert watch.look(MONDAY - 20 * H) == []


def test_an_override_that_begins_now_is_a_hand_off() -> None:
    watch = Watch(week("ana", "ben"))
    watch.look(MONDAY - 3 * D)
    now = MONDAY - 2 * D
    watch.crews = (Crew(MONDAY - 7 * D, now - 3 * H, ("ana",)), Crew(now - 3 * H, MONDAY, ("dora",)), Crew(MONDAY, None, ("ben",)))
    assert watch.look(now) == ["on dora", "off ana"]


def test_who_was_told_and_is_taken_off_in_the_last_second_is_told_so() -> None:
    watch = Watch(week("ana", "ben"))
    watch.look(MONDAY - H)
    watch.crews = week("ana", "ana")
    assert watch.look(MONDAY + timedelta(seconds=1)) == ["not_after_all ben"]


def test_who_comes_sooner_than_they_were_told_is_told_once() -> None:
    watch = Watch(week("ana", "ben"))
    watch.look(MONDAY - D)
    watch.crews = (Crew(MONDAY - 7 * D, MONDAY - 6 * H, ("ana",)), Crew(MONDAY - 6 * H, None, ("ben",)))
    assert watch.look(MONDAY - 5 * H) == ["on ben", "off ana"]
    assert watch.look(MONDAY) == []


def test_nobody_from_now_on_is_told_even_where_hand_offs_themselves_are_not() -> None:
    watch = Watch(week("ana", "-", "ben"), Telling(before=(H,), at=False, channel="#ops"))
    watch.look(MONDAY - 3 * D)
    assert watch.look(MONDAY) == ["nobody"]
    [nobody] = watch.said
    assert (nobody.start, nobody.end, nobody.others, nobody.crew) == (MONDAY, MONDAY + 7 * D, ("ana",), ("ben",))
    assert watch.look(MONDAY + 7 * D) == []


def test_the_channel_is_told_once_and_of_nobody_in_its_own_words() -> None:
    watch = Watch(week("ana", "ben", "-"), Telling(before=(), channel="#ops"))
    watch.look(MONDAY - D)
    assert watch.look(MONDAY) == ["on ben", "off ana", "posted"]
    assert watch.look(MONDAY + 7 * D) == ["nobody", "off ben"]


def test_nothing_is_sent_after_it_is_of_use() -> None:
    watch = Watch(week("ana", "ben", "chandra"))
    watch.look(MONDAY - H)
    watch.look(MONDAY)
    assert [(h.kind, h.useless_after) for h in watch.said] == [(Kind.SOON, MONDAY), (Kind.ON, MONDAY + 7 * D), (Kind.OFF, None)]


def test_a_schedule_says_what_differs_from_the_settings() -> None:
    assert telling(None, None) is None
    assert telling(Handoff(off=True), Handoff()) is None
    assert telling(Handoff(before=()), Handoff(before=(D,), channel="#ops")) == Telling(before=(), channel="#ops")
    assert telling(None, Handoff(at=False)) == Telling(at=False)


# --- whatever happens -----------------------------------------------------------------------------------------------------------------
PEOPLE = st.lists(st.sampled_from(["ana", "ben", "chandra"]), max_size=2, unique=True).map(tuple)


@st.composite
def timelines(draw: st.DrawFn) -> tuple[Crew, ...]:
    """Six hours or so, from hour to hour."""
    found: list[Crew] = []
    for k, users in enumerate(draw(st.lists(PEOPLE, min_size=8, max_size=8))):
        if found and set(found[-1].users) == set(users):
            found[-1] = Crew(found[-1].start, MONDAY + (k + 1) * H, users)
        else:
            found.append(Crew(MONDAY + k * H, MONDAY + (k + 1) * H, users))
    return (*found[:-1], Crew(found[-1].start, None, found[-1].users))


@given(st.lists(timelines(), min_size=1, max_size=4), st.lists(st.integers(1, 100), min_size=1, max_size=25), st.data())
@settings(max_examples=150, deadline=None)
def test_what_people_were_told_last_is_so(versions: list[tuple[Crew, ...]], steps: list[int], data: st.DataObject) -> None:
    """Whatever changes, and whenever it is looked: what each person was told last about now is how it is, and a second look tells nothing."""
    how = Telling(before=(2 * H, timedelta(minutes=30)))
    watch, now = Watch(versions[0], how), MONDAY
    on: set[str] | None = None
    expects: set[tuple[str, datetime]] = set()  # who was told to come, and when
    for step in steps:
        now += timedelta(minutes=step)
        if now >= MONDAY + 8 * H:
            break
        watch.crews = data.draw(st.sampled_from(versions))
        before = len(watch.said)
        watch.look(now)
        present = set(watch.crews[at(watch.crews, now)].users)
        if on is None:
            on = set(present)
        for h in watch.said[before:]:
            match h.kind:
                case Kind.ON:
                    on.add(h.user)
                    expects -= {(u, s) for u, s in expects if u == h.user and h.start <= s and (h.end is None or s < h.end)}
                    assert h.start <= now
                case Kind.OFF:
                    on.discard(h.user)
                case Kind.SOON | Kind.CHANGED:
                    expects.discard((h.user, h.before[0] if h.before else h.start))
                    expects.add((h.user, h.start))
                    assert h.start > now
                case Kind.NOT_AFTER_ALL:
                    expects.remove((h.user, h.start))
        assert on == present
        for user, start in expects:
            if start > now:
                there = at(watch.crews, start)
                assert user in watch.crews[there].users, "told to come, and does not"
                assert stint(watch.crews, there, user)[0] <= start
        for last, coming in pairwise(watch.crews):
            if now < coming.start <= now + timedelta(minutes=30):
                assert all((user, coming.start) in expects for user in coming.users if user not in last.users), "comes, and does not know"
        assert watch.look(now) == []
