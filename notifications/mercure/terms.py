"""What settings and tokens name: actions, algorithms, and the error about them."""

from notifications.exceptions import InvalidValue, shorten

PUBLISH, SUBSCRIBE = "publish", "subscribe"
# The type of the updates that only the hub publishes.
HUB_TYPE = "mercure"
ACTIONS = frozenset({PUBLISH, SUBSCRIBE})
ALGORITHMS = frozenset(
    {"EdDSA", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384",
     "RS512", "HS256", "HS384", "HS512"}
)  # fmt: skip


class InvalidMercure(InvalidValue):
    """A value in settings.MERCURE is invalid; `where` says which, as a subscript."""

    def __init__(self, value: object, *, expected: str, where: str = "") -> None:
        super().__init__(value, expected=expected)
        self.where = where
        self.args = (f"MERCURE{where} is {shorten(value)}: expected {expected}",)
