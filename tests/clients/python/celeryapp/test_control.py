"""Remote control, events and the command line: broadcasts, their answers, and who listens."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import TaskRevokedError

from celeryapp.application import Settings
from celeryapp.conftest import Workers, leave, serve
from harness.workers import run_celery

SECONDS = 8.0


def all_nodes(workers: Workers) -> set[str]:
    return {worker.node for worker in workers.all()}


def only(replies: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer of the one worker that was asked."""
    (reply,) = replies
    (answer,) = reply.values()
    return answer


def test_every_worker_answers_a_ping(app: Celery, workers: Workers) -> None:
    # An answer ends the wait when as many as asked for are there.
    answers = app.control.inspect(timeout=SECONDS, limit=3).ping()
    assert answers == {node: {"ok": "pong"} for node in all_nodes(workers)}


def test_one_worker_tells_what_it_serves(app: Celery, workers: Workers, settings: Settings) -> None:
    node = workers.classic.node
    inspect = app.control.inspect([node], timeout=SECONDS, limit=1)
    (queue,) = inspect.active_queues()[node]
    assert (queue["name"], queue["exchange"]["type"]) == (settings.queue(), "direct")
    assert {"add", "crash_once"} <= {name.split(" ")[0] for name in inspect.registered()[node]}
    stats = inspect.stats()[node]
    assert (stats["pool"]["max-concurrency"], stats["broker"]["transport"]) == (2, "amqp")
    assert inspect.conf()[node]["task_default_queue"] == settings.queue()


def test_tasks_that_wait_for_their_moment_are_listed_and_can_be_revoked(
    app: Celery, workers: Workers
) -> None:
    result = app.signature("add", args=(1, 1)).apply_async(countdown=60)
    inspect = app.control.inspect([workers.classic.node], timeout=SECONDS, limit=1)
    while not (scheduled := inspect.scheduled()[workers.classic.node]):
        time.sleep(0.01)
    assert [entry["request"]["id"] for entry in scheduled] == [result.id]
    answers = app.control.revoke(result.id, reply=True, limit=3, timeout=SECONDS)
    assert len(answers) == 3
    # A worker looks for revoked tasks when their moment comes; this one's is now.
    assert result.id in inspect.revoked()[workers.classic.node]


def test_a_task_that_was_revoked_before_it_came_is_not_run(
    app: Celery, workers: Workers, settings: Settings
) -> None:
    queue = settings.queue("crashing")
    result = app.signature("add", args=(1, 1)).apply_async(queue=queue)
    app.control.revoke(result.id, reply=True, limit=3, timeout=SECONDS)
    serve(app, workers.classic, queue)
    with pytest.raises(TaskRevokedError):
        result.get(timeout=SECONDS)
    leave(app, workers.classic, queue)


def test_a_running_task_is_ended(app: Celery, workers: Workers, tmp_path: Path) -> None:
    started = tmp_path / "started"
    result = app.signature("hold", args=(str(started), str(tmp_path / "never"))).delay()
    while not started.exists():
        time.sleep(0.01)
    result.revoke(terminate=True, signal="SIGKILL")
    with pytest.raises(TaskRevokedError):
        result.get(timeout=SECONDS)


def test_a_broadcast_changes_rate_limits_and_pools(app: Celery, workers: Workers) -> None:
    replies = app.control.rate_limit("total", "100/s", reply=True, limit=3, timeout=SECONDS)
    assert {node for reply in replies for node in reply} == all_nodes(workers)
    node = [workers.classic.node]
    options = {"destination": node, "reply": True, "limit": 1, "timeout": SECONDS}
    inspect = app.control.inspect(node, timeout=SECONDS, limit=1)
    before = inspect.stats()[node[0]]["prefetch_count"]
    assert only(app.control.pool_grow(1, **options)) == {"ok": "pool will grow"}
    # The credit of the worker grows with its pool.
    assert inspect.stats()[node[0]]["prefetch_count"] > before
    assert only(app.control.pool_shrink(1, **options)) == {"ok": "pool will shrink"}


def test_the_command_line_sees_all_workers(workers: Workers, settings: Settings) -> None:
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(run_celery, settings, "inspect", "ping", "--timeout=1")
        status = run_celery(settings, "status", "--timeout=1")
        ping = asked.result()
    for node in all_nodes(workers):
        assert f"{node}: OK" in ping.stdout, ping.stdout
        assert f"{node}: OK" in status.stdout, status.stdout
    assert (ping.returncode, "3 nodes online" in ping.stdout) == (0, True)
    assert (status.returncode, "3 nodes online" in status.stdout) == (0, True)


def test_events_tell_the_life_of_a_task(app: Celery, workers: Workers) -> None:
    seen: list[dict[str, Any]] = []
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": seen.append})
        with receiver.consumer_context() as (listening, _, _):
            task = app.signature("add", args=(1, 1)).delay()

            def types() -> list[str]:
                return [event["type"] for event in seen if event.get("uuid") == task.id]

            while "task-succeeded" not in types():
                listening.drain_events(timeout=SECONDS)
            while not any(event["type"] == "worker-heartbeat" for event in seen):
                listening.drain_events(timeout=SECONDS)
    assert types() == ["task-received", "task-started", "task-succeeded"]
