"""An incident as Markdown that keeps its form whatever a source has said: no text can leave its cell or its fence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

import orjson

from runs.incident import Incident
from runs.log_export import one_line, text_line

_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~<>&$-])")
_TICKS = re.compile(r"`+")


def incident_text(incident: Incident) -> str:
    """The whole of it, to be sent to somebody or put into an issue."""
    told, error = incident.told, incident.told["run"]["error"]
    parts = [
        f"# {escaped(told['account'])} · {escaped(told['job'])}: {told['run']['status']}",
        _facts(told),
        "## Error" if error else "",
        fenced(_json(error), "json") if error else "",
        "## Resources",
        _resources(told["resources"]),
        *_good(told["last_good_run"]),
        "## Arguments",
        fenced(_json(told["run"]["args"]), "json"),
        "## The end of the log",
        fenced("".join(text_line(line, UTC) for line in incident.lines)),
        "## Versions",
        table(("what", "version"), told["versions"].items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(value: Any) -> str:
    """A text within a line of Markdown, on one line and without any meaning but its own."""
    return _MARKS.sub(r"\\\1", one_line(str(value)))


def fenced(text: str, language: str = "") -> str:
    """A text as a block of code: its fence is longer than any that the text has."""
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(text)), default=0))
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of escaped cells; None is a dash."""
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    return "–" if value is None else escaped(value)  # noqa: RUF001 - an en dash is meant


def _facts(told: dict[str, Any]) -> str:
    run, daemon = told["run"], told["daemon"]
    names = ("id", "status", "trigger", "created_by", "created_at", "started_at", "finished_at", "attempt")
    modes = ("error_handling", "ignore_previous_run", "version", "daemon_group_key", "webhook_id", "rerun_of_id")
    facts = {name: run[name] for name in names} | {name: told[name] for name in ("environment", "integration")}
    facts |= {name: run[name] for name in ("sync_job_id", "integrated_account_id", *modes)}
    facts |= {f"daemon {name}": value for name, value in (daemon or {"daemon_id": run["daemon_id"]}).items()}
    return table(("fact", "value"), [*facts.items(), ("written_at", told["written_at"])])


def _resources(entries: Iterable[dict[str, Any]]) -> str:
    head = ("resource", "status", "from", "fetched", "persisted", "errors", "seconds", "fetched vs last good")
    figures = ("fetched", "persisted", "errors", "seconds")
    return table(
        head,
        (
            [entry["name"], entry["status"], entry["from"], *(entry[name]["now"] for name in figures), _versus(entry)]
            for entry in entries
        ),
    )


def _versus(entry: dict[str, Any]) -> str | None:
    fetched = entry["fetched"]
    return None if fetched["change"] is None else f"{fetched['change']:+} (was {fetched['last_good']})"


def _good(good: dict[str, Any] | None) -> list[str]:
    if good is None:
        return ["## Last good run", "There is none before this one."]
    differs = [(found["path"], *(_side(found, name) for name in ("before", "now"))) for found in good["differs_in"]]
    differs += [(f"mapping of {name}", "another", "this") for name in good["changed_mappings"]]
    kinds = [
        (kind["resource"], kind["code"], kind["message"], kind["now"], kind["last_good"]) for kind in good["errors"]
    ]
    return [
        f"## Against the last good run, {good['id']}, of {good['created_at']}",
        table(("what was told", "then", "now"), differs) if differs else "Both were told to do the same.",
        table(("resource", "code", "error", "now", "last good"), kinds) if kinds else "Neither has errors.",
    ]


def _side(found: dict[str, Any], name: str) -> str | None:
    return _json(found[name]) if name in found else None


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 if isinstance(value, dict) else 0).decode()
