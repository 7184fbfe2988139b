"""What a process tells of itself: a sentence for people, or a line of the log where that is for machines."""

from __future__ import annotations

import sys

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand

log = structlog.get_logger(__name__)


def tell(command: BaseCommand, sentence: str) -> None:
    if settings.LOGS_ARE_JSON:
        log.info(sentence)
    else:
        command.stdout.write(sentence)


def tell_aside(sentence: str) -> None:
    """On standard error: what a command prints may be read by a program."""
    if settings.LOGS_ARE_JSON:
        log.info(sentence)
    else:
        print(sentence, file=sys.stderr, flush=True)
