"""Watched models: `watch` connects the receivers that record events of their saves."""

from collections.abc import Callable, Iterable
from functools import partial, wraps
from typing import Any

import msgspec
from django.db import models
from django.db.models.signals import (
    m2m_changed,
    post_delete,
    post_save,
    pre_delete,
    pre_save,
)

from notifications import databases
from notifications.exceptions import (
    AlreadyRegistered,
    InvalidEventType,
    WrongDatabase,
)
from notifications.lib.call_site import call_site
from notifications.publishing.event_types import EventType
from notifications.publishing.relations import (
    connect_deletes,
    connect_saves,
    each_link_model,
    foreign_keys,
)
from notifications.publishing.watched import Watched
from notifications.publishing.watched_deletions import DeletionWatcher
from notifications.publishing.watched_links import LinkWatcher
from notifications.publishing.watched_saves import SaveWatcher

Key = tuple[type[models.Model], str]

# Where `watch` was called for each model and name of an event type, as file:line.
_watched_at: dict[Key, str] = {}


def watch(
    model: type[models.Model],
    event_type: EventType,
    *,
    topics: Callable[[Any], Iterable[str]],
    payload: Callable[[Any], msgspec.Struct],
    actor: Callable[[Any], Any],
    actor_follows: Callable[[Any], str] | None = None,
    on_topic_added: bool = False,
    when: Callable[[Any], bool] | None = None,
) -> None:
    """Record an event whenever an object of a model is created.

    `topics`, `payload` and `actor` take the object and return the topics that the event
    is addressed to, its payload and the user who caused it. `actor_follows` returns a
    topic that this user follows from then on. With `when`, which takes the object, too,
    the event is recorded at the save at which it first becomes true, and only once.

    Many-to-many links that are made in the transaction that creates the object belong
    to its event. Links that are made later are no news, unless `on_topic_added` is
    true: then another event is recorded for the topics that they add, and nobody is
    notified twice. Raw saves, as by `loaddata`, record nothing. When the object is
    deleted, its events are retracted. Raises AlreadyRegistered if the model is watched
    for this event type already. A new object cannot be saved in a database without the
    app's tables: that raises WrongDatabase. A live-only type raises InvalidEventType.
    """
    if event_type.live_only:
        raise InvalidEventType(event_type.name, expected="a type that is not live-only")
    key = (model, event_type.name)
    here = call_site(frames_up=1)
    if first := _first_watch(model, event_type):
        what = f"watch({model.__name__}, {event_type.name})"
        raise AlreadyRegistered(what, first=first, second=here)
    watched = Watched(
        model,
        event_type,
        topics=topics,
        payload=payload,
        actor=actor,
        actor_follows=actor_follows,
        on_topic_added=on_topic_added,
        when=when,
    )
    _connect(watched, key)
    _watched_at[key] = here


def watched_models() -> set[type[models.Model]]:
    """Return the models that are watched."""
    return {model for model, _ in _watched_at}


def _first_watch(model: type[models.Model], event_type: EventType) -> str | None:
    """Return where the objects of a model were watched for an event type, or None."""
    for (other, name), place in _watched_at.items():
        is_same = issubclass(model, other) or issubclass(other, model)
        if is_same and name == event_type.name:
            return place
    return None


def _connect(watched: Watched, key: Key) -> None:
    """Connect the receivers of a watch."""
    model, saves = watched.model, SaveWatcher(watched)
    deletions = DeletionWatcher(watched)
    check_uid = ("database", model)
    connect_saves(pre_save, _check_database, model=model, dispatch_uid=check_uid)
    connect_saves(
        pre_save, _in_its_database(saves.saving), model=model, dispatch_uid=key
    )
    connect_saves(
        post_save, _in_its_database(saves.saved), model=model, dispatch_uid=key
    )
    connect_deletes(
        _in_its_database(deletions.deleting),
        model=model,
        dispatch_uid=key,
        signal=pre_delete,
    )
    connect_deletes(_in_its_database(deletions.deleted), model=model, dispatch_uid=key)
    each_link_model(
        model, partial(_connect_links, LinkWatcher(watched), key), dispatch_uid=key
    )


def _connect_links(links: LinkWatcher, key: Key, through: type[models.Model]) -> None:
    """Connect the receivers of a many-to-many relation."""
    changed = _in_its_database(links.changed)
    m2m_changed.connect(changed, sender=through, weak=False, dispatch_uid=key)
    # Django sends signals for the rows only if the site has written their model. It
    # sends none for rows that `add` creates.
    if not through._meta.auto_created and foreign_keys(through, to=links.watched.model):
        saved = _in_its_database(links.row_saved)
        deleted = _in_its_database(links.row_deleted)
        post_save.connect(saved, sender=through, weak=False, dispatch_uid=key)
        post_delete.connect(deleted, sender=through, weak=False, dispatch_uid=key)


def _in_its_database(receiver: Callable[..., None]) -> Callable[..., None]:
    """Let a receiver record in the database of the change, if events can be there."""

    @wraps(receiver)
    def receive(*, using: str, **signal: Any) -> None:
        if databases.can_record_in(using):
            with databases.write_path(using):
                receiver(using=using, **signal)

    return receive


def _check_database(
    *, sender: type[models.Model], instance: Any, raw: bool, using: str, **signal: Any
) -> None:
    """Raise WrongDatabase for a new object, before it is saved."""
    if instance._state.adding and not raw and not databases.can_record_in(using):
        raise WrongDatabase(sender, alias=using, expected=databases.write_alias())
