"""What can be typed behind `syncdeck`."""

from __future__ import annotations

import argparse
import json
from typing import Any

from runs.version import VERSION

DEFAULT_LIMIT = 20
_EPILOG = """The token is read from SYNCDECK_TOKEN, or from the file of --token-file: on a command line everybody on the
machine could read it. Exit status: 0 done, 2 refused; of tail: 0 completed, 1 failed, 3 stopped."""
_FILTERS = "As in the API: status=failed, 'created_at[gte]=2026-01-01'."
_ID = "A run's id, or the beginning of it."


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Ends the process with status 2 for what can't be understood."""
    return _parser().parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("syncdeck", description="Syncdeck's runs, from any machine.", epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"syncdeck {VERSION}")
    parser.add_argument("--url", metavar="URL", help="Where Syncdeck is. Default: SYNCDECK_URL, else this machine.")
    parser.add_argument("--token-file", metavar="PATH", help="A file that holds the token. Default: SYNCDECK_TOKEN.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    for name, words in (("list", "Runs, the newest first."), ("records", "Stored records, the newest first.")):
        _add_list(verbs.add_parser(name, help=words, description=words))
    for name in ("jobs", "accounts"):
        _add_list(verbs.add_parser(name, help=f"The sync {name}." if name == "jobs" else "The integrated accounts."))
    _add_run_verbs(verbs)
    for one in verbs.choices.values():
        one.add_argument("--json", action="store_true", dest="as_json", help="The API's objects.")
    return parser


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("filters", nargs="*", metavar="FILTER", help=_FILTERS)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--limit", type=_count, default=DEFAULT_LIMIT, metavar="N", help="How many; 20 by itself.")
    size.add_argument("--all", action="store_true", help="All of them; with --json an object a line.")
    parser.add_argument("--cursor", help="Where to go on: what the page before has told.")


def _add_run_verbs(verbs: Any) -> None:
    for name, words in (("show", "One run, its entries and its latest events."), ("tail", "Follow a run to its end.")):
        verbs.add_parser(name, help=words, description=words).add_argument("run", metavar="ID", help=_ID)
    verbs.add_parser("stop", help="Ask runs to stop.").add_argument("runs", nargs="+", metavar="ID", help=_ID)
    again = verbs.add_parser("rerun", help="Run the same again.")
    again.add_argument("run", metavar="ID", help=_ID)
    start = verbs.add_parser("run", help="Start a run.")
    start.add_argument("job", metavar="JOB", help="The job's id or label.")
    start.add_argument("account", metavar="ACCOUNT", help="The account's id or tenant id.")
    start.add_argument("--args", dest="run_args", type=_json_object, metavar="JSON", help='Such as {"user_id": 7}.')
    start.add_argument("--force", action="store_true", help="Even while the same is running.")
    for one in (again, start):
        one.add_argument("--ignore-previous-run", action="store_true", help="Fetch everything, not only news.")
        one.add_argument("--tail", action="store_true", help="Follow it to its end.")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return int(text)


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"this is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("this is JSON, but no object")
    return value
