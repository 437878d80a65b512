"""The URLs of the modules that every page loads, so that it requests them at once."""

from urllib.parse import urljoin

from django.apps import apps
from django.contrib.staticfiles.storage import staticfiles_storage
from django.templatetags.static import static

MAIN = "notifications/main.js"
# What it imports, directly or not, in the order in which a browser finds out.
IMPORTED = (
    "bell",
    "connection",
    "features",
    "live-document",
    "retry",
    "timer",
    "page",
    "tabs",
    "unseen-rows",
)


def start_scripts() -> list[str]:
    """Return the URLs under which browsers load what `main.js` imports."""
    if _imports_hashed_names():
        return [static(f"notifications/{name}.js") for name in IMPORTED]
    # A hashed module that imports the others by their plain names.
    return [urljoin(static(MAIN), f"{name}.js") for name in IMPORTED]


def _imports_hashed_names() -> bool:
    installed = apps.is_installed("django.contrib.staticfiles")
    name = "support_js_module_import_aggregation"
    return installed and getattr(staticfiles_storage, name, False)
