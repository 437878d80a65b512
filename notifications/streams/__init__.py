"""One client's stream, from its request to its socket."""
