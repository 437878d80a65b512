"""Descriptions of the events that clients get, for other tools."""
