"""Tasks on quorum queues: credit per consumer, and moments that the broker waits for."""

from __future__ import annotations

import time

from celery import Celery, group

from celeryapp.application import Settings
from celeryapp.conftest import Workers

SECONDS = 8.0


def test_tasks_of_quorum_queues_have_results(quorum_app: Celery) -> None:
    results = group(quorum_app.signature("add", args=(n, n)) for n in range(50)).apply_async()
    assert results.get(timeout=SECONDS) == [2 * n for n in range(50)]


def test_a_worker_finds_the_quorum_queue_and_does_without_shared_credit(
    workers: Workers, quorum_app: Celery, quorum_settings: Settings
) -> None:
    workers.quorum.expect("Global QoS is disabled")
    assert not workers.quorum.said("Failed to setup delayed delivery")
    with quorum_app.connection_for_read() as connection:
        declared = connection.default_channel.queue_declare(quorum_settings.queue(), passive=True)
    assert declared.consumer_count == 1


def test_the_broker_waits_for_the_moment_of_a_task(quorum_app: Celery) -> None:
    """Through a ladder of queues, each with half the time to live of the one above it."""
    before = time.time()
    results = [quorum_app.signature("now").apply_async(countdown=n) for n in (3, 1)]
    later, earlier = (result.get(timeout=SECONDS) - before for result in results)
    # Celery cuts the seconds of a countdown off, so a task is at most a second early.
    assert (1 <= earlier < 2, 3 <= later < 4) == (True, True), (earlier, later)


def test_more_tasks_than_the_worker_has_credit_wait_in_the_broker(quorum_app: Celery) -> None:
    waiting = [quorum_app.signature("now").apply_async(countdown=3) for _ in range(20)]
    at_once = quorum_app.signature("now").delay().get(timeout=SECONDS)
    assert all(at_once < result.get(timeout=SECONDS) for result in waiting)


def test_a_retry_goes_down_the_ladder_again(quorum_app: Celery) -> None:
    before = time.monotonic()
    result = quorum_app.signature("retry_until", args=(3, 1)).delay()
    assert result.get(timeout=SECONDS) == 3
    assert time.monotonic() - before >= 2
