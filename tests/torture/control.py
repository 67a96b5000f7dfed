# SPDX-License-Identifier: Apache-2.0
"""The file that arms shim.c: four native 64-bit integers."""

import mmap
import pathlib
import struct
import tempfile

from voxtest import ROOT
from voxtest.base import BIN

SHIM = BIN.parent / "tests/libtorture_shim.so" if (BIN.parent / "tests").is_dir() else \
    ROOT / "build/release/tests/libtorture_shim.so"
FIELDS = {"alloc": 0, "libpq": 2}


class Control:
    """arm(kind, n): the n-th call from now on fails. `kind` is alloc or libpq."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="vox-torture-", dir="/tmp")
        self.file.write(bytes(32))
        self.file.flush()
        pathlib.Path(self.file.name).chmod(0o666)
        self.map = mmap.mmap(self.file.fileno(), 32)

    def environment(self):
        return {"LD_PRELOAD": str(SHIM), "VOX_TORTURE_CONTROL": self.file.name}

    def _at(self, index):
        return struct.unpack_from("q", self.map, 8 * index)[0]

    def arm(self, kind, n):
        struct.pack_into("q", self.map, 8 * FIELDS[kind], n)

    def disarm(self, kind):
        """True if the call that was to fail has not come."""
        left = self._at(FIELDS[kind])
        struct.pack_into("q", self.map, 8 * FIELDS[kind], 0)
        return left > 0

    def seen(self, kind):
        return self._at(FIELDS[kind] + 1)
