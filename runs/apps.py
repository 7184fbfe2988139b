from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class RunsConfig(AppConfig):
    name = "runs"
    verbose_name = "Sync jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from runs.database import teach_sqlite
        from runs.services.roles import establish_roles

        connection_created.connect(teach_sqlite, dispatch_uid="runs.sqlite")
        post_migrate.connect(establish_roles, sender=self, dispatch_uid="runs.roles")
