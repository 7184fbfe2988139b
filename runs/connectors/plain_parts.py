"""The plain parts of JSONata as Python closures, so that a mapping of fields does not pay for an interpreter.

The library's syntax tree is walked once. A part becomes a closure only where it comes to exactly what the library's
evaluator comes to: names, literals, objects, arrays, operators, conditions, and some functions of texts, for which the
library's own are called. Every other part is left to the evaluator, that part alone; and so is, at run time, a list on
the way of a path, because JSONata takes it for a sequence.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Protocol

from runs.connectors.jsonata_library import Functions, Jsonata, Utils

NULL = Utils.NULL_VALUE  # JSON's null; Python's None stands for JSONata's undefined, as it does in the library
_MARKS = (  # what changes the meaning of a node, and is left to the library
    *("predicate", "group", "stages", "keep_array", "keep_singleton_array", "consarray", "focus", "tuple", "index"),
    *("ancestor", "seeking_parent", "thunk"),
)


class Scope(Protocol):
    """One evaluation."""

    roots: Any

    def evaluated(self, node: Any, context: Any) -> Any:
        """The node's value by the library's evaluator."""


Part = Callable[[Any, Scope], Any]
"""Gives the value of a part, from the context value that its names are looked up in."""


class _Binds(Exception):
    """Control flow: a variable is bound here, which the parts beside it may see."""


def compiled(tree: Any) -> Part:
    """The whole expression as a closure. Raises RecursionError for a tree that nests too deeply."""
    try:
        return _part(tree)
    except _Binds:
        return _by_the_library(tree)


def _part(node: Any) -> Part:
    if node.type == "bind":
        raise _Binds
    build = _BUILDERS.get(node.type) if _is_bare(node) else None
    return (build(node) if build else None) or _by_the_library(node)


def _is_bare(node: Any) -> bool:
    return not any(getattr(node, mark, None) for mark in _MARKS)


def _by_the_library(node: Any) -> Part:
    return lambda context, scope: scope.evaluated(node, context)


def _literal(node: Any) -> Part:
    value = NULL if node.value is None else node.value
    return lambda context, scope: value


def _block(node: Any) -> Part | None:
    """Parentheses around one expression. What is bound in there is seen in there only."""
    if len(node.expressions) != 1:
        return None
    try:
        return _part(node.expressions[0])
    except _Binds:
        return None


def _path(node: Any) -> Part | None:
    """Names, perhaps from `$` or `$$` on, and perhaps an object made of what they lead to: `response.{"a": b}`."""
    steps = list(node.steps)
    starts_at = steps[0].value if steps[0].type == "variable" and _is_bare(steps[0]) else None
    from_root = starts_at == "$"
    if starts_at in ("", "$"):
        del steps[0]
    last = _part(steps.pop()) if steps and _is_object(steps[-1]) else None
    if not all(step.type == "name" and _is_bare(step) for step in steps):
        return None
    names = [str(step.value) for step in steps]
    if len(names) == 1 and last is None and not from_root:
        return _name(node, names[0])

    def walk(context: Any, scope: Scope) -> Any:
        value = scope.roots if from_root else context
        for name in names:
            if type(value) is dict:
                found = value.get(name)
                value = NULL if found is None and name in value else found
            elif isinstance(value, list):
                return scope.evaluated(node, context)
            else:
                return None
        if last is None or value is None:
            return value
        return last(value, scope) if type(value) is dict else scope.evaluated(node, context)

    is_short = len(names) == 2 and last is None and not from_root
    return _short_walk(names[0], names[1], walk) if is_short else walk


def _short_walk(first: str, second: str, walk: Part) -> Part:
    """A path of two names, such as `response.email`, which mappings are full of; `walk` takes what is not plain."""

    def take(context: Any, scope: Scope) -> Any:
        inner = context.get(first) if type(context) is dict else None
        found = inner.get(second) if type(inner) is dict else None
        return walk(context, scope) if found is None else found

    return take


def _name(node: Any, name: str) -> Part:
    """A path of one name, which most are."""

    def take(context: Any, scope: Scope) -> Any:
        if type(context) is dict:
            found = context.get(name)
            return NULL if found is None and name in context else found
        return scope.evaluated(node, context) if isinstance(context, list) else None

    return take


def _is_object(node: Any) -> bool:
    return node.type == "unary" and node.value == "{" and _is_bare(node)


def _unary(node: Any) -> Part | None:
    return {"{": _object, "[": _array}.get(node.value, lambda node: None)(node)


def _object(node: Any) -> Part | None:
    """An object with fixed names. What is undefined is left out."""
    keys = [key.value for key, _ in node.lhs_object if key.type == "string" and _is_bare(key)]
    if len(set(keys)) != len(node.lhs_object):
        return None
    parts = [(key, _part(value)) for key, (_, value) in zip(keys, node.lhs_object, strict=True)]

    def make(context: Any, scope: Scope) -> Any:
        if isinstance(context, list):
            return scope.evaluated(node, context)
        made = {}
        for key, part in parts:
            value = part(context, scope)
            if value is not None:
                made[key] = None if value is NULL else value
        return made

    return make


def _array(node: Any) -> Part:
    parts = [_part(item) for item in node.expressions]

    def make(context: Any, scope: Scope) -> Any:
        values = [part(context, scope) for part in parts]
        if any(isinstance(value, list) for value in values):
            return scope.evaluated(node, context)
        return [None if value is NULL else value for value in values if value is not None]

    return make


def _condition(node: Any) -> Part:
    test, then = _part(node.condition), _part(node.then)
    otherwise = None if node._else is None else _part(node._else)

    def choose(context: Any, scope: Scope) -> Any:
        if _holds(test(context, scope)):
            return then(context, scope)
        return None if otherwise is None else otherwise(context, scope)

    return choose


def _binary(node: Any) -> Part | None:
    kind = _OPERATORS.get(node.value)
    if kind is None:
        return None
    return kind(node, _part(node.lhs), _part(node.rhs))


def _joined(node: Any, left: Part, right: Part) -> Part:
    return lambda context, scope: _text(left(context, scope)) + _text(right(context, scope))


def _text(value: Any) -> str:
    return value if type(value) is str else "" if value is None else Functions.string(value, None)


def _logical(node: Any, left: Part, right: Part) -> Part:
    wants_both = node.value == "and"

    def decide(context: Any, scope: Scope) -> Any:
        if _holds(left(context, scope)) != wants_both:
            return not wants_both
        return _holds(right(context, scope))

    return decide


def _holds(value: Any) -> bool:
    return value if type(value) is bool else Jsonata.boolize(value)


def _equality(node: Any, left: Part, right: Part) -> Part:
    compare = operator.eq if node.value == "=" else operator.ne

    def decide(context: Any, scope: Scope) -> Any:
        one, other = left(context, scope), right(context, scope)
        if one is None or other is None:
            return False
        if type(one) is str and type(other) is str:
            return compare(one, other)
        return scope.evaluated(node, context)

    return decide


def _call(node: Any) -> Part | None:
    """A function of the library. Its arguments are checked here; where they are others, the library has its say."""
    name = node.procedure.value if node.procedure.type == "variable" else None
    function = _FUNCTIONS.get(name or "")
    if function is None or len(node.arguments) != function.arity:
        return None
    parts = [_part(argument) for argument in node.arguments]
    if len(parts) == 1:
        return _call_with_one(node, function, parts[0])

    def call(context: Any, scope: Scope) -> Any:
        values = [part(context, scope) for part in parts]
        if all(type(value) in function.takes for value in values):
            return function.of(*values)
        return scope.evaluated(node, context)

    return call


def _call_with_one(node: Any, function: _Function, part: Part) -> Part:
    of, takes = function.of, function.takes

    def call(context: Any, scope: Scope) -> Any:
        value = part(context, scope)
        return of(value) if type(value) in takes else scope.evaluated(node, context)

    return call


class _Function:
    def __init__(self, of: Callable[..., Any], takes: tuple[type, ...] = (str,), arity: int = 1) -> None:
        self.of, self.takes, self.arity = of, takes, arity


def _as_number(value: Any) -> Any:
    return Utils.convert_number(Functions.number(value))


def _exists(value: Any) -> bool:
    return value is not None


_SCALARS = (str, int, float, bool, type(NULL))
_FUNCTIONS = {
    "string": _Function(_text, _SCALARS),
    "number": _Function(_as_number, (str, int, bool)),
    "boolean": _Function(Functions.to_boolean, _SCALARS),
    "not": _Function(Functions.not_, _SCALARS),
    "exists": _Function(_exists, (*_SCALARS, dict, type(None))),
    "lowercase": _Function(Functions.lowercase),
    "uppercase": _Function(Functions.uppercase),
    "trim": _Function(Functions.trim),
    "length": _Function(len),
    "contains": _Function(Functions.contains, arity=2),
    "substringBefore": _Function(Functions.substring_before, arity=2),
    "substringAfter": _Function(Functions.substring_after, arity=2),
}
_OPERATORS: dict[str, Callable[[Any, Part, Part], Part]] = {
    "&": _joined,
    "and": _logical,
    "or": _logical,
    "=": _equality,
    "!=": _equality,
}
_BUILDERS: dict[str, Callable[[Any], Part | None]] = {
    "string": _literal,
    "number": _literal,
    "value": _literal,
    "block": _block,
    "path": _path,
    "unary": _unary,
    "condition": _condition,
    "binary": _binary,
    "function": _call,
}
