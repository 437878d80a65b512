"""The site as in production, with its policy on error pages and an administrator."""

from tests.browser.people import PASSWORD
from tests.system.server import Site

ADMIN = "root"
MAKE_ADMIN = f"""
from django.contrib.auth.models import User
User.objects.create_superuser("{ADMIN}", password="{PASSWORD}")
"""
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "tests.browser.strict_settings",
    "DEBUG": "0",
    "USE_HTTPS": "0",
}


class StrictSite(Site):
    """A server without DEBUG; `tests.browser.strict_urls` has pages that fail."""

    def __init__(self) -> None:
        super().__init__(workers=1, environment=ENVIRONMENT)

    def start(self) -> None:
        """Make its administrator, and start it."""
        self.shell(MAKE_ADMIN)
        super().start()
