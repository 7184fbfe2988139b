"""What people write down about a trouble."""

from __future__ import annotations

from django.db import transaction

from runs.connectors import masked
from runs.errors import NotAllowed
from runs.models import ErrorGroup
from runs.models.base import Now
from runs.services.audit import note

LONGEST_NOTE = 4_000


@transaction.atomic
def note_cause(group: ErrorGroup, text: str, *, actor: str) -> ErrorGroup:
    """Keep the text as what is known of the group's cause; an empty one removes it. Returns the row, read again.

    Raises NotAllowed if somebody has written another note since the group was read.
    """
    text = masked(text.replace("\0", "").strip()[:LONGEST_NOTE])
    unchanged = ErrorGroup.objects.filter(id=group.id, note_at=group.note_at)
    if text == group.note:
        return group
    if not unchanged.update(note=text, note_by=actor, note_at=Now()):
        raise NotAllowed("Somebody else has changed the note meanwhile.")
    note("error_group.note", group, actor=actor, before=group.note, after=text)
    return ErrorGroup.objects.get(id=group.id)
