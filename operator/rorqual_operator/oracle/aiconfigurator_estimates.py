"""Runs inside AIConfigurator's own environment: operating points as JSON lines in, its estimates out.

In: {"model_path", "system", "backend", "isl", "osl", "batch_size", "tp", "dp", "moe_tp", "moe_ep", "gemm", "moe"}, and
if wanted {"kv"} (precision of the KV cache) and {"prefix"} (cached tokens of the prompt). Empty precisions are the
checkpoint's own.
Out: {"ttft", "tpot" (seconds), "seconds"}, or {"error"} where its database has no answer.
"""

import contextlib
import io
import json
import logging
import sys
import time
from typing import Any

from aiconfigurator.cli.api import cli_estimate


def estimate(point: dict[str, Any]) -> dict[str, Any]:
    """Seconds to the first token, and of each after it."""
    precisions = {
        "gemm_quant_mode": point["gemm"],
        "moe_quant_mode": point["moe"],
        "kvcache_quant_mode": point.get("kv"),
    }
    found = cli_estimate(
        point["model_path"],
        point["system"],
        backend_name=point["backend"],
        isl=point["isl"],
        osl=point["osl"],
        batch_size=point["batch_size"],
        tp_size=point["tp"],
        attention_dp_size=point["dp"],
        moe_tp_size=point["moe_tp"],
        moe_ep_size=point["moe_ep"],
        prefix=point.get("prefix", 0),
        **{name: mode for name, mode in precisions.items() if mode},
    )
    return {"ttft": found.ttft / 1e3, "tpot": found.tpot / 1e3}


def main() -> None:
    logging.disable(logging.CRITICAL)
    out = sys.stdout
    for line in sys.stdin:
        start = time.perf_counter()
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                answer = estimate(json.loads(line))
        except (Exception, SystemExit) as error:  # whatever it refuses is an answer: it has none
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        answer["seconds"] = time.perf_counter() - start
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
