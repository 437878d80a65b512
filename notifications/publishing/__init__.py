"""The write side: from a model save to a row of the outbox, and on to the log."""
