"""The signed link of an email, and the page behind it."""

from __future__ import annotations

import asyncio
import hashlib
import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer
from msgspec.structs import replace

from pager.advance import TooManyConflicts
from pager.model.event import Reply, ReplyAction
from pager.model.incident import State
from pager.ports import StoreUnavailable
from pager.web.links import ReplyLinks, _serializer
from pager.web.reply import ReplyPages
from tests.unit.web.house import Answered, House, Log, call, served

NOW = datetime(2026, 6, 2, 1, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
BASE = "https://pager.example.com"
TOKEN = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)


def links(*keys: str, base: str = BASE, lasts: timedelta = WEEK) -> ReplyLinks:
    return ReplyLinks(lambda: keys, lambda: base, lambda: lasts)


def token(url: str) -> str:
    head, _, found = url.rpartition("/")
    assert head == f"{BASE}/reply"
    return found


# --- links ----------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("user", ["ana", "Ána Ruiz", "", "a.b", "x" * 200])
def test_a_link_says_who_what_and_until_when(user: str) -> None:
    made = token(links("k1").make(42, 3, user, NOW))
    assert TOKEN.fullmatch(made), "no mail program breaks it"
    link = links("k1").read(made)
    assert link is not None
    assert (link.incident, link.page, link.user, link.expires) == (42, 3, user, NOW + WEEK)


def test_a_link_is_read_also_when_it_has_expired() -> None:
    link = links("k1").read(token(links("k1", lasts=-WEEK).make(42, 3, "ana", NOW)))
    assert link is not None
    assert link.expires == NOW - WEEK


def test_without_a_public_url_or_a_key_there_is_no_link() -> None:
    assert links("k1", base="").make(1, 1, "ana", NOW) == links().make(1, 1, "ana", NOW) == links("").make(1, 1, "ana", NOW) == ""
    assert links("k1", base=f"{BASE}/").make(1, 1, "ana", NOW) == links("k1").make(1, 1, "ana", NOW)


def test_a_link_belongs_to_its_page_person_and_time_alone() -> None:
    made = [
        links("k1").make(*of)
        for of in ((1, 1, "ana", NOW), (2, 1, "ana", NOW), (1, 2, "ana", NOW), (1, 1, "ben", NOW), (1, 1, "ana", NOW + WEEK))
    ]
    ids = [link.id for url in made if (link := links("k1").read(token(url)))]
    assert len({*made}) == len({*ids}) == 5


def test_whatever_is_changed_in_a_link_it_is_none_or_still_the_same() -> None:
    made = token(links("k1").make(42, 3, "ana", NOW))
    link = links("k1").read(made)
    assert link is not None
    signed = made.index(".")
    for at in range(len(made)):
        for other in "A_z0.~":
            found = links("k1").read(made[:at] + other + made[at + 1 :])
            assert found is None or (other == made[at]) or (found == link and at > signed), (at, other)
    for odd in (f"{made}==", f"{made[:-3]}!!!!{made[-3:]}", made[:-1] + chr(ord(made[-1]) + 1)):
        assert links("k1").read(odd) in (None, link), "written another way, it must not act a second time"


def test_a_link_that_was_cut_is_none() -> None:
    made = token(links("k1").make(42, 3, "ana", NOW))
    assert not any(links("k1").read(made[:end]) for end in range(len(made)))
    assert not any(links("k1").read(made[start:]) for start in range(1, len(made)))


@given(st.text(st.characters(), max_size=40) | st.text("abcAB01-_.", max_size=40))
def test_no_text_is_a_link_and_none_raises(text: str) -> None:
    assert links("k1").read(text) is None
    assert links().read(text) is links("").read(text) is None


def test_a_link_of_another_key_or_for_another_use_is_none() -> None:
    made = links("k2").make(42, 3, "ana", NOW)
    assert links("k1").read(token(made)) is None
    as_ours = {"digest_method": hashlib.sha256}
    foreign = URLSafeSerializer("k1", salt="another-use", signer_kwargs=as_ours).dumps([42, 3, "ana", 2_000_000_000])
    assert links("k1").read(str(foreign)) is None


def test_an_empty_key_signs_for_nobody() -> None:
    forged = ReplyLinks(lambda: ["\0"], lambda: BASE, lambda: WEEK)
    assert links("", "k1").make(42, 3, "ana", NOW) == links("k1").make(42, 3, "ana", NOW)
    assert links("", "k1").read(token(forged.make(42, 3, "ana", NOW))) is None
    assert links("").read(str(_signed("", [42, 3, "ana", 2_000_000_000]))) is None


@pytest.mark.parametrize("content", [[], [1, 2], "abcd", {"a": 1, "b": 2, "c": 3, "d": 4}, 5, None, ["1", 2, "ana", 9], [1, 2, 3, 9],
                                     [1, 2, "ana", "x"], [1, 2, "ana", 1e400], [1, 2, "ana", 10**20], [1, None, "ana", 9]])  # fmt: skip
