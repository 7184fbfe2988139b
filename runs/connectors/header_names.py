"""Names of headers (RFC 9110, section 5.1)."""

from __future__ import annotations

import re

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~\w]+", re.ASCII)  # a token of RFC 9110, section 5.6.2
_OUR_HEADERS = ("host", "content-length", "transfer-encoding", "connection")
REFUSED = "is no header name that may be set."


def may_be_set(name: str) -> bool:
    """Whether it is the name of a header, and of none that the connection itself needs."""
    return bool(_HEADER_NAME.fullmatch(name)) and name.lower() not in _OUR_HEADERS
