"""An app with models that only tests use: relations, proxies and children.

It has no migrations: the test database gets its tables when it is made.
"""
