"""A stand-in for Twilio's Messages API: it listens on loopback, keeps everything in memory, and refuses what Twilio would refuse.

Create, fetch, list and update messages, the balance, status callbacks, inbound SMS with its TwiML answer, and faults. What it refuses
follows Twilio's API description and, where that is silent, its error dictionary and the published inputs of test credentials. It differs
knowingly: parameters it does not know are refused (Twilio ignores them, so that a misspelt one goes unseen), a value of the wrong type is
20001, times are compressed, and no rate is limited unless a fault says so.

    async with TwilioFake() as twilio:                            # twilio.url, .account_sid, .auth_token
        twilio.fault(status=429, retry_after=2, times=3)          # what the API does next
        twilio.phone("+14155550100", sms="undelivered", error_code=30003)
        await twilio.settle()                                     # all messages have run their course
        twilio.messages, twilio.requests, twilio.callbacks, twilio.alerts

As a process: `python -m tests.fakes.twilio_fake --port 8901 --sms-url http://127.0.0.1:8080/twilio/sms`, then POST the arguments as JSON to
`/__fake__/VERB`: fault, heal, phone, inbound_sms, settle, reset, messages, requests, callbacks, alerts, settings."""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Coroutine, Iterable, Mapping
from email.utils import formatdate
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
from aiohttp import web

from tests.leaks import know

Record = dict[str, Any]
# Called with (operation, parameters, status, answer) for all that went well; raises AssertionError when the answer breaks a contract.
Judge = Callable[[str, Mapping[str, Any], int, Mapping[str, Any]], None]

