"""How static files are stored: hashed, compressed, ES module imports rewritten."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """WhiteNoise's storage that hashes the names inside `import ... from` as well."""

    support_js_module_import_aggregation = True
