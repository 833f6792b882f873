"""A provider that says yes at once: as much of the Messages API as the SDK needs, a webhook for Alertmanager, and a clock at its socket."""

from __future__ import annotations

import asyncio
import json
import time
from urllib.parse import parse_qs

ACCOUNT = "AC" + "0" * 31 + "1"


class Sink(asyncio.Protocol):
    """`arrived` maps a page's text to when its request was readable; with `hold`, answers wait."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            length = next((int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
            if len(rest) < length:
                return
            body, self._buffer = rest[:length], rest[length:]
            if head.startswith(b"POST /hook"):
                for alert in json.loads(body)["alerts"]:
                    self._books.note(alert["annotations"]["summary"], now)
                self._answer(b"200 OK", {})
            elif head.startswith(b"POST"):
                form = parse_qs(body.decode())
                self._books.note(form["Body"][0], now, form["To"][0])
                if not self._books.hold:
                    self._answer(b"201 Created", _message(self._books.count, form))
            else:
                self._answer(b"200 OK", {"messages": [], "page": 0, "page_size": 50, "uri": "", "next_page_uri": None})

    def _answer(self, status: bytes, value: object) -> None:
        body = json.dumps(value).encode()
        if not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )


class Books:
    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self.twice = self.count = 0
        self.hold = False

    def note(self, text: str, now: float, to: str = "") -> None:
        self.count += 1
        key = text.split("<")[1].split(">")[0] if "<" in text else text
        self.twice += key in self.arrived
        self.arrived.setdefault(key, now)

    async def serve(self) -> int:
        """Listen until the event loop ends; the port."""
        server = await asyncio.get_running_loop().create_server(lambda: Sink(self), "127.0.0.1", 0, backlog=1024)
        port: int = server.sockets[0].getsockname()[1]
        return port


def _message(count: int, form: dict[str, list[str]]) -> dict[str, object]:
    sid = f"SM{count:032x}"
    return {
        "account_sid": ACCOUNT, "api_version": "2010-04-01", "body": form["Body"][0], "date_created": "Sun, 01 Mar 2026 00:00:00 +0000",
        "date_sent": None, "date_updated": "Sun, 01 Mar 2026 00:00:00 +0000", "direction": "outbound-api", "error_code": None,
        "error_message": None, "from": form.get("From", [""])[0], "messaging_service_sid": None, "num_media": "0", "num_segments": "1",
        "price": None, "price_unit": "USD", "sid": sid, "status": "queued", "subresource_uris": {}, "to": form["To"][0],
        "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json",
    }  # fmt: skip
