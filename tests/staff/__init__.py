"""An app with models that only tests use: other classes of models of other apps.

It has migrations, since those apps have.
"""
