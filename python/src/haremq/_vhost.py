"""Virtual hosts made for a test, and snapshots of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from ._api import TEST_API, Api, ignoring_not_found, segment
from ._contents import Contents
from ._faults import Faults

PATH = f"{TEST_API}/vhosts"


class Vhost:
    """A virtual host with a user of its own; in a `with` statement both are gone at the end.

    Attributes:
        name: its name.
        user: a user who may do everything here, and nothing elsewhere.
        password: that user's.
        uri: where a client connects to be here, as this user.
        faults: the faults that are ordered for it.
    """

    def __init__(self, api: Api, told: dict[str, Any]) -> None:
        """Reads what the broker says of it."""
        self._api = api
        self.name: str = told["vhost"]
        self.user: str = told["user"]
        self.password: str = told["password"]
        self.uri: str = told["amqp_uri"]
        self.faults = Faults(api, self.name)

    @classmethod
    def make(cls, api: Api, name: str | None, user: str | None) -> Vhost:
        """Has the broker make one."""
        wanted = {"name": name, "user": user}
        given = {key: value for key, value in wanted.items() if value is not None}
        return cls(api, api.post(PATH, given))

    def contents(self) -> Contents:
        """What is in it: queues with their messages, exchanges, bindings, connections."""
        return contents(self._api, self.name)

    def snapshot(self) -> Snapshot:
        """Keeps its definitions and messages as they are now, to return to them."""
        return Snapshot.take(self._api, self.name)

    def delete(self) -> None:
        """Closes its connections and deletes it, its user and its faults.

        Raises:
            ApiError: it is gone already.
        """
        self.faults.clear()
        self._api.delete(f"{PATH}/{segment(self.name)}")

    def __repr__(self) -> str:
        """Leaves the password out."""
        return f"<Vhost {self.name!r}>"

    def __enter__(self) -> Vhost:
        """Is there already."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Deletes it, unless it is gone already."""
        with ignoring_not_found():
            self.delete()


@dataclass(frozen=True)
class Snapshot:
    """Definitions and messages of a virtual host at one moment.

    In a `with` statement the virtual host is put back at the end, and the snapshot deleted.

    Attributes:
        id: the broker's name for it.
        vhost: the virtual host.
        queues: how many queues it holds.
        messages: how many messages; those that were unacknowledged wait in it.
        bytes: how large their bodies are.
    """

    id: str
    vhost: str
    queues: int
    messages: int
    bytes: int
    _api: Api = field(repr=False, compare=False)

    @classmethod
    def take(cls, api: Api, vhost: str) -> Snapshot:
        """Has the broker take one."""
        told = api.post(f"{PATH}/{segment(vhost)}/snapshots")
        return cls(str(told["id"]), vhost, told["queues"], told["messages"], told["bytes"], api)

    def rollback(self) -> None:
        """Puts the virtual host back; as often as wanted.

        Connections stay open, unless a queue that they consume from goes.
        """
        self._api.post(f"{self._path()}/rollback")

    def delete(self) -> None:
        """Forgets it."""
        self._api.delete(self._path())

    def _path(self) -> str:
        return f"{PATH}/{segment(self.vhost)}/snapshots/{segment(self.id)}"

    def __enter__(self) -> Snapshot:
        """Is taken already."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Puts the virtual host back and forgets the snapshot."""
        try:
            self.rollback()
        finally:
            self.delete()


def contents(api: Api, vhost: str) -> Contents:
    """What is in a virtual host."""
    return Contents.of(api.get(f"{PATH}/{segment(vhost)}/contents"))
