"""The protocol: topics, cursors, entries and frames as values. No I/O, no Django."""
