# SPDX-License-Identifier: Apache-2.0
"""Runs the integration tests: run_integration.py [--list] [MODULE | MODULE.Class | MODULE.Class.test …].

The last line is `# cases: P passed, F failed, S skipped`, which tests/run adds up. --list names every case without
importing anything.
"""

import ast
import faulthandler
import pathlib
import signal
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests/integration"


def names():
    """module.Class.test of every case, inherited ones too, as far as the text tells."""
    for path in sorted(FOLDER.glob("test_*.py")):
        classes = {}
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                own = [n.name for n in node.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]
                for base in node.bases:
                    own += classes.get(getattr(base, "id", ""), [])
                classes[node.name] = list(dict.fromkeys(own))
                yield from (f"{path.stem}.{node.name}.{test}" for test in classes[node.name])


class Result(unittest.TextTestResult):
    """One line a case with its time; subtests that fail count as their case, once."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.bad = set()
        self.passed = 0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def stopTest(self, test):
        self.stream.writeln(f"    {time.monotonic() - self.began:7.2f} s  {test.id()}")
        self.stream.flush()
        super().stopTest(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.bad.add(test.id())

    def addError(self, test, err):
        super().addError(test, err)
        self.bad.add(test.id())

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.bad.add(test.id())


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(names()))
        return 0
    faulthandler.register(signal.SIGUSR1)
    sys.path[:0] = [str(ROOT / "tests/lib"), str(FOLDER)]
    wanted = sys.argv[1:] or sorted({name.split(".")[0] for name in names()})
    suite = unittest.defaultTestLoader.loadTestsFromNames(wanted)
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0).run(suite)
    print(f"# cases: {result.passed} passed, {len(result.bad)} failed, {len(result.skipped)} skipped")
    return 1 if result.bad else 0


if __name__ == "__main__":
    sys.exit(main())
