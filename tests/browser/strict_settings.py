"""The browser tests' settings as in production: error pages are the site's own."""

from tests.browser.settings import *  # noqa: F403
from tests.browser.settings import STORAGES

ROOT_URLCONF = "tests.browser.strict_urls"
# Static files as they lie in the apps: nothing was collected.
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
