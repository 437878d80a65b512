"""The publishing side of other libraries, so that their users change one import."""
