"""The site's settings, with a stream that tells a story to each client."""

from corsheaders.defaults import default_headers

from project.settings import *  # noqa: F403
from project.settings import INSTALLED_APPS, MIDDLEWARE
from tests.interop import hub

MERCURE = hub.SETTINGS

ROOT_URLCONF = "tests.interop.urls"

# Pages of this host may use streams of the site: see tests.interop.test_web_platform.
FRIEND = "friend.localhost"
INSTALLED_APPS = [*INSTALLED_APPS, "corsheaders"]
MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *MIDDLEWARE]
CORS_ALLOWED_ORIGIN_REGEXES = [rf"http://{FRIEND}:\d+"]
# Browsers ask for this before they send an id that is long, or not of plain letters.
CORS_ALLOW_HEADERS = [*default_headers, "last-event-id"]
