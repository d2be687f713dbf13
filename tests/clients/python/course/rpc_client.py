"""Lesson 8, client: asks the server and waits for the answers in a queue of its own.

All questions go out before the first answer is read. The correlation id is what puts an answer to
its question; the order of arrival would not do once there are two servers.
"""

from __future__ import annotations

import uuid

import pika

from shared import connect, options, say, text


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("numbers", nargs="+", type=int, help="the numbers to ask about")
    chosen = parser.parse_args()
    questions = f"questions{chosen.suffix}"
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.queue_declare(questions)
        answers = channel.queue_declare("", exclusive=True).method.queue
        open_questions: dict[str, int] = {}
        for number in chosen.numbers:
            mark = str(uuid.uuid4())
            open_questions[mark] = number
            about = pika.BasicProperties(reply_to=answers, correlation_id=mark)
            channel.basic_publish("", questions, str(number).encode(), about)
        for _how, about, body in channel.consume(answers, auto_ack=True):
            # An answer nobody waits for is ignored: it may stem from an earlier, lost client.
            if about.correlation_id in open_questions:
                say("answer:", open_questions.pop(about.correlation_id), text(body))
            if not open_questions:
                break


if __name__ == "__main__":
    main()
