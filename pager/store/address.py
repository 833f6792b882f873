"""Where a server is and how it lets us in, read from a URL with the options that redis-py's URLs have."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import msgspec

from pager.ports import StoreUnavailable
from pager.store.wire import Command, ReplyError, Wire

CONNECT_TIMEOUT = timedelta(seconds=2)
SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
_PORT, _SENTINEL_PORT = 6379, 26379
_VERIFIES = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_OPTIONS = (
    "db", "username", "password", "sentinel_username", "sentinel_password", "ssl_ca_certs", "ssl_ca_path", "ssl_ca_data", "ssl_cert_reqs",
    "ssl_certfile", "ssl_keyfile", "ssl_password", "ssl_check_hostname",
)  # fmt: skip


class Login(msgspec.Struct, frozen=True):
    """How a server lets us in. `tls` is an ssl.SSLContext, or None."""

    username: str = ""
    password: str = ""
    db: int = 0
    tls: Any = None

    def commands(self) -> list[Command]:
        said: list[Command] = []
        if self.password or self.username:
            said.append(("AUTH", self.username, self.password) if self.username else ("AUTH", self.password))
        if self.db:
            said.append(("SELECT", self.db))
        return said


class Address(msgspec.Struct, frozen=True):
    """A unix socket where `path` is given."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"


class Place(msgspec.Struct, frozen=True):
    """What a URL says. `kind` is `server`, `sentinel` or `cluster`; the addresses are those of servers to ask, of `kind`."""

    kind: str
    addresses: tuple[Address, ...]
    login: Login = Login()
    master: str = ""
    sentinel_login: Login = Login()


def read_url(url: str) -> Place:
    """Raises ValueError, in words without the URL's secrets."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if parts.scheme not in SCHEMES:
        raise ValueError(f"the address of the store begins with {', '.join(f'{s}://' for s in SCHEMES)} or is `embedded`")
    if unknown := sorted(options.keys() - set(_OPTIONS)):
        raise ValueError(f"the address of the store has an unknown option {unknown[0]!r}: {', '.join(_OPTIONS)}")
    if parts.scheme == "unix":
        return Place("server", (Address(path=unquote(parts.netloc.rpartition("@")[2] + parts.path)),), _login(parts.netloc, options, None))
    kind = parts.scheme.partition("+")[2] or "server"
    tls = _tls(options) if parts.scheme.startswith("rediss") else None
    words = [unquote(word) for word in parts.path.split("/") if word]
    master = words.pop(0) if kind == "sentinel" and words else ""
    if kind == "sentinel" and not master:
        raise ValueError("redis+sentinel://HOST:PORT,HOST:PORT/NAME needs the name under which the sentinels know the master")
    if kind != "cluster" and words:
        options.setdefault("db", words[0])
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if kind == "server" and len(hosts) > 1:
        raise ValueError("redis:// has one host; several are redis+sentinel:// or redis+cluster://")
    addresses = tuple(_host(host, _SENTINEL_PORT if kind == "sentinel" else _PORT) for host in hosts)
    sentinel = Login(options.get("sentinel_username", ""), options.get("sentinel_password", ""), tls=tls)
    return Place(kind, addresses, _login(parts.netloc, options, tls), master, sentinel)


def socket_url(path: str) -> str:
    """The URL of a unix socket."""
    return f"unix://{quote(path)}"


async def reach(address: Address, login: Login, wire: Wire, *asks: Command) -> list[Any]:
    """Connect, and be let in; within CONNECT_TIMEOUT. The replies to `asks`, errors among them. Raises StoreUnavailable."""
    loop = asyncio.get_running_loop()
    first = login.commands()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT.total_seconds()):
            if address.path:
                await loop.create_unix_connection(lambda: wire, address.path)
            else:
                transport, _ = await loop.create_connection(lambda: wire, address.host, address.port, ssl=login.tls)
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            replies = await wire.ask([*first, *asks])
    except TimeoutError:
        wire.end("no answer in time")
        raise StoreUnavailable(f"the store can't be reached: {address} did not answer within {CONNECT_TIMEOUT.seconds} s") from None
    except OSError as error:  # an SSLError is one, too
        raise StoreUnavailable(f"the store can't be reached: {address}: {error}") from error
    except BaseException:
        wire.end("given up")
        raise
    for reply in replies[: len(first)]:
        if isinstance(reply, ReplyError):
            wire.end(str(reply))
            raise StoreUnavailable(f"the store lets nobody in: {address}: {reply}")
    return replies[len(first) :]


async def ask_once(address: Address, login: Login, asks: Sequence[Command]) -> list[Any]:
    """The replies over a connection for only this. Raises StoreUnavailable."""
    wire = Wire(CONNECT_TIMEOUT)
    try:
        return await reach(address, login, wire, *asks)
    finally:
        wire.end("done")


def _host(text: str, port: int) -> Address:
    """`host`, `host:port`, `[v6]:port`."""
    try:
        parts = urlsplit(f"//{text}")
        return Address(parts.hostname or "localhost", parts.port or port)
    except ValueError:
        raise ValueError(f"the address of the store has a part that is no HOST:PORT: {text!r}") from None


def _login(netloc: str, options: Mapping[str, str], tls: ssl.SSLContext | None) -> Login:
    userinfo, _, _ = netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    db = options.get("db", "0")
    if not db.isdecimal():
        raise ValueError(f"the address of the store names the database {db!r}: it is a number")
    return Login(
        unquote(username) or options.get("username", ""), unquote(password) or options.get("password", ""), int(db), tls
    )  # fmt: skip


def _tls(options: Mapping[str, str]) -> ssl.SSLContext:
    verify = options.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if verify not in _VERIFIES:
        raise ValueError(f"ssl_cert_reqs is one of {', '.join(_VERIFIES)}")
    try:
        context = ssl.create_default_context(
            cafile=options.get("ssl_ca_certs"), capath=options.get("ssl_ca_path"), cadata=options.get("ssl_ca_data")
        )
        context.check_hostname = verify == "required" and options.get("ssl_check_hostname", "true").lower() in ("true", "1", "yes")
        context.verify_mode = _VERIFIES[verify]
        if certificate := options.get("ssl_certfile"):
            context.load_cert_chain(certificate, options.get("ssl_keyfile"), options.get("ssl_password"))
    except OSError as error:
        raise ValueError(f"the store's TLS options: {error}") from error
    return context
