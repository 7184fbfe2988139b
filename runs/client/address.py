"""Where Syncdeck is, and what opens it: checked before anything is sent."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from runs.client.errors import BadRequest

_TOKEN = re.compile(r"[!-~]{1,512}")


def checked_address(text: str) -> str:
    """The base of all addresses, without a slash at its end. Raises BadRequest, which repeats no password."""
    try:
        parts = urlsplit(text.strip())
        has_port = parts.port is None or parts.port > 0
    except ValueError as error:
        raise BadRequest(f"The address of Syncdeck can't be read: {error}.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_port:
        raise BadRequest("The address of Syncdeck begins with https:// or http:// and names a host.")
    if parts.username is not None or parts.query or parts.fragment:
        raise BadRequest("The address of Syncdeck has no user, no password, no ? and no #; the token is given apart.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def checked_token(text: str) -> str:
    """Raises BadRequest, which does not repeat it."""
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise BadRequest("The token is empty, or has characters that no token has.")
    return token


def path_of(*parts: object) -> str:
    """A path of these parts, of which none can end another or lead upwards. Raises BadRequest."""
    texts = [str(part) for part in parts]
    if any(text in ("", ".", "..") for text in texts):
        raise BadRequest("An id or a name is empty, . or ..; it must name something.")
    return "/" + "/".join(quote(text, safe="") for text in texts)
