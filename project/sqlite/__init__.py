"""Django's SQLite backend; waiting for a lock does not block other greenlets."""
