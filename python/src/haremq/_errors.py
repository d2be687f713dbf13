"""What can go wrong, by who has to act."""

from __future__ import annotations


class HaremqError(Exception):
    """The base of everything that this package raises."""


class BrokerError(HaremqError):
    """The broker did not start, does not answer, or ended as it must not.

    The message says which, and ends with the last lines of the broker's log where there is one.
    """


class ApiError(HaremqError):
    """The broker refused a request of the management API.

    Attributes:
        status: the HTTP status.
        reason: what the broker says, in its words.
    """

    def __init__(self, method: str, path: str, status: int, reason: str) -> None:
        """Keeps the parts and puts them into one sentence."""
        super().__init__(f"{method} {path}: {status}: {reason}")
        self.status = status
        self.reason = reason
