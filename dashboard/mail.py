"""The mail server of `EMAIL_URL`."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

# The port of each, as RFC 8314 has them: `smtps` is encrypted from the first byte, `smtp+tls` from STARTTLS on.
_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


@dataclass(frozen=True)
class MailServer:
    """Without a host there is none."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = False
    ssl: bool = False


def mail_server(url: str) -> MailServer:
    """The server of `smtp+tls://user:password@host:587`; user and password percent-encoded, as in any URL.

    Raises ImproperlyConfigured, without the URL, which holds a password.
    """
    if not url:
        return MailServer()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured("EMAIL_URL is not a URL.") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ImproperlyConfigured(f"EMAIL_URL must be {', '.join(_PORTS)}, followed by ://user:password@host:port.")
    return MailServer(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=parts.scheme == "smtp+tls",
        ssl=parts.scheme == "smtps",
    )
