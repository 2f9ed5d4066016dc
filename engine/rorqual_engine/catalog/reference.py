"""The reference page of the catalog, made from its data."""

from collections.abc import Iterable

from rorqual_engine.catalog.architecture import ModelFacts
from rorqual_engine.catalog.entries import Entry, entries, known_model
from rorqual_engine.catalog.lookup import gpu, gpu_products, runtime
from rorqual_engine.catalog.schema import GPU, Throughput

_HEAD = """\
# The catalog

What Rorqual knows of models, GPUs and engines. The data stands, with its sources, in
`engine/rorqual_engine/catalog/`: `models/*.yaml`, `gpus.yaml`, `runtimes.yaml` and `families.yaml`; this page is made
from it by `make generate`.

## Models

{models} architectures, {names} names. Letter case does not matter. Parameters are counted from the shapes in the
model's `config.json`, encoders included; active ones are those that a token's step reads. A quantised copy under
another publisher's name (`…-FP8-dynamic`, `…-quantized.w4a16`, `…-AWQ`, …) is found by the name of the model it was
made from. Attention: layers by kind, with the window; KV heads and head size. A model that is not here needs
`spec.model.architecture`, or its `config.json`.

"""
_MODEL_COLUMNS = ("Model", "Parameters", "Active", "Layers", "Attention", "KV heads", "Experts", "Context", "Stored as")
_GPU_COLUMNS = (
    "Label", "Also", "Memory GiB", "Usable GiB", "GB/s", "bf16", "fp8", "fp4", "int8", "Link GB/s", "MIG"
)  # fmt: skip
_RUNTIME_COLUMNS = ("From", "Share", "Sequences", "Tokens of a step", "CUDA graphs in the share")


def render() -> str:
    """The page, as Markdown."""
    found = list(entries().values())
    head = _HEAD.format(models=len(found), names=sum(len(entry.names) for entry in found))
    return "\n".join([head + _table(_MODEL_COLUMNS, map(_model_row, found)), "", *_gpus(), "", *_runtimes(), ""])


def _gpus() -> list[str]:
    found = [known for product in gpu_products() if (known := gpu(product)) is not None]
    text = (
        f"## GPUs\n\n{len(found)} products, by the label of their nodes. Arithmetic: dense, in 10^12 operations a "
        "second;\nnothing where the GPU computes such weights in bf16. Link: of one GPU, in one direction.\n"
    )
    return [text, _table(_GPU_COLUMNS, map(_gpu_row, found))]


def _runtimes() -> list[str]:
    rows = [
        (
            f"`{rule.since}`",
            f"{rule.default_share:g}",
            f"{rule.large.sequences} / {rule.small.sequences}",
            f"{rule.large.batched_tokens} / {rule.small.batched_tokens}",
            "yes" if rule.graphs_in_share else "no",
        )
        for rule in runtime("vLLM").versions
    ]
    text = (
        "## vLLM\n\nDefaults by version; sequences and tokens on GPUs of 70 GiB and more (A100 excepted) / on others.\n"
    )
    return [text, _table(_RUNTIME_COLUMNS, rows)]


def _model_row(entry: Entry) -> tuple[str, ...]:
    facts = known_model(entry.name, entry.name).facts
    experts = facts.experts
    return (
        f"`{entry.name}`",
        _billions(facts.parameters),
        _billions(facts.active_parameters),
        str(facts.layers),
        _attention(facts),
        "" if facts.latent else f"{facts.kv_heads} x {facts.head_size}",
        f"{experts.active} of {experts.count}" if experts else "",
        f"{facts.max_context_tokens:,}",
        "dtype" if facts.quantization == "none" else facts.quantization,
    )


def _attention(facts: ModelFacts) -> str:
    return ", ".join(
        f"{group.layers} {group.kind}" + (f" ({group.window:,})" if group.window else "") for group in facts.attention
    )


def _billions(count: int) -> str:
    return f"{count / 1e9:.3g} B" if count < 1e12 else f"{count / 1e12:.3g} T"


def _gpu_row(found: GPU) -> tuple[str, ...]:
    link = found.link
    return (
        f"`{found.product}`",
        ", ".join(f"`{alias}`" for alias in found.aliases),
        f"{found.memory_mib / 1024:.1f}",
        f"{found.usable_bytes / 2**30:.1f}",
        f"{found.bandwidth_gb_per_second:g}",
        *_arithmetic(found.tflops),
        f"{link.gb_per_second:g} {link.kind}" if link else "",
        ", ".join(profile.name for profile in found.mig),
    )


def _arithmetic(found: Throughput | None) -> tuple[str, ...]:
    figures = (getattr(found, name) for name in Throughput.model_fields)
    return tuple(f"{figure:g}" if figure else "" for figure in figures)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (columns, ("---",) * len(columns), *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
