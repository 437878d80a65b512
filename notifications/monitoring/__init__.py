"""How the processes, the log and the outbox are doing."""
