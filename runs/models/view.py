"""The filters of the run list that a person has saved under a name."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from runs.models.base import TimedModel
from runs.models.environment import User


class SavedView(TimedModel):
    """A tab of the run list that one person sees. `query` is that of the list's address."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.TextField()
    is_default = models.BooleanField(default=False, help_text="The list without parameters goes to it.")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "created_at"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="view_name_once"),
            models.UniqueConstraint(fields=["user"], condition=Q(is_default=True), name="view_one_default"),
        ]

    def __str__(self) -> str:
        return self.name
