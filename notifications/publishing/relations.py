"""Relations between models: the same objects under several classes, and links.

Models that are loaded later are found when they are.
"""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db.models import Field, Model
from django.db.models.fields.related import lazy_related_operation
from django.db.models.signals import class_prepared

Models = type[Model]


def may_share_objects(one: Models, other: Models) -> bool:
    """Tell whether an object can be of both models.

    It can if one is a proxy or a multi-table child of the other, for example.
    """
    one, other = _concrete(one), _concrete(other)
    return issubclass(one, other) or issubclass(other, one)


def _concrete(model: Models) -> Models:
    return model._meta.concrete_model or model


def foreign_keys(model: Models, *, to: Models) -> list[str]:
    """Return the attributes of a model's objects that are keys of another model."""
    return [
        field.attname
        for field in model._meta.concrete_fields
        if isinstance(field.related_model, type)
        and may_share_objects(field.related_model, to)
    ]


def each_link_model(
    model: Models, call: Callable[[Models], None], *, dispatch_uid: Any
) -> None:
    """Call a function with the `through` of each many-to-many field from or to a model.

    Fields of models that are loaded later follow. `dispatch_uid` identifies the call.
    """

    def found(source: Models, target: Models, through: Models) -> None:
        if may_share_objects(source, model) or may_share_objects(target, model):
            call(through)

    def look_at(sender: Models, **signal: Any) -> None:
        # Migrations have models of their own.
        if sender._meta.apps is not apps:
            return
        for field in sender._meta.local_many_to_many:
            if parts := _parts(field):
                lazy_related_operation(found, sender, *parts)

    class_prepared.connect(look_at, weak=False, dispatch_uid=dispatch_uid)
    for models in list(apps.all_models.values()):
        for each in list(models.values()):
            look_at(each)


def _parts(field: "Field[Any, Any]") -> tuple[Any, Any] | None:
    """Return the target and the `through` of a field, or None.

    Each is a model, or its label while it is not loaded. A field of a model that is
    swapped for another one has no `through`.
    """
    remote: Any = field.remote_field
    return (remote.model, remote.through) if remote.through is not None else None
