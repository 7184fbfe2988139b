"""Whatever a person reads on a page goes through gettext, so that it can be translated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.dashboard import python_words, template_words

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
# Modules without a word of a page, though they have prose: settings, addresses, and what processes say of themselves.
DASHBOARD = settings.BASE_DIR / "dashboard"
NO_PAGES = {
    *("settings", "urls", "celery", "asgi", "wsgi", "broker", "consumer", "logs", "health"),
    *("checked_settings", "keys", "metrics", "mail", "apps", "request_ids"),
}
MODULES = sorted(
    {*DASHBOARD.rglob("*.py")}
    - {DASHBOARD / f"{name}.py" for name in NO_PAGES}
    - {*(DASHBOARD / "management").rglob("*.py")}
)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_each_text_of_a_template_can_be_translated(template: Path) -> None:
    assert_none(template, template_words.bare_words)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_each_text_of_a_module_of_pages_can_be_translated(module: Path) -> None:
    assert_none(module, python_words.bare_words)


def assert_none(source: Path, bare_words: Callable[[Path], Iterator[str]]) -> None:
    found = list(bare_words(source))
    assert not found, "\n".join([f"{source}: not through gettext", *found])
