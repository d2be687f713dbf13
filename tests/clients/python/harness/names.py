"""Names that no other test has, and their removal, so that a dirty broker does no harm."""

from __future__ import annotations

import uuid

import pika
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection


class Names:
    """Hands out fresh queue and exchange names and deletes what was declared under them."""

    def __init__(self) -> None:
        self.suffix = uuid.uuid4().hex[:10]
        self._queues: list[str] = []
        self._exchanges: list[str] = []

    def queue(self, label: str = "queue") -> str:
        """A queue name of this test only; the queue is deleted when the test is over."""
        return self.own_queue(f"{label}-{self.suffix}-{len(self._queues)}")

    def exchange(self, label: str = "exchange") -> str:
        """An exchange name of this test only; the exchange is deleted when the test is over."""
        return self.own_exchange(f"{label}-{self.suffix}-{len(self._exchanges)}")

    def own_queue(self, name: str) -> str:
        """Takes over the removal of a queue whose name was made elsewhere."""
        self._queues.append(name)
        return name

    def own_exchange(self, name: str) -> str:
        """Takes over the removal of an exchange whose name was made elsewhere."""
        self._exchanges.append(name)
        return name

    def clean_up(self, connection: BlockingConnection) -> None:
        """Deletes everything; what is gone already is no error (deletes are idempotent)."""
        for name in self._queues:
            channel = connection.channel()
            try:
                channel.queue_delete(name)
            except pika.exceptions.ChannelClosedByBroker as error:
                # An exclusive queue dies with its connection, which may be closing just now.
                if error.reply_code != 405:
                    raise
            _close(channel)
        for name in reversed(self._exchanges):
            channel = connection.channel()
            channel.exchange_delete(name)
            _close(channel)


def _close(channel: BlockingChannel) -> None:
    if channel.is_open:
        channel.close()
