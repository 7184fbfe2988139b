"""Whether an account's connection works: one real request, of which nothing is stored but that it was made."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.utils import timezone

from runs.connectors import ApiSpec, Bounds, ConnectorError, MethodSpec, RequestFailed, RequestValues, placeholders_in
from runs.engine.account_client import client_of
from runs.engine.caps import bounds as bounds_of
from runs.errors import InvalidInput
from runs.models import IntegratedAccount
from runs.services.audit import note
from runs.services.run_request import spec_of

SECONDS = 10.0
LONGEST_ERROR = 300
BOUNDS = {"tries": 1, "longest_wait": 0.0, "page_seconds": SECONDS, "total_seconds": SECONDS}


@dataclass(frozen=True)
class ConnectionTest:
    """What came of it. `asked` names the method, empty where there was nothing to ask.

    `status_code` and `records` are None where the source has not answered, or not with a page. `error` is a sentence
    and `code` its kind; both are empty when all is well.
    """

    asked: str
    milliseconds: int
    status_code: int | None = None
    records: int | None = None
    error: str = ""
    code: str = ""

    @property
    def is_well(self) -> bool:
        return not self.error


def check_connection(account: IntegratedAccount, bounds: Bounds | None = None) -> ConnectionTest:
    """Fetch the first page of the integration's first list, or of another method that needs nothing, within seconds.

    The account stays as it is, also where the source refuses its credentials: its runs say so soon enough.
    """
    found = _asked(account, bounds or bounds_of(**BOUNDS))
    note(
        "account.test",
        account,
        outcome="works" if found.is_well else found.error[:LONGEST_ERROR],
        asked=found.asked or None,
        status_code=found.status_code,
        milliseconds=found.milliseconds,
    )
    return found


def _asked(account: IntegratedAccount, bounds: Bounds) -> ConnectionTest:
    waits = account.rate_limited_until
    if waits is not None and waits > timezone.now():
        message = f"The source limits the rate of this account until {waits:%H:%M:%S} UTC: it was not asked."
        return ConnectionTest("", 0, error=message, code="rate_limited")
    try:
        spec = spec_of(account.integration, account=account)
    except InvalidInput as error:
        return ConnectionTest("", 0, error=str(error), code="definition")
    method = probe(spec)
    if method is None:
        message = "The integration describes no method that can be called without an id or a parameter."
        return ConnectionTest("", 0, error=message, code="nothing_to_ask")
    return _answered(account, spec, method, bounds)


def probe(spec: ApiSpec) -> MethodSpec | None:
    """The method to try the connection with: the first list, else the first that only reads and needs nothing.

    By name: the order of the config is lost where the database keeps JSON in its own.
    """
    methods = [method for _, methods in sorted(spec.resources.items()) for _, method in sorted(methods.items())]
    harmless = [method for method in methods if not method.is_write and _needs_nothing(method)]
    lists = [method for method in harmless if method.name == "list"]
    return next(iter([*lists, *harmless]), None)


def _needs_nothing(method: MethodSpec) -> bool:
    """Whether its path and body are filled from the account's context alone. A query goes without what is missing."""
    found = placeholders_in([method.path, method.body])
    return all(path.split(".")[0] == "context" for placeholder in found for path in placeholder.paths)


def _answered(account: IntegratedAccount, spec: ApiSpec, method: MethodSpec, bounds: Bounds) -> ConnectionTest:
    asked, began = f"{method.resource} {method.name}", time.monotonic()
    try:
        with client_of(account, spec, wait=_do_not_wait, bounds=bounds) as client:
            page = client.fetch(method, RequestValues(id=None, query={}), None)
    except RequestFailed as error:
        return ConnectionTest(asked, _since(began), error.status_code, error=error.message, code=error.code)
    except ConnectorError as error:
        return ConnectionTest(asked, _since(began), error=str(error), code=type(error).__name__)
    return ConnectionTest(asked, _since(began), page.status_code, len(page.records))


def _do_not_wait(seconds: float) -> None:
    if seconds:
        raise RequestFailed("timeout", "The source wants to be waited for.", permanent=False)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
