"""Keys of integrations, and bodies of requests: whatever shape they come in."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from starlette.requests import Request
from starlette.types import Message

from pager.model.config import Config
from pager.model.service import Integration
from pager.web.bodies import ClientDisconnect, TooLarge, TooSlow, body_of
from pager.web.keyring import Keyring


# --- keys -----------------------------------------------------------------------------------------------------------------------------
def config(**keys: str) -> Config:
    return Config(integrations={name: Integration(name=name, kind="generic", key=key) for name, key in keys.items()})


def test_a_key_finds_its_integration_and_no_part_of_it_does() -> None:
    keyring = Keyring(lambda: CONFIG)
    assert [found.name if (found := keyring.find("generic", key)) else None for key in ("abcd", "wxyz", "ключ")] == ["a", "b", "c"]
    for wrong in ("", "abc", "abcde", "ABCD", " abcd", "abcd\0", "abcd\ud800", "\ud800", "ключи"):
        assert keyring.find("generic", wrong) is None, wrong


CONFIG = config(a="abcd", b="wxyz", c="ключ")


@given(st.text(st.characters(), max_size=20), st.text(max_size=5))
@example("abcd\udcff", "generic")
@example("x" * 100_000, "generic")
def test_no_wrong_key_raises(key: str, kind: str) -> None:
    found = Keyring(lambda: CONFIG).find(kind, key)
    assert (found is not None) == (kind == "generic" and key in ("abcd", "wxyz", "ключ"))


def test_who_has_no_key_is_found_by_none() -> None:
    assert Keyring(lambda: config(a="")).find("generic", "") is None


def test_a_key_opens_its_kind_only_and_two_kinds_may_share_one() -> None:
    both = {kind: Integration(name=kind, kind=kind, key="same") for kind in ("generic", "alertmanager")}
    both |= {key: Integration(name=key, kind=kind, key=key) for kind, key in (("data", "dogs"), ("datadog", "s"))}
    keyring = Keyring(lambda: Config(integrations=both))
    assert (keyring.find("generic", "same"), keyring.find("alertmanager", "same")) == (both["generic"], both["alertmanager"])
    assert keyring.find("events-v2", "same") is None
    assert (keyring.find("data", "dogs"), keyring.find("datadog", "s")) == (both["dogs"], both["s"])
    assert keyring.find("gen", "ericsame") is keyring.find("generic\0sa", "me") is None


def test_a_reload_takes_keys_out_and_brings_others_in() -> None:
    current = config(a="old", b="stays")
    keyring = Keyring(lambda: current)
    assert keyring.find("generic", "old")
    current = replace(current, integrations={**config(a="new").integrations, "b": current.integrations["b"]})
    assert [bool(keyring.find("generic", key)) for key in ("old", "new", "stays")] == [False, True, True]


class Sealed(str):
    """A text that can't be compared, nor looked up as it is."""

    def __eq__(self, _: object) -> NoReturn:
        raise AssertionError("compared in a time that tells")

    __ne__ = __eq__

    def __hash__(self) -> NoReturn:
        raise AssertionError("looked up as it is")


def test_keys_are_never_compared_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bool] = []

    def compare_digest(one: bytes, other: bytes) -> bool:
        compared.append(one == other)
        return one == other

    monkeypatch.setattr("pager.web.keyring.hmac.compare_digest", compare_digest)
    keyring = Keyring(lambda: sealed)
    sealed = config(a=Sealed("abcd"))
    assert keyring.find("generic", Sealed("abcd")) is sealed.integrations["a"]
    assert keyring.find("generic", Sealed("abce")) is None
    assert compared == [True], "what was looked up is compared once more"


def test_each_process_has_its_own_digests() -> None:
    one, other = Keyring(lambda: CONFIG), Keyring(lambda: CONFIG)
    one.find("generic", "abcd")
    other.find("generic", "abcd")
    assert one._known.keys().isdisjoint(other._known)


# --- bodies ---------------------------------------------------------------------------------------------------------------------------
def request(*messages: Message, length: str | None = None) -> Request:
    coming = list(messages)

    async def receive() -> Message:
        assert coming, "read on"
        return coming.pop(0)

    headers: list[Any] = [] if length is None else [(b"content-length", length.encode("latin-1"))]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


def part(body: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize("length", [None, "10", "0", "", "-1", "+10", "1_0", "ten", "²", "10, 10", "0" * 30 + "10", "0" * 5000 + "10"])
async def test_a_body_is_what_came_whatever_length_was_said(length: str | None) -> None:
    assert await body_of(request(part(b"01234"), part(b""), part(b"56789", more=False), length=length), 10) == b"0123456789"


@pytest.mark.parametrize("length", ["11", "1" * 25, "9" * 5000, "011"])
async def test_what_is_said_to_be_too_large_is_not_read(length: str) -> None:
    with pytest.raises(TooLarge):
        await body_of(request(length=length), 10)


async def test_what_is_too_large_is_not_read_to_its_end() -> None:
    with pytest.raises(TooLarge):
        await body_of(request(part(b"0" * 6), part(b"0" * 5), length="3"), 10)


async def test_whoever_hangs_up_in_the_middle_has_sent_nothing() -> None:
    with pytest.raises(ClientDisconnect):
        await body_of(request(part(b"01234"), {"type": "http.disconnect"}, length="10"), 10)


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("pager.web.bodies._PATIENCE", 0.001)
    with pytest.raises(TooSlow):
        await body_of(Request({"type": "http", "method": "POST", "path": "/", "headers": []}, silence), 10)
