"""The log: a Redis Stream. This package alone imports redis."""
