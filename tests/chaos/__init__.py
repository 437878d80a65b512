"""A long run of random faults on a real site, with an oracle: see `__main__.py`."""
