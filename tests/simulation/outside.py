"""Providers that carry, refuse, hang and lie; and people who answer, or don't."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from pager.model.event import Fault, Reply, ReplyAction
from pager.model.snapshot import FOLD
from pager.ports import Fate, GiveUp, Message, SendResult, Sent, Status, StoreUnavailable, TryAgain
from tests.simulation.installation import GLASS, PEOPLE
from tests.simulation.plan import TROUBLE_ENDS, chance

if TYPE_CHECKING:
    from tests.simulation.workers import Worker
    from tests.simulation.world import World

_TIMEOUT = 10.0
_FAULTS = {"provider": Fault.PROVIDER, "address": Fault.ADDRESS, "again_once": Fault.AGAIN_ONCE}


class Provider:
    """The port Channel, as a vendor would behave; `worker` says who asks."""

    def __init__(self, world: World, name: str, kind: str) -> None:
        self._world = world
        self.name, self.kind = name, kind
        self.accepted: dict[str, tuple[str, Message, datetime]] = {}
        self.outages: list[tuple[float, float, str]] = []
        self._asked: dict[str, int] = {}
        self._dead: set[str] = set()  # receipts of what did not arrive

    async def send(self, message: Message, worker: Worker) -> SendResult:
        world, now = self._world, self._world.loop.time()
        pages = self._pages(message, worker)
        world.note("message", **pages[0])
        for facts in pages:
            world.note("asked", **facts, text=message.text, read_at=round(worker.read_at, 3))
        how = next((how for begins, ends, how in self.outages if begins <= now < ends), "works")
        if how == "works" and now < TROUBLE_ENDS:
            how = self._chance(message, "way").choices(("works", "provider", "busy", "slow"), (30, 1, 1, 3))[0]
        result = await self._result(how, message)
        for facts in pages:
            if isinstance(result, Sent):
                world.note("carried", **facts)
            else:
                after = result.after.total_seconds() if isinstance(result, TryAgain) else 0.0
                world.note("refused", **facts, why=result.why, again_after=after)
        if isinstance(result, Sent):
            world.people.got(message, worker)
        return result

    async def _result(self, how: str, message: Message) -> SendResult:
        match how:
            case "busy":
                return TryAgain(timedelta(seconds=self._chance(message, "busy").choice((1, 3, 8))), "429")
            case "hangs":
                await asyncio.sleep(_TIMEOUT)
                return GiveUp("no answer", Fault.PROVIDER)
            case "raises":
                for facts in self._pages(message, None):
                    self._world.note("refused", **facts, why="raised", again_after=0.0)
                raise RuntimeError("a fault of the adapter")
            case "slow":
                await asyncio.sleep(self._chance(message, "slow").uniform(0.2, 6))
            case "doubtful":  # its answer is lost and the look-up finds it, as the adapters do
                await asyncio.sleep(_TIMEOUT / 2)
            case "provider" | "address" | "again_once":
                return GiveUp(how, _FAULTS[how])
        return self._accept(message)

    def _accept(self, message: Message) -> Sent:
        receipt = f"{self.name}-{len(self.accepted) + 1}"
        self.accepted[receipt] = (message.id or message.text, message, self._world.clock.now)
        expects = self.kind == "twilio" and bool(message.id)
        if expects:
            self._world.spawn(self._receipts(message, receipt))
        return Sent(receipt, expects_receipt=expects)

    async def _receipts(self, message: Message, receipt: str) -> None:
        """By whichever worker is there, as a webhook reaches it; sometimes twice, sometimes never."""
        fate = self._fate(message)
        if fate == "none":
            return
        rng = self._chance(message, "receipt")
        number, seq = map(int, message.id.split("-"))
        attempt = int(message.callback.rpartition("attempt=")[2])
        if fate == "failed":
            self._dead.add(receipt)
        first = True
        for delay in (rng.uniform(0.1, 4), *([rng.uniform(0, 20)] if rng.random() < 0.2 else [])):
            await asyncio.sleep(delay)
            status = Status(Fate.DELIVERED) if fate == "delivered" else Status(Fate.FAILED, "30003 unreachable", Fault.AGAIN_ONCE)
            for trial in range(20):
                worker = self._world.workers[(rng.randrange(2) + trial) % 2]
                if await self._world.people.told(
                    worker, lambda worker=worker, status=status: worker.receipt(number, seq, attempt, receipt, status)
                ):
                    if first:
                        for page in message.pages or (message.id,):
                            self._world.note("receipt", page=page, fate=fate)
                    first = False
                    break
                await asyncio.sleep(2)

    def _fate(self, message: Message) -> str:
        if self._world.loop.time() >= TROUBLE_ENDS:
            return "delivered"
        return str(self._chance(message, "fate").choices(("delivered", "failed", "none"), (8, 1, 1))[0])

    async def find(self, message: Message, since: datetime, worker: Worker) -> Sent | None:
        for receipt, (id_, _, _) in self.accepted.items():
            if id_ == message.id and message.id and receipt not in self._dead:
                return Sent(receipt, self.kind == "twilio", found=True)
        return None

    async def status(self, receipt: str, worker: Worker) -> Status:
        known = self.accepted.get(receipt)
        if known is None or self._chance(known[1], "status").random() < 0.3:
            return Status(Fate.UNKNOWN, "nothing known")
        return Status(Fate.DELIVERED)

    def _pages(self, message: Message, worker: Worker | None) -> list[dict[str, Any]]:
        """Of each page that the message speaks for."""
        return [self._facts(message, page, worker) for page in message.pages or (message.id,)]

    def _facts(self, message: Message, page: str, worker: Worker | None) -> dict[str, Any]:
        number = int(page.split("-")[0]) if page else 0
        user = PEOPLE.get(message.address, "glass" if message.address == GLASS else message.address)
        return {"page": page, "number": number, "user": user, "provider": self.name, "worker": worker.name if worker else ""}

    def _chance(self, message: Message, what: str) -> Any:
        key = f"{what} {message.id or message.text}"
        self._asked[key] = times = self._asked.get(key, 0) + 1
        return chance(self._world.seed, self.name, key, times)


class People:
    def __init__(self, world: World) -> None:
        self._world = world
        self._replies = 0

    def got(self, message: Message, worker: Worker) -> None:
        user = PEOPLE.get(message.address)
        if user is None or not message.id:
            return
        rng = chance(self._world.seed, "person", message.id)
        does = rng.choices(("nothing", "acknowledge", "resolve", "snooze", "escalate", "note"), (10, 5, 2, 1, 1, 1))[0]
        if does != "nothing":
            self._world.spawn(self._answer(user, message, does, rng))

    async def _answer(self, user: str, message: Message, does: str, rng: Any) -> None:
        seq = int(message.id.split("-")[1])
        reply = Reply(
            action=ReplyAction(does),
            by=user,
            via="sms",
            page=seq,
            duration=timedelta(seconds=25),
            text="looking",
            once=f"{user}:{message.id}",
        )
        await asyncio.sleep(rng.uniform(0.5, 25))
        again = rng.random() < 0.2
        for trial in range(6):
            if await self._say(self._world.workers[(rng.randrange(2) + trial) % 2], message, reply):
                break
            await asyncio.sleep(4)  # it was not recorded, so it is said again: as another message
            reply = replace(reply, once=f"{reply.once}'")
        if again:  # the webhook comes twice
            await asyncio.sleep(rng.uniform(0.1, 3))
            await self._say(self._world.workers[rng.randrange(2)], message, reply)

    async def _say(self, worker: Worker, message: Message, reply: Reply) -> bool:
        number = int(message.id.split("-")[0])
        began = self._world.loop.time()
        got: list[Any] = []

        async def ask() -> None:
            try:
                got.append(await worker.door._to_page(number, reply))
            except StoreUnavailable as error:
                got.append(worker.door._not_recorded("sms", error))

        answered = await self.told(worker, ask)
        answer = got[0] if got else None
        done, said = bool(answer and answer.done), answer.text if answer else "(no answer)"
        # Where all but its own page have been answered, it is sent once more for that alone, and then by the same code.
        code = self._world.store.kept(("code", FOLD, message.id.upper()))
        alone = code is not None and not code.pages
        for page in message.pages or (message.id,):
            spoken_for = done and (page == message.id or (" all " in said and not alone))
            self._world.note("reply", number=int(page.split("-")[0]), user=reply.by, action=reply.action.value, once=reply.once,
                             since=round(began, 2), done=spoken_for, said=said)  # fmt: skip
        return answered and answer is not None and "NOT recorded" not in answer.text

    async def told(self, worker: Worker, call: Any) -> bool:
        """Whether the worker answered, and the store with it."""
        if not worker.alive:
            return False
        try:
            await call()
        except StoreUnavailable:
            return False
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return False
        return True
