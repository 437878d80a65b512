"""A hub of the Mercure protocol; needs the extra `mercure`."""
