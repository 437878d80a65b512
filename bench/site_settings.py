"""The settings of the site, plus the app that records when questions are committed."""

from project.settings import *  # noqa: F403
from project.settings import INSTALLED_APPS, VAR_DIR

INSTALLED_APPS = ["bench.site_app.Bench", *INSTALLED_APPS]
# Not the files of `make run`, which may be missing.
STATIC_ROOT = VAR_DIR / "bench" / "staticfiles"
