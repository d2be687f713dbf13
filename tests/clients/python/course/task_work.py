"""Lesson 2, worker: does one task at a time and acknowledges it when it is done.

Start several of them. With a prefetch of one a worker gets its next task only after the ack of the
one before, so whoever is faster simply does more: the broker need not guess how long a task takes.
"""

from __future__ import annotations

import hashlib

from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties

from shared import connect, consume_until_told, options, say, text


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--effort", type=int, default=1000, help="hash rounds that one task costs")
    chosen = parser.parse_args()
    queue = f"tasks{chosen.suffix}"

    def work(
        channel: BlockingChannel, how: Basic.Deliver, _about: BasicProperties, body: bytes
    ) -> None:
        hashlib.pbkdf2_hmac("sha256", body, b"course", chosen.effort)
        say("done:", text(body))
        # Not before the work is done: should this process die, the broker gives the task to
        # another worker.
        channel.basic_ack(how.delivery_tag)

    with connect(chosen) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True)
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(queue, work)
        consume_until_told(connection, channel)


if __name__ == "__main__":
    main()
