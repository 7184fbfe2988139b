"""The HTTP server of sources and receivers, which ends as soon as it is told."""

from __future__ import annotations

from pytest_httpserver import HTTPServer


class PromptServer(HTTPServer):
    """Looks every 10 ms whether it is to end: by itself it does so every 500, and hundreds of tests wait for that."""

    def thread_target(self) -> None:
        assert self.server is not None
        self.server.serve_forever(poll_interval=0.01)
