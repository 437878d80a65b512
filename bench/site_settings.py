"""The site's settings, with a note of when each question is committed."""

from project.settings import *  # noqa: F403
from project.settings import INSTALLED_APPS, VAR_DIR

INSTALLED_APPS = ["bench.site_app.Bench", *INSTALLED_APPS]
# Not those of `make run`, which need not be there.
STATIC_ROOT = VAR_DIR / "bench" / "staticfiles"
