# SPDX-License-Identifier: Apache-2.0
"""What a program asks of the kernel, in order: strace as a list of calls."""

import re
import shutil
from typing import NamedTuple

from .base import run

_LINE = re.compile(r"^(\d+) +(.*)$")


class Call(NamedTuple):
    name: str
    text: str  # arguments and result, descriptors with their paths
    begin: int  # a place in the order of all beginnings and ends
    end: int


def can_trace():
    return bool(shutil.which("strace")) and run("strace", "-qq", "-o", "/dev/null", "true").returncode == 0


def traced(log, words, calls, *more, **keywords):
    """(the finished process, its calls): run() of `words` under strace, all threads."""
    done = run("strace", "-f", "-qq", "-y", "-s", "4000000", "-o", log, "-e", "trace=" + ",".join(calls), *more, *words,
               **keywords)
    found, begun = [], {}
    for place, line in enumerate(log.read_text(errors="replace").splitlines()):
        thread, text = _LINE.match(line).groups()
        if text.endswith("<unfinished ...>"):
            begun[thread] = place, text.removesuffix("<unfinished ...>")
            continue
        begin = place
        if text.startswith("<... "):
            begin, head = begun.pop(thread)
            text = head + text.partition("resumed>")[2]
        name, bracket, text = text.partition("(")
        if bracket:
            found.append(Call(name, text, begin, place))
    return done, found
