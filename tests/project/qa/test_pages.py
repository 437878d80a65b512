"""The properties that all pages share."""

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.template.loader import render_to_string
from django.test import Client
from django.views.defaults import permission_denied, server_error


@pytest.fixture
def pages(client, maja, question, answer):
    public = ["/", "/topics/", "/topics/espresso/", question.get_absolute_url()]
    public += ["/people/maja/", "/login/", "/signup/", "/nothing/"]
    found = [client.get(url).content.decode() for url in public]
    client.force_login(maja)
    private = ["/", "/ask/", "/password/", question.get_absolute_url()]
    return found + [client.get(url).content.decode() for url in private]


def test_each_page_has_one_h1(pages):
    assert [page.count("<h1") for page in pages] == [1] * len(pages)


def test_each_page_has_landmarks_and_a_skip_link(pages):
    for page in pages:
        assert '<a class="skip-link" href="#content">' in page
        assert '<main id="content"' in page
        assert '<html lang="en" dir="ltr">' in page


def test_no_page_has_inline_script_or_style(pages):
    for page in pages:
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
        for attributes in re.findall(r"<script([^>]*)>", page):
            assert "src=" in attributes or "application/json" in attributes


def test_each_input_has_a_label(pages):
    for page in pages:
        labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', page))
        for control in re.findall(r"<(?:input|textarea|select)\b[^>]*>", page):
            if 'type="hidden"' in control or "aria-label" in control:
                continue
            assert re.search(r'\bid="([^"]+)"', control)[1] in labelled


def test_ids_are_unique(pages):
    for page in pages:
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids))


def test_unknown_url_has_its_own_error_page(client, db):
    response = client.get("/nothing/")

    assert response.status_code == 404
    assert b"Page not found" in response.content


def test_denied_permission_has_its_own_error_page(rf, client, db):
    request = client.get("/").wsgi_request

    response = permission_denied(request, PermissionDenied())

    assert b"You can't see this page" in response.content


def test_failed_csrf_check_has_its_own_error_page(maja):
    client = Client(enforce_csrf_checks=True)

    response = client.post("/login/", {"username": "maja"})

    assert response.status_code == 403
    assert b"That was not sent" in response.content


def test_server_error_page_needs_neither_database_nor_request(rf):
    response = server_error(rf.get("/"))

    assert response.status_code == 500
    assert b"Something went wrong" in response.content
    assert "<h1>" in render_to_string("500.html")
