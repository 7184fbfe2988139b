"""The settings that are shipped, with the few constants shortened that would only make a fault take longer."""

from dashboard.settings import *  # noqa: F403

LINGER_SECONDS = 0.05  # more batches of fewer pages: a run passes its crash points more often
