"""A hub on loopback: answers /{repo}/resolve/{revision}/config.json with the status and headers of the real one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONFIG = (
    '{"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, '
    '"num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 8192}'
)
TOKEN = "hf_secret"
FILES = {
    "/acme/new/resolve/main/config.json": CONFIG.encode(),
    "/acme/new/resolve/v2/config.json": b'{"v": 2}',
    "/acme/large/resolve/main/config.json": b"x" * (1024**2 + 1),
    "/acme/binary/resolve/main/config.json": b"\xff\xfe",
}
ERRORS = {
    "/acme/new/resolve/none/config.json": (404, "RevisionNotFound"),
    "/acme/bare/resolve/main/config.json": (404, "EntryNotFound"),
    "/acme/broken/resolve/main/config.json": (500, ""),
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/acme/gated/resolve/main/config.json":
            allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            self._answer(*((200, "", CONFIG.encode()) if allowed else (403, "GatedRepo", b"")))
        elif self.path == "/acme/old/resolve/main/config.json":
            self._answer(307, "", b"", location="/acme/new/resolve/main/config.json")
        elif self.path in FILES:
            self._answer(200, "", FILES[self.path])
        else:
            self._answer(*ERRORS.get(self.path, (401, "RepoNotFound")), b"")

    def _answer(self, status: int, code: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def hub_server() -> Iterator[str]:
    """Its URL, while it answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
