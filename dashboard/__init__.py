"""What people see, and how the whole is configured."""

from dashboard.celery import app as celery_app

__all__ = ["celery_app"]
