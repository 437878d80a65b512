"""The site's settings, with a stream that tells a story to each client."""

from project.settings import *  # noqa: F403

ROOT_URLCONF = "tests.interop.urls"
