"""Tasks and their results through `rpc://`: errors, retries, moments, priorities, lost workers."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from celery import Celery, group
from celery.exceptions import MaxRetriesExceededError, TaskRevokedError

from celeryapp.application import Settings
from celeryapp.conftest import Workers, leave, neighbour, serve

SECONDS = 8.0


def test_the_results_of_many_tasks_come_back(app: Celery) -> None:
    results = group(app.signature("add", args=(n, n)) for n in range(100)).apply_async()
    assert results.get(timeout=SECONDS) == [2 * n for n in range(100)]


def test_an_error_is_raised_where_the_task_was_called(app: Celery) -> None:
    result = app.signature("fail", args=("no such hare",)).delay()
    with pytest.raises(ValueError, match="no such hare"):
        result.get(timeout=SECONDS)
    assert (result.status, "tasks.py" in result.traceback) == ("FAILURE", True)


def test_tasks_that_nobody_serves_can_be_purged(app: Celery, settings: Settings) -> None:
    for _ in range(3):
        app.signature("add", args=(1, 1)).apply_async(queue=settings.queue("crashing"))
    assert app.control.purge() == 3


def test_a_task_is_retried_after_a_countdown(app: Celery) -> None:
    before = time.monotonic()
    assert app.signature("retry_until", args=(3, 0.2)).delay().get(timeout=SECONDS) == 3
    assert time.monotonic() - before >= 0.4


def test_retries_come_to_an_end(app: Celery) -> None:
    result = app.signature("retry_until", args=(99, 0)).delay()
    with pytest.raises(MaxRetriesExceededError):
        result.get(timeout=SECONDS)


def test_errors_that_are_retried_back_off(app: Celery) -> None:
    before = time.monotonic()
    assert app.signature("back_off", args=(2,)).delay().get(timeout=SECONDS) == 2
    assert time.monotonic() - before >= 1.0


def test_a_task_runs_at_its_moment_and_others_pass_it(app: Celery) -> None:
    eta = datetime.now(timezone.utc) + timedelta(seconds=1.5)
    later = app.signature("now").apply_async(eta=eta)
    at_once = app.signature("now").delay()
    assert at_once.get(timeout=SECONDS) < eta.timestamp() <= later.get(timeout=SECONDS)


def test_more_tasks_than_the_worker_has_credit_wait_in_the_worker(app: Celery) -> None:
    """It asks for more credit with each of them, for the channel: its consumer is given more."""
    eta = datetime.now(timezone.utc) + timedelta(seconds=3)
    waiting = [app.signature("now").apply_async(eta=eta) for _ in range(30)]
    assert app.signature("now").delay().get(timeout=SECONDS) < eta.timestamp()
    assert all(eta.timestamp() <= result.get(timeout=SECONDS) for result in waiting)


def test_a_task_that_expires_in_its_queue_is_gone(app: Celery, settings: Settings) -> None:
    queue = settings.queue("crashing")
    app.signature("add", args=(1, 2)).apply_async(queue=queue, expires=0.05)
    with app.connection_for_read() as connection:
        waiting = connection.default_channel

        def count() -> int:
            return waiting.queue_declare(queue, passive=True).message_count

        while count():
            time.sleep(0.01)


def test_a_task_that_expires_while_it_waits_for_its_moment_is_revoked(app: Celery) -> None:
    result = app.signature("add", args=(1, 2)).apply_async(countdown=0.4, expires=0.2)
    with pytest.raises(TaskRevokedError, match="expired"):
        result.get(timeout=SECONDS)


def test_urgent_tasks_run_first(app: Celery, workers: Workers, settings: Settings) -> None:
    queue = settings.queue("urgent")
    leave(app, workers.neighbour, queue)
    priorities = [0, 9, 3, 9, 0, 5]
    results = [
        app.signature("shouted", args=(str(n),)).apply_async(queue=queue, priority=priority)
        for n, priority in enumerate(priorities)
    ]
    finished: list[tuple[str, int]] = []
    for result in results:
        result.then(lambda done: finished.append((done.result["text"], done.result["priority"])))
    serve(app, workers.neighbour, queue)
    for result in results:
        result.get(timeout=SECONDS)
    assert finished == [("1", 9), ("3", 9), ("5", 5), ("2", 3), ("0", 0), ("4", 0)]


@pytest.mark.guard(20)
def test_a_task_whose_process_dies_is_served_again(
    app: Celery, workers: Workers, settings: Settings
) -> None:
    queue = settings.queue("crashing")
    serve(app, workers.classic, queue)
    result = app.signature("crash_once").apply_async(queue=queue)
    assert result.get(timeout=15) == {"worker": workers.classic.node, "redelivered": True}
    leave(app, workers.classic, queue)


@pytest.mark.guard(20)
def test_a_task_whose_worker_is_killed_goes_to_another_and_a_new_worker_joins(
    app: Celery, workers: Workers, settings: Settings, tmp_path: Path
) -> None:
    queue, started, released = settings.queue("crashing"), tmp_path / "started", tmp_path / "go"
    serve(app, workers.neighbour, queue)
    task = app.signature("hold", args=(str(started), str(released)))
    result = task.apply_async(queue=queue)
    while not started.exists():
        time.sleep(0.01)
    workers.neighbour.kill()
    released.touch()
    serve(app, workers.classic, queue)
    assert result.get(timeout=15) == {"worker": workers.classic.node, "redelivered": True}
    leave(app, workers.classic, queue)
    workers.neighbour = neighbour(settings)
    workers.neighbour.expect("mingle: sync with 2 nodes")
    workers.neighbour.expect_ready()
