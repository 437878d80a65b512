"""What is true of every page."""

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.template.loader import render_to_string
from django.test import Client
from django.views.defaults import permission_denied, server_error


@pytest.fixture
def pages(client, maja, question, answer):
    open_to_all = ["/", "/topics/", "/topics/espresso/", question.get_absolute_url()]
    open_to_all += ["/people/maja/", "/login/", "/signup/", "/nothing/"]
    found = [client.get(url).content.decode() for url in open_to_all]
    client.force_login(maja)
    for_members = ["/", "/ask/", "/password/", question.get_absolute_url()]
    return found + [client.get(url).content.decode() for url in for_members]


def test_each_page_has_one_heading_of_the_first_rank(pages):
    assert [page.count("<h1") for page in pages] == [1] * len(pages)


def test_each_page_has_landmarks_and_a_way_past_the_header(pages):
    for page in pages:
        assert '<a class="skip-link" href="#content">' in page
        assert '<main id="content"' in page
        assert '<html lang="en" dir="ltr">' in page


def test_no_page_needs_inline_script_or_style(pages):
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


def test_ids_are_not_used_twice(pages):
    for page in pages:
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids))


def test_unknown_address_has_a_page_of_its_own(client, db):
    response = client.get("/nothing/")

    assert response.status_code == 404
    assert b"There is no such page" in response.content


def test_refusal_has_a_page_of_its_own(rf, client, db):
    request = client.get("/").wsgi_request

    response = permission_denied(request, PermissionDenied())

    assert b"This page is not for you" in response.content


def test_stale_form_has_a_page_of_its_own(maja):
    client = Client(enforce_csrf_checks=True)

    response = client.post("/login/", {"username": "maja"})

    assert response.status_code == 403
    assert b"That was not sent" in response.content


def test_failure_has_a_page_that_needs_neither_database_nor_request(rf):
    response = server_error(rf.get("/"))

    assert response.status_code == 500
    assert b"Something broke" in response.content
    assert "<h1>" in render_to_string("500.html")
