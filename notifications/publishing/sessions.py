"""Deletions of sessions in the database, some of which end streams.

Django reads all rows that it deletes if their model has a receiver of signals. Ours has
nothing to do for expired sessions, so a QuerySet deletes these by one statement, as it
does without our receiver: there may be many, and `clearsessions` deletes them all.
"""

from collections import Counter
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Model, QuerySet
from django.db.models.deletion import Collector
from django.db.models.query import ModelIterable
from django.db.models.signals import post_delete, pre_delete
from django.utils import timezone

from notifications.lib.digests import DATABASE_SESSION_MODEL
from notifications.publishing.relations import Receiver, concrete, connect_deletes

# Our receivers of the deletion of sessions.
_receivers: list[Receiver] = []


def connect(receiver: Receiver) -> None:
    """Connect a receiver to the deletion of sessions.

    It has nothing to do for expired ones, and may not be called for them.
    """
    model = apps.get_model(DATABASE_SESSION_MODEL)
    connect_deletes(receiver, model=model, dispatch_uid="notifications-sessions")
    _receivers.append(receiver)
    # The class, since Django copies the manager for each proxy.
    manager: Any = type(model._default_manager)
    manager._queryset_class = SessionQuerySet


class SessionQuerySet(QuerySet[Any]):
    """Sessions, of which the expired ones are deleted without being read."""

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the sessions, as any QuerySet does."""
        if not self._can_be_divided():
            return super().delete()
        now = timezone.now()
        using = _for_deletion(self).db
        with transaction.atomic(using=using, savepoint=False):
            expired = _for_deletion(self.filter(expire_date__lte=now))
            collector = _OthersCollector(using=using, origin=self)
            collector.collect(expired)
            deleted = Counter(collector.delete()[1])
            live = self.filter(expire_date__gt=now)
            deleted.update(QuerySet.delete(live)[1])
        self._result_cache = None
        return deleted.total(), dict(deleted)

    # As Django's own has them: templates must not call it, nor managers offer it.
    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def _can_be_divided(self) -> bool:
        """Tell whether this is of sessions, and Django does not refuse to delete it."""
        query: Any = self.query
        refused = query.is_sliced or query.combinator or query.distinct_fields
        has_rows = issubclass(self._iterable_class, ModelIterable)
        return has_rows and not refused and _is_session(self.model)


def _for_deletion(rows: QuerySet[Any]) -> Any:
    """Return a query as `QuerySet.delete` prepares it."""
    prepared: Any = rows.order_by().select_related(None)
    prepared._for_write = True
    prepared.query.select_for_update = False
    return prepared


class _OthersCollector(Collector):
    """Deletes as if our receivers were not there, but sends signals to others."""

    def _has_signal_listeners(self, model: type[Model]) -> bool:
        return any(
            receiver not in _receivers
            for signal in (pre_delete, post_delete)
            for receivers in signal._live_receivers(model)
            for receiver in receivers
        )


def _is_session(model: type[Model]) -> bool:
    return concrete(model)._meta.label == DATABASE_SESSION_MODEL
