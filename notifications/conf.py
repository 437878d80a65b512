"""The app's settings, parsed from `settings.NOTIFICATIONS` when they are first read.

A value may also be a string, as environment variables are.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from notifications.exceptions import InvalidSetting
from notifications.lib import redis_url

T = TypeVar("T")


class Setting(Generic[T]):
    """One key of the NOTIFICATIONS setting, as a descriptor that parses its value once.

    `parse` takes the site's value and returns the parsed one, or raises ValueError,
    TypeError, OverflowError or ImportError; `expected` describes what it accepts. Keys
    that are not `public` are limits that only tests have a reason to change. `shown`
    returns what an error may show of a value.
    """

    def __init__(
        self,
        default: Any,
        parse: Callable[[Any], T],
        *,
        expected: str,
        public: bool = True,
        shown: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        self.default = default
        self.parse = parse
        self.shown = shown
        self.expected = expected
        self.public = public
        self.key = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.key = name

    def __get__(self, instance: object, owner: type | None = None) -> T:
        raw = configured().get(self.key, self.default)
        try:
            value = self.parse(raw)
        except (ValueError, TypeError, OverflowError, ImportError):
            raise InvalidSetting(
                self.shown(raw), key=self.key, expected=self.expected
            ) from None
        # Python finds the instance's attribute before this descriptor from now on, so
        # that reading a setting is an attribute look-up: see clear_cache.
        vars(instance)[self.key] = value
        return value


def configured() -> dict[str, Any]:
    """Return the site's `settings.NOTIFICATIONS`, unchecked."""
    return getattr(settings, "NOTIFICATIONS", {})


def _whole_number(default: int, *, minimum: int, public: bool = True) -> Setting[int]:
    def parse(value: Any) -> int:
        number = int(value)
        if number < minimum or number != float(value):
            raise ValueError
        return number

    expected = f"a whole number, at least {minimum}"
    return Setting(default, parse, expected=expected, public=public)


def _seconds(default: float, *, minimum: float, public: bool = True) -> Setting[float]:
    def parse(value: Any) -> float:
        number = float(value)
        if not minimum <= number < float("inf"):
            raise ValueError
        return number

    expected = f"seconds, at least {minimum:g}"
    return Setting(default, parse, expected=expected, public=public)


def _names(value: Any) -> tuple[str, ...]:
    """Accept a list of strings, or one string with commas."""
    parts = value.split(",") if isinstance(value, str) else list(value)
    # As a function, str.strip raises TypeError for anything but a string.
    names = tuple(filter(None, map(str.strip, parts)))
    if any("\0" in name or "\n" in name for name in names):
        raise ValueError
    return names


def _callable(value: Any) -> Callable[..., Any]:
    """Accept a callable, or the dotted path of one."""
    found = import_string(value) if isinstance(value, str) else value
    if not callable(found):
        raise TypeError
    return found  # type: ignore[no-any-return]


def _strict(value: Any) -> bool:
    """Accept a truth value, or its name; None stands for the value of DEBUG."""
    if value is None:
        return bool(settings.DEBUG)
    if value in ("true", "True", "1", True):
        return True
    if value in ("false", "False", "0", False):
        return False
    raise ValueError


def _redis_url(value: Any) -> Callable[[], str]:
    """Accept a URL, or a callable (or the dotted path of one) that returns it."""
    if isinstance(value, str) and "://" in value:
        redis_url.RedisUrl.parse(value)
        return lambda: value
    return _callable(value)


def _prefix(value: Any) -> str:
    if not isinstance(value, str) or not value.replace("-", "_").isidentifier():
        raise ValueError
    return value


def _header(value: Any) -> str:
    if not isinstance(value, str) or not value.isidentifier():
        raise ValueError
    return value.upper()


