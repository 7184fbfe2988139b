"""The palette, computed from `static/css/tokens.css`: states can be told apart by everybody, and everything be read.

States that share a hue by design (stopping, no sign of life, warned) are told apart by shape and word.
"""

from __future__ import annotations

import re
from itertools import combinations, product
from pathlib import Path

import pytest
from coloraide import Color

TOKENS = Path(__file__).resolve().parents[2] / "static" / "css" / "tokens.css"
THEMES = {"light": 0, "dark": 1}
HUES = ("created", "running", "warned", "completed", "failed", "stopped")
TEXTS = ("ink", "muted", "faint", *(f"state-{hue}" for hue in HUES))
GROUNDS = ("page", "surface", "sunken", "hover", "wash-running", "wash-failed", "wash-warning", "wash-calm")
EDGES = ("edge", "bar", *(f"state-{hue}" for hue in HUES))
MOST_ALIKE = 10  # CIEDE2000
READABLE, VISIBLE = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11


def tokens(theme: str) -> dict[str, Color]:
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", TOKENS.read_text())
    return {name: Color(both[THEMES[theme]]) for name, *both in pairs}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", ["", "deutan", "protan"])
def test_no_two_states_look_alike(theme: str, sight: str) -> None:
    found = tokens(theme)
    seen = {hue: found[f"state-{hue}"].filter(sight) if sight else found[f"state-{hue}"] for hue in HUES}
    differences = {pair: seen[pair[0]].delta_e(seen[pair[1]], method="2000") for pair in combinations(HUES, 2)}

    assert {pair: value for pair, value in differences.items() if value <= MOST_ALIKE} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_can_be_read_on_every_ground(theme: str) -> None:
    found = tokens(theme)
    contrasts = {(text, ground): found[text].contrast(found[ground]) for text in TEXTS for ground in GROUNDS}

    assert {pair: value for pair, value in contrasts.items() if value < READABLE} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_shapes_bars_and_the_edges_of_inputs_are_seen(theme: str) -> None:
    found = tokens(theme)
    pairs = product(EDGES, ("page", "surface"))
    contrasts = {(edge, ground): found[edge].contrast(found[ground]) for edge, ground in pairs}

    assert {pair: value for pair, value in contrasts.items() if value < VISIBLE} == {}
