"""The site's settings with fast passwords, since each test makes new accounts."""

from project.settings import *  # noqa: F403
from tests.browser.scripts import FOLDER

ROOT_URLCONF = "tests.browser.urls"
# Where tests.browser.scripts finds them.
STATICFILES_DIRS = [("tests", FOLDER)]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
