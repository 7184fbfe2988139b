"""The product's settings, for a web process that answers one address more: see `polls_urls`."""

from dashboard.settings import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.polls_urls"
