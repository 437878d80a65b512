"""What tells the sweep that a relay has failed; see `outbox` and `sweeper`."""

import threading

# Set when a relay has failed. The sweep of this process tries again soon, and waits
# longer for a slow Redis than a request may.
relay_postponed = threading.Event()
