"""The Content-Security-Policy of the pages, and that the templates comply with it."""

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
def test_every_page_has_a_policy(client, db, path):
    policy = client.get(path)[HEADER]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_page_of_a_rejected_form_has_a_policy(db):
    response = Client(enforce_csrf_checks=True).post("/ask/")

    assert response.status_code == 403
    assert HEADER in response


def test_error_page_has_a_policy(client, db, monkeypatch):
    monkeypatch.setattr("project.qa.views.paginate", None)
    client.raise_request_exception = False

    response = client.get("/")

    assert response.status_code == 500
    assert HEADER in response


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_has_no_inline_script_or_style(path):
    markup = TAG.sub("", path.read_text())

    assert INLINE.findall(markup) == []


def test_streams_have_no_policy(client, db):
    response = client.get("/notifications/stream/?topic=topic:*")

    assert response["Content-Type"].startswith("text/event-stream")
    assert HEADER not in response
    response.close()
