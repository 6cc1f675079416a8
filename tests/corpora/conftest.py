"""A small HTTP server that can misbehave, and tiny corpora."""

import contextlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class Site:
    """What the server serves, what it does wrong, and what it was asked.

    `files`: path -> content. `faults`: path -> a list of faults, one used up by each
    request: ("cut", n) sends n bytes and hangs up, ("status", code), ("wrong",) sends
    other bytes of the same length, ("norange",) ignores a Range.
    """

    def __init__(self, url):
        self.url = url
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[tuple]] = {}
        self.requests: list[tuple[str, str | None]] = []

    def asked(self, path):
        return [ranges for name, ranges in self.requests if name == path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        site, path = self.server.site, self.path.lstrip("/")
        ranges = self.headers.get("Range")
        site.requests.append((path, ranges))
        queue = site.faults.get(path, [])
        fault = queue.pop(0) if queue else ("none",)
        if fault[0] == "status" or path not in site.files:
            return self.reply(fault[1] if fault[0] == "status" else 404, b"no")
        content = site.files[path]
        if fault[0] == "wrong":
            content = bytes(b ^ 1 for b in content)
        start = int(ranges[6:-1]) if ranges and fault[0] != "norange" else 0
        if start >= len(content) and start:
            return self.reply(416, b"")
        extra = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        body = content[start:]
        sent = body[: fault[1]] if fault[0] == "cut" else body
        self.reply(206 if start else 200, sent, len(body), extra if start else {})

    def reply(self, status, body, length=None, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client may have gone
            self.wfile.write(body)
        if length is not None and len(body) < length:
            self.close_connection = True


class Server(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Say nothing when a client that gave up has hung up; anything else is a bug here."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@pytest.fixture
def site():
    """Serve `site.files` at `site.url`."""
    server = Server(("127.0.0.1", 0), Handler)
    server.site = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.site
    server.shutdown()
    thread.join()
    server.server_close()


def put(root: Path, *names: str, text: str = "") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def tree(tmp_path):
    """Return a function that writes (empty) files below a fresh folder, and the folder."""

    def write(*names, text=""):
        put(tmp_path, *names, text=text)
        return tmp_path

    return write


@pytest.fixture
def mnist(tmp_path):
    """Build AudioMNIST's layout with the speakers given as {"01": "male"}."""

    def build(speakers, digits=2, repetitions=2):
        meta = {s: {"gender": g, "native speaker": "no", "age": 30} for s, g in speakers.items()}
        put(tmp_path, "data/audioMNIST_meta.txt", text=json.dumps(meta))
        for s in speakers:
            for d in range(digits):
                put(tmp_path, *(f"data/{s}/{d}_{s}_{r}.wav" for r in range(repetitions)))
        return tmp_path

    return build
