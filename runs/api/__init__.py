"""The HTTP API, mounted at the root: section 2 of the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.openapi.docs import ABS_TPL_PATH, Swagger
from ninja.operation import Operation
from typing_extensions import TypedDict

from runs.api import (
    cron_triggers,
    daemons,
    integrated_accounts,
    integrations,
    pass_through,
    records,
    sync_job_runs,
    sync_jobs,
    unified_mappings,
    webhooks,
)
from runs.api.auth import BearerToken
from runs.api.errors import add_error_handlers
from runs.api.idempotency import once_per_key
from runs.api.manners import with_head, with_json_405, with_trailing_slashes
from runs.api.openapi import DESCRIPTION, complete
from runs.api.parser import JsonParser
from runs.api.remote_errors import add_remote_error_handlers


def documentation(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view that is to be read only. It changes nothing, so a wrong method needs no protection from forgery."""
    return csrf_exempt(require_safe(view))


class Documentation(Swagger):
    """The page whose files are served by us, not from elsewhere."""

    template_cdn = str(ABS_TPL_PATH / "swagger.html")


class Api(NinjaAPI):
    """The framework's API, whose refusals all have the contract's form, and whose document is complete."""

    @property
    def urls(self) -> Any:
        found, app_name, namespace = super().urls
        patterns = cast("list[URLPattern]", found)
        for pattern in patterns:
            pattern.callback = with_json_405(with_head(once_per_key(pattern.callback, self)))
        return with_trailing_slashes(patterns), app_name, namespace

    def get_openapi_schema(self, **where: Any) -> Any:
        return complete(super().get_openapi_schema(**where))

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The view's own name: it is what generators call the method."""
        return operation.view_func.__name__


api = Api(
    title="Syncdeck",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    auth=BearerToken(),
    parser=JsonParser(),
    docs=Documentation(),
    docs_decorator=documentation,
)
add_error_handlers(api)
add_remote_error_handlers(api)
api.add_router("/integration", integrations.router, tags=["Integrations"])
api.add_router("/integrated-account", integrated_accounts.router, tags=["Integrated accounts"])
api.add_router("/unified-mapping", unified_mappings.router, tags=["Unified mappings"])
api.add_router("/sync-job", sync_jobs.router, tags=["Sync jobs"])
api.add_router("/sync-job-run", sync_job_runs.router, tags=["Sync job runs"])
api.add_router("/sync-job-cron-trigger", cron_triggers.router, tags=["Sync job cron triggers"])
api.add_router("/webhook", webhooks.router, tags=["Webhooks"])
api.add_router("/record", records.router, tags=["Records"])
api.add_router("/proxy", pass_through.proxy, tags=["Pass-through"])
api.add_router("/unified", pass_through.unified, tags=["Pass-through"])
api.add_router("/daemon", daemons.router, tags=["Daemons"])


class Pong(TypedDict):
    ping: str


@api.get("/ping", auth=None, response=Pong, tags=["Service"])
def ping(request: HttpRequest) -> Pong:
    """Whether the service answers."""
    return {"ping": "pong"}
