"""A question before something is done: a dialog where HTMX asks, else a page of its own."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from dashboard.pages.access import PageRequest

Crumb = tuple[str, str]


def ask(request: PageRequest, question: str, crumbs: list[Crumb], status: int = 200, **context: Any) -> HttpResponse:
    """Render the template `question`. `crumbs` are the addresses and words of the pages above it."""
    context |= {"question": question, "crumbs": crumbs}
    return render(request, question if request.htmx else "question.html", context, status=status)
