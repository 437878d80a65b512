"""The errors of the app, as one tree; each carries what was wrong as attributes."""


class NotificationsError(Exception):
    """Anything that this app raises on purpose."""


class InvalidValue(NotificationsError, ValueError):
    """A value from outside that is not what was expected.

    `value` is what came, `expected` says in words what it should have been.
    """

    noun = "value"

    def __init__(self, value: object, *, expected: str) -> None:
        self.value = value
        self.expected = expected
        super().__init__(f"{self.noun} {shorten(value)}: expected {expected}")


class InvalidTopic(InvalidValue):
    """A text that is not a topic."""

    noun = "topic"


class InvalidCursor(InvalidValue):
    """A text that is not a cursor."""

    noun = "cursor"


class InvalidEventType(InvalidValue):
    """An event type that breaks the rules for its name or its payload."""

    noun = "event type"


class InvalidSetting(InvalidValue):
    """A value in settings.NOTIFICATIONS that cannot be used."""

    noun = "setting"

    def __init__(self, value: object, *, key: str, expected: str) -> None:
        super().__init__(value, expected=expected)
        self.key = key
        self.args = (
            f"NOTIFICATIONS[{key!r}] is {shorten(value)}: expected {expected}",
        )


class InvalidPayload(NotificationsError, ValueError):
    """A payload that does not fit its event type; `field` is a JSONPath, or empty."""

    def __init__(self, event_type: str, *, problem: str, field: str = "") -> None:
        self.event_type = event_type
        self.problem = problem
        self.field = field
        where = f" at {_plain(field)}" if field else ""
        super().__init__(f"payload of {event_type}{where}: {_plain(problem)}")


class UnknownEventType(NotificationsError, LookupError):
    """A name under which no event type is registered."""

    def __init__(self, name: str, *, known: list[str]) -> None:
        self.name = name
        self.known = known
        listed = ", ".join(known) or "none"
        super().__init__(
            f"event type {shorten(name)} is not registered; known: {listed}"
        )


class AlreadyRegistered(NotificationsError, ValueError):
    """Something is registered a second time; `first` and `second` are file:line."""

    def __init__(self, what: str, *, first: str, second: str) -> None:
        self.what = what
        self.first = first
        self.second = second
        super().__init__(
            f"{what} is registered twice: at {first} and at {second}; "
            "remove or rename one of them"
        )


class NotFollowable(NotificationsError, LookupError):
    """A model that no topic kind is registered for."""

    def __init__(self, model: type) -> None:
        self.model = model
        super().__init__(
            f"{model.__name__} cannot be followed: "
            f"call followable({model.__name__}, kind=...) in a notifications.py"
        )


class LogUnavailable(NotificationsError):
    """The log cannot be reached, or refuses; what was to be written is not lost."""


class LogGap(NotificationsError):
    """Entries after `cursor` may be gone: the log no longer has what stood there."""

    def __init__(self, cursor: object) -> None:
        self.cursor = cursor
        super().__init__(f"the log no longer has an entry at {cursor}")


class UnreadableEntry(NotificationsError, ValueError):
    """Bytes in the log that no version of this app wrote."""


class TooManyStreams(NotificationsError):
    """As many streams are open as one `whose` (user, address, process) may have."""

    def __init__(self, whose: str, *, limit: int) -> None:
        self.whose = whose
        self.limit = limit
        super().__init__(f"this {whose} has {limit} streams open, the most allowed")


SHOWN_CHARACTERS = 80


def shorten(value: object) -> str:
    """Return `value` as a quoted text on one line, cut at 80 characters."""
    text = ascii(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def _plain(text: str) -> str:
    """Return a text that is ours as it is, and shortened if it has others' in it."""
    ours = text.isascii() and text.isprintable() and len(text) <= 2 * SHOWN_CHARACTERS
    return text if ours else shorten(text)
