"""Saved views of the run list. They are one person's own; whoever gets their link sees the same filters."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.http import QueryDict

from runs.errors import Failure, InvalidInput
from runs.models import SavedView, User
from runs.services.audit import note

MOST_VIEWS = 30
LONGEST_QUERY = 4_000
_NOT_KEPT = ("cursor",)
_WHOLE_LIST = "since=7d"


def save_view(user: User, name: str, query: str) -> SavedView:
    """A new view with these filters, after the person's others. Raises InvalidInput."""
    kept = _kept(query)
    with transaction.atomic():
        views = SavedView.objects.filter(user=user)
        if views.count() >= MOST_VIEWS:
            raise InvalidInput([Failure("name", f"There are {MOST_VIEWS} views already; delete one first.")])
        last = views.aggregate(last=Max("position"))["last"]
        view = SavedView(user=user, name=_name(name), query=kept, position=0 if last is None else last + 1)
        _named_once(view)
        note("view.save", view, query=kept)
    return view


def rename_view(view: SavedView, name: str) -> None:
    """Raises InvalidInput."""
    before, view.name = view.name, _name(name)
    if view.name == before:
        return
    with transaction.atomic():
        _named_once(view)
        note("view.rename", view, before=before)


def change_view(view: SavedView, query: str) -> None:
    """Give the view these filters. Raises InvalidInput."""
    view.query = _kept(query)
    with transaction.atomic():
        view.save(update_fields=["query", "updated_at"])
        note("view.change", view, query=view.query)


def delete_view(view: SavedView) -> None:
    with transaction.atomic():
        note("view.delete", view, query=view.query)
        view.delete()


def open_with(view: SavedView, *, default: bool) -> None:
    """Make the list without parameters go to this view, or no longer. A person has one such view at most."""
    with transaction.atomic():
        SavedView.objects.filter(user=view.user_id, is_default=True).exclude(pk=view.pk).update(is_default=False)
        if SavedView.objects.filter(pk=view.pk, is_default=not default).update(is_default=default):
            note("view.default", view, is_default=default)


def move_view_left(view: SavedView) -> None:
    """Before the one that stands before it; the first stays where it is."""
    with transaction.atomic():
        views = list(SavedView.objects.filter(user=view.user_id))
        place = next((index for index, other in enumerate(views) if other.pk == view.pk), 0)
        if place == 0:
            return
        views[place - 1], views[place] = views[place], views[place - 1]
        for position, other in enumerate(views):
            SavedView.objects.filter(pk=other.pk).update(position=position)
        note("view.move", view, position=place - 1)


def _name(text: str) -> str:
    name = " ".join(text.replace("\0", "").split())
    if not name:
        raise InvalidInput([Failure("name", "A view needs a name.")])
    longest = SavedView._meta.get_field("name").max_length or 0
    if len(name) > longest:
        raise InvalidInput([Failure("name", f"A name has at most {longest} characters.")])
    return name


def _kept(query: str) -> str:
    """The query without the page's place; never empty, for the list without parameters goes to the default view."""
    if len(query) > LONGEST_QUERY or "\0" in query:
        raise InvalidInput([Failure("query", "These are too many filters for a view.")])
    params = QueryDict(query, mutable=True)
    for name in _NOT_KEPT:
        params.pop(name, None)
    return params.urlencode() or _WHOLE_LIST


def _named_once(view: SavedView) -> None:
    """Save it. Two views of one person never have one name, however they are clicked together."""
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise InvalidInput([Failure("name", f"There is a view called {view.name} already.")]) from error
