"""What Twilio posts: receipts, text messages, and whether it was Twilio."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from urllib.parse import parse_qsl

import pytest

from pager.channels.twilio import InboundSms, read_sms, read_status, signature_ok, twiml_message
from pager.model.event import Fault
from pager.ports import Fate, Status

DELIVERED = (
    "SmsSid=SM1fc5c260adf048999bce1a51c6a3565f&SmsStatus=delivered&MessageStatus=delivered&To=%2B14155550123"
    "&MessageSid=SM1fc5c260adf048999bce1a51c6a3565f&AccountSid=AC0123456789abcdef0123456789abcdef&From=%2B15005550006&ApiVersion=2010-04-01"
)
UNDELIVERED = "ErrorCode=30003&" + DELIVERED.replace("delivered", "undelivered")
INBOUND = (
    "ToCountry=US&ToState=NJ&SmsMessageSid=SM6e0070f7f27433fd07982cbf770d4834&NumMedia=0&ToCity=FAIRFIELD"
    "&SmsSid=SM6e0070f7f27433fd07982cbf770d4834&SmsStatus=received&Body=7k3m+%0A%0Aack+&FromCountry=US&To=%2B15005550006&NumSegments=1"
    "&MessageSid=SM6e0070f7f27433fd07982cbf770d4834&AccountSid=AC0123456789abcdef0123456789abcdef&From=%2B14155550123&ApiVersion=2010-04-01"
)


def form(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def test_a_receipt_names_the_message_and_its_fate() -> None:
    sid, status = read_status(form(DELIVERED))
    assert (sid, status.fate) == ("SM1fc5c260adf048999bce1a51c6a3565f", Fate.DELIVERED)


def test_a_receipt_of_a_phone_that_is_off_is_worth_one_more_try() -> None:
    _, status = read_status(form(UNDELIVERED))
    assert status == Status(Fate.FAILED, "Twilio 30003: the phone is off or out of reach", Fault.AGAIN_ONCE)


@pytest.mark.parametrize("status", ["accepted", "queued", "sending", "sent"])
def test_a_message_on_its_way_is_pending(status: str) -> None:
    assert read_status({"MessageSid": "SM1", "MessageStatus": status})[1].fate is Fate.PENDING


def test_a_status_that_twilio_invents_tomorrow_is_unknown() -> None:
    assert read_status({"MessageSid": "SM1", "MessageStatus": "pondering"})[1].fate is Fate.UNKNOWN


def test_an_error_code_that_is_no_number_is_none() -> None:
    assert read_status({"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": "²"})[1].fault is Fault.ADDRESS


@pytest.mark.parametrize(("broken", "field"), [({}, "SmsSid"), ({"MessageSid": "SM1"}, "SmsStatus")])
def test_a_receipt_without_its_fields_names_the_first_that_is_missing(broken: dict[str, str], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        read_status(broken)


def test_a_text_message_is_read_as_it_was_written() -> None:
    assert read_sms(form(INBOUND)) == InboundSms("SM6e0070f7f27433fd07982cbf770d4834", "+14155550123", "+15005550006", "7k3m \n\nack ")


def test_a_text_message_without_a_sender_is_refused() -> None:
    with pytest.raises(ValueError, match="From"):
        read_sms({"MessageSid": "SM1", "To": "+1"})


# The first is the worked example of Twilio's page on webhook security; the others are from twilio-python's tests of its validator (MIT).
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+12349013030"),
    ("Digits", "1234"),
    ("From", "+12349013030"),
    ("To", "+18005551212"),
]
REPEATED = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
OTHER_CALL = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]


@pytest.mark.parametrize(
    ("url", "fields", "signature"),
    [
        (URL, CALL, "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
        (URL, OTHER_CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL, REPEATED, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", OTHER_CALL, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (URL, OTHER_CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),  # signed with :443 written out
    ],
)
def test_twilios_own_examples_verify(url: str, fields: list[tuple[str, str]], signature: str) -> None:
    assert signature_ok("12345", url, fields, signature)
    assert not signature_ok("12345", url, [*fields, ("Extra", "1")], signature)
    assert not signature_ok("54321", url, fields, signature)
    assert not signature_ok("12345", url.replace("foo=1", "foo=2"), fields, signature)


@pytest.mark.parametrize("header", [None, "", "x", "0/KCTR6DLpKmkAf8muzZqo1nDg\u00e9="])
def test_no_signature_or_a_strange_one_is_refused(header: str | None) -> None:
    assert not signature_ok("12345", URL, CALL, header)


def test_without_a_token_nothing_verifies() -> None:
    """An empty token would sign as well as any, and everybody knows it."""
    assert not signature_ok("", "https://x.example/", [], "thdUXk7RMgV1KTuhzsiHEUuyLz4=")


def test_an_answer_is_twiml_and_an_empty_one_sends_nothing() -> None:
    root = ET.fromstring(twiml_message('acked <#42> & "done"\x00\nby Ana'))
    assert (root.tag, root.findtext("Message")) == ("Response", 'acked <#42> & "done" by Ana')
    assert list(ET.fromstring(twiml_message(""))) == []
