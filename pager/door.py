"""Every reply enters here, whatever it came by: who may say what, and what is said back."""

from __future__ import annotations

from collections.abc import Callable

from pager.advance import Advance, Item
from pager.decide import Rules
from pager.model.event import Answer, Reply
from pager.notify.replies import CarrierWord, NotUnderstood, read_reply
from pager.ports import Incidents, Meter, Outcome, Refusals, StoreUnavailable

MOST_WRONG_CODES = 5
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
        if known[0].incident is None:
            return self._answered(reply.via, Answer(f"there is no incident {number}", done=False, refused=True))
        [result] = await self._advance.events([Item(number, reply, once=reply.once)])
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
                self._meter.reply("sms", "blocked")
                return Answer("too many wrong codes: try again in 15 minutes, or use another way", done=False, refused=True)
            if isinstance(said, NotUnderstood):
                self._meter.reply("sms", "not_understood")
                return Answer(said.why, done=False, refused=True)
            code = await self._incidents.code(sender, said.code)
            if code is None:
                await self._refusals.wrong(sender)
                self._meter.reply("sms", "wrong_code")
                return Answer(f"{said.code} is not a code of a page to this number", done=False, refused=True)
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
        except StoreUnavailable:
            self._meter.reply("sms", "not_recorded")
            return Answer(NOT_RECORDED, done=False, refused=True)

    def _answered(self, via: str, answer: Answer) -> Answer:
        self._meter.reply(via, "refused" if answer.refused else "done" if answer.done else "already")
        return answer
