"""Chains, groups and chords with results through `rpc://`."""

from __future__ import annotations

import pytest
from celery import Celery, chain, chord, group
from celery.exceptions import ChordError

SECONDS = 8.0


def add(app: Celery, *numbers: int) -> object:
    return app.signature("add", args=numbers)


def test_a_chain_hands_each_result_on(app: Celery) -> None:
    result = chain(add(app, 1, 2), add(app, 4), add(app, 8)).apply_async()
    assert result.get(timeout=SECONDS) == 15
    assert result.parent.parent.get(timeout=SECONDS) == 3


def test_a_chain_ends_with_its_first_error(app: Celery) -> None:
    result = chain(app.signature("fail", args=("stop",)), add(app, 1)).apply_async()
    with pytest.raises(ValueError, match="stop"):
        result.get(timeout=SECONDS)


def test_a_group_keeps_the_order_of_its_results(app: Celery) -> None:
    nested = group(add(app, 1, 1), chain(add(app, 2, 2), add(app, 1)), group(add(app, 3, 3)))
    assert nested.apply_async().get(timeout=SECONDS) == [2, 5, 6]


def test_a_task_is_replaced_by_another(app: Celery) -> None:
    assert app.signature("add_inside", args=(2, 3)).delay().get(timeout=SECONDS) == 5


def test_celery_itself_refuses_chords_with_rpc(app: Celery) -> None:
    """Before anything is sent, and whatever the broker: the backend says so."""
    parts = [add(app, n, n) for n in range(3)]
    with pytest.raises(NotImplementedError, match="does not support chords"):
        chord(parts, app=app)(app.signature("total"))


def test_the_results_of_a_group_become_the_arguments_of_a_task(app: Celery) -> None:
    """What those do who want a chord and have rpc: the caller waits for the parts."""
    parts = group(add(app, n, n) for n in range(10)).apply_async().join_native(timeout=SECONDS)
    assert app.signature("total", args=(parts,)).delay().get(timeout=SECONDS) == 90


@pytest.mark.parametrize("parts", [1, 30])
def test_a_chord_calls_its_body_with_all_results(chord_app: Celery, parts: int) -> None:
    header = [add(chord_app, n, n) for n in range(parts)]
    result = chord(header, app=chord_app)(chord_app.signature("total"))
    assert result.get(timeout=SECONDS) == parts * (parts - 1)
    assert sorted(result.parent.get(timeout=SECONDS)) == [2 * n for n in range(parts)]


def test_chords_run_beside_each_other_and_go_on_as_chains(chord_app: Celery) -> None:
    def one(start: int) -> object:
        header = group(add(chord_app, start, n) for n in range(4))
        return chain(header, chord_app.signature("total"), add(chord_app, 1000))

    results = [one(10 * n).apply_async() for n in range(10)]
    expected = [1000 + 4 * 10 * n + 6 for n in range(10)]
    assert [result.get(timeout=SECONDS) for result in results] == expected


def test_a_chord_with_an_error_in_a_part_has_an_error(chord_app: Celery) -> None:
    header = [add(chord_app, 1, 1), chord_app.signature("fail", args=("broken part",))]
    result = chord(header, app=chord_app)(chord_app.signature("total"))
    error = result.get(timeout=SECONDS, propagate=False)
    assert (type(error), "broken part" in str(error)) == (ChordError, True)
