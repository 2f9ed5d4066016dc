"""Points that AIConfigurator was asked for, and its recorded answers.

python -m tests.operator.oracle.points PYTHON > tests/operator/oracle/recorded.jsonl   # records them anew
"""

import json
import subprocess
import sys
from pathlib import Path

from rorqual_engine import catalog
from rorqual_engine.sizing.performance import Load, Setting
from rorqual_engine.sizing.performance.setting import Precision
from rorqual_engine.sizing.speed import accelerator_of, shape_of
from rorqual_operator.oracle.aiconfigurator import ISOLATED, SCRIPT, question_of

RECORDED = Path(__file__).with_name("recorded.jsonl")
H100, A100, L40S = "NVIDIA-H100-80GB-HBM3", "NVIDIA-A100-SXM4-80GB", "NVIDIA-L40S"
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
CHAT = Load(16, 1024, 256)


def a_setting(model: str = LLAMA, gpu: str = H100, precision: Precision = "bf16", pace: float = 1.0, **more) -> Setting:
    known, product = catalog.model(model), catalog.gpu(gpu)
    assert known is not None and product is not None
    accelerator = accelerator_of(product, pace)
    assert accelerator is not None
    return Setting(shape_of(model, known.facts), accelerator, precision, **more)


POINTS = (
    (a_setting(), CHAT),
    (a_setting(precision="fp8", kv_bytes=1), CHAT),
    (a_setting(gpu=A100, tensor_parallel=2), Load(64, 1024, 256, prefix_hit_rate=0.5)),
    (a_setting(gpu=L40S, precision="int4"), CHAT),
)
"""It has no answer to the last one: its database lacks such weights there."""


if __name__ == "__main__":
    questions = [question_of(setting, load) for setting, load in POINTS]
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    run = subprocess.run([sys.argv[1], *ISOLATED, SCRIPT], input=lines, capture_output=True, text=True, check=True)
    for question, answer in zip(questions, run.stdout.splitlines(), strict=True):
        print(json.dumps({"question": question, "answer": json.loads(answer)}))
