"""The site's settings, with middleware that reports on the worker or wraps streams."""

import os

from project.settings import *  # noqa: F403
from project.settings import MIDDLEWARE

MIDDLEWARE = [
    "tests.system.hooks.census",
    *filter(None, [os.environ.get("LIVE_MIDDLEWARE")]),
    *MIDDLEWARE,
]
