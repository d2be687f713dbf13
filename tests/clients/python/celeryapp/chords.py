"""A result backend that counts the parts of a chord on the broker.

Celery's own `rpc://` sends every result to who called, so no worker knows when all parts of a chord
are there, and it refuses chords before anything is sent. Here each part also leaves its result in a
queue that belongs to the chord. Whoever finds all of them there takes them and calls the body; an
exclusive consumer makes sure that only one does.
"""

from __future__ import annotations

from typing import Any

from amqp.exceptions import AccessRefused, NotFound
from celery import maybe_signature, states
from celery.backends.rpc import RPCBackend
from celery.exceptions import ChordError
from kombu import Queue

# What an unfinished chord leaves behind is gone after this time.
EXPIRES_SECONDS = 60.0
PARTS_SECONDS = 10.0


class ChordBackend(RPCBackend):
    """`rpc://` with chords."""

    def ensure_chords_allowed(self) -> None:
        """They are."""

    def apply_chord(self, header_result_args: Any, body: Any, **_options: Any) -> None:
        """The header's tasks are sent after this and carry the body: they find queue and size."""
        group, parts = header_result_args
        body["chord_size"] = len(parts)
        with self.app.amqp.producer_pool.acquire(block=True) as producer:
            parts_queue(group)(producer.channel).declare()

    def on_chord_part_return(self, request: Any, state: str, result: Any, **_options: Any) -> None:
        """Leaves one result, and calls the body when it was the last."""
        queue = parts_queue(request.group)
        part = (request.group_index, state, self.encode_result(result, state))
        with self.app.amqp.producer_pool.acquire(block=True) as producer:
            producer.publish(part, exchange="", routing_key=queue.name, serializer=self.serializer)
            size = request.chord["chord_size"]
            channel = producer.connection.channel()
            try:
                if channel.queue_declare(queue.name, passive=True).message_count < size:
                    return
                parts = self._take(channel, queue.name, size)
            except (AccessRefused, NotFound):
                # Somebody else has them, or had.
                return
            finally:
                if channel.is_open:
                    channel.close()
        self._call(maybe_signature(request.chord, app=self.app), sorted(parts))

    def _take(self, channel: Any, queue: str, size: int) -> list[Any]:
        parts: list[Any] = []

        def received(message: Any) -> None:
            parts.append(channel.message_to_python(message).decode())

        # The queue is deleted while it is consumed, so that nobody comes after us.
        ended = {"on_cancel": lambda _tag: None}
        channel.basic_consume(queue, no_ack=True, exclusive=True, callback=received, **ended)
        while len(parts) < size:
            channel.connection.drain_events(timeout=PARTS_SECONDS)
        channel.queue_delete(queue)
        return parts

    def _call(self, body: Any, parts: list[Any]) -> None:
        failed = [self.exception_to_python(part[2]) for part in parts if part[1] != states.SUCCESS]
        try:
            if failed:
                raise ChordError(f"a part failed: {failed[0]!r}")
            body.delay([part[2] for part in parts])
        except ChordError as error:
            self.chord_error_from_stack(body, error)


def parts_queue(group: str) -> Queue:
    """Where the parts of a chord leave their results: for any worker, and gone with the broker."""
    return Queue(f"celery-chord-{group}", durable=False, expires=EXPIRES_SECONDS)
