"""YAML as JSON has it: what a file of the catalogue and the definition of a job are written in.

Read by the rules of YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema) where PyYAML follows 1.1:
`no` is a text and no boolean, `12:30` is not 750, a date stays a text, and `1e3` is a number, as in JSON. Names are
texts whatever they look like. Anybody may send a text, so it is read within bounds of length, depth and size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from runs.depth import MAX_DEPTH, nests_deeper
from runs.errors import SyncdeckError

MAX_BYTES = 1_000_000
MAX_NODES = 100_000
_TOO_DEEP = f"it is nested deeper than {MAX_DEPTH} levels"
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_ODD_BREAKS = re.compile("[\r\x85\u2028\u2029]")
_CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
)


class NotPlain(SyncdeckError):
    """The text can't be read. `line` counts from 1; None where no line is to blame."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(message)


@dataclass(frozen=True)
class Located:
    """What a text stands for, and where in the text its parts are."""

    text: str
    value: Any

    def line_of(self, path: str) -> int | None:
        """The line of the part at the dotted path, or of the nearest part around it; None where there is neither."""
        while path and path not in self._lines:
            path = path.rpartition(".")[0]
        return self._lines.get(path)

    @cached_property
    def _lines(self) -> dict[str, int]:
        try:
            node = _composed(self.text)
        except NotPlain:  # JSON that is no YAML: indented by tabs
            return {}
        return {} if node is None else dict(_lines(node, ""))


def parse(text: str | bytes) -> Any:
    """The value that the text stands for. Raises NotPlain."""
    return located(text).value


def located(text: str | bytes) -> Located:
    """The same, with the lines of its parts. JSON is read as JSON, so its tabs and its escapes of emojis may stay."""
    if len(text if isinstance(text, bytes) else text.encode(errors="replace")) > MAX_BYTES:
        raise NotPlain(f"it is larger than {MAX_BYTES:,} bytes")
    try:
        plain = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise NotPlain("it is not in UTF-8") from error
    try:
        value = json.loads(plain, object_pairs_hook=_unique, parse_constant=_refused)
    except (ValueError, RecursionError):  # the reader of YAML says what is wrong, and in which line
        return Located(plain, _constructed(plain))
    if nests_deeper(value):
        raise NotPlain(_TOO_DEEP)
    return Located(plain, value)


def dump(value: Any) -> str:
    """The JSON value as a text that reads back as the same, its names in the order given."""
    return yaml.dump(value, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=110)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _constructed(text: str) -> Any:
    node = _composed(text)
    try:
        return None if node is None else _PlainLoader("").construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error) from error
    except (KeyError, ValueError) as error:  # a tag, such as `!!int`, before what is none
        raise NotPlain("it has a value that is not what its tag says") from error


def _composed(text: str) -> yaml.Node | None:
    """The tree of the text, with its marks. Raises NotPlain."""
    try:
        return _PlainLoader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error) from error
    except (yaml.YAMLError, ValueError) as error:  # characters that YAML does not have
        raise NotPlain(" ".join(str(error).split())) from error


def _unreadable(error: yaml.MarkedYAMLError) -> NotPlain:
    mark = error.problem_mark or error.context_mark
    return NotPlain(error.problem or "it is no YAML", None if mark is None else mark.line + 1)


