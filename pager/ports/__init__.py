"""The doors of the core: what the pure rooms need from outside, as Protocols. Adapters live in store, channels and telemetry."""

from pager.ports.boards import Board, Boards, Post
from pager.ports.calendars import CalendarSource, NotRead
from pager.ports.channels import Channel, Fate, GiveUp, Message, SendResult, Sent, Status, TryAgain
from pager.ports.incidents import Claim, Commit, Deadlines, Incidents, Outcome, StoreUnavailable
from pager.ports.rota import RotaStore
from pager.ports.streams import AlertEntry, AlertStream, Begun, DeadLetter, Outbox, OutboxEntry, Sending
from pager.ports.workers import Leader, Meter, NotLeader, Refusals

__all__ = [
    "AlertEntry",
    "AlertStream",
    "Begun",
    "Board",
    "Boards",
    "CalendarSource",
    "Channel",
    "Claim",
    "Commit",
    "DeadLetter",
    "Deadlines",
    "Fate",
    "GiveUp",
    "Incidents",
    "Leader",
    "Message",
    "Meter",
    "NotLeader",
    "NotRead",
    "Outbox",
    "OutboxEntry",
    "Outcome",
    "Post",
    "Refusals",
    "RotaStore",
    "SendResult",
    "Sending",
    "Sent",
    "Status",
    "StoreUnavailable",
    "TryAgain",
]
