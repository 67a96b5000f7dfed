# SPDX-License-Identifier: Apache-2.0
"""Compares what was acknowledged with what is stored."""

from dataclasses import dataclass, field


@dataclass
class Total:
    acked: int = 0
    lost: int = 0  # None, as the next one: it could not be found out
    duplicated: int = 0
    wrong: list = field(default_factory=list)  # anything else that must not be, as sentences

    def __str__(self):
        lost, duplicated = ("unknown" if n is None else n for n in (self.lost, self.duplicated))
        return f"acked {self.acked}, lost {lost}, duplicated {duplicated}"

    def plus(self, other):
        def both(a, b):
            return None if a is None or b is None else a + b
        return Total(self.acked + other.acked, both(self.lost, other.lost), both(self.duplicated, other.duplicated),
                     self.wrong + other.wrong)


def stored(world, table, condition="true"):
    """{id: hash} of a table, and the ids that it has more than once."""
    rows = world.sql(f"SELECT event_id, encode(sha256, 'hex') FROM telemetry.{table} WHERE {condition}")
    found = dict(rows)
    if len(found) == len(rows):
        return found, set()
    seen, twice = set(), set()
    for event_id, _ in rows:
        (twice if event_id in seen else seen).add(event_id)
    return found, twice


def check(world, loads):
    acked = {event_id: receipt["sha256"] for load in loads for event_id, receipt in load.acked.items()}
    rows, rows_twice = stored(world, "events")
    keys, keys_twice = stored(world, "event_keys", "state = 0")
    total = Total(len(acked), sum(i not in rows or i not in keys for i in acked), len(rows_twice | keys_twice))
    if rows.keys() != keys.keys():
        total.wrong.append(f"{len(rows.keys() ^ keys.keys())} ids are in one of events and event_keys only")
    other = [i for i, sha256 in acked.items() if i in rows and rows[i] != sha256]
    if other:
        total.wrong.append(f"{len(other)} rows have another hash than their receipt, first {other[0]}")
    for load in loads:
        total.wrong += [f"{why}: {event_id} {answer}" for why, event_id, answer in load.refusals[:5]]
        if load.unresolved:
            total.wrong.append(f"{len(load.unresolved)} events had no answer to the end")
        if load.retry_after_missing:
            total.wrong.append(f"{load.retry_after_missing} answers 429 or 503 without Retry-After")
    return total
