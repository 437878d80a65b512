#!/usr/bin/env python
"""Django's command line for this site."""

import os
import sys
import warnings

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Run the management command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    # The settings say it themselves, as an error.
    warnings.filterwarnings("ignore", "Engine not recognized", UserWarning)
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)  # what a shell makes of Ctrl-C


if __name__ == "__main__":
    main()