def test_what_was_signed_and_is_no_link_is_none(content: Any) -> None:
    assert links("k1").read(str(_signed("k1", content))) is None


def _signed(key: str, content: Any) -> str | bytes:
    """Signed as links are, whatever it is."""
    return _serializer([key]).dumps(content)


def test_keys_can_be_replaced_and_the_first_one_signs() -> None:
    old = token(links("k1").make(42, 3, "ana", NOW))
    new = token(links("k2", "k1").make(42, 3, "ana", NOW))
    assert links("k2", "k1").read(old) == links("k2", "k1").read(new) is not None
    assert (links("k2").read(new) is not None, links("k1").read(new)) == (True, None)
    assert links("k2").read(old) is None, "worthless without its key"


# --- pages ----------------------------------------------------------------------------------------------------------------------------
class Mail:
    """Ana's email about incident 1, and the page behind its link."""

    def __init__(self) -> None:
        self.house = House()
        self.links = ReplyLinks(lambda: ["k1"], lambda: BASE, lambda: WEEK)
        pages = ReplyPages(self.links, self.house.ports.incidents, self.house.door, lambda: self.house.rules)
        self.app = served(reply=pages)
        self.token = self.link()

    def link(self, incident: int = 1, user: str = "ana", page: int = 1) -> str:
        return token(self.links.make(incident, page, user, self.house.store.clock.now))

    async def get(self, of: str = "") -> Answered:
        return await call(self.app, "GET", f"/reply/{of or self.token}")

    async def post(self, action: str = "acknowledge", of: str = "", **more: str) -> Answered:
        return await self.send("&".join(f"{k}={quote(v)}" for k, v in {"action": action, **more}.items()).encode(), of)

    async def send(self, body: bytes, of: str = "") -> Answered:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return await call(self.app, "POST", f"/reply/{of or self.token}", body, headers=headers)

    @property
    def state(self) -> State:
        return self.house.store.incidents[1].state

    def everything(self) -> str:
        store = self.house.store
        return repr(
            (store.incidents, store.records, store.scores, store.logs, store.audit, store._kept.keys(), [o.entries for o in store.outboxes])
        )


@pytest.fixture
async def mail() -> Mail:
    mail = Mail()
    await mail.house.alert()
    return mail


def forms(page: Answered) -> list[str]:
    return re.findall(r'<form method="post">\s*<input type="hidden" name="action" value="(\w+)">', page.text)


