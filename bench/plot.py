# SPDX-License-Identifier: Apache-2.0
"""The figures of bench/run ingest as a picture: build/bench/ingest.svg, by gnuplot where it is installed."""

import shutil
import subprocess

from common import ROOT

FOLDER = ROOT / "build/bench"
SERIES = (("ceiling", "the writer's statements without HTTP (ceiling)"), ("ingest", "vox-sink"),
          ("insert", "one INSERT each, pgbench"), ("node", "one INSERT each, fastify + ajv + pg"))

SCRIPT = """\
set terminal svg size 760,420 font "sans-serif,13" background "#ffffff"
set output "{svg}"
set title "Durable events per second, one event a request"
set xlabel "connections"
set ylabel "events/s"
set logscale x 2
set xtics ({tics})
set yrange [0:*]
set grid ytics lc rgb "#dddddd"
set xrange [0.9:600]
set key top left
plot {series}
"""


def plot(figures, connections):
    """None where gnuplot is missing; else the picture's path."""
    if not shutil.which("gnuplot"):
        return None
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (name, title) in enumerate(SERIES):
        points = [(c, figures[f"{name}_{c}_rate"]) for c in connections if f"{name}_{c}_rate" in figures]
        if not points:
            continue
        data = FOLDER / f"{name}.dat"
        data.write_text("".join(f"{c} {rate:.0f}\n" for c, rate in points))
        lines.append(f'"{data}" with linespoints lw 2 pt 7 ps 0.6 lc {number + 1} title "{title}"')
    svg = FOLDER / "ingest.svg"
    script = SCRIPT.format(svg=svg, tics=", ".join(map(str, connections)), series=", \\\n     ".join(lines))
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    return svg
