"""A database of a busy site, and what its pages cost: the scenario `database`."""
