"""The site's settings with fast passwords: each test makes new accounts."""

from project.settings import *  # noqa: F403
from tests.browser.scripts import FOLDER

# Where tests.browser.scripts finds them.
STATICFILES_DIRS = [("tests", FOLDER)]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
