"""The protocol: topics, cursors, entries and frames as plain values, without I/O."""
