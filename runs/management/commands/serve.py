"""`manage.py serve`: the web process."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.core.servers.basehttp import get_internal_wsgi_application
from django.urls import get_resolver
from waitress.server import create_server

from runs.addresses import address_to_open, port_number, require_free
from runs.interpreter import keep_what_is_loaded
from runs.management.static_files import collect_if_stale
from runs.management.telling import tell

# Far above what the application takes, which refuses in its own words; beyond it a body is not even received.
LARGEST_BODY = 32 * 1024 * 1024


class Command(BaseCommand):
    help = "Serve pages and API."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=port_number, default=8000)
        parser.add_argument("--threads", type=int, default=8, help="Requests answered at the same time.")

    def handle(self, *, host: str, port: int, threads: int, **options: Any) -> None:
        require_free(host, port)
        collect_if_stale()
        server = create_server(
            get_internal_wsgi_application(),
            host=host,
            port=port,
            threads=threads,
            ident=None,
            max_request_body_size=LARGEST_BODY,
            clear_untrusted_proxy_headers=not settings.BEHIND_PROXY,  # by itself it keeps them from everybody
        )
        _ = get_resolver().url_patterns  # loads all views
        keep_what_is_loaded()
        tell(self, f"Serving {address_to_open(host, port)}")
        server.run()
