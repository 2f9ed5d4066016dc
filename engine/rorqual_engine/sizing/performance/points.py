"""Operating points as columns: what the law computes on, so that thousands cost little more than one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rorqual_engine.sizing.performance.prediction import Array
from rorqual_engine.sizing.performance.setting import Load, Setting

WEIGHT_BYTES = {"bf16": 2.0, "fp8": 1.0, "int8": 1.0, "fp4": 0.5625, "int4": 0.53}
"""Of one parameter, scales included (4 bits: one 8-bit scale for 16 values, or a 16-bit one with zero for 128)."""
MOST_BYTES_OF_4_BITS = 0.6
"""Of one parameter: no more, and it has four bits."""
RUNTIMES = ("vllm", "sglang", "trtllm")

SETTING_COLUMNS = (
    *("layers", "hidden", "heads", "kv_heads", "head_size", "vocabulary", "parameters"),
    *("experts", "active", "expert_size", "expert_layers", "latent", "full_layers", "window", "sparse"),
    *("dense_tflops", "tflops", "bandwidth_gb", "memory_gb", "link_gb", "weight_bytes", "kv_bytes"),
    *("tensor", "pipeline", "data", "expert_ranks", "batched_tokens", "sequences", "accepted", "doubt"),
    *RUNTIMES,
)
LOAD_COLUMNS = ("concurrency", "input_tokens", "output_tokens", "hit_rate", "prompt_square", "answer_square")
_PLACES = {name: place for place, name in enumerate((*SETTING_COLUMNS, *LOAD_COLUMNS))}


@dataclass(frozen=True, slots=True)
class Points:
    """A table of floats, shape (columns, points)."""

    table: Array

    def __getitem__(self, column: str) -> Array:
        row: Array = self.table[_PLACES[column]]
        return row

    def __len__(self) -> int:
        return int(self.table.shape[1])

    def alike(self) -> "Points":
        """The same with prompts and answers of their mean lengths; this object itself where they are so already."""
        squares = [_PLACES["prompt_square"], _PLACES["answer_square"]]
        if (self.table[squares] == 1.0).all():
            return self
        table = self.table.copy()
        table[squares] = 1.0
        return Points(table)


def points_of(settings: Sequence[Setting], loads: Sequence[Load]) -> Points:
    """One point for each pair; a setting that comes again is described once.

    Raises ValueError when the sequences differ in length.
    """
    if len(settings) != len(loads):
        raise ValueError(f"predict_many: {len(settings)} settings but {len(loads)} loads; give one load a setting")
    rows = {id(setting): None for setting in settings}
    places = {key: place for place, key in enumerate(rows)}
    distinct = {id(setting): setting for setting in settings}
    described = np.array([describe(distinct[key]) for key in rows])
    chosen = described[[places[id(setting)] for setting in settings]]
    loaded = np.array([_columns(load) for load in loads])
    return Points(np.ascontiguousarray(np.hstack([chosen, loaded]).T))


def _columns(load: Load) -> tuple[float, ...]:
    """A load's columns, in the order of LOAD_COLUMNS."""
    lengths = (load.input_tokens, load.output_tokens, load.prefix_hit_rate)
    return load.concurrency, *lengths, load.prompt_square, load.answer_square


@lru_cache(maxsize=4096)
def describe(setting: Setting) -> tuple[float, ...]:
    """A setting's columns, in the order of SETTING_COLUMNS."""
    model, gpu = setting.model, setting.gpu
    peaks = {"bf16": gpu.dense_tflops, "fp8": gpu.fp8_tflops, "int8": gpu.fp8_tflops, "int4": gpu.dense_tflops}
    # a GPU without 4-bit units unpacks such weights and multiplies in 16 bits
    peaks["fp4"] = gpu.fp4_tflops if gpu.fp4_tflops > gpu.fp8_tflops else gpu.dense_tflops
    figures = (
        *(model.layers, model.hidden_size, model.attention_heads, model.kv_heads, model.head_size),
        *(model.vocabulary, model.parameters, model.experts, model.active_experts, model.expert_size),
        *(model.expert_layers, model.latent_size, model.full_layers or model.layers, model.window_tokens),
        *(model.sparse_tokens, gpu.dense_tflops * gpu.reached, peaks[setting.precision] * gpu.reached),
        *(
            gpu.bandwidth_gb * gpu.reached,
            gpu.memory_gb,
            gpu.link_gb,
            WEIGHT_BYTES[setting.precision],
            setting.kv_bytes,
        ),
        *(setting.tensor_parallel, setting.pipeline_parallel, setting.data_parallel, setting.expert_parallel),
        *(setting.batched_tokens, setting.sequences, setting.accepted_tokens, gpu.doubt),
        *(setting.runtime == name for name in RUNTIMES),
    )
    return tuple(float(figure) for figure in figures)
