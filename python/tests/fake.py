"""A management API that answers what it was told, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Request:
    method: str
    path: str
    body: Any
    authorization: str


@dataclass
class FakeApi:
    """Answers by method and path; what has no answer is 404, as on a broker."""

    url: str = ""
    answers: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def answer(self, method: str, path: str, body: object, status: int = 200) -> None:
        """JSON, or text as it is."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.answers[method, path] = (status, text)

    def take(self, request: Request) -> tuple[int, str]:
        self.requests.append(request)
        unknown = (404, json.dumps({"error": "not_found", "reason": "nothing here"}))
        return self.answers.get((request.method, request.path), unknown)


@contextmanager
def fake_api() -> Iterator[FakeApi]:
    fake = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(length)
            status, text = fake.take(
                Request(
                    self.command,
                    self.path,
                    json.loads(data) if data else None,
                    self.headers.get("Authorization", ""),
                )
            )
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - names of the standard library

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
