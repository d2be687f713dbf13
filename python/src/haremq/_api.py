"""A client of the management API: JSON in, JSON out, errors that say who refused what."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ._errors import ApiError, BrokerError

TIMEOUT_SECONDS = 30.0
TEST_API = "/api/haremq/test"


class Api:
    """Requests to one management API.

    Each request has a connection of its own: so an object may be used by several threads and after
    a fork, and nothing has to be closed.
    """

    def __init__(self, url: str) -> None:
        """Takes `http://user:password@host:port`, with or without a user (then guest)."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BrokerError(f"{url!r} is no URL of a management API, like http://localhost:15672")
        self.is_tls = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (15671 if self.is_tls else 15672)
        self.user = unquote(parts.username or "guest")
        self.password = unquote(parts.password or "guest")
        host = f"[{self.host}]" if ":" in self.host else self.host
        prefix = parts.path.rstrip("/")
        self._prefix = prefix
        #: The address without user and password.
        self.url = urlunsplit((parts.scheme, f"{host}:{self.port}", prefix, "", ""))
        #: Adds what became of the broker to an error of a request that was not answered.
        self.explain: Callable[[BrokerError], BrokerError] = _as_it_is
        login = f"{self.user}:{self.password}".encode()
        self._authorization = "Basic " + base64.b64encode(login).decode()

    def get(self, path: str) -> Any:
        """The answer to a GET."""
        return self.request("GET", path)

    def post(
        self, path: str, body: dict[str, Any] | None = None, timeout: float = TIMEOUT_SECONDS
    ) -> Any:
        """The answer to a POST; no body is an empty object."""
        __tracebackhide__ = True
        return self.request("POST", path, {} if body is None else body, timeout)

    def delete(self, path: str) -> None:
        """Deletes a resource."""
        self.request("DELETE", path)

    def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Any:
        """One request; the JSON of its answer, or None where there is none.

        Raises:
            ApiError: the broker refused it.
            BrokerError: no answer within `timeout` seconds, or none that can be understood.
        """
        # What matters to a test is the refusal and its own line.
        __tracebackhide__ = True
        headers = {"Authorization": self._authorization, "Connection": "close"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        connection = self._connection(timeout)
        try:
            connection.request(method, self._prefix + path, data, headers)
            response = connection.getresponse()
            status, text = response.status, response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            what = str(error) or type(error).__name__
            raise self.explain(BrokerError(f"{method} {self.url}{path}: {what}")) from error
        finally:
            connection.close()
        if status >= 300:
            raise ApiError(method, path, status, _reason(text))
        if not text.strip():
            return None
        try:
            return json.loads(text)
        except ValueError:
            raise BrokerError(f"{method} {self.url}{path}: no JSON: {text[:200]!r}") from None

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self.is_tls:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(
                self.host, self.port, timeout=timeout, context=context
            )
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def _as_it_is(error: BrokerError) -> BrokerError:
    return error


@contextmanager
def ignoring_not_found() -> Iterator[None]:
    """For what may be gone already and shall be gone."""
    try:
        yield
    except ApiError as error:
        if error.status != 404:
            raise


def _reason(text: str) -> str:
    try:
        parsed = json.loads(text)
    except ValueError:
        return text.strip()[:500] or "no reason given"
    if isinstance(parsed, dict):
        return str(parsed.get("reason") or parsed.get("error") or parsed)
    return str(parsed)
