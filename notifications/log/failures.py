"""Says what is wrong with Redis, and what to do about it where somebody has to."""

import re

from notifications.exceptions import LogUnavailable

# What redis-py or Redis says, and what that means. The first that fits counts.
ADVICE = {
    r"^Sentinel: .*(NOPERM|permission)": (
        "the user of the Sentinels lacks a right: grant +sentinel|masters"
    ),
    r"^Sentinel: |No master found.*Authentication": (
        "the Sentinels reject the user name or password: correct sentinel_username "
        "and sentinel_password in REDIS_URL"
    ),
    r"No master found": (
        "no Sentinel knows a primary of this name that is up: if that stays so, "
        "correct the hosts or the name in REDIS_URL"
    ),
    r"WRONGPASS|NOAUTH|invalid password|invalid username|Authentication required"
    r"|HELLO must be called": (
        "Redis rejects the user name or password: correct them in REDIS_URL"
    ),
    r"NOPERM|no permissions?|ACL failure|can't run this command|can't access": (
        "the user of Redis lacks a right: grant those in docs/redis.md"
    ),
    r"CERTIFICATE_EXPIRED": (
        "Redis says that the certificate of this client has expired: renew the one at "
        "ssl_certfile in REDIS_URL"
    ),
    r"certificate has expired": (
        "the certificate of Redis has expired: renew it there"
    ),
    r"CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|UNKNOWN_CA|DECRYPT_ERROR"
    r"|EOF occurred in violation": (
        "Redis ended the TLS connection: if that stays so, it requires a certificate "
        "of this client that its CA has signed: set ssl_certfile and ssl_keyfile in "
        "REDIS_URL"
    ),
    r"CERTIFICATE_VERIFY_FAILED": (
        "the certificate of Redis is not trusted, or is for another name: set "
        "ssl_ca_certs in REDIS_URL to its CA"
    ),
}
# How much of what redis-py says is kept: it repeats whole commands.
SHOWN_CHARACTERS = 300


def unavailable(error: Exception) -> LogUnavailable:
    """Return what to raise for an error of redis-py or of the system."""
    return LogUnavailable(explain(error))


def explain(error: Exception) -> str:
    """Return what an error says, on one line, and what to do about it in front."""
    said = " ".join(str(error).split())
    if len(said) > SHOWN_CHARACTERS:
        # The reason is at the end.
        said = f"…{said[-SHOWN_CHARACTERS:]}"
    for pattern, advice in ADVICE.items():
        if re.search(pattern, said, re.IGNORECASE):
            return f"{advice} ({said})"
    return said
