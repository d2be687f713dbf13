"""Lesson 3, listener: gets a copy of every log line from now on.

The queue belongs to this listener alone: the broker makes up its name, and because the queue is
exclusive it vanishes together with the connection.
"""

from __future__ import annotations

from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties

from shared import connect, consume_until_told, options, say, text


def show(
    _channel: BlockingChannel, _how: Basic.Deliver, _about: BasicProperties, body: bytes
) -> None:
    say("heard:", text(body))


def main() -> None:
    chosen = options(__doc__).parse_args()
    exchange = f"logs{chosen.suffix}"
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange, exchange_type="fanout")
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, exchange)
        say("queue:", queue)
        channel.basic_consume(queue, show, auto_ack=True)
        consume_until_told(connection, channel)


if __name__ == "__main__":
    main()
