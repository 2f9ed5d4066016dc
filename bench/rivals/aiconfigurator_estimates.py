"""Runs inside the rival's own environment: operating points as JSON lines in, AIConfigurator's estimates out.

In: {"model_path", "system", "backend", "isl", "osl", "batch_size", "tp", "dp", "moe_tp", "moe_ep", "gemm", "moe"}
Out: {"ttft", "tpot" (seconds), "seconds"}, or {"error"} where its database has no answer.
"""

import contextlib
import io
import json
import logging
import sys
import time

from aiconfigurator.cli.api import cli_estimate


def estimate(point):
    experts = {"moe_tp_size": point["moe_tp"], "moe_ep_size": point["moe_ep"]}
    quantised = {"gemm_quant_mode": point["gemm"], "moe_quant_mode": point["moe"]}
    found = cli_estimate(
        point["model_path"],
        point["system"],
        backend_name=point["backend"],
        isl=point["isl"],
        osl=point["osl"],
        batch_size=point["batch_size"],
        tp_size=point["tp"],
        attention_dp_size=point["dp"],
        **experts,
        **{name: mode for name, mode in quantised.items() if mode},
    )
    return {"ttft": found.ttft / 1e3, "tpot": found.tpot / 1e3}


def main():
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
