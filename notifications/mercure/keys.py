"""Keys that tokens are verified with: whether one is fit for its algorithm."""

from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

# RFC 7518, 3.2 and 3.3.
RSA_BITS = 2_048
_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}

# What is there, and what was expected.
Problem = tuple[str, str]


def problem_of(key: Any, algorithm: str) -> Problem | None:
    """Return what is wrong with a key for an algorithm, None if nothing is."""
    if not isinstance(key, str):
        return type(key).__name__, "a string"
    if algorithm.startswith("HS"):
        return _problem_of_secret(key, algorithm)
    found = _loaded(key)
    if found is None:
        return "not a PEM public key", f"a PEM public key for {algorithm}"
    described, expected = _described(found), _expected(algorithm)
    return None if described in expected else (described, " or ".join(expected))


def _problem_of_secret(secret: str, algorithm: str) -> Problem | None:
    if "-----BEGIN" in secret:
        return "a PEM key", f"a shared secret for {algorithm}"
    size, least = len(secret.encode()), int(algorithm[2:]) // 8
    if size >= least:
        return None
    return f"a secret of {size} bytes", f"at least {least} bytes for {algorithm}"


def _loaded(key: str) -> Any:
    try:
        return load_pem_public_key(key.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None


def _described(key: Any) -> str:
    match key:
        case ec.EllipticCurvePublicKey():
            return f"an EC key of the curve {key.curve.name}"
        case rsa.RSAPublicKey():
            bits = "at least" if key.key_size >= RSA_BITS else "fewer than"
            return f"an RSA key of {bits} {RSA_BITS} bits"
        case ed25519.Ed25519PublicKey():
            return "an Ed25519 key"
        case ed448.Ed448PublicKey():
            return "an Ed448 key"
    return f"a key of the type {type(key).__name__}"


def _expected(algorithm: str) -> tuple[str, ...]:
    if curve := _CURVES.get(algorithm):
        return (f"an EC key of the curve {curve}",)
    if algorithm == "EdDSA":
        return "an Ed25519 key", "an Ed448 key"
    return (f"an RSA key of at least {RSA_BITS} bits",)
