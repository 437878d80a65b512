"""How the user who caused an event is shown to others: the setting ACTOR.

Many users are resolved at once, so that a page or a batch of the relay takes one call.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import DatabaseError, models
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from notifications.conf import conf
from notifications.exceptions import shorten
from notifications.lib.log_throttle import RateLimitFilter

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())


@dataclass(frozen=True, slots=True)
class Actor:
    """A user as others see them.

    `name` is what people read, `url` the address of a page about the user, and
    `avatar` that of a picture; the last two may be empty.
    """

    name: str
    url: str = ""
    avatar: str = ""

    def wire(self) -> dict[str, str]:
        """Return the fields for clients; an empty `url` or `avatar` is left out."""
        fields = {"name": self.name, "url": self.url, "avatar": self.avatar}
        return {key: text for key, text in fields.items() if text or key == "name"}


def actors_of(users: Iterable[Any]) -> dict[Any, Actor]:
    """Return how users are shown, by primary key, in one call of ACTOR.

    A user that ACTOR leaves out, for whom it raises an error, or for whom it returns
    anything but an Actor of texts, is shown as "Someone". Raises DatabaseError.
    """
    distinct = {user.pk: user for user in users}
    if not distinct:
        return {}
    found = _ask(list(distinct.values()))
    return {pk: _checked(found.get(pk)) for pk in distinct}


def _ask(users: list[Any]) -> Mapping[Any, Any]:
    """Return what ACTOR does, without the users for whom it raises an error."""
    try:
        return dict(conf.ACTOR(users))
    except DatabaseError:
        raise
    # The site's function may raise anything. No event is to be lost because of it, nor
    # are those of other users to wait.
    except Exception:
        logger.exception("actor=failed users=%d", len(users))
    if len(users) == 1:
        return {}
    return {pk: found for user in users for pk, found in _ask([user]).items()}


def _checked(found: Any) -> Actor:
    if isinstance(found, Actor):
        texts = astuple(found)
        if all(isinstance(text, str | Promise) for text in texts):
            # Translated now: the texts may be sent to others than who asked for them.
            return Actor(*map(str, texts))
    if found is not None:
        # The event is not to be lost because of it.
        logger.error("actor=invalid value=%s", shorten(found))
    return Actor(_("Someone"))


def shown_names(things: Iterable[models.Model]) -> dict[Any, str]:
    """Return the names of objects of one model, by primary key.

    These are the objects as text, except for users, whom ACTOR names.
    """
    found = list(things)
    if found and isinstance(found[0], get_user_model()):
        return {pk: actor.name for pk, actor in actors_of(found).items()}
    return {each.pk: str(each) for each in found}


def site_language() -> AbstractContextManager[None]:
    """Translate into the language of the site, whatever that of the request is."""
    return translation.override(settings.LANGUAGE_CODE)


def default_actors(users: Sequence[Any]) -> Mapping[Any, Actor]:
    """Show each user by their name, but never by an e-mail address.

    The default of ACTOR: the username, or else the short or the full name. A text with
    an @ is not shown.
    """
    return {user.pk: Actor(_name(user)) for user in users}


def _name(user: Any) -> str:
    shown = (name for name in _names(user) if name.strip() and "@" not in name)
    return next(shown, _("Someone"))


def _names(user: Any) -> Iterator[str]:
    """Yield the names of a user, the preferred one first."""
    if not _has_address_as_username(user):
        yield str(user.get_username())
    # Not every user model has these.
    for method in ("get_short_name", "get_full_name"):
        if hasattr(user, method):
            yield str(getattr(user, method)() or "")


def _has_address_as_username(user: Any) -> bool:
    """Tell whether the field that users sign in with is one of e-mail addresses."""
    try:
        field = user._meta.get_field(user.USERNAME_FIELD)
    except (AttributeError, FieldDoesNotExist):
        return False
    return isinstance(field, models.EmailField)
