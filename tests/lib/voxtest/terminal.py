# SPDX-License-Identifier: Apache-2.0
"""A program as a person sees it: run at a terminal of its own."""

import os
import pty
import subprocess
import termios


def at_terminal(words, environment, columns=80, whole=True):
    """(exit code, the bytes that the terminal was sent). `whole` False: only standard output is the terminal."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    others = {"stdin": theirs, "stderr": theirs} if whole else {}
    with open(ours, "rb", buffering=0) as screen:
        process = subprocess.Popen([str(word) for word in words], env=environment, stdout=theirs, **others)
        os.close(theirs)
        seen = b""
        try:
            while piece := screen.read(65536):
                seen += piece
        except OSError:  # the last one has closed it
            pass
        return process.wait(300), seen
