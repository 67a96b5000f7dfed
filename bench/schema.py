#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench/schema.py [--rounds N]: what judging one document costs, for every sample of every contract.

Beside it jansson's parse of the same text and, if node and npm are there, ajv 8 on the same documents: turn and turn
about, the median of the turns. Wants the release build. Prints a table, then `name: value` lines:

    schema_max_ns      the dearest sample
    schema_mean_ns     geometric mean over the samples
    schema_vs_ajv      geometric mean of ajv's time over ours; above 1 we are faster
    schema_vs_parse    geometric mean of our time over jansson's parse

ajv judges one warm document again and again, its best case: the engine has specialised its code to that one shape.
"""

import argparse
import math
import pathlib
import shutil
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
PEERS = ROOT / "build/peers"


def lines(*argv):
    done = subprocess.run([str(a) for a in argv], check=True, text=True, stdout=subprocess.PIPE)
    return {k: float(v) for k, v in (line.rsplit(": ", 1) for line in done.stdout.splitlines())}


def ajv_modules():
    """The folder that has ajv, installed once; None where that cannot be."""
    modules = PEERS / "node_modules"
    if not (modules / "ajv").is_dir():
        if not (shutil.which("node") and shutil.which("npm")):
            return None
        PEERS.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--prefix", PEERS, "ajv@8"], check=False)
    return modules if (modules / "ajv").is_dir() else None


def geometric(values):
    return math.exp(statistics.fmean(math.log(v) for v in values))


def measure(_options=None, rounds=3):
    """The figures, after the table is printed."""
    modules = ajv_modules()
    turns = []
    for _ in range(rounds):
        got = lines(ROOT / "build/release/bench/bench_schema", CONTRACTS)
        if modules:
            got |= lines("node", ROOT / "bench/peers/ajv.mjs", modules, CONTRACTS)
        turns.append(got)
    figure = {key: statistics.median(turn[key] for turn in turns) for key in turns[0]}
    samples = [key.removeprefix("ns/") for key in figure if key.startswith("ns/")]
    print(f"{'ns':>7}  {'parse':>7}  {'ajv':>7}  sample")
    for name in sorted(samples, key=lambda s: figure[f"ns/{s}"]):
        ajv = figure.get(f"ajv/{name}")
        print(f"{figure[f'ns/{name}']:>7.0f}  {figure[f'parse/{name}']:>7.0f}  "
              f"{'' if ajv is None else format(ajv, '.0f'):>7}  {name}")
    both = [s for s in samples if f"ajv/{s}" in figure]
    result = {
        "schema_max_ns": max(figure[f"ns/{s}"] for s in samples),
        "schema_mean_ns": geometric([figure[f"ns/{s}"] for s in samples]),
        "schema_vs_parse": geometric([figure[f"ns/{s}"] / figure[f"parse/{s}"] for s in samples]),
    }
    if both:
        result["schema_vs_ajv"] = geometric([figure[f"ajv/{s}"] / figure[f"ns/{s}"] for s in both])
    return result


def main():
    parser = argparse.ArgumentParser(description="What judging one document costs; see the head of this file.")
    parser.add_argument("--rounds", type=int, default=3, help="turns of ours and the peer's (default 3)")
    for name, value in measure(rounds=parser.parse_args().rounds).items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
