"""The site's settings, with middleware that reports on the worker or wraps streams."""

import os
import resource

from project.settings import *  # noqa: F403
from project.settings import MIDDLEWARE

MIDDLEWARE = [
    "tests.system.hooks.census",
    *filter(None, [os.environ.get("LIVE_MIDDLEWARE")]),
    *MIDDLEWARE,
]

# How many descriptors a process may have open.
if limit := os.environ.get("LIVE_DESCRIPTORS"):
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(limit), int(limit)))
