"""Connections to Redis or Valkey: bounded, and with one kind of error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from pager.ports import StoreUnavailable
from pager.store.scripts import Script

CONNECT_TIMEOUT = timedelta(seconds=2)
ANSWER_TIMEOUT = timedelta(seconds=5)
LONGEST_BLOCK = timedelta(seconds=10)
"""The longest that a blocking read may be asked to wait."""

Arg = str | bytes | int | float
Command = tuple[Arg, ...]


class Connection:
    """Commands go over one pool of connections, blocking reads over another, so that neither waits for the other. Replies are those of
    the wire (RESP2), as bytes. Every method raises StoreUnavailable for whatever goes wrong, be it the network or the server's refusal."""

    def __init__(self, commands: Redis, blocking: Redis) -> None:
        self._commands = _raw(commands)
        self._blocking = _raw(blocking)

    async def call(self, *command: Arg) -> Any:
        with _mapped():
            return await self._commands.execute_command(*command)  # type: ignore[no-untyped-call]

    async def pipe(self, commands: Sequence[Command], atomic: bool = False) -> list[Any]:
        """The replies, in order. `atomic`: as one transaction."""
        with _mapped():
            return await _piped(self._commands, commands, atomic)

    async def block(self, commands: Sequence[Command]) -> list[Any]:
        """Like `pipe`, for reads that wait at the server, up to LONGEST_BLOCK."""
        with _mapped():
            return await _piped(self._blocking, commands)

    async def run(self, script: Script, keys: Sequence[Arg], args: Sequence[Arg]) -> Any:
        """Run a script by its hash; a server that was restarted is given its text again."""
        with _mapped():
            try:
                return await self._commands.execute_command("EVALSHA", script.sha, len(keys), *keys, *args)  # type: ignore[no-untyped-call]
            except NoScriptError:  # surely not run
                return await self._commands.execute_command("EVAL", script.body, len(keys), *keys, *args)  # type: ignore[no-untyped-call]

    def subscription(self, channel: str) -> Subscription:
        return Subscription(self._blocking, channel)

    async def close(self) -> None:
        await self._commands.aclose()
        await self._blocking.aclose()


class Subscription:
    """Listening to one channel, on a connection of its own; for one listener at a time."""

    def __init__(self, client: Redis, channel: str) -> None:
        self._client = client
        self._channel = channel
        self._pubsub: PubSub | None = None

    async def heard(self, limit: timedelta) -> bool:
        """Whether anything was published since the last call, or is within `limit`. True right after subscribing, too: what came before
        was missed. Raises StoreUnavailable; the next call subscribes again."""
        try:
            with _mapped():
                if self._pubsub is None:
                    await self._subscribe()
                    return True
                heard = await self._pubsub.get_message(timeout=limit.total_seconds()) is not None
                while heard and await self._pubsub.get_message(timeout=0) is not None:
                    pass
                return heard
        except StoreUnavailable:
            await self.close()
            raise

    async def _subscribe(self) -> None:
        self._pubsub = self._client.pubsub()
        await self._pubsub.subscribe(self._channel)
        await self._pubsub.get_message(timeout=ANSWER_TIMEOUT.total_seconds())  # the confirmation

    async def close(self) -> None:
        pubsub, self._pubsub = self._pubsub, None
        if pubsub is not None:
            with suppress(RedisError, OSError):
                await pubsub.aclose()  # type: ignore[no-untyped-call]


def connect(url: str) -> Connection:
    """A connection to `redis://`, `rediss://` or `unix://`; opened at the first command. Raises ValueError for another scheme."""
    return Connection(_client(url, ANSWER_TIMEOUT), _client(url, LONGEST_BLOCK + ANSWER_TIMEOUT))


def socket_url(path: str) -> str:
    """The URL of a unix socket."""
    return f"unix://{quote(path)}"


def _client(url: str, answer: timedelta) -> Redis:
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=32,
        timeout=ANSWER_TIMEOUT.total_seconds(),
        socket_timeout=answer.total_seconds(),
        socket_connect_timeout=CONNECT_TIMEOUT.total_seconds(),
        protocol=2,
        # Whoever called knows whether doing it again is harmless: the client does not.
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


def _raw(client: Redis) -> Redis:
    """Without redis-py's own shapes for replies: they change with its releases, and cost time."""
    client.response_callbacks.clear()
    return client


async def _piped(client: Redis, commands: Sequence[Command], atomic: bool = False) -> list[Any]:
    async with client.pipeline(transaction=atomic) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        return await pipe.execute()


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except ResponseError as error:
        raise Refused(f"the store refuses: {error}") from error
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailable(f"the store can't be reached: {error}") from error


class Refused(StoreUnavailable):
    """The server answered, with an error. `is_about` tells by the code its message begins with."""

    def is_about(self, code: str) -> bool:
        return code in str(self.__cause__)
