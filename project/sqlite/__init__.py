"""Django's backend for SQLite, made to wait for a lock without stopping the process."""
