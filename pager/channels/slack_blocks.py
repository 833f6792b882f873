"""A card as Slack shows it: Block Kit, within its limits, whatever the card holds.

Text from outside never becomes a mention, a link or a command to Slack: `&`, `<` and `>` are escaped, and `verbatim` keeps Slack from finding
names and addresses by itself. Source of the limits: https://docs.slack.dev/reference/block-kit/blocks"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from pager.model.alert import Link
from pager.model.event import ReplyAction
from pager.notify.card import Card, Fact
from pager.notify.text import clusters, one_line, width

Block = dict[str, Any]

TEXT = 4000  # of chat.update; chat.postMessage takes more, yet recommends this
_HEADER = 150
_SECTION = 3000
_FIELD = 1000  # of 2000
_ALL = 12_000  # of all blocks: above about 13,000 characters Slack says msg_blocks_too_long, which it does not document
_FIELDS = 10  # in one section
_FACTS = 20
_NAME = 80
_HREF = 1500
_LINK_TEXT = 150

BUTTONS = {
    ReplyAction.ACKNOWLEDGE: "Acknowledge",
    ReplyAction.RESOLVE: "Resolve",
    ReplyAction.ESCALATE: "Escalate",
    ReplyAction.SNOOZE: "Snooze 1h",
}


def blocks_of(card: Card) -> list[Block]:
    """Title, state, facts, sentences, links, buttons. At most 9 blocks, and never empty."""
    title = one_line(card.title) or f"#{card.number}"
    blocks: list[Block] = [{"type": "header", "text": _plain(title, _HEADER)}]
    whole = escaped(title, _SECTION)
    if width(whole) > _HEADER:
        blocks.append({"type": "section", "text": _mrkdwn(whole)})
    blocks.append({"type": "context", "elements": [_mrkdwn(f"{card.state.value.capitalize()} · {card.severity.value}")]})
    room = _ALL - width(whole)
    facts = []
    for fact in map(_fact, card.facts[:_FACTS]):
        room -= width(fact)
        if room < 0:
            break
        facts.append(_mrkdwn(fact))
    blocks += [{"type": "section", "fields": facts[n : n + _FIELDS]} for n in range(0, len(facts), _FIELDS)]
    lines = escaped("\n".join(filter(None, map(one_line, card.lines))), _SECTION)
    for text in (lines, _joined(_links(card.links), " · ", _SECTION)):
        room -= width(text)
        if text and room >= 0:
            blocks.append({"type": "section", "text": _mrkdwn(text)})
    buttons = [_button(card, action) for action in dict.fromkeys(card.actions) if action in BUTTONS]
    return [*blocks, {"type": "actions", "elements": buttons}] if buttons else blocks


def plain(text: str) -> str:
    """A message's text: its lines without control characters, escaped, within Slack's limit. Never empty, which Slack refuses."""
    return escaped("\n".join(map(one_line, text.splitlines())).strip(), TEXT) or "(no text)"


def escaped(text: str, most: int) -> str:
    """With Slack's three control characters as entities, in at most `most` UTF-16 units; what is cut is never half an entity."""
    whole = _escape(text) if len(text) <= most else ""
    if whole and width(whole) <= most:
        return whole
    kept: list[str] = []
    room = most - 3
    for piece in map(_escape, clusters(text)):
        room -= width(piece)
        if room < 0:
            return "".join(kept).rstrip() + "..."
        kept.append(piece)
    return "".join(kept)


def value_of(card: Card) -> str:
    """What a press of one of the card's buttons brings back: `42`, or `42-3` where the card is about page 3."""
    return f"{card.number}-{card.page}" if card.page else f"{card.number}"


def _button(card: Card, action: ReplyAction) -> Block:
    button: Block = {
        "type": "button",
        "action_id": action.value,
        "value": value_of(card),
        "text": {"type": "plain_text", "text": f"{BUTTONS[action]}{f' all {card.all_of}' if card.all_of > 1 else ''}", "emoji": False},
    }
    return button | {"style": "primary"} if action is ReplyAction.ACKNOWLEDGE else button


def _fact(fact: Fact) -> str:
    """The name in bold, the value below it. An asterisk in the name would end the bold too soon."""
    name = escaped(one_line(fact.name).replace("*", ""), _NAME)
    value = escaped(one_line(fact.value), _FIELD) or "-"
    return f"*{name}*\n{value}" if name else value


def _links(links: Iterable[Link]) -> Iterator[str]:
    """`<address|text>`, for addresses of the web alone, without what could end the address or the link."""
    for link in links:
        href = quote(one_line(link.href), safe="%/:?#[]@!$&'()*+,;=~-._").replace("&", "&amp;")
        if _is_web(href) and len(href) <= _HREF:
            text = escaped(one_line(link.text).replace("|", "/") or urlsplit(href).netloc, _LINK_TEXT)
            yield f"<{href}|{text}>"


def _is_web(href: str) -> bool:
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _joined(pieces: Iterable[str], between: str, most: int) -> str:
    """As many whole pieces as fit."""
    text = ""
    for piece in pieces:
        longer = f"{text}{between}{piece}" if text else piece
        if width(longer) > most:
            break
        text = longer
    return text


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": escaped(text, most), "emoji": False}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
