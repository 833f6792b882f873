"""Every reply enters here, whatever it came by: who may say what, and what is said back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from msgspec.structs import replace

from pager.advance import Advance, Advanced, Item, TooManyConflicts
from pager.decide import Rules
from pager.model.event import Answer, Reply, ReplyAction
from pager.model.snapshot import FOLD, UnreadableError
from pager.notify.cards import state_words, title
from pager.notify.commands import HELP, Ask, Order, read_command
from pager.notify.replies import CarrierWord, NotUnderstood, read_reply
from pager.ports import Incidents, Meter, Outcome, Refusals, StoreUnavailable

log = structlog.get_logger()

MOST_WRONG_CODES = 5
_LISTED = 20
_AT_ONCE = 250  # incidents of one message, to the store
_DONE = {
    ReplyAction.ACKNOWLEDGE: "acknowledged",
    ReplyAction.RESOLVE: "resolved",
    ReplyAction.SNOOZE: "snoozed",
    ReplyAction.ESCALATE: "escalated",
    ReplyAction.ASSIGN: "assigned",
    ReplyAction.NOTE: "noted for",
}
_STRANGER = "Nothing was done: {handle} is nobody known to this pagerd. Whoever keeps its config can add `chat: {handle}` to your contact."
NOT_RECORDED = "NOT recorded: the pager can't reach its store. Try again, or call somebody."


class Door:
    def __init__(self, incidents: Incidents, advance: Advance, refusals: Refusals, rules: Callable[[], Rules], meter: Meter) -> None:
        self._incidents = incidents
        self._advance = advance
        self._refusals = refusals
        self._rules = rules
        self._meter = meter

    async def reply(self, number: int, reply: Reply) -> Answer:
        """Apply a reply from somebody who was let in already (the command line, a chat user known by id).

        Raises StoreUnavailable when it could not be stored: then nothing was recorded."""
        [(_, known)] = [await self._incidents.by_number([number])]
        if known[0].unreadable:
            raise StoreUnavailable(known[0].unreadable)
        if known[0].incident is None:
            return self._answered(reply.via, Answer(f"there is no incident {number}", done=False, refused=True))
        try:
            [result] = await self._advance.events([Item(number, reply, once=reply.once, confirmed=True)])
        except TooManyConflicts as error:
            raise StoreUnavailable(str(error)) from error
        if isinstance(result.error, UnreadableError):
            raise StoreUnavailable(str(result.error)) from result.error
        if result.error is not None:
            raise result.error
        if result.outcome is Outcome.REPLAYED:
            return self._replayed(reply.via)
        return self._answered(reply.via, result.answer or Answer(f"{number}: nothing to do", done=False))

    # --- a message that speaks for several incidents ----------------------------------------------------------------------------------
    async def pages_of(self, number: int, page: int) -> tuple[tuple[int, int], ...]:
        """The pages, as (incident, seq), for which the message of this page speaks; none where it speaks for itself alone."""
        found = await self._incidents.code(FOLD, f"{number}-{page}") if page else None
        return found.pages if found else ()

    async def _to_page(self, number: int, reply: Reply, pages: tuple[tuple[int, int], ...] | None = None) -> Answer:
        """What is said to a message is said of all that it speaks for. Resolved is said of each alone: many stood there by their number only."""
        if pages is None:
            pages = await self.pages_of(number, reply.page)
        if len(pages) < 2:
            return await self.reply(number, reply)
        if reply.action is ReplyAction.RESOLVE:
            return self._answered(
                reply.via, Answer(f"it is about {len(pages)} incidents: resolve each by itself", done=False, refused=True)
            )
        items = [
            Item(incident, replace(reply, page=seq), once=f"{reply.once}:{incident}" if k else reply.once, confirmed=True)
            for k, (incident, seq) in enumerate(pages)
        ]
        results: list[Advanced] = []
        for start in range(0, len(items), _AT_ONCE):
            try:
                results += await self._advance.events(items[start : start + _AT_ONCE])
            except TooManyConflicts as error:
                raise StoreUnavailable(str(error)) from error
            if results[0].outcome is Outcome.REPLAYED:
                return self._replayed(reply.via)
        if (fault := next((result.error for result in results if result.error is not None), None)) is not None:
            raise StoreUnavailable(str(fault)) from fault
        return self._answered(reply.via, _of_all(reply.action, [result.answer for result in results]))

    # --- by every way -----------------------------------------------------------------------------------------------------------------
    async def by_sms(self, sender: str, body: str, message_id: str) -> Answer | None:
        """Apply a text message. A code counts only from the number it was sent to. None: say nothing (the carrier answers).

        Never raises: what could not be stored is said."""
        said = read_reply(body)
        if isinstance(said, CarrierWord):
            self._meter.reply("sms", "carrier_word")
            return None
        try:
            if await self._refusals.count(sender) >= MOST_WRONG_CODES:
                return self._blocked()
            if isinstance(said, NotUnderstood):
                self._meter.reply("sms", "not_understood")
                return Answer(said.why, done=False, refused=True)
            code = await self._incidents.code(sender, said.code)
            if code is None:
                if await self._refusals.wrong(sender) == MOST_WRONG_CODES:
                    await self._warn(sender, message_id)
                self._meter.reply("sms", "wrong_code")
                return Answer(f"{said.code} is not a code of a page to this number", done=False, refused=True)
            # Guesses that come all at once have all passed the first look, before any of them was counted.
            if await self._refusals.count(sender) >= MOST_WRONG_CODES:
                return self._blocked()
            if code.user not in self._rules().config.users:
                self._meter.reply("sms", "unknown_person")
                return Answer(f"{code.user} is not in the config any more", done=False, refused=True)
            reply = Reply(
                action=said.action,
                by=code.user,
                via="sms",
                duration=said.duration,
                text=said.text,
                page=code.seq,
                once=f"sms:{message_id}",
            )
            return await self._to_page(code.incident, reply, code.pages)
        except Exception as error:
            return self._not_recorded("sms", error)

    async def by_chat(
        self, handle: str, action: ReplyAction, number: int, once: str, page: int = 0, duration: timedelta | None = None
    ) -> Answer:
        """Apply a press of a button. `handle` is the chat's own name for the person, as their `contact.chat` has it: `slack:U0ANA`.

        Never raises: what could not be stored is said."""
        return await self._in_chat(handle, Reply(action=action, by="", via="chat", duration=duration, page=page, once=once), number)

    async def by_link(
        self, user: str, action: ReplyAction, number: int, once: str, page: int = 0, duration: timedelta | None = None
    ) -> Answer:
        """Apply an answer given on the page behind the signed link in an email to `user`. Raises StoreUnavailable."""
        if user not in self._rules().config.users:
            self._meter.reply("email", "unknown_person")
            return Answer(f"{user} is not in the config any more: nothing was done", done=False, refused=True)
        return await self._to_page(number, Reply(action=action, by=user, via="email", duration=duration, page=page, once=once))

    async def by_command(self, handle: str, text: str, once: str) -> Answer:
        """Apply a command typed in a chat (`ack 42`, `snooze 42 2h`, `list`). Never raises: what could not be stored is said."""
        said = read_command(text)
        match said:
            case Order():
                reply = Reply(
                    action=said.action, by="", via="chat", duration=said.duration, target=said.target, text=said.text, once=once
                )  # fmt: skip
                return await self._in_chat(handle, reply, said.incident)
            case Ask.LIST:
                return await self._list(handle)
            case Ask.HELP:
                return Answer(HELP, done=False)
            case NotUnderstood():
                self._meter.reply("chat", "not_understood")
                return Answer(f"{said.why}\n{HELP}", done=False, refused=True)

    async def _in_chat(self, handle: str, reply: Reply, number: int) -> Answer:
        user = self._person(handle)
        if user is None:
            self._meter.reply("chat", "unknown_person")
            return Answer(_STRANGER.format(handle=handle), done=False, refused=True)
        try:
            return await self._to_page(number, replace(reply, by=user))
        except Exception as error:
            return self._not_recorded("chat", error)

    async def _list(self, handle: str) -> Answer:
        if self._person(handle) is None:
            self._meter.reply("chat", "unknown_person")
            return Answer(_STRANGER.format(handle=handle), done=False, refused=True)
        try:
            numbers = await self._incidents.open_numbers()
            _, known = await self._incidents.by_number(numbers[-_LISTED:])
        except StoreUnavailable:
            return Answer("the pager can't reach its store: try again", done=False, refused=True)
        lines = [
            f"{title(s.incident, s.own)}: {state_words(s.incident, self._rules().names)}" for s in known if s.incident and s.own
        ]  # fmt: skip
        more = [f"and {len(numbers) - len(lines)} older ones"] if len(numbers) > len(lines) else []
        return Answer("\n".join([*lines, *more]) or "nothing is open", done=False)

    def _person(self, handle: str) -> str | None:
        """Whose contact it is. Who has none in a chat is nobody there."""
        users = self._rules().config.users.values()
        return next((p.id for p in users if (chat := p.contact.get("chat")) and chat.lower() == handle.lower()), None)

    async def _warn(self, address: str, message_id: str) -> None:
        """Somebody tries codes from a person's number: the person is told over another channel."""
        rules = self._rules()
        for person in rules.config.users.values():
            if address not in (person.contact.get("sms"), person.contact.get("voice")):
                continue
            text = (
                f"pagerd: {MOST_WRONG_CODES} wrong codes came from your number {address}. "
                "Replies by SMS from it are refused for 15 minutes: answer another way."
            )
            notice = rules.planner.elsewhere(person.id, "wrong_codes", text, than="sms")
            if notice is not None:
                await self._advance.notice(notice, once=f"warned:{message_id}")

    def _blocked(self) -> Answer:
        self._meter.reply("sms", "blocked")
        return Answer("too many wrong codes: try again in 15 minutes, or use another way", done=False, refused=True)

    def _not_recorded(self, via: str, error: Exception) -> Answer:
        """Whoever replied must know that it did not count, whatever kept it from counting."""
        if not isinstance(error, StoreUnavailable):
            log.error("reply.failed", via=via, exc_info=error)
        self._meter.reply(via, "not_recorded")
        return Answer(NOT_RECORDED, done=False, refused=True)

    def _replayed(self, via: str) -> Answer:
        self._meter.reply(via, "replayed")
        return Answer("this reply was taken before", done=False, refused=True, replayed=True)

    def _answered(self, via: str, answer: Answer) -> Answer:
        self._meter.reply(via, "refused" if answer.refused else "done" if answer.done else "already")
        return answer


def _of_all(action: ReplyAction, answers: Sequence[Answer | None]) -> Answer:
    """What is said back of several."""
    refused = next((answer for answer in answers if answer is not None and answer.refused), None)
    if refused is not None:
        return refused
    done = sum(answer is not None and answer.done for answer in answers)
    which = f"all {done}" if done == len(answers) else f"{done} of {len(answers)}; the others were answered before"
    return Answer(f"{_DONE[action]} {which}", done=done > 0)
