# SPDX-License-Identifier: Apache-2.0
"""A link to PostgreSQL: a Unix socket that passes bytes on, until told to cut."""

import contextlib
import pathlib
import shutil
import socket
import tempfile
import threading

PORT_NAME = ".s.PGSQL.5432"
COMMIT = b"vox_commit"  # the statement's name in the writer's pipeline


class Link:
    """Clients connect to `folder` as to a server's. cut_at_commit() cuts the next writer right after its COMMIT was
    passed on: the server has it, and nobody hears the answer."""

    def __init__(self, server_folder):
        self.server = pathlib.Path(server_folder) / PORT_NAME
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vox-link-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.folder / PORT_NAME))
        (self.folder / PORT_NAME).chmod(0o777)
        self.listener.listen(64)
        self._lock = threading.Lock()
        self._pairs = set()
        self._armed = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self.server))
            except OSError:
                client.close()
                server.close()
                continue
            with self._lock:
                self._pairs.add((client, server))
            threading.Thread(target=self._join, args=(client, server), daemon=True).start()

    def _join(self, client, server):
        back = threading.Thread(target=self._pass, args=(server, client, False), daemon=True)
        back.start()
        self._pass(client, server, True)
        back.join()
        with self._lock:
            self._pairs.discard((client, server))
        for end in (client, server):
            end.close()

    def _pass(self, source, target, to_server):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
                if to_server and COMMIT in data and self._fire():
                    break
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _fire(self):
        with self._lock:
            armed, self._armed = self._armed, None
        if armed:
            armed.set()
        return armed is not None

    def cut_at_commit(self):
        """An event that is set once the cut was made."""
        fired = threading.Event()
        with self._lock:
            self._armed = fired
        return fired

    def disarm(self):
        with self._lock:
            self._armed = None

    def cut_all(self):
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        return len(pairs)

    def close(self):
        self.listener.close()
        self.cut_all()
        shutil.rmtree(self.folder, ignore_errors=True)
