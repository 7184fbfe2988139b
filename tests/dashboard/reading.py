"""What a person reads on the page of a run."""

from __future__ import annotations

import re

from django.test import Client
from django.utils.html import strip_tags

from runs.models import SyncJobRun


def section(page: str, name: str) -> str:
    """The words of one part of the page."""
    part = page.split(f'<section id="{name}"')[1].split("</section>")[0].partition(">")[2]
    return re.sub(r"\s+", " ", strip_tags(part))


def shown(client: Client, run: SyncJobRun, name: str = "summary") -> str:
    return section(client.get(f"/runs/{run.pk}/").content.decode(), name)
