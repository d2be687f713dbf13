"""Lesson 1, receiver: takes greetings from the queue, in the order in which they were sent."""

from __future__ import annotations

from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties

from shared import connect, consume_until_told, options, say, text


def greet(
    _channel: BlockingChannel, _how: Basic.Deliver, _about: BasicProperties, body: bytes
) -> None:
    say("received:", text(body))


def main() -> None:
    chosen = options(__doc__).parse_args()
    queue = f"greetings{chosen.suffix}"
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        # With auto_ack the broker forgets a message as soon as it is sent. That is enough for
        # greetings; lesson 2 shows what to do when a message must not get lost.
        channel.basic_consume(queue, greet, auto_ack=True)
        consume_until_told(connection, channel)


if __name__ == "__main__":
    main()
