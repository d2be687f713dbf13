"""Lesson 8, server: answers questions that arrive as messages.

The question: how many steps does a number need down to 1, if an even number is halved and an odd
one tripled and raised by one?
"""

from __future__ import annotations

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties

from shared import connect, consume_until_told, options, say, text


def steps_to_one(number: int) -> int:
    steps = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return steps


def answer(
    channel: BlockingChannel, how: Basic.Deliver, about: BasicProperties, body: bytes
) -> None:
    steps = steps_to_one(int(text(body)))
    # The asker says where it waits (reply_to) and how it will know the answer (correlation_id).
    channel.basic_publish(
        exchange="",
        routing_key=about.reply_to,
        body=str(steps).encode(),
        properties=pika.BasicProperties(correlation_id=about.correlation_id),
    )
    channel.basic_ack(how.delivery_tag)
    say("answered:", text(body), steps)


def main() -> None:
    chosen = options(__doc__).parse_args()
    queue = f"questions{chosen.suffix}"
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(queue, answer)
        consume_until_told(connection, channel)


if __name__ == "__main__":
    main()
