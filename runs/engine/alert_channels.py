"""How an alert gets to its readers: by mail, to a Slack webhook or one like it, and to a signed webhook."""

from __future__ import annotations

import smtplib
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage

from runs.connectors import Answer, ReceiverClient, signature_headers
from runs.models import AlertChannel, AlertMessage
from runs.wire import known_time, wire_bytes

EVENT = "alert"
ACCEPTED = 250  # of SMTP, whose codes mean by their hundreds what those of HTTP do
NO_MAIL = "No mail server is set: EMAIL_URL is empty."


def attempt(message: AlertMessage, client: ReceiverClient) -> Answer:
    """One attempt by the rule's channel. Never raises for what the receiver or the network does."""
    match message.rule.channel:
        case AlertChannel.MAIL:
            return _mail(message)
        case AlertChannel.SLACK:
            return client.post(message.rule.target, wire_bytes({"text": _channel_text(message.content)}), {})
        case _:
            body = _envelope(message)
            encoding = settings.WEBHOOK_SIGNATURE_ENCODING
            signed = signature_headers(message.rule.secret, str(message.id), body, datetime.now(UTC), encoding)
            return client.post(message.rule.target, body, signed)


def _mail(message: AlertMessage) -> Answer:
    """The answer's status is that of the mail server, where it said anything."""
    begun = time.monotonic()
    if not settings.EMAIL_HOST:
        return Answer(None, NO_MAIL, 0.0)
    try:
        _as_mail(message).send()
    except smtplib.SMTPRecipientsRefused as refused:
        code, words = next(iter(refused.recipients.values()))
        return Answer(code, _said(code, words), time.monotonic() - begun)
    except smtplib.SMTPResponseException as refused:
        return Answer(refused.smtp_code, _said(refused.smtp_code, refused.smtp_error), time.monotonic() - begun)
    except (OSError, ValueError) as error:  # SMTPException is an OSError; the others: what no mail may hold
        return Answer(None, f"The mail server could not be used: {error}", time.monotonic() - begun)
    return Answer(ACCEPTED, "", time.monotonic() - begun)


def _as_mail(message: AlertMessage) -> EmailMessage:
    told, rule = message.content, message.rule
    host = urlsplit(settings.PUBLIC_URL).hostname
    headers = {"Message-ID": f"<{message.id}@{host}>", "Auto-Submitted": "auto-generated"}  # RFC 3834
    why = f"The alert rule “{rule.name}” has sent this: {settings.PUBLIC_URL}/settings/alerts/{rule.id}/"
    body = f"{told['text']}\n\n{told['url']}\n\n-- \n{why}\n"
    return EmailMessage(told["subject"], body, settings.DEFAULT_FROM_EMAIL, rule.addresses, headers=headers)


def _said(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"The mail server answered {code} {' '.join(text.split())}".strip()


def _channel_text(told: dict[str, Any]) -> str:
    """Escaped as Slack wants it, so that no name or error of a source can call a channel's people or make a link."""
    text = told["text"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"{text}\n{told['url']}"


def _envelope(message: AlertMessage) -> bytes:
    """As of any event (contract 4); no webhook of the environment has sent it, so it names none."""
    envelope = {
        "id": str(message.id),
        "event": EVENT,
        "payload": message.content,
        "environment_id": str(message.rule.environment_id),
        "webhook_id": None,
        "created_at": known_time(message.created_at),
    }
    return wire_bytes(envelope)
