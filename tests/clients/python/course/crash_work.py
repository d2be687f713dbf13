"""Lesson 7: a worker that may die in the middle of a message, and what becomes of the message.

A message without an ack belongs to the worker only as long as the worker's channel lives. Then the
broker puts it back and tells the next worker, by the redelivered mark, that it was out before.
"""

from __future__ import annotations

import os
import signal

from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties

from shared import connect, consume_until_told, options, say, text


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--die", choices=("raise", "kill"), help="how to die before the ack")
    chosen = parser.parse_args()
    queue = f"fragile{chosen.suffix}"

    def work(
        channel: BlockingChannel, how: Basic.Deliver, _about: BasicProperties, body: bytes
    ) -> None:
        say("took:", text(body), f"redelivered={how.redelivered}")
        if chosen.die == "raise":
            raise RuntimeError("this worker is clumsy")
        if chosen.die == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        channel.basic_ack(how.delivery_tag)

    with connect(chosen) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True)
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(queue, work)
        consume_until_told(connection, channel)


if __name__ == "__main__":
    main()
