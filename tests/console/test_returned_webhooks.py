"""What providers tell of our messages: believed by signature or secret, once, and none lost."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.channels.sns import SnsAwayError
from digital_cs.config import load_settings
from digital_cs.console.app import build_app
from digital_cs.errors import SettingsError
from digital_cs.ingest.mail.returned import Returns
from digital_cs.ingest.rules.entries import Entries
from digital_cs.temporal.gateway import Gateway
from tests.activities.house import StoppedClock
from tests.console.client import SIGNER, error_of
from tests.console.shelf import Shelf
from tests.ingest.returning import ADA, DOMAIN, Desk, bounce, token

TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
HOST = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE = f"{HOST}/SimpleNotificationService-{'0a' * 16}.pem"
SECRET = "a secret of this test"
SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn",
          "Type")  # fmt: skip


@dataclass
class Amazon:
    """A far end that signs as Amazon SNS does, with a certificate of its own."""

    key: rsa.RSAPrivateKey
    places: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if url not in self.places and "Action=ConfirmSubscription" not in url:
            raise SnsAwayError
        return self.places.get(url, b"<ok/>")

    def certify(self, *, days: int = 1, key: Any = None) -> bytes:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
        made = made.public_key((key or self.key).public_key()).serial_number(1)
        made = made.not_valid_before(now - timedelta(days=3))
        made = made.not_valid_after(now + timedelta(days=days))
        signed = made.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)

    def says(self, message: Any, version: str = "2", **fields: str) -> dict[str, str]:
        """A message of SNS around this one, signed."""
        sent = {
            "Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC,
            "Message": message if isinstance(message, str) else json.dumps(message),
            "Timestamp": "2026-03-02T09:00:00.000Z", "SignatureVersion": version,
            "SigningCertURL": CERTIFICATE, **fields,
        }  # fmt: skip
        text = "".join(f"{name}\n{sent[name]}\n" for name in SIGNED if name in sent)
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), algorithm)
        return {**sent, "Signature": base64.b64encode(signature).decode()}


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


@pytest.fixture
def amazon(key: rsa.RSAPrivateKey) -> Amazon:
    far = Amazon(key)
    far.places[CERTIFICATE] = far.certify()
    return far


@dataclass
class Providers:
    """The app as providers call it, and the desk behind it."""

    desk: Desk
    amazon: Amazon
    client: httpx2.AsyncClient

    async def ses(self, sent: Any) -> httpx2.Response:
        body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        headers = {"Content-Type": "text/plain; charset=UTF-8"}
        return await self.client.post("/v1/returned/ses", content=body, headers=headers)

    async def postmark(self, sent: Any, **headers: str) -> httpx2.Response:
        body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        basic = base64.b64encode(f"postmark:{SECRET}".encode()).decode()
        return await self.client.post(
            "/v1/returned/postmark", content=body,
            headers={"Authorization": f"Basic {basic}", **headers},
        )  # fmt: skip


@pytest.fixture
async def providers(
    pool: AsyncConnectionPool[Any], connection: AsyncConnection[Any], amazon: Amazon
) -> AsyncIterator[Providers]:
    async with opened(pool, connection, amazon) as found:
        yield found


@contextlib.asynccontextmanager
async def opened(
    pool: AsyncConnectionPool[Any], connection: AsyncConnection[Any], amazon: Amazon,
    **overrides: Any,
) -> AsyncIterator[Providers]:  # fmt: skip
    clock = StoppedClock()
    given = {"ses_topic_arn": TOPIC, "postmark_webhook_secret": SECRET, "mail_domain": DOMAIN}
    settings = load_settings(**{**given, **overrides})
    gateway = Gateway(pool, clock, Entries(pool, clock, "UTC"))
    app = build_app(gateway, pool, settings, SIGNER, Shelf(), amazon.fetch)
    returns = Returns(pool=pool, clock=clock, mail_domain=DOMAIN, kept_days=30)
    desk = Desk(pool, connection, clock, returns)
    await desk.person("ada")
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://api.test"
    ) as client:
        yield Providers(desk, amazon, client)


def mail_of(sent: str | None = None) -> dict[str, Any]:
    """What SES says of the message that an event is about."""
    return {
        "timestamp": "2026-03-02T09:00:00.000Z", "messageId": "0102018f-000000", "source":
        token(sent) if sent else "hello@vendor.test", "destination": [ADA],
        "headersTruncated": False, "headers": [{"name": "Subject", "value": "Welcome"}],
        "commonHeaders": {"subject": "Welcome", "messageId": sent or "<x@y.test>"},
    }  # fmt: skip


def ses_bounce(kind: str = "Permanent", subtype: str = "General", **rest: Any) -> dict[str, Any]:
    return {
        "bounceType": kind, "bounceSubType": subtype, "feedbackId": "0102018f-fb-1",
        "timestamp": "2026-03-02T09:00:01.000Z", "reportingMTA": "dns; mx.acme.test",
        "bouncedRecipients": [
            {"emailAddress": f"Ada <{ADA.upper()}>", "action": "failed", "status": "5.1.1",
             "diagnosticCode": f"smtp; 550 5.1.1 <{ADA}>: no such user"}
        ], **rest,
    }  # fmt: skip


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("shape", ["notificationType", "eventType"])
async def test_a_bounce_by_ses_ends_message_and_address_in_both_shapes_and_signatures(
    providers: Providers, version: str, shape: str
) -> None:
    desk, sent = providers.desk, await providers.desk.message()
    event = {shape: "Bounce", "bounce": ses_bounce(), "mail": mail_of(sent)}
    said = providers.amazon.says(event, version, Subject="Amazon SES Email Event Notification")

    first, again = await providers.ses(said), await providers.ses(said)

    assert (first.status_code, first.json()) == (200, {"result": "taken"})
    assert again.json() == {"result": "known_already"}
    assert await desk.state(sent) == "bounced"
    assert await desk.reasons() == {"hard bounce"}
    (row,) = await desk.came()
    assert (row["id"], row["source"], row["status"]) == ("ses:0102018f-fb-1", "ses", "5.1.1")
    assert ADA not in row["detail"]
    assert providers.amazon.asked == [CERTIFICATE], "it is asked for once"


async def test_other_events_of_ses_do_what_they_say(providers: Providers) -> None:
    desk, amazon, sent = providers.desk, providers.amazon, await providers.desk.message()
    mail = mail_of(sent)
    people = [{"emailAddress": ADA}]

    async def told(**event: Any) -> str:
        answer = await providers.ses(amazon.says({"mail": mail, **event}))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["result"])

    late = {"timestamp": "t1", "delayedRecipients": people}
    assert await told(eventType="DeliveryDelay", deliveryDelay=late) == "taken"
    assert await desk.state(sent) == "accepted"
    done = {"timestamp": "t2", "recipients": [ADA], "smtpResponse": "250 ok"}
    assert await told(eventType="Delivery", delivery=done) == "taken"
    assert await desk.state(sent) == "delivered"
    kind = {"feedbackId": "f-1", "complaintFeedbackType": "not-spam"}
    kind["complainedRecipients"] = people  # type: ignore[assignment]
    assert await told(notificationType="Complaint", complaint=kind) == "taken"
    assert (await desk.state(sent), await desk.reasons()) == ("delivered", set())
    angry = {**kind, "feedbackId": "f-2", "complaintFeedbackType": "abuse"}
    assert await told(notificationType="Complaint", complaint=angry) == "taken"
    assert (await desk.state(sent), await desk.reasons()) == ("complained", {"complaint"})
    soft = ses_bounce("Transient", "MailboxFull", feedbackId="f-3")
    assert await told(notificationType="Bounce", bounce=soft) == "taken"
    assert await told(eventType="Send", send={}) == "ignored"
    assert await told(eventType="Open", open={"ipAddress": "192.0.2.1"}) == "ignored"
    assert {(row["kind"], row["state"]) for row in await desk.came()} == {
        ("delayed", "ignored"), ("delivered", "applied"), ("automatic", "ignored"),
        ("complaint", "applied"), ("soft", "applied"),
    }  # fmt: skip


async def test_several_recipients_of_one_event_are_several_rows(providers: Providers) -> None:
    await providers.desk.person("bob")
    both = [{"emailAddress": ADA}, {"emailAddress": "bob@acme.test"}]
    event = {"eventType": "Bounce", "mail": mail_of(), "bounce": ses_bounce(bouncedRecipients=both)}
    assert (await providers.ses(providers.amazon.says(event))).status_code == 200
    assert await providers.desk.reasons(ADA) == {"hard bounce"}
    assert await providers.desk.reasons("bob@acme.test") == {"hard bounce"}
    assert len(await providers.desk.came()) == 2


async def test_only_what_amazon_signed_for_our_topic_is_believed(providers: Providers) -> None:
    amazon, event = providers.amazon, {
        "eventType": "Bounce", "mail": mail_of(), "bounce": ses_bounce()
    }  # fmt: skip
    good = amazon.says(event)
    changed = {**good, "Message": good["Message"].replace("ada", "eve")}
    stranger = Amazon(rsa.generate_private_key(public_exponent=65_537, key_size=2048))
    hosts = ("https://sns.eu-west-1.amazonaws.com.evil.test", "http://sns.eu-west-1.amazonaws.com",
             "https://sns.us-east-1.amazonaws.com", "https://eu-west-1.amazonaws.com",
             "https://127.0.0.1", "https://user@sns.eu-west-1.amazonaws.com",
             HOST + ":8443")  # fmt: skip
    elsewhere = [
        amazon.says(event, SigningCertURL=f"{host}/SimpleNotificationService-{'0a' * 16}.pem")
        for host in hosts
    ]
    paths = ("/", "/other.pem", "/SimpleNotificationService-../x.pem",
             f"/SimpleNotificationService-{'0a' * 16}.pem?x=1",
             f"/SimpleNotificationService-{'0a' * 16}.pem\n")  # fmt: skip
    elsewhere += [amazon.says(event, SigningCertURL=HOST + path) for path in paths]
    for sent in (
        changed, stranger.says(event), {**good, "Signature": "x"}, {**good, "Signature": ""},
        {**good, "SignatureVersion": "1"}, {**good, "SignatureVersion": "9"},
        {**good, "MessageId": "m-2"},
        amazon.says(event, TopicArn="arn:aws:sns:eu-west-1:999999999999:mail"), *elsewhere,
    ):  # fmt: skip
        answer = await providers.ses(sent)
        assert answer.status_code == 401, sent
        assert error_of(answer)["code"] == "wrong_signature"
    assert await providers.desk.came() == []
    assert set(amazon.asked) <= {CERTIFICATE}


async def test_a_certificate_that_is_over_or_none_is_not_believed(providers: Providers) -> None:
    amazon = providers.amazon
    said = amazon.says({"eventType": "Send", "mail": {}, "send": {}})
    for pem in (amazon.certify(days=-1), b"", b"<html>", b"\xff" * 100):
        amazon.places[CERTIFICATE] = pem
        assert (await providers.ses(said)).status_code == 401
    amazon.places[CERTIFICATE] = amazon.certify()
    assert (await providers.ses(said)).status_code == 200


async def test_whoever_names_certificates_cannot_make_us_ask_for_them_without_end(
    providers: Providers,
) -> None:
    for number in range(40):
        url = f"{HOST}/SimpleNotificationService-{number:032x}.pem"
        answer = await providers.ses(providers.amazon.says("{}", SigningCertURL=url))
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
    assert len(providers.amazon.asked) == 10


async def test_a_subscription_is_confirmed_for_our_topic_and_at_amazons_address(
    providers: Providers,
) -> None:
    amazon, more = providers.amazon, {"Type": "SubscriptionConfirmation", "Token": "t&k=1"}
    more["SubscribeURL"] = "https://127.0.0.1/steal"
    other = amazon.says("Confirm", TopicArn=TOPIC + "2", **more)
    assert (await providers.ses(other)).status_code == 401
    assert amazon.asked == []

    answer = await providers.ses(amazon.says("Confirm", **more))

    assert answer.json() == {"result": "confirmed"}
    assert amazon.asked[1:] == [
        f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC.replace(':', '%3A')}&Token=t%26k%3D1"
    ]
    hello = "Successfully validated SNS topic for Amazon SES event publishing."
    assert (await providers.ses(amazon.says(hello))).json() == {"result": "ignored"}


@pytest.mark.parametrize(
    "message",
    [
        "", "no json", "[" * 50_000, "[]", "{}", '{"eventType": "Bounce"}', '{"eventType": {}}',
        '{"eventType": "Bounce", "mail": {}, "bounce": {}}',
        '{"eventType": "Bounce", "mail": {"messageId": "x"}, "bounce": {"bouncedRecipients": [1]}}',
        '{"eventType": "Delivery", "mail": [], "delivery": {"recipients": []}}', "\x00\ud800",
    ],
    ids=range(11),
)  # fmt: skip
async def test_what_ses_signed_and_nobody_can_read_is_kept_aside(
    providers: Providers, message: str
) -> None:
    said = providers.amazon.says(message.encode("utf-8", "replace").decode())
    for _ in range(2):
        assert (await providers.ses(said)).status_code == 400
    (row,) = await providers.desk.came()
    assert (row["kind"], row["state"]) == ("unknown", "listed")
    assert row["detail"]


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{}", b"[" * 90_000, b'{"Type": "x"}'])
async def test_what_is_no_message_of_sns_is_refused(providers: Providers, body: bytes) -> None:
    assert (await providers.ses(body)).status_code == 400
    assert await providers.desk.came() == []


def record(kind: str, **fields: Any) -> dict[str, Any]:
    """What Postmark sends of a message."""
    return {
        "RecordType": kind, "ServerID": 23, "MessageStream": "outbound", "Tag": "",
        "MessageID": "00000000-0000-0000-0000-000000000001", "Metadata": {}, **fields,
    }  # fmt: skip


async def test_records_of_postmark_do_what_they_say(providers: Providers) -> None:
    desk, sent = providers.desk, await providers.desk.message()
    ours = {"Metadata": {"message-id": sent}}

    async def told(kind: str, **fields: Any) -> str:
        answer = await providers.postmark(record(kind, **fields))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["result"])

    assert await told("Delivery", Recipient=ADA, DeliveredAt="2026-03-02", **ours) == "taken"
    assert await desk.state(sent) == "delivered"
    hard = {"ID": 4323372036854775807, "Type": "HardBounce", "Email": "Ada@Acme.test",
            "Details": f"smtp;550 5.1.1 {ADA} unknown"}  # fmt: skip
    assert await told("Bounce", **hard, **ours) == "taken"
    assert await told("Bounce", **hard, **ours) == "known_already"
    assert (await desk.state(sent), await desk.reasons()) == ("bounced", {"hard bounce"})
    spam = {"ID": 2, "Type": "SpamComplaint", "Email": ADA}
    assert await told("SpamComplaint", **spam) == "taken"
    change = {"Recipient": ADA, "ChangedAt": "2026-03-02T09:00:00Z", "Origin": "Recipient",
              "SuppressSending": True, "SuppressionReason": "ManualSuppression"}  # fmt: skip
    assert await told("SubscriptionChange", **change) == "taken"
    back = {**change, "ChangedAt": "2026-03-03T09:00:00Z", "SuppressSending": False}
    assert await told("SubscriptionChange", **back) == "taken"
    assert await told("Bounce", ID=3, Type="Transient", Email=ADA) == "taken"
    assert await told("Bounce", ID=4, Type="AutoResponder", Email=ADA) == "taken"
    assert await told("Open", Recipient=ADA) == "ignored"
    assert await desk.reasons() == {"hard bounce", "complaint", "unsubscribed"}
    assert {(row["kind"], row["state"]) for row in await desk.came()} == {
        ("delivered", "applied"), ("hard", "applied"), ("complaint", "applied"),
        ("unsubscribed", "applied"), ("automatic", "ignored"), ("soft", "applied"),
        ("out_of_office", "ignored"),
    }  # fmt: skip
    assert all("@" not in row["id"] + row["detail"] for row in await desk.came())


async def test_the_dump_of_a_bounce_leads_to_its_message(providers: Providers) -> None:
    sent = await providers.desk.message()
    dump = bounce(sent).decode()
    hard = record("Bounce", ID=5, Type="HardBounce", Email=ADA, Content=dump)
    assert (await providers.postmark(hard)).status_code == 200
    assert await providers.desk.state(sent) == "bounced"


def inbound(sent: str, **fields: Any) -> dict[str, Any]:
    """A reply as Postmark received it for us."""
    return {
        "FromName": "Ada", "From": ADA, "FromFull": {"Email": ADA, "Name": "Ada"},
        "To": "hello@vendor.test", "OriginalRecipient": "hello@vendor.test",
        "Subject": "Re: Welcome\r\nX-Evil: 1", "MessageID": "22c74902-a0c1-4511-804f2-341342852c90",
        "Date": "Mon, 2 Mar 2026 10:00:00 +0100", "MessageStream": "inbound",
        "TextBody": "Who can help me?\n\nOn Mon, 2 Mar 2026, Maya wrote:\n> Hello\n",
        "HtmlBody": "", "StrippedTextReply": "Who can help me?", "Tag": "", "Attachments": [],
        "Headers": [{"Name": "In-Reply-To", "Value": sent}, {"Name": "Bad\r\nName", "Value": "x"},
                    {"Name": "Content-Type", "Value": "multipart/mixed"}, 7], **fields,
    }  # fmt: skip


async def test_a_reply_by_postmark_opens_a_task_and_an_absence_does_not(
    providers: Providers,
) -> None:
    """P18."""
    desk, sent = providers.desk, await providers.desk.message()
    for result in ("taken", "known_already"):
        answer = await providers.postmark(inbound(sent))
        assert (answer.status_code, answer.json()) == (200, {"result": result})
    (task,) = await desk.rows("select * from tasks")
    assert (task["account_id"], task["contact_id"], task["note"]) == (
        "acme", "ada", "Who can help me?",
    )  # fmt: skip

    away = inbound(sent, MessageID="other", Subject="Automatic reply", TextBody="I am away.")
    away["Headers"].append({"Name": "Auto-Submitted", "Value": "auto-replied"})
    assert (await providers.postmark(away)).json() == {"result": "taken"}
    raw = f"From: {ADA}\r\nTo: x@vendor.test\r\nSubject: raw\r\n\r\nAs it came.\r\n"
    assert (await providers.postmark(inbound(sent, MessageID="3", RawEmail=raw))).is_success
    notes = [row["note"] for row in await desk.rows("select note from tasks order by opened_at")]
    assert sorted(notes) == ["As it came.", "Who can help me?"]


async def test_postmark_is_let_in_by_the_secret_alone(providers: Providers) -> None:
    wrong = base64.b64encode(b"postmark:another").decode()
    for headers in (
        {"Authorization": ""}, {"Authorization": f"Basic {wrong}"}, {"Authorization": "Basic é"},
        {"Authorization": f"Bearer {SECRET}"}, {"Authorization": "", "X-Webhook-Secret": "x"},
        {"Authorization": "Basic !!!"},
    ):  # fmt: skip
        answer = await providers.client.post(
            "/v1/returned/postmark", content=b"{}",
            headers={name: value.encode() for name, value in headers.items()},
        )  # fmt: skip
        assert answer.status_code == 401
        assert error_of(answer)["code"] == "wrong_secret"
    assert await providers.desk.came() == []
    by_header = {"Authorization": "", "X-Webhook-Secret": SECRET}
    assert (await providers.postmark(record("Open"), **by_header)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe", b"[]", b"{}", b"[" * 90_000, b'{"RecordType": "Bounce"}',
        b'{"RecordType": "Bounce", "ID": 1}', b'{"RecordType": "Delivery", "MessageID": "x"}',
        b'{"RecordType": "Delivery", "Recipient": "a@b.test"}', b'{"RecordType": "News"}',
        b'{"FromFull": {}}', b'{"FromFull": {}, "Headers": {}, "From": "a@b.test"}',
    ],
    ids=range(12),
)  # fmt: skip
async def test_what_postmark_sends_and_nobody_can_read_is_kept_aside(
    providers: Providers, body: bytes
) -> None:
    answer = await providers.postmark(body)
    assert answer.status_code == 400
    assert error_of(answer)["message"]
    (row,) = await providers.desk.came()
    assert (row["kind"], row["state"], row["raw"]) == ("unknown", "listed", body)


async def test_a_reply_with_large_files_is_taken(providers: Providers) -> None:
    sent = await providers.desk.message()
    files = [{"Name": "a.pdf", "Content": "QUJD" * 1_000_000, "ContentType": "application/pdf"}]
    assert (await providers.postmark(inbound(sent, Attachments=files))).status_code == 200
    assert len(await providers.desk.rows("select 1 from tasks")) == 1


async def test_the_same_event_by_several_processes_at_once_counts_once(
    providers: Providers,
) -> None:
    hard = record("Bounce", ID=9, Type="HardBounce", Email=ADA)
    answers = await asyncio.gather(*(providers.postmark(hard) for _ in range(8)))
    results = sorted(each.json()["result"] for each in answers)
    assert results == ["known_already"] * 7 + ["taken"]


async def test_without_their_settings_the_addresses_are_closed(
    pool: AsyncConnectionPool[Any], connection: AsyncConnection[Any], amazon: Amazon
) -> None:
    none = {"ses_topic_arn": None, "postmark_webhook_secret": None}
    async with opened(pool, connection, amazon, **none) as providers:
        for answer, setting in (
            (await providers.ses(amazon.says("{}")), "SES_TOPIC_ARN"),
            (await providers.postmark(record("Open")), "POSTMARK_WEBHOOK_SECRET"),
        ):
            assert answer.status_code == 403
            assert setting in error_of(answer)["message"]


def test_a_topic_that_is_none_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="SES_TOPIC_ARN"):
        load_settings(ses_topic_arn="https://sns.eu-west-1.amazonaws.com")