def is_private(answer: Answered) -> bool:
    """What stands behind a secret address is not kept, not told to others, and runs nothing."""
    headers = answer.headers
    assert (headers["cache-control"], headers["referrer-policy"], headers["x-content-type-options"]) == (
        "no-store",
        "no-referrer",
        "nosniff",
    )
    assert headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["form-action"], policy["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert "script-src" not in policy
    assert not re.search(r"<script|javascript:|\son\w+=|<img|<iframe|\ssrc=", answer.text, re.IGNORECASE)
    return True


async def test_a_look_shows_the_incident_and_a_form_for_each_answer(mail: Mail) -> None:
    page = await mail.get()
    assert (page.status, is_private(page)) == (200, True)
    assert forms(page) == ["acknowledge", "resolve", "escalate", "snooze"]
    assert page.text.count("<form") == page.text.count("<button") == 4
    assert "disk full" in page.text
    assert "You answer as Ana Ruiz." in page.text


async def test_however_often_a_link_is_opened_nothing_changes(mail: Mail) -> None:
    before = mail.everything()
    for _ in range(5):
        assert (await mail.get()).status == 200
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE"):
        await call(mail.app, method, f"/reply/{mail.token}")
    assert (await call(mail.app, "GET", f"/reply/{mail.token}", b"action=resolve")).status == 200
    assert mail.everything() == before


async def test_a_press_acts_once_and_another_action_still_works(mail: Mail) -> None:
    page = await mail.post("acknowledge")
    assert (page.status, is_private(page), mail.state) == (200, True, State.ACKNOWLEDGED)
    assert "Acknowledged 1." in page.text
    assert forms(page) == ["resolve", "escalate", "snooze"]
    incident = mail.house.store.incidents[1]
    assert (incident.acknowledged_by, [e.who for e in mail.house.store.logs[1] if e.event == "incident.acknowledged"]) == ("ana", ["ana"])

    before = mail.everything()
    again = await mail.post("acknowledge")
    assert (again.status, is_private(again), mail.everything()) == (409, True, before)
    assert "Taken before" in again.text

    page = await mail.post("resolve")
    assert (page.status, forms(page), mail.state) == (200, [], State.RESOLVED)
    assert (await mail.post("resolve")).status == 409
    assert (await mail.get()).status == 200
    assert mail.house.counted('pagerd_replies_total{channel="email",result="done"} 2.0')


async def test_two_presses_at_once_are_one(mail: Mail) -> None:
    both = await asyncio.gather(mail.post("escalate"), mail.post("escalate"))
    assert sorted(page.status for page in both) == [200, 409]
    assert [e.event for e in mail.house.store.logs[1]].count("incident.escalated") == 1


async def test_a_link_written_another_way_does_not_act_again(mail: Mail) -> None:
    assert (await mail.post("escalate")).status == 200
    assert (await mail.post("escalate", of=f"{mail.token}%3D%3D")).status in (403, 409)
    assert (await mail.post("escalate", of=f"{mail.token[:-3]}!!!!{mail.token[-3:]}")).status in (403, 409)
    assert [e.event for e in mail.house.store.logs[1]].count("incident.escalated") == 1


async def test_two_people_answer_by_their_own_links(mail: Mail) -> None:
    assert (await mail.post("escalate")).status == 200
    page = await mail.post("acknowledge", of=mail.link(user="ben", page=2))
    assert "You answer as Ben Okafor." in page.text
    assert mail.house.store.incidents[1].acknowledged_by == "ben"
    late = await mail.post("acknowledge")
    assert (late.status, "Ben Okafor already had it" in late.text or "ben already had it" in late.text) == (200, True)


@pytest.mark.parametrize("span", ["30m", "1h", "8h"])
async def test_a_snooze_says_how_long(mail: Mail, span: str) -> None:
    assert f"<option>{span}</option>" in (page := await mail.get()).text.replace(" selected", ""), page
    assert (await mail.post("snooze", duration=span)).status == 200
    assert mail.state is State.SNOOZED


# --- no ---------------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "body",
    [
        b"", b"action=", b"action=explode", b"action=ACKNOWLEDGE", b"action=note&text=x", b"action=assign&target=user:ben", b"acknowledge",
        b'{"action": "acknowledge"}', b"\xff\xfe=\xff", b"action=acknowledge%00", b"action=snooze", b"action=snooze&duration=soon",
        b"action=snooze&duration=0m", b"action=snooze&duration=-1h", b"action=snooze&duration=99999d", b"action=snooze&duration=8d",
    ],
)  # fmt: skip
async def test_what_is_no_answer_of_this_page_does_nothing(mail: Mail, body: bytes) -> None:
    page = await mail.send(body)
    assert (page.status, is_private(page), mail.state) == (400, True, State.TRIGGERED)
    assert len(forms(page)) == 4, "choose again"
    assert (await mail.post("snooze", duration="1h")).status == 200, "the link has not been used up"


