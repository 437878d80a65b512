"""Relations between models: the same objects under several classes, and links.

Models that are loaded later are found when they are.
"""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db.models import Field, Model
from django.db.models.fields.related import lazy_related_operation
from django.db.models.signals import ModelSignal, class_prepared, post_delete

Models = type[Model]
Receiver = Callable[..., None]


def may_share_objects(one: Models, other: Models) -> bool:
    """Tell whether an object can be of both models.

    It can if one is a proxy or a multi-table child of the other, for example.
    """
    one, other = concrete(one), concrete(other)
    return issubclass(one, other) or issubclass(other, one)


def concrete(model: Models) -> Models:
    """Return the model that has the table of a model, which may be a proxy."""
    return model._meta.concrete_model or model


def foreign_keys(model: Models, *, to: Models) -> list[str]:
    """Return the attributes of a model's objects that are keys of another model."""
    return [
        field.attname
        for field in model._meta.concrete_fields
        if isinstance(field.related_model, type)
        and may_share_objects(field.related_model, to)
    ]


def each_class(
    model: Models, call: Callable[[Models], None], *, dispatch_uid: Any
) -> None:
    """Call a function with a model, and with its proxies and children, at all levels.

    Classes that are loaded later follow. `dispatch_uid` identifies the call.
    """

    def look_at(found: Models) -> None:
        if issubclass(found, model):
            call(found)

    _each_model(look_at, dispatch_uid=("class", dispatch_uid))


def connect_saves(
    signal: ModelSignal, receiver: Receiver, *, model: Models, dispatch_uid: Any
) -> None:
    """Connect a receiver to the saves of a model's objects.

    Django sends the signals for the class of the object alone, which may be a proxy or
    a child of the model. A receiver for all senders would be called for every save of
    the site.
    """

    def connect(sender: Models) -> None:
        signal.connect(receiver, sender=sender, weak=False, dispatch_uid=dispatch_uid)

    each_class(model, connect, dispatch_uid=(dispatch_uid, id(signal)))


def connect_deletes(
    receiver: Receiver,
    *,
    model: Models,
    dispatch_uid: Any,
    signal: ModelSignal = post_delete,
) -> None:
    """Connect a receiver to the deletions of a model's objects.

    For the row of a parent, Django sends a signal of its own, and a child may be
    deleted without it. Other classes than these stay without a receiver, since Django
    deletes their rows faster.
    """
    table = concrete(model)

    def connect(sender: Models) -> None:
        if concrete(sender) is table:
            signal.connect(
                receiver, sender=sender, weak=False, dispatch_uid=dispatch_uid
            )

    each_class(table, connect, dispatch_uid=(dispatch_uid, id(signal)))


def each_link_model(
    model: Models, call: Callable[[Models], None], *, dispatch_uid: Any
) -> None:
    """Call a function with the `through` of each many-to-many field from or to a model.

    Fields of models that are loaded later follow. `dispatch_uid` identifies the call.
    """

    def found(source: Models, target: Models, through: Models) -> None:
        if may_share_objects(source, model) or may_share_objects(target, model):
            call(through)

    def look_at(source: Models) -> None:
        for field in source._meta.local_many_to_many:
            if parts := _parts(field):
                lazy_related_operation(found, source, *parts)

    _each_model(look_at, dispatch_uid=("links", dispatch_uid))


def _each_model(call: Callable[[Models], None], *, dispatch_uid: Any) -> None:
    """Call a function with each model of the site, also those that are loaded later."""

    def prepared(sender: Models, **signal: Any) -> None:
        # Migrations have models of their own.
        if sender._meta.apps is apps:
            call(sender)

    class_prepared.connect(prepared, weak=False, dispatch_uid=dispatch_uid)
    for models in [*apps.all_models.values()]:
        for each in [*models.values()]:
            prepared(each)


def _parts(field: "Field[Any, Any]") -> tuple[Any, Any] | None:
    """Return the target and the `through` of a field, or None.

    Each is a model, or its label while it is not loaded. A field of a model that is
    swapped for another one has no `through`.
    """
    remote: Any = field.remote_field
    return (remote.model, remote.through) if remote.through is not None else None
