# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the integration tests: a throw-away PostgreSQL, the real sink, a raw HTTP client, keyed load.

Standard library only. Nothing here sleeps for a fixed time: wait_until() waits on a condition with a deadline.
VOX_TEST_BIN names the folder of the binaries under test, VOX_TEST_LONG=1 asks for the long counts.
"""

from .base import (
    CONTRACTS, LONG, ROOT, SANITIZED, SINK, TELEMETRY, Problem, PROBLEMS, build_tested, made_up_token, minified_sha256,
    model_call, run, samples, uuid7, wait_until, zstd,
)
from .case import SinkCase, shared_cluster
from .cluster import Cluster
from .http import Answer, Connection, Refused
from .load import Load
from .sink import Sink
from .terminal import at_terminal
from .trace import can_trace, traced

__all__ = [
    "Answer", "CONTRACTS", "Cluster", "Connection", "LONG", "Load", "PROBLEMS", "Problem", "ROOT", "Refused",
    "SANITIZED", "SINK", "Sink", "SinkCase", "TELEMETRY", "at_terminal", "build_tested", "can_trace", "made_up_token",
    "minified_sha256", "model_call", "run", "samples", "shared_cluster", "traced", "uuid7", "wait_until", "zstd",
]
