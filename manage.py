#!/usr/bin/env python
"""Django's command line for this site."""

import os
import sys
import warnings

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Run the management command in the arguments."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    # project.settings raises ImproperlyConfigured for this.
    warnings.filterwarnings("ignore", "Engine not recognized", UserWarning)
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)  # 128 + SIGINT, as shells do


if __name__ == "__main__":
    main()
