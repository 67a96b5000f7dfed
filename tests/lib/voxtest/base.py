# SPDX-License-Identifier: Apache-2.0
"""Paths, waiting, the problem table, and events to send."""

import collections
import hashlib
import json
import os
import pathlib
import random
import re
import resource
import secrets
import subprocess
import sys
import time
import uuid
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("VOX_TEST_BIN", ROOT / "build/release/bin")).resolve()
SINK = BIN / "vox-sink"
TELEMETRY = BIN / "vox-telemetry"
CONTRACTS = ROOT / "contracts"
# Whom a sink of ours becomes, and who owns our clusters, when root runs the tests; root itself may do neither.
USER = "postgres" if os.geteuid() == 0 else ""
LONG = os.environ.get("VOX_TEST_LONG") == "1"
# "asan" or "tsan" where the binaries are instrumented: slower, and their memory means nothing.
SANITIZED = os.environ.get("VOX_TEST_SANITIZER", "")

# A thousand connections need a thousand descriptors, here and in the sink, which inherits the limit.
_hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))


def build_release():
    """Builds the release preset; ends the program with what the build said if that fails."""
    for argv in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release"]):
        try:
            done = subprocess.run(argv, cwd=ROOT, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except FileNotFoundError:
            sys.exit("cmake is not installed")
        if done.returncode != 0:
            sys.exit(f"{done.stdout[-4000:]}\n{' '.join(argv)} failed")


def build_tested():
    """Builds what is under test, unless VOX_TEST_BIN names a build of its own."""
    if "VOX_TEST_BIN" not in os.environ:
        build_release()


def wait_until(condition, what, deadline=120.0, interval=0.02):
    """Returns the first true value of condition(); AssertionError naming `what` if there is none in time.

    The time is for a machine that stands still now and then; it costs nothing where all goes well.
    """
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"not within {deadline:g} s: {what}")
        time.sleep(interval)


def clean_environment(**extra):
    """The environment for our programs: nothing of the caller's VOX_* or PG* settings or consent reaches them."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("VOX_", "PG")) and not k.lower().endswith("_proxy")
           and k not in ("DO_NOT_TRACK", "XDG_CONFIG_HOME")}
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    env.setdefault("TSAN_OPTIONS", "halt_on_error=0:exitcode=66:second_deadlock_stack=1")
    env.update({k: str(v) for k, v in extra.items()})
    return env


def run(*argv, env=None, stdin=None, timeout=300):
    """Runs one of our programs; the result has returncode, stdout and stderr as text."""
    return subprocess.run([str(a) for a in argv], env=env or clean_environment(), input=stdin, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False)


def zstd(data, decode=False):
    """The bytes as one zstd frame, or what is in one."""
    return subprocess.run(["zstd", "-q", "-c", *(["-d"] if decode else [])], input=data, stdout=subprocess.PIPE, check=True).stdout


Problem = collections.namedtuple("Problem", "code status retry action title detail")


def _problem_table():
    row = re.compile(r'^PROBLEM\((\w+), (\d+), (\w+), (\w+), "([^"]*)",\s*"([^"]*)"\)', re.M)
    text = (ROOT / "lib/wire/problem.def").read_text()
    return {m[1]: Problem(m[1], int(m[2]), m[3].lower(), m[4], m[5], m[6]) for m in row.finditer(text)}


PROBLEMS = _problem_table()


def uuid7():
    """A UUIDv7 as text: time first, so that ids of one run sort in order."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | (7 << 76) | (secrets.randbits(12) << 64) | (2 << 62) | secrets.randbits(62)
    return str(uuid.UUID(int=value))


def made_up_token():
    """A well-formed token with a right checksum that nobody made."""
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    word = "vts_" + "".join(random.choices(letters, k=10)) + "_" + "".join(random.choices(letters, k=32))
    crc, digits = zlib.crc32(word.encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        digits = letters[digit] + digits
    return f"{word}_{digits}"


def model_call(trace="trace", **members):
    """A valid ModelCall; `trace` makes its content its own."""
    call = {
        "model": "claude-sonnet-4", "provider": "openrouter", "route_profile": "balanced",
        "prompt_tokens": 18342, "completion_tokens": 912, "cache_read_input_tokens": 16384,
        "cache_creation_input_tokens": 0, "latency_ms": 4187, "cost_usd": 0.024318, "cost_source": "provider",
        "error_class": None, "retry_attempt": 0, "task_id": 41207, "parent_task_id": 41198,
        "trace_id": trace, "caller_agent_id": "planner",
    }
    call.update(members)
    return {"ModelCall": call}


def minified_sha256(text):
    """The content hash as docs/PROTOCOL.md defines it: white space outside strings removed, SHA-256."""
    if isinstance(text, str):
        text = text.encode()
    out, inside, escaped = bytearray(), False, False
    for byte in text:
        if inside:
            out.append(byte)
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte not in b" \t\r\n":
            out.append(byte)
            inside = byte == 0x22
    return hashlib.sha256(bytes(out)).hexdigest()


def _contract_classes():
    """{"model-call.v1": "S1", ...} as contracts/index.yaml has it; its rows are simple enough for this."""
    row = re.compile(r"^  - id: (\S+)\n    version: (\d+)\n(?:    .*\n)*?    class: (S\d)$", re.M)
    return {f"{m[1]}.v{m[2]}": m[3] for m in row.finditer((CONTRACTS / "index.yaml").read_text())}


CLASSES = _contract_classes()


def samples(kind, contracts="*", classes=("S0", "S1", "S2")):
    """(contract, name, bytes, expectation) of contracts/samples; the expectation is None for valid ones."""
    for path in sorted(CONTRACTS.glob(f"samples/{contracts}/{kind}/*.json")):
        if path.name.endswith(".expect.json") or CLASSES[path.parts[-3]] not in classes:
            continue
        expect = path.with_name(path.name.replace(".json", ".expect.json"))
        expectation = json.loads(expect.read_text()) if kind == "invalid" else None
        yield path.parts[-3], path.stem, path.read_bytes(), expectation
