"""The MERCURE setting of a site, parsed when it is first read.

Imports no library of the extra, so that a site without the hub needs none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.signals import setting_changed

from notifications.mercure.terms import ACTIONS, InvalidMercure

COOKIE = "__Secure-mercure_access_token"
LEGACY_COOKIE = "mercureAuthorization"


@dataclass(frozen=True, slots=True)
class Key:
    """A key that tokens are verified with, by one algorithm, and what they may allow.

    `key` is a PEM public key, or a shared secret for the algorithms HS.
    """

    algorithm: str
    key: str = field(repr=False)
    actions: frozenset[str] = ACTIONS


@dataclass(frozen=True, slots=True)
class MercureSettings:
    """The settings of the hub; `docs/mercure.md` describes them."""

    url: str
    issuers: Mapping[str, tuple[Key, ...]]
    legacy_keys: tuple[Key, ...]
    origins: frozenset[str]
    cookie: str
    anonymous: bool
    subscriptions: bool

    @property
    def path(self) -> str:
        """The path of the hub's URL, below which topics are the hub's own."""
        return urlsplit(self.url).path

    @property
    def is_legacy(self) -> bool:
        """Whether the protocol from before the specification is accepted, too."""
        return bool(self.legacy_keys)

    @property
    def metadata_url(self) -> str:
        """Where the metadata of the protected resource is (RFC 9728, 3.1)."""
        prefix = "/.well-known/oauth-protected-resource"
        return urlsplit(self.url)._replace(path=prefix + self.path).geturl()


def parse(value: Any) -> MercureSettings:
    """Return the parsed setting; raises InvalidMercure."""
    # It needs the extra, and this module does not.
    from notifications.mercure.validation import problems

    for problem in problems(value):
        raise problem
    issuers = value.get("ISSUERS", {})
    return MercureSettings(
        url=value["URL"],
        issuers={name: tuple(map(_key, keys)) for name, keys in issuers.items()},
        legacy_keys=tuple(map(_key, value.get("LEGACY_KEYS", ()))),
        origins=frozenset(value.get("ORIGINS", ())),
        cookie=value.get("COOKIE", COOKIE),
        anonymous=value.get("ANONYMOUS", True),
        subscriptions=value.get("SUBSCRIPTIONS", False),
    )


def _key(value: Mapping[str, Any]) -> Key:
    actions = frozenset(value.get("ACTIONS", ACTIONS))
    return Key(value["ALGORITHM"], value["KEY"], actions)


def configured() -> Any:
    """Return the site's `settings.MERCURE`, unchecked; None if the hub is off."""
    return getattr(settings, "MERCURE", None)


@cache
def mercure_settings() -> MercureSettings | None:
    """Return the settings of the hub; None if it is off. Raises InvalidMercure."""
    value = configured()
    return None if value is None else parse(value)


def required_settings() -> MercureSettings:
    """Return the settings of the hub; raises InvalidMercure if it is off."""
    found = mercure_settings()
    if found is None:
        raise InvalidMercure(None, expected="settings.MERCURE, since the hub is used")
    return found


def clear_cache(*, setting: str, **signal: Any) -> None:
    """Parse the setting again after a test has changed it."""
    if setting == "MERCURE":
        mercure_settings.cache_clear()


setting_changed.connect(clear_cache, dispatch_uid="notifications-mercure")
