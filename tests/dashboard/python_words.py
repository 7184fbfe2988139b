"""The words in a module of pages that do not go through gettext, found in its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

THROUGH_GETTEXT = {
    *("_", "gettext", "ngettext", "pgettext", "npgettext"),
    *("gettext_lazy", "ngettext_lazy", "pgettext_lazy", "npgettext_lazy", "gettext_noop"),
}
_PROSE = re.compile(r"[^\W\d_]{2,}[,.;:]? [^\W\d_]*|^[A-Z][a-z]+$")
_MARKUP = re.compile(r"<[^>]*>|\{[^}]*\}")
_NAMES_OF_CODE = {"class"}
_CODE = re.compile(r"; (?:charset|filename)=|^#|^ *(?:CASE|ELSE|SELECT|PRAGMA|SHOW)\b")
_SAME_EVERYWHERE = {"Authorization", "Accept", "Lax", "Esc", "Enter", "Syncdeck", "Django", "Celery", "Redis"}
_FOR_NOBODYS_EYES = {
    *("ImproperlyConfigured", "CommandError", "RuntimeError", "ValueError", "TypeError", "Http404", "ChannelError"),
    "TypeVar",
}


def bare_words(module: Path) -> Iterator[str]:
    """Each string of the module that reads as prose, is no docstring and is not given to gettext, with its line."""
    yield from _bare(ast.parse(module.read_text()))


def _bare(node: ast.AST) -> Iterator[str]:
    if _is_excused(node):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if _PROSE.search(_MARKUP.sub("", node.value).strip()) and not _is_code(node.value):
            yield f"{node.lineno}: {node.value}"
        return
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        node = ast.Tuple([value for key, value in pairs if getattr(key, "value", "") not in _NAMES_OF_CODE])
    for child in ast.iter_child_nodes(node):
        yield from _bare(child)


def _is_code(text: str) -> bool:
    return bool(_CODE.search(text)) or text.strip() in _SAME_EVERYWHERE


def _is_excused(node: ast.AST) -> bool:
    """A docstring, what gettext is given, and what no reader of a page sees: log lines, errors of the program."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if not isinstance(node, ast.Call):
        return False
    is_log = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "log"
    return is_log or _called(node) in THROUGH_GETTEXT | _FOR_NOBODYS_EYES


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
