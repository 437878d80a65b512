"""The gunicorn configuration of the Flask-SSE site."""

import os

chdir = os.path.dirname(__file__)
bind = f"127.0.0.1:{os.environ['BENCH_PORT']}"
worker_class = "gevent"
workers = 1
worker_connections = 20_000
graceful_timeout = 1
loglevel = "warning"
control_socket_disable = True
