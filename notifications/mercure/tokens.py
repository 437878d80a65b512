"""Tokens: JWT access tokens as the specification profiles RFC 9068, and legacy ones."""

import time
from dataclasses import dataclass
from typing import Any

import jwt

from notifications.exceptions import InvalidValue
from notifications.mercure.conf import Key, MercureSettings
from notifications.mercure.grants import NO_GRANTS, Grants, grants_of, legacy_grants_of

_TYPE = "at+jwt"
# Signed tokens have no reason to be longer.
MAX_LENGTH = 16_384


# What decoding raises: the last two for JSON that is nested too deep, and for numbers
# that are too large.
_INVALID = (
    jwt.PyJWTError, InvalidValue, ValueError, TypeError, RecursionError, OverflowError
)  # fmt: skip


class InvalidToken(InvalidValue):
    """A token is invalid; why is not told to clients."""

    noun = "token"


@dataclass(frozen=True, slots=True)
class Token:
    """What a token allows, and until when, in seconds since 1970."""

    grants: Grants = NO_GRANTS
    expires_at: float = float("inf")

    @property
    def seconds_left(self) -> float:
        """How long the token is still valid; 0 when it has expired."""
        return max(self.expires_at - time.time(), 0)


NO_TOKEN = Token()


def decode(text: str, hub: MercureSettings) -> Token:
    """Return a verified token; raises InvalidToken."""
    if len(text) > MAX_LENGTH:
        raise InvalidToken(len(text), expected=f"at most {MAX_LENGTH} characters")
    try:
        if _is_access_token(jwt.get_unverified_header(text)):
            return _access_token(text, hub)
        return _legacy_token(text, hub)
    except _INVALID as error:
        raise InvalidToken(type(error).__name__, expected="a valid token") from error


def _is_access_token(header: dict[str, Any]) -> bool:
    name = header.get("typ")
    if not isinstance(name, str):
        return False
    return name.lower().removeprefix("application/") == _TYPE


def _access_token(text: str, hub: MercureSettings) -> Token:
    unverified = jwt.decode(text, options={"verify_signature": False})
    issuer = unverified.get("iss")
    # Only the issuer's own keys: a token never brings one, nor that of another issuer.
    keys = hub.issuers.get(issuer, ()) if isinstance(issuer, str) else ()
    claims, key = _verify(
        text,
        keys,
        audience=hub.url,
        issuer=issuer,
        options={"require": ["exp", "iss", "aud"]},
    )
    grants = grants_of(claims, actions=key.actions, base=hub.url)
    return Token(grants, float(claims["exp"]))


def _legacy_token(text: str, hub: MercureSettings) -> Token:
    claims, key = _verify(text, hub.legacy_keys, options={"verify_aud": False})
    grants = legacy_grants_of(claims, actions=key.actions, base=hub.url)
    return Token(grants, float(claims.get("exp", "inf")))


def _verify(
    text: str, keys: tuple[Key, ...], **checks: Any
) -> tuple[dict[str, Any], Key]:
    """Return the claims, and the key that the signature is of."""
    for key in keys:
        try:
            # Each key is for one algorithm, whatever the token says.
            claims = jwt.decode(text, key.key, algorithms=[key.algorithm], **checks)
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
            continue
        return claims, key
    raise InvalidToken("the signature", expected="that of a key of its issuer")
