"""Lesson 2, sender: fills a task queue that outlives a restart of the broker.

That takes both halves: the queue is durable, and each message is marked as persistent.
"""

from __future__ import annotations

import pika

from shared import connect, options, say


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("count", type=int, help="how many tasks to queue")
    chosen = parser.parse_args()
    queue = f"tasks{chosen.suffix}"
    keep = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True)
        for number in range(1, chosen.count + 1):
            body = f"task {number}".encode()
            channel.basic_publish(exchange="", routing_key=queue, body=body, properties=keep)
    say("queued:", chosen.count)


if __name__ == "__main__":
    main()