class Settings:
    """All settings; `docs/settings.md` describes the public ones."""

    REDIS_URL = Setting(
        "redis://127.0.0.1:6379/0",
        _redis_url,
        expected=redis_url.EXPECTED,
        shown=redis_url.mask,
    )
    REDIS_TIMEOUT = _seconds(0.2, minimum=0.01)
    KEY_PREFIX = Setting("notifications", _prefix, expected="letters, digits, - and _")
    LOG_MAX_ENTRIES = _whole_number(100_000, minimum=100)
    REPLAY_BUFFER_BYTES = _whole_number(8_388_608, minimum=0)
    HEARTBEAT_INTERVAL = _seconds(15.0, minimum=0.1)
    RETRY_INTERVAL = _seconds(3.0, minimum=0)
    POLL_TIMEOUT = _seconds(25.0, minimum=0.1)
    CLIENT_BUFFER_BYTES = _whole_number(65_536, minimum=1_024)
    CLIENT_TIMEOUT = _seconds(12.0, minimum=0.1)
    STREAM_LIFETIME = _seconds(3_600.0, minimum=1)
    SESSION_CACHE_TTL = _seconds(7_200.0, minimum=0)
    DRAIN_TIMEOUT = _seconds(3.0, minimum=0)
    MAX_STREAMS = _whole_number(20_000, minimum=1)
    MAX_STREAMS_PER_PERSON = _whole_number(10, minimum=1)
    MAX_STREAMS_PER_ADDRESS = _whole_number(100, minimum=1)
    MAX_TOPICS_PER_STREAM = _whole_number(500, minimum=1)
    MAX_PAYLOAD_BYTES = _whole_number(8_192, minimum=64)
    ADDRESS_HEADER = Setting(
        "REMOTE_ADDR", _header, expected="a key of a request's META, as in REMOTE_ADDR"
    )
    PUBSUB_CHANNELS = Setting(("sse",), _names, expected="a list of channel names")
    AUTHORIZE = Setting(
        "notifications.publishing.followables.public_topics",
        _callable,
        expected="a callable taking (user, topic), or the dotted path of one",
    )
    ACTOR = Setting(
        "notifications.models.actors.default_actors",
        _callable,
        expected="a callable taking a list of users, or the dotted path of one",
    )
    SWEEP_INTERVAL = _seconds(5.0, minimum=0)
    STRICT = Setting(None, _strict, expected="true or false, or None for DEBUG")

    # For how long requests do not try Redis again after a failure. The sweep does,
    # and closes the breaker as soon as Redis is back.
    REDIS_BREAKER_TIMEOUT = _seconds(30.0, minimum=0, public=False)
    # How long Redis keeps the uid of an entry, to prevent a second append.
    DEDUPLICATION_WINDOW = _whole_number(86_400, minimum=60, public=False)
    # How long one read of the log waits for an entry, and how much longer Redis may be
    # silent before the connection counts as dead.
    LOG_READ_TIMEOUT = _seconds(5.0, minimum=0.1, public=False)
    LOG_READ_GRACE = _seconds(5.0, minimum=0.1, public=False)
    # How long the worker waits for the head of a request, for each piece of its body,
    # and for a client to read a reply; for long replies it waits longer.
    HEAD_TIMEOUT = _seconds(10.0, minimum=0.1, public=False)
    BODY_TIMEOUT = _seconds(20.0, minimum=0.1, public=False)
    REPLY_TIMEOUT = _seconds(20.0, minimum=0.1, public=False)
    # SO_SNDBUF of a client's socket.
    SEND_BUFFER_BYTES = _whole_number(65_536, minimum=1_024, public=False)
    MAX_TOPICS_PER_EVENT = _whole_number(100, minimum=1, public=False)
    # How many pending rows the sweep relays at a time.
    SWEEP_BATCH = _whole_number(500, minimum=1, public=False)


SETTINGS = {
    name: value for name, value in vars(Settings).items() if isinstance(value, Setting)
}

conf = Settings()


def clear_cache(*, setting: str, **signal: Any) -> None:
    """Parse the settings again after a test has changed them."""
    if setting in ("NOTIFICATIONS", "DEBUG"):
        vars(conf).clear()


setting_changed.connect(clear_cache, dispatch_uid="notifications-settings")
