"""Filling in the texts that show who sends a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runs.connectors.errors import AuthenticationFailed, MissingValue
from runs.connectors.placeholders import filled


def credential(text: str, roots: Mapping[str, Any], encode: Callable[[str], str] = str) -> str:
    """The text with its placeholders filled, each value encoded.

    Raises AuthenticationFailed where the account has no value for one.
    """
    try:
        return filled(text, roots, encode)
    except MissingValue as missing:
        message = f"The account has no value for {missing.placeholder}, which its authorization needs."
        raise AuthenticationFailed("missing_credential", message) from missing
