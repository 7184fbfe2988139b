"""The words of a template that do not go through gettext, found in its source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from django.template.base import Lexer, Token, TokenType

SHOWN_ATTRIBUTES = {
    *("title", "alt", "placeholder", "label", "aria-label", "aria-description", "aria-roledescription"),
    *("data-label", "data-confirm", "data-word", "data-words"),
}
SILENT_ELEMENTS = {"script", "style", "svg", "code", "kbd", "pre"}
VOID_ELEMENTS = {"meta", "link", "input", "br", "hr", "img", "wbr", "use", "col", "source"}
SAME_IN_ALL_LANGUAGES = re.compile(r"\b(Syncdeck|UTC|JSON|API|CSV|ID|URL)\b|&[a-z]+;|https?://\S*")
_LETTER = re.compile(r"[^\W\d_]{2,}")
_LITERAL = re.compile(r'"([^"]*)"' + "|'([^']*)'")
_WORDY_FILTERS = re.compile(r'\|(?:default|default_if_none|yesno|pluralize|join)\s*:\s*("[^"]*")')
_PLACEHOLDER = "\x00"


def bare_words(template: Path) -> Iterator[str]:
    """Each text of the template that a person reads and a translator would not get, with its line."""
    words = _Words()
    is_hidden = False
    for token in Lexer(template.read_text()).tokenize():
        name = token.contents.split(maxsplit=1)[0] if token.token_type == TokenType.BLOCK else ""
        if name in ("blocktranslate", "comment") or token.contents == "block body_class":
            is_hidden = True
        if not is_hidden:
            words.line = token.lineno
            _feed(words, token, name)
        if name in ("endblocktranslate", "endcomment", "endblock"):
            is_hidden = False
    words.close()
    yield from words.found


def _feed(words: _Words, token: Token, name: str) -> None:
    match token.token_type:
        case TokenType.TEXT:
            words.feed(token.contents)
        case TokenType.VAR:
            words.feed(_PLACEHOLDER)
            words.check_literals(_WORDY_FILTERS.findall(token.contents))
        case TokenType.BLOCK:
            words.feed(_PLACEHOLDER if name == "translate" else "")
            words.check_literals(_WORDY_FILTERS.findall(token.contents))
            if name in ("include", "with"):
                words.check_literals(re.findall(r'\w+=("[^"]*")', token.contents), only_sentences=True)


class _Words(HTMLParser):
    """Reads the template's HTML in pieces, as they come between its tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self.line = 0
        self._silent: list[str] = []

    def check_literals(self, literals: list[str], *, only_sentences: bool = False) -> None:
        for literal in literals:
            text = literal.strip("\"'")
            if only_sentences and not (text[:1].isupper() or " " in text):
                continue
            self._check(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name in SHOWN_ATTRIBUTES & set(given):
            self._check(given[name] or "")
        if given.get("type") in ("submit", "button"):
            self._check(given.get("value") or "")
        if tag not in VOID_ELEMENTS and (self._silent or tag in SILENT_ELEMENTS or given.get("translate") == "no"):
            self._silent.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """It has nothing inside."""

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._check(data)

    def _check(self, text: str) -> None:
        if _LETTER.search(SAME_IN_ALL_LANGUAGES.sub("", text)):
            self.found.append(f"{self.line}: {' '.join(text.split())}")
