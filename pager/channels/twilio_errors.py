"""What Twilio's error codes mean for a page: is it worth another try, and where.

Source of the codes: https://www.twilio.com/docs/api/errors. A code that is not here is a refusal that another provider may not share."""

from __future__ import annotations

from datetime import timedelta

from pager.model.event import Fault
from pager.ports import Fate, GiveUp, Status, TryAgain

BAD_CALLBACK = 21609
_BUSY_FOR = timedelta(seconds=2)
_QUEUE_FULL_FOR = timedelta(seconds=30)
_DOWN_FOR = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=1)  # a page is worth minutes: what asks for longer is tried sooner, and then elsewhere

_REFUSALS: dict[int, tuple[Fault, str]] = {
    20003: (Fault.PROVIDER, "the credentials were refused: check account_sid and auth_token"),
    20005: (Fault.PROVIDER, "the account is not active: look into the Twilio console"),
    20404: (Fault.PROVIDER, "no such account there: check account_sid and api_url"),
    21211: (Fault.ADDRESS, "this is no phone number"),
    21212: (Fault.PROVIDER, "our number is not valid: check `from`"),
    21266: (Fault.ADDRESS, "the number is our own sender"),
    21408: (Fault.PROVIDER, "the account may not send to that country: enable it under Geo Permissions"),
    21603: (Fault.PROVIDER, "no number to send from: check `from`"),
    21606: (Fault.PROVIDER, "our number can't send SMS: check `from`"),
    21608: (Fault.PROVIDER, "a trial account sends to verified numbers only"),
    21610: (Fault.ADDRESS, "the person has replied STOP: they must text START to our number"),
    21612: (Fault.PROVIDER, "there is no way from our number to theirs: check `from` for that prefix"),
    21614: (Fault.ADDRESS, "this is not a mobile number"),
    21659: (Fault.PROVIDER, "our number belongs to no one here: check `from`"),
    21660: (Fault.PROVIDER, "our number belongs to another account: check `from`"),
    21701: (Fault.PROVIDER, "no such messaging service: check messaging_service_sid"),
    21703: (Fault.PROVIDER, "the messaging service has no number: add one to it"),
}

_UNDELIVERED: dict[int, tuple[Fault, str]] = {
    30001: (Fault.AGAIN_ONCE, "Twilio's queue overflowed"),
    30002: (Fault.PROVIDER, "the account is suspended"),
    30003: (Fault.AGAIN_ONCE, "the phone is off or out of reach"),
    30004: (Fault.ADDRESS, "the number or its carrier blocks our messages"),
    30005: (Fault.ADDRESS, "the number is unknown or no longer in use"),
    30006: (Fault.ADDRESS, "a landline, or a carrier that can't be reached"),
    30007: (Fault.ADDRESS, "the carrier filtered it as spam"),
    30008: (Fault.AGAIN_ONCE, "lost on the way, the carrier does not say why"),
    30009: (Fault.AGAIN_ONCE, "a part of the message was lost"),
    30010: (Fault.PROVIDER, "it would cost more than the account allows"),
    30032: (Fault.PROVIDER, "the toll-free number is not verified"),
    30034: (Fault.PROVIDER, "the number is not registered for A2P 10DLC"),
    30036: (Fault.PROVIDER, "it waited longer than it was of use"),
    30410: (Fault.AGAIN_ONCE, "the carrier did not answer in time"),
}

_FATES = {
    "accepted": Fate.PENDING,
    "scheduled": Fate.PENDING,
    "queued": Fate.PENDING,
    "sending": Fate.PENDING,
    "sent": Fate.PENDING,  # the carrier has it; many never say more
    "delivered": Fate.DELIVERED,
    "read": Fate.DELIVERED,
    "undelivered": Fate.FAILED,
    "failed": Fate.FAILED,
    "canceled": Fate.FAILED,
}


def is_dead(status: str) -> bool:
    """Whether a message with this status will never arrive."""
    return _FATES.get(status) is Fate.FAILED


def refusal(status: int, code: int, retry_after: timedelta | None) -> TryAgain | GiveUp | None:
    """What an answer outside 2xx means. None: nobody knows whether it was done (a 500, or a page of some proxy), so look it up."""
    if status == 429:
        usual = _QUEUE_FULL_FOR if code == 21611 else _BUSY_FOR
        return TryAgain(_wait(retry_after, usual), _why(status, code, "too much at once"))
    if status == 503:
        return TryAgain(_wait(retry_after, _DOWN_FOR), _why(status, code, "Twilio is not available"))
    if status >= 500:
        return None
    if status == 401:
        code = code or 20003
    unknown = f"refused: see https://www.twilio.com/docs/api/errors/{code}" if code else "refused"
    fault, words = _REFUSALS.get(code, (Fault.PROVIDER, unknown))
    return GiveUp(_why(status, code, words), fault)


def fate(status: str, code: int = 0) -> Status:
    """What a message's status and error code (0: none) say became of it. They come in a receipt or from a look-up, in any order."""
    known = _FATES.get(status)
    if known is None:
        return Status(Fate.UNKNOWN, f"Twilio says {status!r}" if status.isalnum() else "Twilio says nothing")
    if known is not Fate.FAILED:
        return Status(known, status)
    fault, words = _UNDELIVERED.get(code) or _REFUSALS.get(code) or (Fault.ADDRESS, status)
    return Status(known, f"Twilio {code}: {words}" if code else f"Twilio: {words}", fault)


def _wait(asked: timedelta | None, usual: timedelta) -> timedelta:
    return usual if asked is None else min(asked, _LONGEST_WAIT)


def _why(status: int, code: int, words: str) -> str:
    return f"Twilio {code or f'HTTP {status}'}: {words}"
