"""Reading fields of a config, collecting every fault instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runs.connectors.errors import ExpressionFailed, PlaceholderError
from runs.connectors.expressions import Expression
from runs.connectors.placeholders import literal_text, placeholders_in

ROOTS = ("context", "id", "query")  # what the placeholders of an integration may name (contract 5)


@dataclass(frozen=True)
class Section:
    """One object of the config at its path. All sections of a config add to the same list of failures.

    A reader that finds a fault notes it and returns its default: the config is refused as a whole at the end.
    """

    values: Mapping[str, Any]
    path: str = ""
    failures: list[tuple[str, str]] = field(default_factory=list)

    def fail(self, key: str, message: str) -> None:
        self.failures.append((self._at(key), message))

    def _at(self, key: str) -> str:
        return ".".join(part for part in (self.path, key) if part)

    def section(self, key: str) -> Section:
        """The object at the key, empty if there is none."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, Mapping):
            self.fail(key, "must be an object.")
            value = None
        return Section(value or {}, self._at(key), self.failures)

    def value(self, key: str) -> Any:
        """What stands at the key, or at its alias: `page_param` is read as `page_key`."""
        if key not in self.values and key.endswith("_key"):
            return self.values.get(key.removesuffix("_key") + "_param")
        return self.values.get(key)

    def text(self, key: str, default: str | None = None, *, required: bool = False) -> str | None:
        value = self.value(key)
        if value is None:
            if required:
                self.fail(key, "is required, as a text.")
            return default
        if not isinstance(value, str) or not value:
            self.fail(key, "must be a text that is not empty.")
            return default
        return value

    def number(self, key: str, default: int | None, lowest: int, highest: int) -> int | None:
        value = self.value(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            self.fail(key, f"must be an integer from {lowest} to {highest}.")
            return default
        return value

    def flag(self, key: str) -> bool:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            self.fail(key, "must be true or false.")
        return value is True

    def choice(self, key: str, known: Iterable[str], coming: Iterable[str] = ()) -> str | None:
        """One of the known names. Names in `coming` get a message of their own: right, but not run yet."""
        value, names = self.value(key), sorted(known)
        if value in names:
            return str(value)
        if value in tuple(coming):
            self.fail(key, f"{value} is not run by this version yet, which knows: {', '.join(names)}.")
        else:
            given = "is required" if value is None else f"{value!r} is not known"
            self.fail(key, f"{given}; must be one of: {', '.join(names)}.")
        return None

    def expression(self, key: str, *aliases: str, required: bool = False) -> Expression | None:
        """A JSONata expression, at the key or at the first of its aliases that is given."""
        name = next((name for name in (key, *aliases) if self.values.get(name) is not None), key)
        text = self.text(name, required=required)
        try:
            return None if text is None else Expression(text)
        except ExpressionFailed as error:
            self.fail(name, f"is no JSONata expression: {error}")
            return None

    def template(self, key: str, *, required: bool = False) -> str:
        """A text of one line that may hold placeholders, which are checked. Empty if it is not given."""
        self._check_placeholders(key)
        text = self.text(key, required=required) or ""
        if not literal_text(text).isprintable():
            self.fail(key, "must be a text on one line, without control characters.")
        return text

    def templates(self, key: str) -> dict[str, Any]:
        """An object whose values may hold placeholders, which are checked."""
        self._check_placeholders(key)
        return dict(self.section(key).values)

    def any_template(self, key: str) -> Any:
        """Whatever stands at the key, its placeholders checked."""
        self._check_placeholders(key)
        return self.value(key)

    def _check_placeholders(self, key: str) -> None:
        try:
            found = placeholders_in(self.value(key))
        except PlaceholderError as error:
            for location, message in error.failures:
                self.fail(f"{key}.{location}".rstrip("."), message)
            return
        for placeholder in found:
            if any(path.split(".")[0] not in ROOTS for path in placeholder.paths):
                where = f"{key}.{placeholder.location}".rstrip(".")
                self.fail(where, f"{placeholder.text}: paths begin with one of: {', '.join(ROOTS)}.")
