"""The state of the processes, the log and the outbox."""
