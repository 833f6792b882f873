"""Every reply enters here, whatever it came by: who may say what, and what is said back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog
from msgspec.structs import replace

from pager.advance import Advance, Item, TooManyConflicts
from pager.decide import Rules
from pager.model.event import Answer, Reply, ReplyAction
from pager.model.snapshot import UnreadableError
from pager.notify.cards import state_words, title
from pager.notify.commands import HELP, Ask, Order, read_command
from pager.notify.replies import CarrierWord, NotUnderstood, read_reply
from pager.ports import Incidents, Meter, Outcome, Refusals, StoreUnavailable

log = structlog.get_logger()

MOST_WRONG_CODES = 5
_LISTED = 20
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
            self._meter.reply(reply.via, "replayed")
            return Answer("this reply was taken before", done=False, refused=True, replayed=True)
        return self._answered(reply.via, result.answer or Answer(f"{number}: nothing to do", done=False))

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
            return await self.reply(code.incident, reply)
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
        return await self.reply(number, Reply(action=action, by=user, via="email", duration=duration, page=page, once=once))

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
            return await self.reply(number, replace(reply, by=user))
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

    def _answered(self, via: str, answer: Answer) -> Answer:
        self._meter.reply(via, "refused" if answer.refused else "done" if answer.done else "already")
        return answer
