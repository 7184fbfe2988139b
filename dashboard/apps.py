from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        import structlog

        from dashboard import logins, sessions  # noqa: F401 - their receivers listen from now on
        from dashboard.broker import prepare_embedded_broker
        from dashboard.logs import shared

        structlog.configure(
            processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            logger_factory=structlog.stdlib.LoggerFactory(),
            cache_logger_on_first_use=True,
        )
        prepare_embedded_broker()
