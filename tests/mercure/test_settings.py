"""The setting MERCURE: each wrong value is named, with what was expected."""

import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.core.checks import run_checks

from notifications.mercure.conf import parse
from notifications.mercure.terms import InvalidMercure
from tests.mercure.conftest import HUB, ISSUER, SECRET


def pem_of(key):
    """Return the public key of a pair, as the settings take it."""
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        .decode()
    )


EC = ec.generate_private_key(ec.SECP384R1())
PRIVATE = EC.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
P384 = pem_of(EC)
SMALL_RSA = pem_of(rsa.generate_private_key(65_537, 1_024))
ED25519 = pem_of(ed25519.Ed25519PrivateKey.generate())


def key(algorithm="HS256", key=SECRET, **others):
    return {"ALGORITHM": algorithm, "KEY": key, **others}


def issued(*keys):
    return {"ISSUERS": {ISSUER: keys}}


KEY = f"MERCURE['ISSUERS']['{ISSUER}'][0]"
WRONG = [
    ({"URL": "/.well-known/mercure"}, "MERCURE['URL'] is '/.well-known/mercure': "),
    ({"URL": None}, "MERCURE['URL'] is None: expected the absolute URL"),
    ({"URL": "https://hub.example"}, "MERCURE['URL'] is 'https://hub.example': "),
    ({"URL": f"https://hub.example{HUB}?a=b"}, "MERCURE['URL'] is "),
    ({"COLOUR": "red"}, "MERCURE key is 'COLOUR': expected one of URL, ORIGINS"),
    ({"ORIGINS": ["*"]}, "MERCURE['ORIGINS'] is ['*']: expected a list of origins"),
    ({"ORIGINS": "https://a.example"}, "MERCURE['ORIGINS'] is "),
    ({"ORIGINS": ["https://a.example/"]}, "MERCURE['ORIGINS'] is "),
    ({"COOKIE": ""}, "MERCURE['COOKIE'] is ''"),
    ({"ANONYMOUS": "no"}, "MERCURE['ANONYMOUS'] is 'no': expected True or False"),
    ({"ISSUERS": {}}, "MERCURE['ISSUERS'] is {}: expected a key"),
    ({"ISSUERS": ["a"]}, "MERCURE['ISSUERS'] is <class 'list'>: expected a dict"),
    ({"ISSUERS": {ISSUER: SECRET}}, f"{KEY[:-3]} is <class 'str'>: expected a list"),
    (issued(SECRET), f"{KEY} is <class 'str'>: expected a dict"),
    (issued(key(COLOUR="red")), f"{KEY} key is 'COLOUR': expected one of ALGORITHM"),
    (issued(key("none")), f"{KEY}['ALGORITHM'] is 'none': expected one of ES256"),
    (issued(key(["HS256"])), f"{KEY}['ALGORITHM'] is ['HS256']: "),
    (issued(key(key=None)), f"{KEY}['KEY'] is 'NoneType': expected a string"),
    (
        issued(key(key="!ChangeMe!")),
        f"{KEY}['KEY'] is 'a secret of 10 bytes': expected at least 32 bytes for HS256",
    ),
    (issued(key("HS512")), f"{KEY}['KEY'] is 'a secret of 37 bytes': expected at "),
    (issued(key(key=P384)), f"{KEY}['KEY'] is 'a PEM key': expected a shared secret"),
    (issued(key("ES256")), f"{KEY}['KEY'] is 'not a PEM public key': expected a PEM"),
    (issued(key("ES384", PRIVATE)), f"{KEY}['KEY'] is 'not a PEM public key': "),
    (
        issued(key("ES256", P384)),
        f"{KEY}['KEY'] is 'an EC key of the curve secp384r1': expected an EC key of "
        "the curve secp256r1",
    ),
    (issued(key("EdDSA", P384)), "expected an Ed25519 key or an Ed448 key"),
    (issued(key("RS256", ED25519)), f"{KEY}['KEY'] is 'an Ed25519 key': expected an "),
    (issued(key("PS256", SMALL_RSA)), "is 'an RSA key of fewer than 2048 bits': "),
    (issued(key(ACTIONS=["delete"])), f"{KEY}['ACTIONS'] is ['delete']: expected a "),
    ({"LEGACY_KEYS": [key("X")]}, "MERCURE['LEGACY_KEYS'][0]['ALGORITHM'] is 'X'"),
]


@pytest.mark.parametrize(("changed", "message"), WRONG, ids=[each for _, each in WRONG])
def test_wrong_value_is_named_with_what_was_expected(site, client, changed, message):
    site.MERCURE = {**site.MERCURE, **changed}

    [found] = run_checks(tags=["notifications"])

    assert found.id == "notifications.E008"
    assert message in found.msg
    assert SECRET not in found.msg
    with pytest.raises(InvalidMercure, match="MERCURE"):
        client.get(f"{HUB}?match=a")


def test_every_wrong_value_is_reported(site):
    site.MERCURE = {"URL": "", "COOKIE": "", **issued(key("none"), key(key="short"))}

    found = run_checks(tags=["notifications"])

    assert [each.msg.partition(" is ")[0] for each in found] == [
        "MERCURE['URL']",
        "MERCURE['COOKIE']",
        f"{KEY}['ALGORITHM']",
        f"{KEY[:-3]}[1]['KEY']",
    ]


def test_value_that_is_not_a_dict_is_reported(site):
    site.MERCURE = [SECRET]

    [found] = run_checks(tags=["notifications"])

    assert "expected a dict" in found.msg


@pytest.mark.parametrize(
    "right",
    [
        {},
        {"ISSUERS": {}, "LEGACY_KEYS": [key(ACTIONS=["publish"])]},
        issued(key("ES384", P384), key("EdDSA", ED25519)),
        {"COOKIE": "token", "ANONYMOUS": False, "ORIGINS": ["http://localhost:3000"]},
    ],
    ids=range(4),
)
def test_right_value_is_not_reported(site, right):
    value = site.MERCURE = {**site.MERCURE, **right}

    assert run_checks(tags=["notifications"]) == []
    assert parse(value).url == value["URL"]


def test_path_that_does_not_lead_to_the_hub_is_reported(site):
    site.ROOT_URLCONF = "project.urls"

    [found] = run_checks(tags=["notifications"])

    assert found.id == "notifications.W004"
    assert HUB in found.msg


def test_site_without_the_extra_is_told_to_install_it(site, monkeypatch):
    monkeypatch.setitem(sys.modules, "notifications.mercure.validation", None)

    [found] = run_checks(tags=["notifications"])

    assert found.id == "notifications.E009"
    assert "extra mercure" in found.hint


def test_metadata_url_has_the_path_of_the_hub_behind_the_host():
    value = {"URL": "https://a.example/a", "ISSUERS": {ISSUER: [key()]}}

    found = parse(value).metadata_url

    assert found == "https://a.example/.well-known/oauth-protected-resource/a"
