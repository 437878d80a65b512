"""How static files are stored: our scripts small, hashed, compressed."""

from typing import Any

from django.core.files.base import ContentFile
from rjsmin import jsmin
from whitenoise.storage import CompressedManifestStaticFilesStorage

OURS = ("notifications/", "qa/")


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """WhiteNoise's storage, for modules that people read as they are written.

    What is delivered of them has no comments and no space; the names inside
    `import ... from` are hashed, too.
    """

    support_js_module_import_aggregation = True

    def _save(self, name: str, content: Any) -> str:
        if name.endswith(".js") and name.startswith(OURS):
            # Whoever made its hashed name has read it.
            content.seek(0)
            content = ContentFile(jsmin(content.read().decode()).encode())
        saved: str = super()._save(name, content)
        return saved
