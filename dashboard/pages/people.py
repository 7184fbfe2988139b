"""The people of one's environments: who they are, what they may, and whether they get in."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.marks import person_mark
from dashboard.pages.access import PageRequest, go_to, page_with
from dashboard.pages.listing import listed_by_name
from dashboard.pages.questions import ask
from dashboard.settings_forms import PersonForm, role_name
from runs.errors import Forbidden, InvalidInput
from runs.models import Role, User
from runs.services import (
    change_person,
    create_person,
    end_sessions,
    may_manage,
    password_link,
    people_of,
    set_access,
)

CREATED = 201
BAD_REQUEST = 400

people_page = page_with("runs.change_user", _("People are the business of admins."))


@people_page
@require_safe
def person_list(request: PageRequest) -> HttpResponse:
    query = request.GET.get("q", "").replace("\x00", "").strip()
    people = people_of(request.user).prefetch_related("groups", "environments")
    if query:
        parts = ("username", "first_name", "last_name", "email")
        people = people.filter(Q(*[Q(**{f"{part}__icontains": query}) for part in parts], _connector=Q.OR))
    context = listed_by_name(request, people, "username")
    mine = set(request.user.visible_environments().values_list("pk", flat=True))
    lines = [(person, person_mark(person), role_name(person), _shared(person, mine)) for person in context["rows"]]
    return render(request, "settings/people.html", {**context, "lines": lines, "query": query})


@never_cache
@people_page
@require_http_methods(["GET", "HEAD", "POST"])
def person_new(request: PageRequest) -> HttpResponse:
    form = PersonForm(request.user, data=request.POST or None)
    if form.is_valid():
        try:
            person = _made(request, form)
        except InvalidInput as error:
            form.refuse(error.failures)
        else:
            return _link_page(request, person, status=CREATED)
    return render(request, "settings/person_new.html", {"form": form}, status=BAD_REQUEST if form.errors else 200)


@people_page
@require_http_methods(["GET", "HEAD", "POST"])
def person_edit(request: PageRequest, person_id: int) -> HttpResponse:
    person = _person(request, person_id)
    form = PersonForm(request.user, person, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            change_person(request.user, person, **form.values())
        except InvalidInput as error:
            form.refuse(error.failures)
        except Forbidden as error:
            raise PermissionDenied(str(error)) from error
        else:
            messages.success(request, gettext("Saved: {person}.").format(person=person))
            return redirect("person_list")
    manages = may_manage(request.user, person) and person != request.user
    facts = {"person": person, "mark": person_mark(person), "role": role_name(person)}
    context = {**facts, "form": form, "manages": manages}
    return render(request, "settings/person.html", context, status=BAD_REQUEST if form.errors else 200)


@never_cache
@people_page
@require_POST
def person_link(request: PageRequest, person_id: int) -> HttpResponse:
    """Shows a new link by which the person chooses a password; the password of now holds until then."""
    return _link_page(request, _person(request, person_id))


@people_page
@require_POST
def person_sessions_end(request: PageRequest, person_id: int) -> HttpResponse:
    person = _person(request, person_id)
    try:
        end_sessions(request.user, person)
    except Forbidden as error:
        raise PermissionDenied(str(error)) from error
    messages.success(request, gettext("{person} is logged out everywhere.").format(person=person))
    return redirect("person_edit", person.pk)


@people_page
@require_http_methods(["GET", "HEAD", "POST"])
def person_deactivate(request: PageRequest, person_id: int) -> HttpResponse:
    person = _person(request, person_id)
    if request.method != "POST":
        above = [(reverse("settings"), gettext("Settings")), (reverse("person_list"), gettext("People"))]
        crumbs = [*above, (reverse("person_edit", args=[person.pk]), str(person))]
        return ask(request, "settings/_shut_out.html", crumbs, person=person, mark=person_mark(person))
    return _set_access(request, person, False, gettext("{person} is shut out.").format(person=person))


@people_page
@require_POST
def person_activate(request: PageRequest, person_id: int) -> HttpResponse:
    person = _person(request, person_id)
    words = gettext("{person} may log in again, with the password of before.").format(person=person)
    return _set_access(request, person, True, words)


def _made(request: PageRequest, form: PersonForm) -> User:
    """Raises InvalidInput."""
    given = form.values()
    try:
        return create_person(
            request.user,
            form.cleaned_data["username"],
            given["names"],
            role=given["role"] or Role.VIEWER,
            environments=given["environments"],
        )
    except Forbidden as error:
        raise PermissionDenied(str(error)) from error


def _set_access(request: PageRequest, person: User, is_active: bool, words: str) -> HttpResponse:
    try:
        changed = set_access(request.user, person, is_active=is_active)
    except InvalidInput as error:
        messages.error(request, " ".join(failure.message for failure in error.failures))
    except Forbidden as error:
        raise PermissionDenied(str(error)) from error
    else:
        messages.success(request, words if changed else gettext("It was so already; nothing was changed."))
    return go_to(request, reverse("person_edit", args=[person.pk]))


def _link_page(request: PageRequest, person: User, status: int = 200) -> HttpResponse:
    """The only page that shows the link, which is a password for as long as it holds."""
    try:
        parts = password_link(request.user, person)
    except Forbidden as error:
        raise PermissionDenied(str(error)) from error
    link = request.build_absolute_uri(reverse("password_set", args=parts))
    return render(request, "settings/person_link.html", {"person": person, "link": link}, status=status)


def _person(request: PageRequest, person_id: int) -> User:
    return get_object_or_404(people_of(request.user), pk=person_id)


def _shared(person: User, mine: set[UUID]) -> list[str]:
    """The names of the person's environments that the reader sees too."""
    return sorted(environment.name for environment in person.environments.all() if environment.pk in mine)
