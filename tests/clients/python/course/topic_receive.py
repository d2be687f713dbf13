"""Lesson 5, listener: chooses sightings by pattern.

In a pattern `*` stands for exactly one word and `#` for any number of words, also for none. A
message that fits several patterns of one queue still arrives in it only once.
"""

from __future__ import annotations

from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties

from shared import connect, consume_until_told, options, say


def show(
    _channel: BlockingChannel, how: Basic.Deliver, _about: BasicProperties, _body: bytes
) -> None:
    say("matched:", how.routing_key)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("patterns", nargs="+", help="for example '*.brown.*' '#.hare'")
    chosen = parser.parse_args()
    exchange = f"sightings{chosen.suffix}"
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange, exchange_type="topic")
        queue = channel.queue_declare("", exclusive=True).method.queue
        for pattern in chosen.patterns:
            channel.queue_bind(queue, exchange, routing_key=pattern)
        channel.basic_consume(queue, show, auto_ack=True)
        consume_until_told(connection, channel)


if __name__ == "__main__":
    main()
