"""The write side: from a model save to a row in the outbox, and on to the log."""