class _PlainLoader(yaml.SafeLoader):
    """No objects of Python, no name twice, and neither depth nor aliases without end."""

    yaml_constructors = {}
    yaml_implicit_resolvers = {}
    depth = 0
    nodes = 0

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _check_extent(node, {})
        return node

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth, self.nodes = self.depth + 1, self.nodes + 1
        if self.depth > MAX_DEPTH:
            raise _fault_at(_TOO_DEEP, self.peek_event().start_mark)
        if self.nodes > MAX_NODES:
            raise _fault_at(f"it has more than {MAX_NODES:,} values", self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _fault('a name must be a text; a placeholder needs quotes: "{{…}}"', key)
            if key.value in seen:
                raise _fault(f"{key.value} is there twice", key)
            seen.add(key.value)
        return node

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise _fault("an object was expected", node)
        return {name: self.construct_object(value, deep=deep) for name, value in _merged(node).items()}


def _null(loader: _PlainLoader, node: yaml.Node) -> None:
    return None


def _bool(loader: _PlainLoader, node: yaml.Node) -> bool:
    return {"true": True, "false": False}[_scalar(loader, node).lower()]


def _int(loader: _PlainLoader, node: yaml.Node) -> int:
    return int(_scalar(loader, node))


def _float(loader: _PlainLoader, node: yaml.Node) -> float:
    return float(_scalar(loader, node))


def _scalar(loader: _PlainLoader, node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _fault("a single value was expected", node)
    return str(loader.construct_scalar(node))


def _sequence(loader: _PlainLoader, node: yaml.Node) -> Iterator[list[Any]]:
    if not isinstance(node, yaml.SequenceNode):
        raise _fault("a list was expected", node)
    items: list[Any] = []
    yield items
    items.extend(loader.construct_sequence(node))


def _mapping(loader: _PlainLoader, node: yaml.Node) -> Iterator[dict[Any, Any]]:
    items: dict[Any, Any] = {}
    yield items
    items.update(loader.construct_mapping(node))


def _unknown(loader: _PlainLoader, node: yaml.Node) -> None:
    raise _fault(f"the tag {node.tag} is not known here", node)


for _name, _construct in {
    "null": _null,
    "bool": _bool,
    "int": _int,
    "float": _float,
    "str": _scalar,
    "seq": _sequence,
    "map": _mapping,
}.items():
    _PlainLoader.add_constructor(f"{_TAG}{_name}", _construct)
_PlainLoader.add_constructor(None, _unknown)


class _PlainDumper(yaml.SafeDumper):
    """No aliases, lists indented below their names, and texts of several lines as such.

    It quotes what YAML 1.1 would take for something else too, so that other programs read the same.
    """

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: _PlainDumper, text: str) -> yaml.Node:
    """A text with line breaks that no JSON knows as such is quoted, or they would come back as other ones."""
    odd = _ODD_BREAKS.search(text)
    return dumper.represent_scalar(f"{_TAG}str", text, style='"' if odd else "|" if "\n" in text else None)


_PlainDumper.add_representer(str, _text)
for _name, _pattern, _first in _CORE:
    for _reader in (_PlainLoader, _PlainDumper):
        _reader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"(?:{_pattern})\\Z"), _first)


def _lines(node: yaml.Node, path: str) -> Iterator[tuple[str, int]]:
    """The line of each part below the node. What is merged in has none of its own."""
    if isinstance(node, yaml.MappingNode):
        parts = [(key.value, key, value) for key, value in node.value if key.tag != _MERGE]
    elif isinstance(node, yaml.SequenceNode):
        parts = [(str(index), item, item) for index, item in enumerate(node.value)]
    else:
        return
    for name, at, value in parts:
        inner = f"{path}.{name}" if path else name
        yield inner, at.start_mark.line + 1
        yield from _lines(value, inner)


def _merged(node: yaml.MappingNode) -> dict[str, yaml.Node]:
    """The values by name. Own ones win over those merged in (`<<`), of which the first wins."""
    merged: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.tag == _MERGE:
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(source, yaml.MappingNode):
                    raise _fault("only objects can be merged in", key)
                merged = {**_merged(source), **merged}
    return {**merged, **{key.value: value for key, value in node.value if key.tag != _MERGE}}


def _check_extent(node: yaml.Node, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """How many values the node stands for and how deep they are nested, within bounds.

    Each node is looked at once, however often aliases name it; they name what came before, so the walk stays shallow.
    """
    if id(node) not in known:
        known[id(node)] = None
        parts = node.value if isinstance(node, yaml.SequenceNode) else []
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        extents = [_check_extent(part, known) for part in parts]
        known[id(node)] = 1 + sum(size for size, _ in extents), 1 + max((depth for _, depth in extents), default=0)
    extent = known[id(node)]
    if extent is None:
        raise _fault("a value holds itself", node)
    if extent[0] > MAX_NODES:
        raise _fault(f"its aliases stand for more than {MAX_NODES:,} values", node)
    if extent[1] > MAX_DEPTH:
        raise _fault(_TOO_DEEP, node)
    return extent


def _fault(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return _fault_at(problem, node.start_mark)


def _fault_at(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
