"""The MERCURE setting of a site, parsed when it is first read.

Imports no library of the extra, so that a site without the hub needs none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.signals import setting_changed

from notifications.exceptions import InvalidValue

PUBLISH, SUBSCRIBE = "publish", "subscribe"
ACTIONS = frozenset({PUBLISH, SUBSCRIBE})
ALGORITHMS = frozenset(
    {"EdDSA", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384",
     "RS512", "HS256", "HS384", "HS512"}
)  # fmt: skip
COOKIE = "__Secure-mercure_access_token"
LEGACY_COOKIE = "mercureAuthorization"
_KEYS = {"URL", "ISSUERS", "LEGACY_KEYS", "ORIGINS", "COOKIE", "ANONYMOUS"}
_KEY_FIELDS = {"ALGORITHM", "KEY", "ACTIONS"}


class InvalidMercure(InvalidValue):
    """A value in settings.MERCURE is invalid."""

    noun = "MERCURE"


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
        return self.url.replace(
            self.path, f"/.well-known/oauth-protected-resource{self.path}"
        )


def parse(value: Any) -> MercureSettings:
    """Return the parsed setting; raises InvalidMercure."""
    if not isinstance(value, Mapping) or not _KEYS.issuperset(value):
        raise InvalidMercure(value, expected=f"a dict with keys of {sorted(_KEYS)}")
    issuers = value.get("ISSUERS", {})
    legacy_keys = value.get("LEGACY_KEYS", ())
    if not isinstance(issuers, Mapping) or not (issuers or legacy_keys):
        raise InvalidMercure(issuers, expected="ISSUERS, a dict, or LEGACY_KEYS")
    return MercureSettings(
        url=_url(value.get("URL")),
        issuers={str(name): tuple(_keys(keys)) for name, keys in issuers.items()},
        legacy_keys=tuple(_keys(legacy_keys)),
        origins=frozenset(map(_origin, value.get("ORIGINS", ()))),
        cookie=str(value.get("COOKIE", COOKIE)),
        anonymous=value.get("ANONYMOUS", True) is True,
    )


def _url(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if not (parts and parts.scheme in ("http", "https") and len(parts.path) > 1):
        raise InvalidMercure(value, expected="URL, the absolute URL of the hub")
    return str(value)


def _origin(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if not parts or value != f"{parts.scheme}://{parts.netloc}" or "*" in value:
        raise InvalidMercure(value, expected="ORIGINS such as https://example.com")
    return str(value)


def _keys(several: Any) -> Iterator[Key]:
    for each in several:
        if not isinstance(each, Mapping) or not _KEY_FIELDS.issuperset(each):
            raise InvalidMercure(type(each), expected=f"a dict of {_KEY_FIELDS}")
        actions = frozenset(each.get("ACTIONS", ACTIONS))
        if each.get("ALGORITHM") not in ALGORITHMS or not actions <= ACTIONS:
            raise InvalidMercure(
                each.get("ALGORITHM"),
                expected=f"ALGORITHM of {sorted(ALGORITHMS)}, ACTIONS of {ACTIONS}",
            )
        key = each.get("KEY")
        if not key or not isinstance(key, str):
            raise InvalidMercure(type(key), expected="KEY, a string that is not empty")
        yield Key(each["ALGORITHM"], key, actions)


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
