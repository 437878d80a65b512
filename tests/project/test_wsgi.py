"""The site's WSGI application: requests that Django cannot decode are refused."""

import io

import pytest

from project.wsgi import application, refuse_charsets

TOKEN = "a" * 32
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n+AA\r\n--x--\r\n'


def post(content_type, *, body=MULTIPART, to=application):
    """Send a form with a CSRF token, so that it is decoded; return the statuses."""
    statuses = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/nothing/",
        "QUERY_STRING": "q=%ff+AA",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_COOKIE": f"csrftoken={TOKEN}",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
    }
    to(environ, lambda status, headers: statuses.append(status))
    return statuses


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "idna", "hex", "undefined"])
@pytest.mark.parametrize(
    "form", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
@pytest.mark.parametrize("debug", [True, False])
def test_form_in_another_charset_is_refused(settings, caplog, form, charset, debug):
    settings.DEBUG = debug

    assert post(f"{form}; charset={charset}") == ["400 Bad Request"]

    assert caplog.records == []


def test_parameter_in_an_unknown_encoding_is_refused():
    assert post("text/plain; charset*=bogus''x") == ["400 Bad Request"]


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "unknown"])
def test_other_forms_reach_the_site(charset):
    def site(environ, start_response):
        start_response("200 OK", [])
        return [b""]

    statuses = post(f"text/plain; charset={charset}", to=refuse_charsets(site))

    assert statuses == ["200 OK"]
