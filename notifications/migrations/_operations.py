"""Operations that several migrations use."""

from typing import Any

from django.db import migrations


def _is_online(editor: Any) -> bool:
    """Tell whether the database can build and drop an index while others write."""
    return bool(editor.connection.vendor == "postgresql")


class AddIndexOnline(migrations.AddIndex):
    """Add an index without a lock that stops writes, where the database can.

    The migration must not be atomic.
    """

    def database_forwards(
        self, label: str, editor: Any, before: Any, after: Any
    ) -> None:
        online = _is_online(editor)
        name = editor.quote_name(self.index.name)
        concurrently = "CONCURRENTLY " if online else ""
        editor.execute(f"DROP INDEX {concurrently}IF EXISTS {name}")
        if online:
            model = after.apps.get_model(label, self.model_name)
            editor.add_index(model, self.index, concurrently=True)
        else:
            super().database_forwards(label, editor, before, after)


class DropFieldIndexOnline(migrations.AlterField):
    """Alter a field that has an index by `db_index`, or as a foreign key, to have none.

    Only the indexes are dropped, without a lock that stops writes where the database
    can: Django's own operation would also replace the constraint of a foreign key,
    which locks both tables while it checks each row. The migration must not be atomic.
    """

    def database_forwards(
        self, label: str, editor: Any, before: Any, after: Any
    ) -> None:
        """Drop the indexes of this one column that the model does not name."""
        self._drop(label, editor, before)

    def database_backwards(
        self, label: str, editor: Any, before: Any, after: Any
    ) -> None:
        """Create the indexes again that Django would make."""
        self._drop(label, editor, after)
        model = after.apps.get_model(label, self.model_name)
        field = model._meta.get_field(self.name)
        for statement in editor._field_indexes_sql(model, field):
            editor.execute(statement)

    def _drop(self, label: str, editor: Any, state: Any) -> None:
        concurrently = "CONCURRENTLY " if _is_online(editor) else ""
        for name in self._indexes(label, editor, state):
            name = editor.quote_name(name)
            editor.execute(f"DROP INDEX {concurrently}IF EXISTS {name}")

    def _indexes(self, label: str, editor: Any, state: Any) -> list[str]:
        model = state.apps.get_model(label, self.model_name)
        column = model._meta.get_field(self.name).column
        named = {index.name for index in model._meta.indexes}
        connection = editor.connection
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(
                cursor, model._meta.db_table
            )
        return [
            name
            for name, each in found.items()
            if each["index"] and not each["unique"] and name not in named
            if each["columns"] == [column]
        ]
