"""The indexes of the tables: each is there once, and migrations go back."""

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from notifications.models import Event, EventTopic, Follow, Preference, ReadMark

BEFORE = [("notifications", "0013_set_aside_indexes")]
AFTER = [("notifications", "0014_drop_covered_indexes")]


def indexes(model):
    """Return the columns of each index of a table without a condition."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    partial = {each.name for each in model._meta.indexes if each.condition}
    return [
        tuple(each["columns"])
        for name, each in found.items()
        if (each["index"] or each["unique"]) and name not in partial
    ]


def migrate(targets):
    MigrationExecutor(connection).migrate(targets)


@pytest.fixture
def newest(transactional_db):
    """Migrate to the newest again at the end."""
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.django_db
@pytest.mark.parametrize("model", [*apps.get_app_config("notifications").get_models()])
def test_no_index_is_the_start_of_another(model):
    found = indexes(model)

    covered = [
        columns
        for number, columns in enumerate(found)
        if any(
            other[: len(columns)] == columns
            for position, other in enumerate(found)
            if position != number
        )
    ]
    assert covered == []


@pytest.mark.django_db
def test_events_are_found_by_type_and_source():
    assert {("type",), ("source",)} <= {*indexes(Event)}


@pytest.mark.usefixtures("newest")
def test_covered_indexes_come_back_when_the_migration_is_reversed():
    migrate(BEFORE)
    before = [indexes(m) for m in (Event, EventTopic, Follow, Preference, ReadMark)]

    migrate(AFTER)
    after = [indexes(m) for m in (Event, EventTopic, Follow, Preference, ReadMark)]
    migrate(BEFORE)
    again = [indexes(m) for m in (Event, EventTopic, Follow, Preference, ReadMark)]

    assert ("event_id",) in before[1]
    assert ("event_id",) not in after[1]
    assert list(map(sorted, again)) == list(map(sorted, before))


@pytest.mark.usefixtures("newest")
def test_migration_can_be_repeated_after_an_interruption():
    migrate(BEFORE)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE INDEX notifications_by_type ON notifications_event (uid)"
        )

    migrate(AFTER)

    assert ("type",) in indexes(Event)
