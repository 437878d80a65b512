import pytest
from django.contrib.auth import get_user
from pytest_django.asserts import assertRedirects

from project.qa import demo
from tests.users import User

PASSWORD = "a-long-enough-one"


def sign_up(client, **changed):
    data = {"username": "ines", "password1": PASSWORD, "password2": PASSWORD, **changed}
    return client.post("/signup/", data)


@pytest.mark.parametrize("page", ["login", "signup"])
def test_page_is_shown(client, db, page):
    assert client.get(f"/{page}/?next=/ask/").context["next"] == "/ask/"


def test_sign_up_creates_an_account_and_signs_in(client, db):
    response = sign_up(client)

    assertRedirects(response, "/")
    assert get_user(client).get_username() == "ines"


def test_sign_up_returns_to_the_previous_page(client, question):
    response = sign_up(client, next=question.get_absolute_url())

    assertRedirects(response, question.get_absolute_url())


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "javascript:x", "/\\evil.example"],
)
def test_sign_up_never_redirects_to_another_site(client, db, target):
    assertRedirects(sign_up(client, next=target), "/")


def test_taken_username_is_rejected_with_an_error(client, maja):
    page = sign_up(client, username="Maja").content.decode()

    assert "already exists" in page
    assert 'value="Maja"' in page
    assert User.objects.count() == 1


def test_signed_in_user_cannot_sign_up(as_maja):
    assertRedirects(sign_up(as_maja), "/")
    assert not User.objects.filter(username="ines").exists()


def test_sign_in_returns_to_the_previous_page(client, maja):
    data = {"username": "maja", "password": "correct horse", "next": "/topics/"}

    assertRedirects(client.post("/login/", data), "/topics/")


def test_wrong_password_is_rejected_with_an_error(client, maja):
    page = client.post("/login/", {"username": "maja", "password": "wrong"}).content

    assert b'role="alert"' in page
    assert b"Please enter a correct username and password" in page
    assert get_user(client).is_anonymous


@pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
def test_password_of_the_demo_is_refused_without_debug(client, db, settings, path):
    User.objects.create_superuser("root", password=demo.PASSWORD)
    data = {"username": "root", "password": demo.PASSWORD}

    refused = client.post(path, data)
    settings.DEBUG = True
    allowed = client.post(path, data)

    assert (refused.status_code, allowed.status_code) == (200, 302)


def test_sign_up_link_of_the_sign_in_page_keeps_the_previous_page(client, db):
    page = client.get("/login/?next=/topics/").content.decode()

    # In the header, in its menu and below the form.
    assert page.count('href="/signup/?next=/topics/"') == 3


def test_sign_out_needs_a_post(as_maja):
    assert as_maja.get("/logout/").status_code == 405
    assertRedirects(as_maja.post("/logout/"), "/")
    assert get_user(as_maja).is_anonymous


def test_sign_up_rejects_other_methods(client, db):
    assert client.put("/signup/").status_code == 405


def test_password_can_be_changed(as_maja, maja):
    data = {
        "old_password": "correct horse",
        "new_password1": PASSWORD,
        "new_password2": PASSWORD,
    }

    response = as_maja.post("/password/", data, follow=True)

    maja.refresh_from_db()
    assert maja.check_password(PASSWORD)
    assert b"Your password is changed." in response.content


def test_anonymous_user_cannot_change_a_password(client, db):
    assertRedirects(client.get("/password/"), "/login/?next=/password/")
