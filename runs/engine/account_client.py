"""The way to an account's source, as all of Syncdeck goes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runs.connectors import ApiClient, ApiSpec
from runs.engine.caps import private_hosts
from runs.engine.token_store import AccountTokens
from runs.models import IntegratedAccount


def client_of(account: IntegratedAccount, spec: ApiSpec, *, wait: Callable[[float], None], **over: Any) -> ApiClient:
    """A client with the account's credentials and its shared access token, for a `with` block.

    `wait(seconds)` waits or raises what ends the work; more is as `ApiClient` takes it.
    """
    tokens = AccountTokens(account.id)
    return ApiClient(spec, account.context, wait=wait, private=private_hosts(), token_store=tokens, **over)
