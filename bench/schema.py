#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench/schema.py [--rounds N]: what judging one document costs, for every sample of every contract.

Over 512 copies of each, parsed one after the other and judged in turn, as documents come. Beside it our parse of the same
text, jansson's and, if node and npm are there, ajv 8 on 512 copies of the same documents: turn and turn about, the least
of the turns, for what else the machine does only adds. Wants the release build. Prints a table, then `name: value` lines:

    schema_max_ns       the dearest valid sample
    schema_mean_ns      geometric mean over all samples
    schema_vs_ajv       geometric mean of ajv's time over ours; above 1 we are faster
    schema_warm_vs_ajv  the same where each judges one document again and again
    schema_vs_parse     geometric mean of our time over our parse
    parse_ns            geometric mean of our parse
    parse_vs_jansson    geometric mean of jansson's parse, and its free, over ours
"""

import argparse
import math
import statistics
import subprocess

from common import ROOT, node_modules

CONTRACTS = ROOT / "contracts"


def lines(*argv):
    done = subprocess.run([str(a) for a in argv], check=True, text=True, stdout=subprocess.PIPE)
    return {k: float(v) for k, v in (line.rsplit(": ", 1) for line in done.stdout.splitlines())}


def geometric(values):
    return math.exp(statistics.fmean(math.log(v) for v in values))


def measure(_options=None, rounds=3):
    """The figures, after the table is printed."""
    modules = node_modules("ajv's columns, schema_vs_ajv", "ajv@8")
    turns = []
    for _ in range(rounds):
        got = lines(ROOT / "build/release/bench/bench_schema", CONTRACTS)
        if modules:
            got |= lines("node", ROOT / "bench/peers/ajv.mjs", modules, CONTRACTS)
        turns.append(got)
    figure = {key: min(turn[key] for turn in turns) for key in turns[0]}
    samples = [key.removeprefix("ns/") for key in figure if key.startswith("ns/")]
    columns = ("ns", "warm", "ajv", "ajvwarm", "parse", "jansson")
    print("  ".join(f"{c:>8}" for c in columns) + "  sample")
    for name in sorted(samples, key=lambda s: figure[f"ns/{s}"]):
        cells = (figure.get(f"{c}/{name}") for c in columns)
        print("  ".join(f"{'' if c is None else format(c, '.1f'):>8}" for c in cells) + f"  {name}")

    def ratio(over, under):
        both = [s for s in samples if f"{over}/{s}" in figure and f"{under}/{s}" in figure]
        return geometric([figure[f"{over}/{s}"] / figure[f"{under}/{s}"] for s in both]) if both else None

    result = {
        "schema_max_ns": max(figure[f"ns/{s}"] for s in samples if "/valid/" in s),
        "schema_mean_ns": geometric([figure[f"ns/{s}"] for s in samples]),
        "schema_vs_parse": ratio("ns", "parse"),
        "parse_ns": geometric([figure[f"parse/{s}"] for s in samples]),
        "parse_vs_jansson": ratio("jansson", "parse"),
        "schema_vs_ajv": ratio("ajv", "ns"),
        "schema_warm_vs_ajv": ratio("ajvwarm", "warm"),
    }
    return {name: value for name, value in result.items() if value is not None}


def main():
    parser = argparse.ArgumentParser(description="What judging one document costs; see the head of this file.")
    parser.add_argument("--rounds", type=int, default=3, help="turns of ours and the peer's (default 3)")
    for name, value in measure(rounds=parser.parse_args().rounds).items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
