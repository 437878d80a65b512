"""What the outbox uses of Django without its documentation: `run_on_commit`.

A new version of Django that changes it fails here first.
"""

import logging

import pytest
from django.db import connection, transaction

pytestmark = pytest.mark.django_db(transaction=True)


class Callback:
    """A callback on commit that is an object, as the outbox's is."""

    def __init__(self):
        self.__qualname__ = "Callback"
        self.calls = 0

    def __call__(self):
        self.calls += 1


def registered():
    """Return the callbacks of the current transaction, as the outbox reads them."""
    return [callback for _, callback, *_ in connection.run_on_commit]


def test_a_callback_waits_behind_its_savepoints_and_before_its_robustness():
    callback = Callback()

    with transaction.atomic():
        transaction.on_commit(callback, robust=True)
        [(savepoints, found, robust)] = connection.run_on_commit

    assert isinstance(savepoints, set)
    assert found is callback
    assert robust is True


def test_callbacks_are_in_the_order_of_their_registration():
    first, second = Callback(), Callback()

    with transaction.atomic():
        transaction.on_commit(first, robust=True)
        with transaction.atomic():
            transaction.on_commit(second, robust=True)
        found = registered()

    assert found == [first, second]


def test_a_callback_that_is_registered_twice_is_listed_and_called_twice():
    callback = Callback()

    with transaction.atomic():
        transaction.on_commit(callback, robust=True)
        transaction.on_commit(callback, robust=True)
        found = registered()

    assert found == [callback, callback]
    assert callback.calls == 2


def test_a_commit_empties_the_list_before_it_calls():
    found = []

    with transaction.atomic():
        transaction.on_commit(lambda: found.append(registered()), robust=True)

    assert found == [[]]
    assert registered() == []


def test_a_rollback_empties_the_list():
    callback = Callback()

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        transaction.on_commit(callback, robust=True)
        raise ZeroDivisionError

    assert registered() == []
    assert callback.calls == 0


def test_a_savepoint_that_is_rolled_back_removes_its_callbacks_only():
    outer, inner = Callback(), Callback()

    with transaction.atomic():
        transaction.on_commit(outer, robust=True)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            transaction.on_commit(inner, robust=True)
            raise ZeroDivisionError
        found = registered()

    assert found == [outer]
    assert (outer.calls, inner.calls) == (1, 0)


def test_the_name_of_a_callback_that_fails_is_logged(caplog):
    class Failing(Callback):
        def __call__(self):
            raise ZeroDivisionError

    with caplog.at_level(logging.ERROR), transaction.atomic():
        transaction.on_commit(Failing(), robust=True)

    assert "Callback" in caplog.text
