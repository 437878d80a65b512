"""The live side: from the log to the connections of one process."""
