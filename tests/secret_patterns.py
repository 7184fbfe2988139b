"""What looks like a secret in a file: by its shape, by the name that it is given, or by being random."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

# Of well-known issuers.
SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{22,}|\bglpat-[\w-]{20,}"
    r"|\bxox[abprs]-[0-9A-Za-z-]{10,}|hooks\.slack\.com/services/T\w+/B\w+/\w{16,}"
    r"|\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|\bsk-[\w-]{20,}|\bAIza[\w-]{35}|\bpypi-[\w-]{40,}"
    r"|\bwhsec_[A-Za-z0-9+/]{24,}={0,2}|\bgAAAAA[\w-]{40,}"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+"
)
NAMED = re.compile(
    r"(?:passw(?:or)?d|passphrase|secret|token|api_?key|private_?key|credential|canary)\w*[\"']?"
    r"\s*(?::\s*\w+\s*)?[:=]>?\s*[rbf]?[\"']([^\"'\s{}<>]{12,})[\"']",
    re.IGNORECASE,
)
IN_A_URL = re.compile(r"\b\w+://[^\s/:@\"'{}]*:([^\s/:@\"'{}]{12,})@")
RANDOM = re.compile(r"(?<![\w+/-])[A-Za-z0-9+/_-]{28,}={0,2}(?![\w+/=-])")
NAMED_BITS, RANDOM_BITS = 3.5, 4.2  # of a character: words have fewer


def secrets_in(text: str) -> Iterator[str]:
    """Whatever in the text had better not be committed."""
    yield from (found[0] for found in SHAPES.finditer(text))
    for pattern in (NAMED, IN_A_URL):
        yield from (found[1] for found in pattern.finditer(text) if _is_mixed(found[1], NAMED_BITS, "[a-zA-Z]"))
    yield from (found[0] for found in RANDOM.finditer(text) if _is_mixed(found[0], RANDOM_BITS, "[a-z]", "[A-Z]"))


def _is_mixed(value: str, bits: float, *kinds: str) -> bool:
    """Whether it has digits and characters of each kind, and as many bits a character."""
    return all(re.search(kind, value) for kind in (r"\d", *kinds)) and _entropy(value) >= bits


def _entropy(value: str) -> float:
    shares = [count / len(value) for count in Counter(value).values()]
    return -sum(share * math.log2(share) for share in shares)
