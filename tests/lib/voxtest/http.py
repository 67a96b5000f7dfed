# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 over a plain socket: requests may be as wrong as a test likes, answers are read strictly."""

import json
import socket


class Refused(Exception):
    """The connection ended before a whole answer came."""


class Answer:
    """status, headers (name in lower case, value) in order, body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        found = [value for key, value in self.headers if key == name.lower()]
        return found[0] if found else None

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The problem code, None where the answer is no problem of ours."""
        if not (self.header("content-type") or "").startswith("application/problem+json"):
            return None
        return self.json().get("code")

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Connection:
    """One connection, kept alive until close() or the server's end.

    `address` is (host, port), or the path of a Unix socket; `tls` an ssl.SSLContext.
    """

    def __init__(self, address, timeout=120.0, tls=None):
        if isinstance(address, tuple):
            self.socket = socket.create_connection(address, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
            address = ("localhost", 0)
        self.address = address
        self.pending = b""
        if tls:
            plain = self.socket
            try:
                self.socket = tls.wrap_socket(plain, server_hostname="localhost")
            except OSError:
                plain.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError as error:
            raise Refused(f"reset: {error}") from None
        if not data:
            raise Refused("closed")
        self.pending += data

    def _until(self, mark):
        while mark not in self.pending:
            self._more()
        head, self.pending = self.pending.split(mark, 1)
        return head

    def _exactly(self, count):
        while len(self.pending) < count:
            self._more()
        data, self.pending = self.pending[:count], self.pending[count:]
        return data

    def _chunked(self, on_line):
        body, told = bytearray(), 0
        while True:
            size = int(self._until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                while self._until(b"\r\n"):
                    pass
                return bytes(body)
            body += self._exactly(size)
            assert self._exactly(2) == b"\r\n"
            while on_line and (end := body.find(b"\n", told)) >= 0:
                on_line(bytes(body[told:end]))
                told = end + 1

    def read(self, method="GET", on_line=None):
        """The next final answer (100 Continue is passed over); Refused if there is none.

        `on_line` is told each line of a chunked 200 as soon as it is there, whatever becomes of the rest.
        """
        while True:
            head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            version, status = head[0].split(" ")[:2]
            if not version.startswith("HTTP/1."):
                raise Refused(f"not HTTP: {head[0][:80]!r}")
            headers = [(name.strip().lower(), value.strip()) for name, _, value in
                       (line.partition(":") for line in head[1:])]
            answer = Answer(int(status), headers, b"")
            if answer.status == 100:
                continue
            if method != "HEAD" and answer.status not in (204, 304):
                if (answer.header("transfer-encoding") or "").lower() == "chunked":
                    answer.body = self._chunked(on_line if answer.status == 200 else None)
                elif answer.header("content-length") is not None:
                    answer.body = self._exactly(int(answer.header("content-length")))
                else:
                    answer.body = self.rest()
            return answer

    def read_continue(self):
        """The status of what comes first, a 100 Continue or the head of a final answer."""
        return int(self._until(b"\r\n\r\n").split(b" ")[1])

    def rest(self):
        """Everything until the server closes; TimeoutError if it does not."""
        while True:
            try:
                self._more()
            except Refused:
                data, self.pending = self.pending, b""
                return data

    def request(self, method, target, body=None, headers=(), token=None, chunked=False, on_line=None):
        """Sends one well-formed request and reads its answer. A header given as (name, None) is left out."""
        names = {name.lower() for name, _ in headers}
        lines = [f"{method} {target} HTTP/1.1"]
        if "host" not in names:
            lines.append(f"Host: {self.address[0]}:{self.address[1]}")
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        if body is not None:
            if "content-type" not in names:
                lines.append("Content-Type: application/json")
            lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}")
        lines.extend(f"{name}: {value}" for name, value in headers if value is not None)
        data = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        if body is not None and chunked:
            pieces = [body[i:i + 16384] for i in range(0, len(body), 16384)]
            data += b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
        elif body is not None:
            data += body
        try:
            self.send(data)
        except ConnectionError:
            pass  # an early answer may have come before the server stopped reading
        return self.read(method, on_line)
