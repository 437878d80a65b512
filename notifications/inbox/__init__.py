"""The inbox: what a person was notified about, and why."""
