"""The Mercure hub of the running site: its keys, its publishers and its tokens."""

import subprocess
import time
from urllib.parse import urlencode

import jwt

PATH = "/.well-known/mercure"
# Behind its proxy; a token is for this address, whatever port the test's server has.
URL = f"https://hub.example{PATH}"
ISSUER = "https://issuer.example"
SECRET = "the secret of the publishers and subscribers"
# How long a token is valid whose end a test waits for: longer than a request may take.
SHORT_SECONDS = 6
COOKIE = "__Secure-mercure_access_token"
DETAIL = "https://mercure.rocks/authorization-detail"
SETTINGS = {
    "URL": URL,
    "ISSUERS": {ISSUER: [{"ALGORITHM": "HS256", "KEY": SECRET}]},
    "SUBSCRIPTIONS": True,
}


def token_for(*topics: str, action: str = "subscribe", seconds: float = 600) -> str:
    """Return a token that allows an action on topics for some time."""
    now = time.time()
    matchers = [{"match": each} for each in topics]
    details = [{"type": DETAIL, "actions": [action], "topics": matchers}]
    claims = {
        "iss": ISSUER,
        "aud": URL,
        "sub": "someone",
        "client_id": "tests",
        "iat": now,
        "exp": now + seconds,
        "jti": "1",
        "authorization_details": details,
    }
    return jwt.encode(claims, SECRET, headers={"typ": "at+jwt"})


def publish(site, topic: str, data: str, **fields: str) -> str:
    """Publish an update by curl; return its id."""
    token = token_for(topic, action="publish")
    form = {"topic": topic, "data": data, **fields}
    parts = [part for each in form.items() for part in ("-d", urlencode([each]))]
    command = ["curl", "-sS", "-f", "-H", f"Authorization: Bearer {token}", *parts]
    done = subprocess.run(
        [*command, site.url + PATH], capture_output=True, text=True, check=True
    )
    return done.stdout


def asking(site, **parameters: str) -> str:
    """Return the address of a subscription."""
    return f"{site.url}{PATH}?{urlencode(parameters)}"
