"""The templates and JavaScript modules of the app."""

import json
import re

from django.core.management import call_command
from django.template.loader import render_to_string
from django.test import override_settings


def test_stream_has_an_html_page(client, db):
    response = client.get("/notifications/stream/?topic=a:<b>", HTTP_ACCEPT="text/html")

    page = response.content.decode()
    assert "<event-log>" in page
    assert "/notifications/stream/?topic=a:%3Cb%3E" in page


def test_app_has_a_base_template(rf, db):
    context = {"events": [], "read_up_to": 0}

    with override_settings(TEMPLATES=templates_of_the_app()):
        page = render_to_string("notifications/inbox.html", context, rf.get("/"))

    assert "<title>Notifications</title>" in page
    assert "Askwell" not in page


def templates_of_the_app():
    """Return settings without the template overrides of the site."""
    processor = "django.template.context_processors.request"
    return [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": [processor]},
        }
    ]


def test_modules_import_each_other_by_hashed_names(tmp_path, settings):
    storage = {"BACKEND": "project.staticfiles.ModuleStaticFilesStorage"}
    with override_settings(
        STATIC_ROOT=tmp_path,
        STORAGES={"staticfiles": storage},
        # The files of the admin are many, and not modules.
        INSTALLED_APPS=[
            name for name in settings.INSTALLED_APPS if not name.endswith("admin")
        ],
    ):
        call_command("collectstatic", interactive=False, verbosity=0)

    names = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    for module in ("main.js", "features.js", "inbox.js", "connection.js"):
        text = (tmp_path / names[f"notifications/{module}"]).read_text()
        assert "/**" not in text
        imports = re.findall(r'(?:from ?|import\()"(.+?)"', text)
        assert imports
        for name in imports:
            assert re.search(r"\.[0-9a-f]{12}\.js$", name)
