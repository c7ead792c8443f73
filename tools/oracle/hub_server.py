"""A small Hugging Face hub on this machine: what huggingface_hub 1.33 asks for a model's files.

One repository at one commit. Large files are at the address of a second host, as on the real hub, with the
headers that say what they are on the redirect to it. (For huggingface_hub another port is no other host.)
"""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = {".safetensors", ".bin", ".pt", ".onnx"}


class File:
    def __init__(self, content: bytes, large: bool) -> None:
        self.content = content
        self.large = large
        self.oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.etag = self.sha256 if large else self.oid


class Hub:
    """Serves the files of `directory`, and those of `others`, as `repo` until close()."""

    def __init__(self, repo: str, directory: Path, others: dict[str, bytes]) -> None:
        self.repo = repo
        self.files = {
            str(path.relative_to(directory)): File(path.read_bytes(), path.suffix in LARGE)
            for path in sorted(directory.rglob("*"))
            if path.is_file()
        }
        self.files |= {name: File(content, Path(name).suffix in LARGE) for name, content in others.items()}
        self.requests: list[tuple[str, str]] = []
        self.authorizations: list[tuple[bool, str | None]] = []  # of each request: whether to the second host
        self.servers = [self._serve(False), self._serve(True)]
        self.endpoint, self.cdn = (f"http://{server.server_address[0]}:{server.server_port}" for server in self.servers)

    def close(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def count(self, method: str, part: str) -> int:
        return sum(1 for asked, path in self.requests if asked == method and part in path)

    def _serve(self, is_cdn: bool) -> ThreadingHTTPServer:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_arguments) -> None:
                pass

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                hub.requests.append((self.command, self.path))
                hub.authorizations.append((is_cdn, self.headers.get("Authorization")))
                path = unquote(urlsplit(self.path).path)
                (hub._answer_cdn if is_cdn else hub._answer)(self, path)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_arguments) -> None:
                pass  # a client that was killed

        server = Server(("127.0.0.2" if is_cdn else "127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def _send(self, handler, status: int, body: bytes, headers: dict[str, str]) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(body)

    def _send_content(self, handler, file: File, headers: dict[str, str]) -> None:
        wanted = handler.headers.get("Range")
        if wanted is None:
            self._send(handler, 200, file.content, headers)
            return
        begin, size = int(wanted.removeprefix("bytes=").split("-")[0]), len(file.content)
        headers = headers | {"Content-Range": f"bytes {begin}-{size - 1}/{size}"}
        self._send(handler, 206, file.content[begin:], headers)

    def _answer_cdn(self, handler, path: str) -> None:
        for file in self.files.values():
            if path == f"/blobs/{file.sha256}":
                self._send_content(handler, file, {})
                return
        self._send(handler, 404, b"", {})

    def _answer(self, handler, path: str) -> None:
        api = f"/api/models/{self.repo}"
        if path.startswith(f"{api}/revision/"):
            siblings = [{"rfilename": name, "size": len(file.content)} for name, file in self.files.items()]
            self._send_json(handler, {"id": self.repo, "sha": COMMIT, "private": False, "tags": [], "siblings": siblings})
        elif path.startswith(f"{api}/tree/"):
            self._send_json(handler, [self._tree_entry(name, file) for name, file in self.files.items()])
        elif path.startswith(f"/{self.repo}/resolve/"):
            name = path.removeprefix(f"/{self.repo}/resolve/").split("/", 1)[1]
            self._resolve(handler, name)
        else:
            self._send(handler, 401, b"{}", {"X-Error-Code": "RepoNotFound"})

    def _resolve(self, handler, name: str) -> None:
        headers = {"X-Repo-Commit": COMMIT}
        file = self.files.get(name)
        if file is None:
            self._send(handler, 404, b"", headers | {"X-Error-Code": "EntryNotFound"})
        elif not file.large:
            self._send_content(handler, file, headers | {"ETag": f'"{file.etag}"'})
        else:
            headers |= {"Location": f"{self.cdn}/blobs/{file.sha256}?signature=x"}
            headers |= {"X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(len(file.content))}
            self._send(handler, 302, b"", headers)

    def _send_json(self, handler, value) -> None:
        self._send(handler, 200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    @staticmethod
    def _tree_entry(name: str, file: File) -> dict:
        entry = {"type": "file", "path": name, "size": len(file.content), "oid": file.oid}
        if file.large:
            entry["lfs"] = {"oid": file.sha256, "size": len(file.content), "pointerSize": 130}
        return entry
