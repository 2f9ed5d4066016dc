"""The simulator against queues that are known in closed form, and its speed.

python bench/simulator.py [--json] [--requests N]
"""

import argparse
import json
from dataclasses import asdict

from simulator_queues import QUEUES, Wait, wait
from simulator_speed import speeds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--requests", type=int, default=1_000_000, help="of each queue; a fifth for each speed")
    asked = parser.parse_args()
    waits = [(f"{queue.name} at {queue.load:.0%}", wait(queue, asked.requests)) for queue in QUEUES]
    fast = speeds(max(1, asked.requests // 5))
    if asked.json:
        print(json.dumps({"waits": {name: _as_dict(found) for name, found in waits}, "requests_per_second": fast}))
    else:
        print(_table(waits, fast))


def _as_dict(found: Wait) -> dict[str, float | bool]:
    return {**asdict(found), "agrees": found.agrees}


def _table(waits: list[tuple[str, Wait]], fast: dict[str, float]) -> str:
    lines = ["mean wait in s         simulated   99 % bound    theory"]
    lines += [
        f"{name:20} {found.measured:11.4f} {found.bound:12.4f} {found.theory:9.4f}  {'' if found.agrees else 'DIFFERS'}"
        for name, found in waits
    ]
    lines += ["", "requests a second of wall time, one core"]
    lines += [f"{name:24} {each:12,.0f}" for name, each in fast.items()]
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    main()
