"""How the pages look in one browser: kept in cookies that the server reads, so that no page flashes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

# By cookie: the values with their words. The first is what holds until something is chosen.
CHOICES: dict[str, dict[str, _StrOrPromise]] = {
    "theme": {"system": pgettext_lazy("theme", "System"), "light": _("Light"), "dark": _("Dark")},
    "density": {"compact": _("Compact"), "comfortable": _("Comfortable")},
    "language": {"auto": _("As the browser asks for"), **dict(settings.LANGUAGES)},
    "rail": {"auto": _("By width"), "wide": _("With words"), "narrow": _("Icons only")},
}


def look_of(cookies: Mapping[str, str]) -> dict[str, str]:
    """The choice of each kind; a cookie that says nothing we know has none."""
    return {name: _known(name, cookies.get(name, "")) or next(iter(values)) for name, values in CHOICES.items()}


def chosen(given: Mapping[str, str]) -> dict[str, str]:
    """Those of the given values that are a choice."""
    return {name: given[name] for name in CHOICES if name in given and _known(name, given[name])}


def _known(name: str, value: str) -> str:
    return value if value in CHOICES[name] else ""
