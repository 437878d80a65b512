"""Live notifications for Django: durable events, streamed over Server-Sent Events."""

__version__ = "0.1.0"
