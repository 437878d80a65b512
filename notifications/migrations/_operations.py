"""Operations that the migrations share."""

from typing import Any

from django.db import migrations


class AddIndexOnline(migrations.AddIndex):
    """Add an index; PostgreSQL builds it concurrently, so that writes go on.

    The migration must not be atomic.
    """

    def database_forwards(
        self, label: str, editor: Any, before: Any, after: Any
    ) -> None:
        if editor.connection.vendor != "postgresql":
            super().database_forwards(label, editor, before, after)
            return
        model = after.apps.get_model(label, self.model_name)
        editor.add_index(model, self.index, concurrently=True)
