"""The JSONata library, imported without what its import does beside: it raises Python's recursion limit to 10,000.

The limit is what ends the reading of a body that nests without an end, in this thread and in all others.
"""

# ruff: noqa: E402 - the limit is read before the library is
import sys

_limit = sys.getrecursionlimit()

from jsonata import Jsonata
from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.timebox import Timebox
from jsonata.utils import Utils

sys.setrecursionlimit(_limit)

__all__ = ["Functions", "JException", "Jsonata", "Timebox", "Utils"]
