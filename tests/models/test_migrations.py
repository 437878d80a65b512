"""Migrations of filled databases, there and back."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE = [("notifications", "0005_already_told")]
AFTER = [("notifications", "0009_drop_topic_event_index")]
ROWS = 25


def migrate(targets):
    """Migrate to these migrations; return the models as they are then."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


@pytest.fixture
def before(transactional_db):
    yield migrate(BEFORE)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_topics_get_the_positions_of_their_events(before, monkeypatch):
    module = "notifications.migrations.0007_fill_topic_positions.BATCH"
    monkeypatch.setattr(module, 10)
    event_model = before.get_model("notifications", "Event")
    topic_model = before.get_model("notifications", "EventTopic")
    for number in range(ROWS):
        event = event_model.objects.create(type="tick", position=1_000 + number)
        topic_model.objects.create(event=event, topic="topic:a")
        topic_model.objects.create(event=event, topic="topic:b")

    after = migrate(AFTER)

    rows = after.get_model("notifications", "EventTopic").objects.values_list(
        "event__position", "position"
    )
    assert len(rows) == 2 * ROWS
    assert all(position == own for position, own in rows)


def test_migration_goes_back(before):
    migrate(AFTER)

    fields = migrate(BEFORE).get_model("notifications", "EventTopic")._meta.get_fields()

    assert "position" not in {field.name for field in fields}
