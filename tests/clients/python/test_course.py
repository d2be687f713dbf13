"""The programs of the course, run as a learner runs them: each a process of its own."""

from __future__ import annotations

import re
import signal

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from harness.names import Names
from harness.programs import Programs

pytestmark = pytest.mark.guard(30)

COURSE_QUEUES = (
    "greetings",
    "tasks",
    "订单",
    "批量订单",
    "fragile",
    "questions",
    "confirmed",
    "ledger",
)
COURSE_EXCHANGES = ("logs", "reports", "sightings")


@pytest.fixture(autouse=True)
def course_names(names: Names) -> None:
    """The programs name their queues themselves; here they are given over for removal."""
    for name in COURSE_QUEUES:
        names.own_queue(f"{name}-{names.suffix}")
    for name in COURSE_EXCHANGES:
        names.own_exchange(f"{name}-{names.suffix}")


def test_hello_reaches_a_waiting_receiver(programs: Programs) -> None:
    receiver = programs.start("hello_receive")
    receiver.expect("ready")
    programs.run("hello_send", "good morning", "good night")
    assert receiver.expect("received:", 2) == ["good morning", "good night"]
    receiver.interrupt()


def test_hello_waits_for_a_late_receiver(programs: Programs) -> None:
    programs.run("hello_send", "early bird")
    receiver = programs.start("hello_receive")
    assert receiver.expect("received:") == ["early bird"]
    receiver.interrupt()


def test_tasks_go_mostly_to_the_faster_worker(programs: Programs) -> None:
    total = 60
    fast = programs.start("task_work", "--effort", "500")
    slow = programs.start("task_work", "--effort", "30000")
    fast.expect("ready")
    slow.expect("ready")
    programs.run("task_send", str(total))
    programs.expect_together([fast, slow], "done:", total)
    fast.interrupt()
    slow.interrupt()
    by_fast, by_slow = fast.lines("done:"), slow.lines("done:")
    assert sorted(by_fast + by_slow) == sorted(f"task {n}" for n in range(1, total + 1))
    # Taking turns would give 30 to each; a prefetch of one must show the difference clearly.
    assert by_slow, "the slow worker got nothing at all"
    assert len(by_fast) >= 2 * len(by_slow), (len(by_fast), len(by_slow))


def test_tasks_wait_in_the_queue_until_a_worker_comes(programs: Programs) -> None:
    assert programs.run("task_send", "5") == ["queued: 5"]
    worker = programs.start("task_work")
    assert worker.expect("done:", 5) == [f"task {n}" for n in range(1, 6)]
    worker.interrupt()


def test_logs_reach_every_listener(programs: Programs) -> None:
    listeners = [programs.start("logs_receive"), programs.start("logs_receive")]
    for listener in listeners:
        listener.expect("ready")
    queues = {listener.lines("queue:")[0] for listener in listeners}
    assert len(queues) == 2
    assert all(re.fullmatch(r"amq\.gen-[A-Za-z0-9_-]{22}", queue) for queue in queues), queues
    programs.run("logs_send", "disk is filling", "disk is full")
    for listener in listeners:
        assert listener.expect("heard:", 2) == ["disk is filling", "disk is full"]
        listener.interrupt()


def test_severity_chooses_the_listener(programs: Programs) -> None:
    everything = programs.start("severity_receive", "info", "warning", "error")
    alarms = programs.start("severity_receive", "error")
    everything.expect("ready")
    alarms.expect("ready")
    programs.run("severity_send", "info=tea is ready", "debug=unheard", "error=kettle on fire")
    # The last report goes to both, so once it is there nothing can still be on its way.
    assert everything.expect("heard:", 2) == ["info tea is ready", "error kettle on fire"]
    assert alarms.expect("heard:") == ["error kettle on fire"]
    everything.interrupt()
    alarms.interrupt()


def test_topic_chooses_by_pattern(programs: Programs) -> None:
    brown = programs.start("topic_receive", "*.brown.*", "end")
    hares = programs.start("topic_receive", "#.hare", "end")
    meadow = programs.start("topic_receive", "meadow.#", "*.*.hare", "end")
    for listener in (brown, hares, meadow):
        listener.expect("ready")
    keys = ["meadow.brown.hare", "wood.brown.owl", "hare", "meadow", "meadow.grey.old.hare", "end"]
    programs.run("topic_send", *keys)
    # The key that all of them know closes the row: what was to come has come before it.
    for listener in (brown, hares, meadow):
        listener.expect("matched: end")
        listener.interrupt()
    assert brown.lines("matched:") == ["meadow.brown.hare", "wood.brown.owl", "end"]
    assert hares.lines("matched:") == ["meadow.brown.hare", "hare", "meadow.grey.old.hare", "end"]
    assert meadow.lines("matched:") == [
        "meadow.brown.hare",
        "meadow",
        "meadow.grey.old.hare",
        "end",
    ]


def test_chinese_queue_carries_an_order(programs: Programs) -> None:
    programs.run("order_send")
    assert programs.run("order_receive") == ["order: 订单 1：一壶茶"]


def test_chinese_queue_carries_a_thousand_orders_in_sequence(programs: Programs) -> None:
    assert programs.run("order_send", "--bulk", "1000") == ["ordered: 1000"]
    orders = programs.run("order_receive", "--bulk", "1000")
    assert orders == [f"order: 订单 {number}：一壶茶" for number in range(1, 1001)]


@pytest.mark.parametrize(("manner", "code"), [("raise", 1), ("kill", -signal.SIGKILL)])
def test_message_of_a_dead_worker_is_redelivered(
    programs: Programs, names: Names, channel: BlockingChannel, manner: str, code: int
) -> None:
    queue = f"fragile-{names.suffix}"
    channel.queue_declare(queue, durable=True)
    channel.basic_publish("", queue, b"handle with care")
    clumsy = programs.run("crash_work", "--die", manner, code=code)
    assert clumsy[1] == "took: handle with care redelivered=False"
    careful = programs.start("crash_work")
    assert careful.expect("took:") == ["handle with care redelivered=True"]
    careful.interrupt()
    assert channel.queue_declare(queue, passive=True).method.message_count == 0


def test_rpc_answers_meet_their_questions(programs: Programs) -> None:
    servers = [programs.start("rpc_server"), programs.start("rpc_server")]
    for server in servers:
        server.expect("ready")
    numbers = ["27", "1", "6", "97"]
    answers = programs.run("rpc_client", *numbers)
    assert sorted(answers) == sorted(
        ["answer: 27 111", "answer: 1 0", "answer: 6 8", "answer: 97 118"]
    )
    for server in servers:
        server.interrupt()
    # Four questions and two servers with a prefetch of one: each had its share.
    assert sum(len(server.lines("answered:")) for server in servers) == len(numbers)


def test_publisher_learns_what_was_confirmed_and_what_came_back(programs: Programs) -> None:
    lines = programs.run("confirm_send", "3")
    assert lines == ["confirmed: 1", "confirmed: 2", "confirmed: 3", "returned: 312 NO_ROUTE"]


def test_transaction_is_all_or_nothing(programs: Programs) -> None:
    assert programs.run("transaction") == [
        "after rollback: 0",
        "before commit: 0",
        "after commit: 2",
        "booked: debit 5",
        "left: 1",
    ]
