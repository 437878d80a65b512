"""Schemas of the events on the wire, for other tools."""