async def test_a_form_that_is_too_large_or_breaks_off_does_nothing(mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    before = mail.everything()
    assert (await mail.send(b"action=acknowledge&x=" + b"x" * 5000)).status == 400
    for rest in ("gone", "stuck"):
        monkeypatch.setattr("pager.web.bodies._PATIENCE", 0.005)
        page = await call(mail.app, "POST", f"/reply/{mail.token}", b"action=acknowledge", headers={"content-length": "30"}, rest=rest)
        assert page.status == 400
    assert mail.everything() == before


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_link_that_is_none_of_ours_says_nothing_of_the_incident(mail: Mail, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()
    monkeypatch.setattr("pager.web.reply.log", log)
    mail.house.store.down = True  # nobody is asked
    foreign = token(ReplyLinks(lambda: ["k2"], lambda: BASE, lambda: WEEK).make(1, 1, "ana", NOW))
    for forged in (foreign, mail.token[:-5], mail.token[1:], "x", "%00", "%ED%A0%80", "." * 3000):
        page = await call(mail.app, method, f"/reply/{forged}", *([b"action=resolve"] if method == "POST" else []))
        assert (page.status, is_private(page), "disk full" in page.text) == (403, True, False)
    assert (mail.state, len(log.said)) == (State.TRIGGERED, 7)
    assert mail.token[:-5] not in str(log.said)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_link_has_its_time_by_the_clock_of_the_store(mail: Mail, method: str) -> None:
    mail.house.store.clock.advance(WEEK - timedelta(seconds=1))
    assert (await mail.get()).status == 200
    mail.house.store.clock.advance(timedelta(seconds=1))
    page = await mail.get() if method == "GET" else await mail.post("acknowledge")
    assert (page.status, is_private(page), "disk full" in page.text, mail.state) == (410, True, False, State.TRIGGERED)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_whoever_left_the_config_sees_and_does_nothing(mail: Mail, method: str) -> None:
    others = {name: person for name, person in mail.house.rules.config.users.items() if name != "ana"}
    mail.house.rules = House.rules_of(replace(mail.house.rules.config, users=others))
    page = await mail.get() if method == "GET" else await mail.post("acknowledge")
    assert (page.status, is_private(page), "disk full" in page.text, mail.state) == (403, True, False, State.TRIGGERED)


async def test_an_incident_that_is_not_kept_any_more_is_a_410(mail: Mail) -> None:
    for page in (await mail.get(mail.link(incident=99)), await mail.post("resolve", of=mail.link(incident=99))):
        assert (page.status, is_private(page), "99" in page.text) == (410, True, True)


# --- trouble ----------------------------------------------------------------------------------------------------------------------------
class Slow:
    """A store that takes `free` more exchanges, and then hangs or is gone."""

    def __init__(self, mail: Mail, free: int, fault: Exception | None) -> None:
        self.free, self.fault = free, fault
        incidents: Any = mail.house.ports.incidents
        self.by_number, self.commit = incidents.by_number, incidents.commit
        incidents.by_number, incidents.commit = self._wrapped(self.by_number), self._wrapped(self.commit)

    def _wrapped(self, call: Any) -> Any:
        async def wrapped(*args: Any) -> Any:
            self.free -= 1
            if self.free < 0 and self.fault is not None:
                raise self.fault
            if self.free < 0:
                await asyncio.Event().wait()
            return await call(*args)

        return wrapped


@pytest.mark.parametrize("fault", [StoreUnavailable("gone"), None])
@pytest.mark.parametrize("free", range(5))
async def test_a_reply_that_could_not_be_stored_says_so_and_one_that_was_does_not(
    mail: Mail, free: int, fault: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pager.web.reply._STORED_WITHIN", 0.005)
    Slow(mail, free, fault)
    page = await mail.post("acknowledge")
    assert is_private(page)
    recorded = mail.state is State.ACKNOWLEDGED
    assert (page.status, "NOT recorded" in page.text) == ((200, False) if recorded else (503, True))
    assert recorded == (free == 4)
    assert ("Acknowledged 1." in page.text) == recorded
    assert ("retry-after" in page.headers) != recorded


@pytest.mark.parametrize("fault", [TooManyConflicts("1 events"), ValueError("a fault of our own")])
async def test_a_fault_of_our_own_is_no_yes_either(mail: Mail, fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()
    monkeypatch.setattr("pager.web.reply.log", log)
    Slow(mail, 1, fault)
    page = await mail.post("acknowledge")
    assert (page.status, is_private(page), "NOT recorded" in page.text, mail.state) == (500, True, True, State.TRIGGERED)
    assert "fault of our own" not in page.text
    assert len(log.said) == 1


@pytest.mark.parametrize("fault", [StoreUnavailable("gone"), None])
async def test_a_look_without_a_store_says_that_it_is_gone(mail: Mail, fault: Exception | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pager.web.reply._STORED_WITHIN", 0.005)
    Slow(mail, 0, fault)
    page = await mail.get()
    assert (page.status, is_private(page), "store" in page.text, "retry-after" in page.headers) == (503, True, True, True)


async def test_what_was_not_recorded_can_be_said_again(mail: Mail) -> None:
    mail.house.store.down = True
    assert "NOT recorded" in (await mail.post("acknowledge")).text
    mail.house.store.down = False
    assert (await mail.post("acknowledge")).status == 200


# --- what others wrote -------------------------------------------------------------------------------------------------------------------
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}'


async def test_no_text_from_outside_is_markup() -> None:
    mail = Mail()
    links = f'[{{"href": "javascript:alert(1)", "text": "x"}}, {{"href": "https://e.example/\\"onclick=\\"x", "text": "{html.escape(HOSTILE)}<b>"}}]'
    await mail.house.alert(
        summary=HOSTILE, source=HOSTILE, component=HOSTILE, zone=HOSTILE, links=links, client=HOSTILE, client_url="data:text/html,x"
    )
    await mail.house.door.reply(1, _note(HOSTILE))
    for page in (await mail.get(), await mail.post("acknowledge")):
        assert page.status == 200
        assert "<script" not in page.text
        assert not re.search(r"<img|<b>|href=\"(?!https://)|\sonclick=", page.text)
        assert page.text.count(html.escape("<script>alert(1)</script>")) >= 4
        assert [link.split("/")[2][:9] for link in re.findall(r'href="([^"]*)"', page.text)] == ["e.example"]
        assert "{{ 7*7 }}" in html.unescape(page.text)


def _note(text: str) -> Reply:
    return Reply(action=ReplyAction.NOTE, by="ben", via="cli", text=text)


async def test_a_name_is_no_markup_either(mail: Mail) -> None:
    people = mail.house.rules.config.users
    mail.house.rules = House.rules_of(replace(mail.house.rules.config, users={**people, "ana": replace(people["ana"], name="<b>Ana</b>")}))
    assert "You answer as &lt;b&gt;Ana&lt;/b&gt;." in (await mail.get()).text