ERRORS = {  # code: (HTTP status, text)
    20001: (400, "Invalid parameter"),
    20003: (401, "Authenticate"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    20503: (503, "Service unavailable"),
    21211: (400, "Invalid 'To' Phone Number"),
    21212: (400, "Invalid 'From' Phone Number"),
    21266: (400, "'To' and 'From' number cannot be the same"),
    21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number"),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The 'From' phone number is not a valid, SMS-capable phone number or short code for your account."),
    21609: (400, "Invalid 'StatusCallback' URL"),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (429, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "The 'To' phone number is not currently reachable via SMS"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21619: (400, "A text message body or media urls must be specified."),
    21701: (404, "The Messaging Service does not exist"),
}
_CODE_OF_STATUS = {429: 20429, 500: 20500, 503: 20503, 401: 20003, 404: 20404}
# The inputs that Twilio publishes for test credentials.
MAGIC_TO = {"+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408, "+15005550004": 21610, "+15005550009": 21614}
MAGIC_FROM = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
START = {"START", "YES", "UNSTOP"}
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_PARAMETERS = {
    "CreateMessage": {"To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod", "Attempt", "SmartEncoded"},
    "ListMessage": {"To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"},
    "UpdateMessage": {"Body", "Status"},
    "FetchMessage": set(),
    "FetchBalance": set(),
}
_INTEGERS = {"ValidityPeriod": (1, 36_000), "Attempt": (1, 10), "PageSize": (1, 1000), "Page": (0, 1_000_000)}
_ROUTES = (
    ("POST", re.compile(r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages\.json"), "CreateMessage"),
    ("GET", re.compile(r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages\.json"), "ListMessage"),
    ("GET", re.compile(r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages/((?:SM|MM)[0-9a-fA-F]{32})\.json"), "FetchMessage"),
    ("POST", re.compile(r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages/((?:SM|MM)[0-9a-fA-F]{32})\.json"), "UpdateMessage"),
    ("GET", re.compile(r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Balance\.json"), "FetchBalance"),
)
_COURSES = {
    "delivered": ("sent", "delivered"),
    "undelivered": ("sent", "undelivered"),
    "failed": ("failed",),
    "sent": ("sent",),
    "queued": (),
}
_GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ÄÖÑÜ§¿äöñüàABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)
_GSM_DOUBLE = set("\f^{}\\[~]|€")


def segments(body: str) -> int:
    """How many SMS segments the body takes: 160 or 153 septets, else 70 or 67 UTF-16 units."""
    if set(body) <= _GSM | _GSM_DOUBLE:
        alone, joined, sizes = 160, 153, [2 if c in _GSM_DOUBLE else 1 for c in body]
    else:
        alone, joined, sizes = 70, 67, [2 if ord(c) > 0xFFFF else 1 for c in body]
    if sum(sizes) <= alone:
        return 1
    count, used = 1, 0
    for size in sizes:
        count, used = (count + 1, size) if used + size > joined else (count, used + size)
    return count


def sign(auth_token: str, url: str, form: Iterable[tuple[str, str]]) -> str:
    """X-Twilio-Signature: base64 of HMAC-SHA1 over the URL and the form's names and values, sorted."""
    text = url + "".join(k + v for k, v in sorted(set(form)))
    return base64.b64encode(hmac.digest(auth_token.encode(), text.encode(), hashlib.sha1)).decode()


class TwilioError(Exception):
    def __init__(self, code: int) -> None:
        self.code = code
        self.status, text = ERRORS[code]
        super().__init__(text)


class TwilioFake:
    def __init__(
        self,
        *,
        account_sid: str = "AC" + "0" * 31 + "1",
        auth_token: str = "f" * 32,
        from_numbers: Iterable[str] = ("+15005550006", "+15005550010"),
        messaging_services: Mapping[str, str] | None = None,
        step: float = 0.01,
        judge: Judge | None = None,
    ) -> None:
        """`step`: seconds between one status of a message and the next. `messaging_services` maps sids to the number each sends from."""
        self.account_sid, self.auth_token = account_sid, auth_token
        know(auth_token)
        self.from_numbers = set(from_numbers)
        self.messaging_services = dict(messaging_services or {"MG" + "0" * 31 + "1": "+15005550006"})
        self.step, self.judge = step, judge
        self.sms_url: dict[str, str] = {}  # our number -> where its inbound SMS go; "*" for all
        self.balance = "25.00"
        self.url = ""
        self.connections: set[object] = set()  # that were ever used
        self._tasks: set[asyncio.Task[None]] = set()
        self.reset()

    def reset(self) -> None:
        self.messages: dict[str, Record] = {}
        self.requests: list[Record] = []  # every API request: op, params, status, code
        self.callbacks: list[Record] = []  # every webhook sent: url, params, status, body, error
        self.alerts: list[Record] = []  # what Twilio's debugger would show
        self.opted_out: set[tuple[str, str]] = set()  # (our number, theirs)
        self._faults: list[Record] = []
        self._phones: dict[str, Record] = {}

    # --- scripting --------------------------------------------------------------------------------------------------------------------
    def fault(
        self,
        *,
        op: str | None = None,
        to: str | None = None,
        times: int = 1,
        skip: int = 0,
        status: int | None = None,
        code: int | None = None,
        retry_after: float | None = None,
        hang: float | None = None,
        drop: bool = False,
        garbage: bool = False,
        body: str | None = None,
        accepted: bool = False,
    ) -> None:
        """What happens to the next `times` requests that match, after `skip` of them. `status`, `code`: an error. `hang`: the answer is
        held back for so many seconds. `drop`: the connection is cut. `garbage`: a proxy's HTML 502. `body`: a 201 with this text.
        With `accepted` the request was carried out all the same: then a blind retry pages twice."""
        self._faults.append({name: value for name, value in locals().items() if name != "self"})

    def heal(self) -> None:
        """Faults that have not come yet never will."""
        self._faults.clear()

    def phone(
        self, number: str, *, sms: str = "delivered", error_code: int | None = None, callback: str = "normal", delay: float = 0
    ) -> None:
        """What happens at that number. `sms`: delivered, undelivered, failed, sent (nothing more is ever heard), queued (stuck).
        `callback`: normal, none, duplicate, reorder, bad_signature."""
        self._phones[number] = {"sms": sms, "error_code": error_code, "callback": callback, "delay": delay}

    async def inbound_sms(self, from_: str, to: str, body: str, url: str | None = None, bad_signature: bool = False) -> Record:
        """Somebody texts us. Returns the message's sid, the webhook's status, and the texts that its TwiML sends back."""
        word = body.strip().upper()
        if word in STOP:
            self.opted_out.add((to, from_))
        elif word in START:
            self.opted_out.discard((to, from_))
        record = self._record(from_, to, body, "received", "inbound", None)
        sid = record["sid"]
        url = url or self.sms_url.get(to) or self.sms_url.get("*")
        if not url:
            return {"sid": sid, "status": None, "replies": []}
        form = {"MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "SmsStatus": "received", "AccountSid": self.account_sid}
        form |= {"From": from_, "To": to, "Body": body, "NumMedia": "0", "NumSegments": str(segments(body)), "ApiVersion": "2010-04-01"}
        sent = await self._webhook(url, form, forged=bad_signature)
        replies = self._replies(sent, sid) if sent["status"] == 200 else []
        if (to, from_) not in self.opted_out:
            for text in replies:
                self._record(to, from_, text, "delivered", "outbound-reply", None)
        return {"sid": sid, "status": sent["status"], "replies": replies, "body": sent["body"]}

    async def settle(self, timeout: float = 5.0) -> None:
        """Wait until every message has run its course and all webhooks are out."""
        async with asyncio.timeout(timeout):
            while self._tasks:
                await asyncio.wait(set(self._tasks))

    # --- server -----------------------------------------------------------------------------------------------------------------------
    async def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        app = web.Application()
        app.router.add_route("*", "/__fake__/{verb}", self._control)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.url = f"http://{host}:{self._runner.addresses[0][1]}"
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))
        return self

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return self if self.url else await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.connections.add(id(request.transport))
        entry: Record = {"method": request.method, "path": request.path, "op": None, "params": {}, "status": None, "code": None}
        self.requests.append(entry | {"at": time.time()})
        entry = self.requests[-1]
        try:
            op, account, sid = _route(request)
            entry["op"] = op
            self._authenticate(request, account)
            params = entry["params"] = _parameters(op, request, await request.text())
            fault = self._take_fault(op, params.get("To"))
            if fault is not None:
                return await self._fail(fault, request, op, sid, params, entry)
            return self._answer(*self._do(op, sid, params), entry)
        except TwilioError as error:
            return _error(error.status, error.code, str(error), entry)

    def _authenticate(self, request: web.Request, account: str) -> None:
        try:
            login = aiohttp.BasicAuth.decode(request.headers["Authorization"])
        except (KeyError, ValueError):
            raise TwilioError(20003) from None
        if (login.login, login.password) != (self.account_sid, self.auth_token) or account != self.account_sid:
            raise TwilioError(20003)

    def _answer(self, status: int, answer: Record, entry: Record) -> web.Response:
        if self.judge is not None:
            self.judge(entry["op"], entry["params"], status, answer)
        entry["status"] = status
        return web.json_response(answer, status=status)

    def _take_fault(self, op: str, to: str | None) -> Record | None:
        for fault in self._faults:
            if fault["op"] not in (None, op) or fault["to"] not in (None, to):
                continue
            if fault["skip"] > 0:
                fault["skip"] -= 1
                continue
            fault["times"] -= 1
            if fault["times"] <= 0:
                self._faults.remove(fault)
            return fault
        return None

    async def _fail(
        self, fault: Record, request: web.Request, op: str, sid: str, params: Record, entry: Record
    ) -> web.StreamResponse:  # fmt: skip
        done = self._do(op, sid, params) if fault["accepted"] else None
        entry["status"] = 0
        if fault["hang"]:
            await asyncio.sleep(fault["hang"])
            if done is None and (request.transport is None or request.transport.is_closing()):
                return web.Response(status=503)  # the client has left, so it is not carried out
        if fault["drop"] and request.transport is not None:
            request.transport.abort()
            return web.Response(status=503)
        if fault["garbage"]:
            entry["status"] = 502
            return web.Response(status=502, text="<html><body>502 Bad Gateway</body></html>", content_type="text/html")
        if fault["body"] is not None:
            entry["status"] = 201
            return web.Response(status=201, text=fault["body"], content_type="application/json")
        if fault["status"] or fault["code"]:
            code = fault["code"] or _CODE_OF_STATUS.get(fault["status"], 0)
            status, text = ERRORS.get(code, (fault["status"], "Error"))
            wait = {"Retry-After": str(fault["retry_after"])} if fault["retry_after"] is not None else {}
            return _error(fault["status"] or status, code, text, entry, wait)
        return self._answer(*(done or self._do(op, sid, params)), entry)

    # --- operations -------------------------------------------------------------------------------------------------------------------
    def _do(self, op: str, sid: str, params: Record) -> tuple[int, Record]:
        match op:
            case "CreateMessage":
                return 201, self._create(params)
            case "ListMessage":
                return 200, self._list(params)
            case "FetchBalance":
                return 200, {"account_sid": self.account_sid, "balance": self.balance, "currency": "USD"}
        if sid not in self.messages:
            raise TwilioError(20404)
        record = self.messages[sid]
        if op == "UpdateMessage":
            if params.get("Status") == "canceled" and record["status"] in ("queued", "accepted", "scheduled"):
                record["status"] = "canceled"
            if params.get("Body") == "":
                record["body"] = ""
        return 200, _public(record)

    def _create(self, params: Record) -> Record:
        to, service = params["To"], params.get("MessagingServiceSid")
        if to in MAGIC_TO:
            raise TwilioError(MAGIC_TO[to])
        if not _E164.fullmatch(to):
            raise TwilioError(21211)
        if service and service not in self.messaging_services:
            raise TwilioError(21701)
        sender = params.get("From") or self.messaging_services[params["MessagingServiceSid"]]
        if sender in MAGIC_FROM:
            raise TwilioError(MAGIC_FROM[sender])
        if sender not in self.from_numbers:
            raise TwilioError(21606 if _E164.fullmatch(sender) else 21212)
        if sender == to:
            raise TwilioError(21266)
        if (sender, to) in self.opted_out:
            raise TwilioError(21610)
        record = self._record(sender, to, params["Body"], "accepted" if service else "queued", "outbound-api", service)
        record["_callback"] = params.get("StatusCallback")
        self._spawn(self._run(record, sender))
        return _public(record)

    def _record(self, sender: str, to: str, body: str, status: str, direction: str, service: str | None) -> Record:
        sid, now = "SM" + secrets.token_hex(16), formatdate(usegmt=True)
        uri = f"/2010-04-01/Accounts/{self.account_sid}/Messages/{sid}"
        self.messages[sid] = {
            "account_sid": self.account_sid,
            "api_version": "2010-04-01",
            "body": body,
            "date_created": now,
            "date_sent": None if direction == "outbound-api" else now,
            "date_updated": now,
            "direction": direction,
            "error_code": None,
            "error_message": None,
            "from": None if service else sender,  # a messaging service picks its number later
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": "0" if service else str(segments(body)),
            "price": None,
            "price_unit": "USD",
            "sid": sid,
            "status": status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": to,
            "uri": f"{uri}.json",
        }
        return self.messages[sid]

    def _list(self, params: Record) -> Record:
        found = [
            r
            for r in reversed(self.messages.values())
            if params.get("To") in (None, r["to"]) and params.get("From") in (None, r["from"])
        ]  # fmt: skip
        size, page = params.get("PageSize", 50), params.get("Page", 0)
        filters = {k: v for k, v in params.items() if k not in ("Page", "PageSize", "PageToken")}

        def link(number: int) -> str:
            return f"/2010-04-01/Accounts/{self.account_sid}/Messages.json?{urlencode({**filters, 'PageSize': size, 'Page': number})}"

        part = found[page * size : (page + 1) * size]
        return {
            "messages": [_public(r) for r in part],
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": page * size + max(len(part) - 1, 0),
            "uri": link(page),
            "first_page_uri": link(0),
            "next_page_uri": link(page + 1) if (page + 1) * size < len(found) else None,
            "previous_page_uri": link(page - 1) if page else None,
        }

    # --- what becomes of a message ----------------------------------------------------------------------------------------------------
    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, record: Record, sender: str) -> None:
        phone = self._phones.get(record["to"], {"sms": "delivered", "error_code": None, "callback": "normal", "delay": 0})
        await asyncio.sleep(phone["delay"])
        course = _COURSES[phone["sms"]]
        held: list[Record] = []
        for status in ("queued", *course) if record["status"] == "accepted" else course:
            await asyncio.sleep(self.step)
            if record["status"] == "canceled":
                return
            record |= {
                "status": status,
                "from": sender,
                "num_segments": str(segments(record["body"])),
                "date_updated": formatdate(usegmt=True),
            }
            if status == "sent":
                record["date_sent"] = record["date_updated"]
            if status in ("undelivered", "failed"):
                record |= {"error_code": phone["error_code"] or 30008, "error_message": "it did not arrive"}
            held.append(self._receipt(record))
            if phone["callback"] != "reorder":
                await self._tell(record["_callback"], held.pop(), phone["callback"])
        for receipt in reversed(held):
            await self._tell(record["_callback"], receipt, phone["callback"])

    def _receipt(self, record: Record) -> Record:
        form = {"MessageSid": record["sid"], "SmsSid": record["sid"], "MessageStatus": record["status"], "SmsStatus": record["status"]}
        form |= {"To": record["to"], "From": record["from"], "AccountSid": self.account_sid, "ApiVersion": "2010-04-01"}
        if record["messaging_service_sid"]:
            form["MessagingServiceSid"] = record["messaging_service_sid"]
        if record["error_code"]:
            form["ErrorCode"] = str(record["error_code"])
        return form

    async def _tell(self, url: str | None, receipt: Record, how: str) -> None:
        if url and how != "none":
            for _ in range(2 if how == "duplicate" else 1):
                await self._webhook(url, receipt, forged=how == "bad_signature")

    async def _webhook(self, url: str, form: Record, forged: bool = False) -> Record:
        signature = sign("0" * 32 if forged else self.auth_token, url, form.items())
        headers = {"X-Twilio-Signature": signature, "User-Agent": "TwilioProxy/1.1", "I-Twilio-Idempotency-Token": secrets.token_hex(16)}
        entry: Record = {"url": url, "params": dict(form), "status": 0, "body": "", "error": None}
        self.callbacks.append(entry)
        try:
            async with self._http.post(url, data=form, headers=headers) as response:
                entry |= {"status": response.status, "body": await response.text()}
        except (aiohttp.ClientError, TimeoutError) as error:
            entry["error"] = repr(error)
        if not 200 <= entry["status"] < 400:
            self._alert(11200, form.get("MessageSid", ""), f"{url} answered {entry['status']} {entry['error'] or ''}".strip())
        return entry

    def _replies(self, sent: Record, sid: str) -> list[str]:
        try:
            root = ET.fromstring(sent["body"]) if sent["body"].strip() else ET.Element("Response")
        except ET.ParseError as error:
            self._alert(12100, sid, str(error))
            return []
        if root.tag != "Response":
            self._alert(12100, sid, "no <Response>")
            return []
        for odd in (node for node in root if node.tag not in ("Message", "Redirect")):
            self._alert(12200, sid, f"<{odd.tag}> in messaging TwiML")
        return [(node.findtext("Body") or node.text or "").strip() for node in root.iter("Message")]

    def _alert(self, code: int, sid: str, text: str) -> None:
        self.alerts.append({"code": code, "sid": sid, "text": text})

    # --- control over HTTP, for a fake that runs as its own process -------------------------------------------------------------------
    async def _control(self, request: web.Request) -> web.Response:
        verb = request.match_info["verb"]
        given = await request.json() if request.can_read_body else {}
        result: object = {"ok": True}
        try:
            match verb:
                case "fault" | "heal" | "phone" | "reset":
                    getattr(self, verb)(**given)
                case "settle":
                    await self.settle(**given)
                case "inbound_sms":
                    result = await self.inbound_sms(given.pop("from"), **given)
                case "messages":
                    result = [_public(r) for r in self.messages.values()]
                case "requests" | "callbacks" | "alerts":
                    result = getattr(self, verb)
                case "settings":
                    self.sms_url |= given.get("sms_url", {})
                case _:
                    return web.json_response({"error": f"there is no {verb}"}, status=404)
        except (TypeError, KeyError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(result)


def _public(record: Record) -> Record:
    return {name: value for name, value in record.items() if not name.startswith("_")}


def _route(request: web.Request) -> tuple[str, str, str]:
    """The operation, the account and the message that the path names."""
    for method, path, op in _ROUTES:
        found = path.fullmatch(request.path)
        if found and method == request.method:
            return op, found[1], found[2] if found.re.groups > 1 else ""
    raise TwilioError(20404)


def _parameters(op: str, request: web.Request, body: str) -> Record:
    # Twilio reads form fields only; a JSON body is as good as none.
    is_form = request.content_type == "application/x-www-form-urlencoded"
    pairs = list(request.query.items()) if request.method == "GET" else parse_qsl(body, keep_blank_values=True) if is_form else []
    params: Record = {}
    for name, value in pairs:
        if name not in _PARAMETERS[op] or name in params:
            raise TwilioError(20001)
        params[name] = _integer(name, value) if name in _INTEGERS else value
    if op == "CreateMessage":
        _require(params)
    return params


def _integer(name: str, value: str) -> int:
    least, most = _INTEGERS[name]
    if not value.isdigit() or not least <= int(value) <= most:
        raise TwilioError(20001)
    return int(value)


def _require(params: Record) -> None:
    if not params.get("To"):
        raise TwilioError(21604)
    if not (params.get("From") or params.get("MessagingServiceSid")):
        raise TwilioError(21603)
    if not params.get("Body"):
        raise TwilioError(21619)
    if len(params["Body"]) > 1600:
        raise TwilioError(21617)
    callback = urlsplit(params.get("StatusCallback", "http://none.example"))
    if callback.scheme not in ("http", "https") or not callback.hostname or "_" in callback.hostname:
        raise TwilioError(21609)


def _error(status: int, code: int, text: str, entry: Record, headers: Mapping[str, str] | None = None) -> web.Response:
    entry["status"], entry["code"] = status, code
    answer = {"code": code, "message": text, "status": status, "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return web.json_response(answer, status=status, headers=headers)


async def _main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for Twilio's Messages API")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8901)
    parser.add_argument("--sms-url", help="where inbound SMS to any of our numbers go")
    parser.add_argument("--step", type=float, default=0.2, help="seconds between one status of a message and the next")
    args = parser.parse_args()
    fake = TwilioFake(step=args.step)
    if args.sms_url:
        fake.sms_url["*"] = args.sms_url
    async with await fake.start(args.host, args.port):
        numbers = ",".join(sorted(fake.from_numbers))
        print(f"twilio fake on {fake.url} account_sid={fake.account_sid} auth_token={fake.auth_token} from={numbers}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
