"""How a webhook's receiver can tell that an event is ours and unchanged: signed twice, for two kinds of readers."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook as Standard

ENCODINGS = ("base64", "hex")


def signature_headers(secret: str, message_id: str, body: bytes, moment: datetime, encoding: str) -> dict[str, str]:
    """The headers that sign the body, sent at this moment.

    `X-Truto-Signature` is the HMAC-SHA256 of the raw body under the UTF-8 of the whole secret, in the encoding named.
    The other three follow the Standard Webhooks specification (standardwebhooks.com): key = the bytes that the secret
    encodes, and the moment is signed too, so that an old message can't be replayed.
    """
    moment = moment.astimezone(UTC)
    mac = hmac.new(secret.encode(), body, hashlib.sha256)
    value = mac.hexdigest() if encoding == "hex" else base64.b64encode(mac.digest()).decode()
    return {
        "X-Truto-Signature": f"format=sha256,v={value}",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Standard(secret).sign(message_id, moment, body.decode()),
    }
