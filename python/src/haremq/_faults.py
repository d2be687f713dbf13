"""Faults: what the broker does wrong on demand, so that a program can be seen to bear it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

from ._api import TEST_API, Api, ignoring_not_found, segment

FaultKind = Literal[
    "confirm_delay",
    "confirm_drop",
    "nack",
    "channel_close",
    "connection_close",
    "cut",
    "block",
    "redeliver",
    "duplicate",
    "slow_disk",
]
Moment = Literal["publish", "ack", "deliver", "declare"]

PATH = f"{TEST_API}/faults"


@dataclass(frozen=True)
class Fault:
    """A fault that was ordered; in a `with` statement it is withdrawn at the end.

    Attributes:
        id: the broker's name for it.
        kind: what it does.
        fields: everything that the broker said of it when this object was made.
    """

    id: str
    kind: str
    fields: Mapping[str, Any] = field(repr=False)
    _faults: Faults = field(repr=False, compare=False)

    def hits(self) -> int:
        """How often it has struck until now; asks the broker.

        Raises:
            KeyError: it was withdrawn.
        """
        return int(self._faults[self.id].fields["hits"])

    def remove(self) -> None:
        """Withdraws it."""
        self._faults.remove(self.id)

    def __enter__(self) -> Fault:
        """Is there already."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Withdraws it, unless it is gone already."""
        with ignoring_not_found():
            self.remove()


class Faults:
    """The faults of a broker, or of one virtual host of it."""

    def __init__(self, api: Api, vhost: str | None = None) -> None:
        """Limits itself to a virtual host where one is given."""
        self._api = api
        self._vhost = vhost

    def add(
        self,
        kind: FaultKind,
        *,
        vhost: str | None = None,
        connection: str | None = None,
        exchange: str | None = None,
        queue: str | None = None,
        on: Moment | None = None,
        times: int | None = None,
        every: int | None = None,
        ms: int | None = None,
        code: int | None = None,
        text: str | None = None,
        reason: str | None = None,
    ) -> Fault:
        """Orders a fault. What is not given is left to the broker, which says what fits a kind.

        Args:
            kind: what shall go wrong.
            vhost: only there; a virtual host's own faults are there anyway.
            connection: only for the connection of this name.
            exchange: only for this exchange.
            queue: only for this queue.
            on: at which method it strikes.
            times: how often it strikes; without end if not given.
            every: only each n-th time.
            ms: how long, in milliseconds.
            code: the reply code of a close.
            text: the reply text of a close.
            reason: why publishers are blocked.

        Raises:
            ApiError: the broker knows no such fault, or a field does not belong to it.
        """
        given = {
            "kind": kind,
            "vhost": self._vhost if vhost is None else vhost,
            "connection": connection,
            "exchange": exchange,
            "queue": queue,
            "on": on,
            "times": times,
            "every": every,
            "ms": ms,
            "code": code,
            "text": text,
            "reason": reason,
        }
        body = {name: value for name, value in given.items() if value is not None}
        made = self._api.post(PATH, body)
        return self._fault({**body, "hits": 0, **made})

    def list(self) -> Sequence[Fault]:
        """The faults that are ordered now, with their hits."""
        found = [self._fault(one) for one in self._api.get(PATH)]
        if self._vhost is None:
            return found
        return [fault for fault in found if fault.fields.get("vhost") == self._vhost]

    def remove(self, id: str) -> None:  # noqa: A002 - the broker's word for it
        """Withdraws one fault.

        Raises:
            ApiError: there is none with this id.
        """
        self._api.delete(f"{PATH}/{segment(id)}")

    def clear(self) -> None:
        """Withdraws all faults; of a virtual host only its own."""
        if self._vhost is None:
            self._api.delete(PATH)
            return
        for fault in self.list():
            with ignoring_not_found():
                fault.remove()

    def __getitem__(self, id: str) -> Fault:  # noqa: A002 - the same
        """The fault of this id."""
        for fault in self.list():
            if fault.id == id:
                return fault
        raise KeyError(id)

    def _fault(self, told: Mapping[str, Any]) -> Fault:
        return Fault(str(told["id"]), str(told["kind"]), dict(told), self)
