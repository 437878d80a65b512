"""The site's settings, with middleware that tells of the worker or is in its way."""

import os

from project.settings import *  # noqa: F403
from project.settings import MIDDLEWARE

MIDDLEWARE = [
    "tests.system.hooks.census",
    *filter(None, [os.environ.get("LIVE_MIDDLEWARE")]),
    *MIDDLEWARE,
]
