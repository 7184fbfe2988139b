from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        import structlog
        from django.conf import settings

        from dashboard import logins, request_ids, sessions, task_lines  # noqa: F401 - their receivers listen from now on
        from dashboard.broker import prepare_embedded_broker
        from dashboard.logs import shared, write_all_as_json

        structlog.configure(
            processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            logger_factory=structlog.stdlib.LoggerFactory(),
            cache_logger_on_first_use=True,
        )
        if settings.LOGS_ARE_JSON:
            write_all_as_json()
        prepare_embedded_broker()
