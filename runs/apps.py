from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RunsConfig(AppConfig):
    name = "runs"
    verbose_name = "Sync jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from runs.services.roles import establish_roles

        post_migrate.connect(establish_roles, sender=self, dispatch_uid="runs.roles")
