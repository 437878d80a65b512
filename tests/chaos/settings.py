"""The site's settings, without the warnings that faults are expected to cause."""

from project.settings import *  # noqa: F403
from project.settings import LOGGING

LOGGING = {
    **LOGGING,
    "root": {"handlers": ["console"], "level": "ERROR"},
    "loggers": {},
}
