"""Nchan: nginx with one worker and its memory store."""

import resource
import shutil
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

from bench import machine
from bench.events import Event, body
from bench.machine import Cores
from bench.processes import Failed, Missing
from bench.servers.base import Server

MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
PUBLISHERS = 8
REPLY_BYTES = 65_536
REPLY_SECONDS = 60.0

# These limits drop no event of a burst. The ping interval is that of our heartbeat.
CONFIGURATION = """
load_module {module};
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile {descriptors};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections {descriptors}; multi_accept on; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000;
    keepalive_timeout 1h;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    nchan_shared_memory_size 256m;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location ~ ^/pub/(.+)$ {{
            nchan_publisher;
            nchan_channel_id $1;
            nchan_message_buffer_length 1000;
            nchan_message_timeout 1h;
        }}
        location ~ ^/sub/(.+)$ {{
            nchan_subscriber eventsource;
            nchan_channel_id $1;
            nchan_subscriber_first_message newest;
            nchan_eventsource_ping_interval 15;
        }}
    }}
}}
"""


class Nchan(Server):
    """Streams of a channel; events are published over HTTP."""

    name = "nchan"
    around = len("id: 1795165498:0\ndata: \n\n")
    path = "/sub/bench"

    def __init__(self, cores: Cores, *, label: str = "") -> None:
        super().__init__(cores, label=label)
        self._connections: list[socket.socket] = []

    def start(self) -> None:
        nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if not nginx or not MODULE.exists():
            raise Missing("nginx with Nchan is not installed (libnginx-mod-nchan)")
        _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
        configuration = self.folder / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                module=MODULE,
                folder=self.folder,
                port=self.port,
                descriptors=descriptors,
            )
        )
        self._launch([nginx, "-p", self.folder, "-c", configuration])
        self._wait_until_listening()

    def stop(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        super().stop()

    def workers(self) -> list[int]:
        assert self._process
        return machine.children(self._process.pid)

    def publish(self, events: Sequence[Event]) -> None:
        """Publish events over one connection, pipelined."""
        self._pipeline(self._connection(0), events)

    def publish_in_parallel(self, events: Sequence[Event]) -> None:
        """Publish events over several pipelined connections, in no fixed order."""
        threads = [
            threading.Thread(
                target=self._pipeline,
                args=[self._connection(number), events[number::PUBLISHERS]],
            )
            for number in range(PUBLISHERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _connection(self, number: int) -> socket.socket:
        """Return one of the persistent connections for publishing."""
        while len(self._connections) <= number:
            connection = socket.create_connection(("127.0.0.1", self.port))
            connection.settimeout(REPLY_SECONDS)
            self._connections.append(connection)
        return self._connections[number]

    def _pipeline(self, connection: socket.socket, events: Sequence[Event]) -> None:
        requests = b"".join(map(self._request, events))
        sender = threading.Thread(target=connection.sendall, args=[requests])
        sender.start()
        replies = b""
        while replies.count(b"HTTP/1.1 ") < len(events):
            received = connection.recv(REPLY_BYTES)
            if not received:
                raise Failed("nginx closed a publisher's connection")
            replies += received
        sender.join()

    def _request(self, event: Event) -> bytes:
        content = body(event.number, around=self.around)
        channel = event.topic.rpartition(":")[2]
        return (
            f"POST /pub/{channel} HTTP/1.1\r\nHost: bench\r\n"
            f"Content-Length: {len(content)}\r\n\r\n{content}"
        ).encode()
