"""Storage for static files: scripts are minified, hashed and compressed."""

from typing import Any

from django.core.files.base import ContentFile
from rjsmin import jsmin
from whitenoise.storage import CompressedManifestStaticFilesStorage

MINIFIED_FOLDERS = ("notifications/", "qa/")


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """WhiteNoise's storage, which also minifies the site's JavaScript modules.

    The names in `import ... from` are replaced by the hashed names.
    """

    support_js_module_import_aggregation = True

    def _save(self, name: str, content: Any) -> str:
        if name.endswith(".js") and name.startswith(MINIFIED_FOLDERS):
            # Computing the hashed name has read the file.
            content.seek(0)
            content = ContentFile(jsmin(content.read().decode()).encode())
        saved: str = super()._save(name, content)
        return saved
