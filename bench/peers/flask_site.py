"""A Flask site that only streams events with Flask-SSE."""

import os

from flask import Flask
from flask_sse import sse

application = Flask(__name__)
application.config["REDIS_URL"] = f"unix://{os.environ['BENCH_REDIS_SOCKET']}"
application.register_blueprint(sse, url_prefix="/stream")
