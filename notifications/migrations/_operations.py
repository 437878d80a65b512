"""Operations that several migrations use."""

from typing import Any

from django.db import migrations


class AddIndexOnline(migrations.AddIndex):
    """Add an index without a lock that stops writes, where the database can.

    The migration must not be atomic.
    """

    def database_forwards(
        self, label: str, editor: Any, before: Any, after: Any
    ) -> None:
        online = editor.connection.vendor == "postgresql"
        name = editor.quote_name(self.index.name)
        concurrently = "CONCURRENTLY " if online else ""
        editor.execute(f"DROP INDEX {concurrently}IF EXISTS {name}")
        if online:
            model = after.apps.get_model(label, self.model_name)
            editor.add_index(model, self.index, concurrently=True)
        else:
            super().database_forwards(label, editor, before, after)
