"""The policy that browsers get with each page, and that templates keep to it."""

import re

import pytest
from django.test import Client

from tests import ROOT

TEMPLATES = [
    path
    for folder in ("templates", "notifications/templates")
    for path in (ROOT / folder).rglob("*.html")
]
INLINE = re.compile(
    r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE
)
TAG = re.compile(r"{%.*?%}")
HEADER = "Content-Security-Policy"


@pytest.mark.parametrize(
    "path", ["/", "/login/", "/nowhere/", "/notifications/", "/admin/login/"]
)
def test_policy_comes_with_every_page(client, db, path):
    policy = client.get(path)[HEADER]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_policy_comes_with_the_page_of_a_refused_form(db):
    response = Client(enforce_csrf_checks=True).post("/ask/")

    assert response.status_code == 403
    assert HEADER in response


def test_policy_comes_with_the_page_of_a_failure(client, db, monkeypatch):
    monkeypatch.setattr("project.qa.views.paginate", None)
    client.raise_request_exception = False

    response = client.get("/")

    assert response.status_code == 500
    assert HEADER in response


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_nothing_stands_inline_in_a_template(path):
    markup = TAG.sub("", path.read_text())

    assert INLINE.findall(markup) == []


def test_streams_come_without_what_only_pages_need(client, db):
    response = client.get("/notifications/stream/?topic=topic:*")

    assert response["Content-Type"].startswith("text/event-stream")
    assert HEADER not in response
    response.close()
