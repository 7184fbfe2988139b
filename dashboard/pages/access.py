"""Who may see a page, and which objects exist for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from runs.dispatch import watched_broker
from runs.filters import NOT_LISTED
from runs.models import SyncJob, SyncJobRun, User
from runs.models.environment import OPERATE

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

Row = TypeVar("Row", bound=Model)
View = Callable[..., HttpResponseBase]
DEFINITION = (
    "sync_job__resources",
    "integrated_account__unified_model_override",
    "integrated_account__integration__config",
)


class PageRequest(HttpRequest):
    """A request that has passed `staff_page`."""

    user: User
    htmx: HtmxDetails


def staff_page(view: View) -> View:
    """Let staff in; send the unknown to the login, and refuse everybody else."""

    @wraps(view)
    def guarded(request: PageRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_login(request)
        if not request.user.is_staff:
            raise PermissionDenied(gettext("These pages are for staff."))
        response = view(request, *args, **kwargs)
        patch_vary_headers(response, ["HX-Request"])
        return response

    return guarded


def page_with(permission: str, refusal: _StrOrPromise) -> Callable[[View], View]:
    """Let in those of the staff who have this permission; others are told why not."""

    def decorated(view: View) -> View:
        @wraps(view)
        def guarded(request: PageRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            if not request.user.has_perm(permission):
                raise PermissionDenied(refusal)
            return view(request, *args, **kwargs)

        return staff_page(guarded)

    return decorated


BROKER_AWAY = _("Cannot reach the workers' broker; the request is stored and will be picked up.")


def operator_page(view: View) -> View:
    """Let in those of the staff who may start, stop and rerun runs; tell them when the broker could not be reached."""

    @wraps(view)
    def guarded(request: PageRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        with watched_broker() as broker:
            response = view(request, *args, **kwargs)
        if broker.failed:
            messages.warning(request, BROKER_AWAY)
        return response

    refusal = _("You may look, but not run, stop or change anything: that takes an operator.")
    return page_with(OPERATE, refusal)(guarded)


def visible(rows: QuerySet[Row], user: User) -> QuerySet[Row]:
    """Those of the environments that this person may see."""
    return rows.filter(environment__in=user.visible_environments())


def visible_run(request: PageRequest, run_id: UUID, *, defined: bool = False) -> SyncJobRun:
    """The run with all that its page names; 404 outside the person's environments.

    `defined`: also with what its job and integration say now, which is large, and needed to tell what a rerun would do.
    """
    runs = SyncJobRun.objects.select_related("sync_job", "integrated_account__integration", "webhook")
    unread = [name for name in NOT_LISTED if not (defined and name in DEFINITION)]
    return get_object_or_404(visible(runs.defer(*unread, "webhook__secret"), request.user), pk=run_id)


def visible_job(request: PageRequest, job_id: UUID) -> SyncJob:
    """The job; 404 outside the person's environments, and once it has been deleted."""
    jobs = SyncJob.objects.live().select_related("integration", "environment")
    return get_object_or_404(visible(jobs, request.user), pk=job_id)


def go_to(request: PageRequest, to: str) -> HttpResponse:
    """Send the browser on after an action, whether HTMX or the form itself asked for it."""
    return HttpResponseClientRedirect(resolve_url(to)) if request.htmx else redirect(to)


def next_of(request: HttpRequest, otherwise: str) -> str:
    """The page that a form names as `next`, if it is one of ours; else the other one."""
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return back if safe else otherwise


def came_from(request: PageRequest, otherwise: str) -> str:
    """The page whose dialog was answered, with its filters; else the other one. The question itself is no page."""
    page = request.htmx.current_url_abs_path
    is_ours = page is not None and page.startswith("/") and not page.startswith("//")
    return page if page and is_ours and urlsplit(page).path != request.path else otherwise


def _to_login(request: PageRequest) -> HttpResponseBase:
    """The login page, which leads back; never as a fragment within another page."""
    if request.htmx:
        page = request.htmx.current_url_abs_path or resolve_url("attention")
        return HttpResponseClientRedirect(redirect_to_login(page).url)
    return redirect_to_login(request.get_full_path())
