"""What to do about a connection that does not work."""

from __future__ import annotations

from runs.services.connection import ConnectionTest

_BY_CODE = {
    "missing_credential": "Give the account this credential.",
    "not_connected": "Connect the account in a browser: its page leads to the provider.",
    "no_refresh_token": "Connect the account again, from its page.",
    "invalid_grant": "The provider has taken the access back: give the account new credentials, or connect it again.",
    "missing_value": "Give the account the value that its integration asks for.",
    "address_refused": "A private address needs ALLOWED_PRIVATE_HOSTS to name it, or ALLOW_PRIVATE_NETWORKS.",
    "connection_failed": "Look whether the host name is right and the source is up.",
    "timeout": "The source may be down or overloaded: try again later.",
    "rate_limited": "Try again when the wait is over; runs wait by themselves.",
    "RateLimited": "Try again when the wait is over; runs wait by themselves.",
    "definition": "Mend the integration's config.",
    "nothing_to_ask": "A list that needs no parameters would make the connection testable.",
}
_BY_STATUS = {
    401: "The source does not take these credentials: give the account new ones.",
    403: "The credentials are known, but may not read this: widen what they are allowed at the source.",
    404: "The source has nothing at this address: check the base URL, and the account's own part of it.",
}


def advice(test: ConnectionTest) -> str:
    """A sentence for the fault; empty if there is none, or none that we know of."""
    if test.is_well:
        return ""
    known = _BY_STATUS.get(test.status_code or 0) or _BY_CODE.get(test.code, "")
    return known or ("The fault is the source's: try again later." if (test.status_code or 0) >= 500 else "")
