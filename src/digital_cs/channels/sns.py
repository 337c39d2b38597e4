"""Amazon SNS as a caller: a message is believed by its signature, and for one topic alone."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from digital_cs.errors import DigitalCsError, UnavailableError

Fetch = Callable[[str], Awaitable[bytes]]
"""Gets what lies at an address of AWS. Raises SnsAwayError."""

_ANSWER_BYTES = 64 * 1024
_TIMEOUT = 5.0
_MOST_KEYS = 8
_MOST_FETCHES, _WITHIN = 10, 60.0
"""Certificates asked for in so many seconds: who calls us names them, signed or not."""

_PLACE = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:.+")
_HASHES: dict[str, Callable[[], HashAlgorithm]] = {"1": SHA1, "2": SHA256}
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]


class SnsShapeError(DigitalCsError):
    """The body is not what Amazon SNS sends."""


class SnsSignatureError(DigitalCsError):
    """The message is not one that Amazon SNS signed for SES_TOPIC_ARN."""


class SnsAwayError(UnavailableError):
    """Amazon SNS does not hand out its certificate at this moment. Send it again soon."""


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """A message that was believed. `kind` is its Type, `text` its Message."""

    kind: str
    id: str
    text: str
    token: str


class SnsTopic:
    """Reads what one topic sends. `fetch` is the only way out, and only to this topic's region."""

    def __init__(self, topic: str, fetch: Fetch) -> None:
        match = _PLACE.fullmatch(topic)
        assert match is not None, "checked by the settings"
        self._topic = topic
        suffix = ".cn" if topic.startswith("arn:aws-cn:") else ""
        self._host = f"https://sns.{match[1]}.amazonaws.com{suffix}"
        self._certificate = re.compile(
            re.escape(f"{self._host}/SimpleNotificationService-") + r"[0-9a-f]{32}\.pem"
        )
        self._fetch = fetch
        self._keys: OrderedDict[str, RSAPublicKey] = OrderedDict()
        self._fetched: deque[float] = deque(maxlen=_MOST_FETCHES)
        self._lock = asyncio.Lock()

    async def read(self, body: bytes) -> SnsMessage:
        """The message in a body. Raises SnsShapeError, SnsSignatureError, SnsAwayError."""
        sent = _object(body)
        kind = sent.get("Type", "")
        names = _SIGNED.get(kind)
        if names is None:
            raise SnsShapeError(
                "The body is no message of Amazon SNS with its signature. Turn off raw message"
                " delivery in the subscription."
            )
        if sent.get("TopicArn") != self._topic:
            raise SnsSignatureError("The message is of another topic than SES_TOPIC_ARN.")
        await self._check(sent, names)
        return SnsMessage(kind, sent["MessageId"], sent["Message"], sent.get("Token", ""))

    async def confirm(self, message: SnsMessage) -> None:
        """Say that we want what this topic sends. The address is ours, not that of the message.

        Raises SnsAwayError.
        """
        query = {"Action": "ConfirmSubscription", "TopicArn": self._topic, "Token": message.token}
        await self._fetch(f"{self._host}/?{urlencode(query)}")

    async def _check(self, sent: dict[str, str], names: tuple[str, ...]) -> None:
        algorithm = _HASHES.get(sent.get("SignatureVersion", ""))
        url = sent.get("SigningCertURL", "")
        if algorithm is None or not self._certificate.fullmatch(url):
            raise SnsSignatureError("It names no certificate where Amazon SNS keeps its own.")
        if any(name not in sent for name in names if name != "Subject"):
            raise SnsShapeError("A field of the message is missing.")
        signed = "".join(f"{name}\n{sent[name]}\n" for name in names if name in sent)
        try:
            signature = base64.b64decode(sent.get("Signature", ""), validate=True)
            key = await self._key(url)
            key.verify(signature, signed.encode(), PKCS1v15(), algorithm())
        except (InvalidSignature, binascii.Error, UnicodeEncodeError):
            raise SnsSignatureError("The signature does not fit the message.") from None

    async def _key(self, url: str) -> RSAPublicKey:
        async with self._lock:
            if url in self._keys:
                self._keys.move_to_end(url)
                return self._keys[url]
            now = time.monotonic()
            if len(self._fetched) == _MOST_FETCHES and now - self._fetched[0] < _WITHIN:
                raise SnsAwayError
            self._fetched.append(now)
            key = _key_of(await self._fetch(url), datetime.now(UTC))
            self._keys[url] = key
            while len(self._keys) > _MOST_KEYS:
                self._keys.popitem(last=False)
            return key


def _object(body: bytes) -> dict[str, str]:
    """The body's fields that are texts: all that count are."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise SnsShapeError("The body is not JSON.") from None
    if not isinstance(sent, dict):
        raise SnsShapeError("The body must be a JSON object.")
    return {name: value for name, value in sent.items() if isinstance(value, str)}


def _key_of(pem: bytes, now: datetime) -> RSAPublicKey:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key: Any = certificate.public_key()
    except ValueError:
        raise SnsSignatureError("What lies at the certificate's address is none.") from None
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise SnsSignatureError("The certificate is not valid at this time.")
    if not isinstance(key, RSAPublicKey):
        raise SnsSignatureError("The certificate has another kind of key than Amazon SNS uses.")
    return key


async def fetch(url: str) -> bytes:
    """Get what lies at an address of AWS, by TLS, without redirects, at most 64 KB of it."""
    try:
        async with (
            httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client,
            asyncio.timeout(2 * _TIMEOUT),
            client.stream("GET", url) as response,
        ):
            found = bytearray()
            async for chunk in response.aiter_bytes():
                found += chunk
                if len(found) > _ANSWER_BYTES:
                    raise SnsAwayError
            if response.status_code != 200:
                raise SnsAwayError
            return bytes(found)
    except (httpx2.HTTPError, TimeoutError) as error:
        raise SnsAwayError from error
