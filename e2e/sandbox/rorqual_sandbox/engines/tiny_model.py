"""A Llama of two layers with random weights, and a tokenizer for it.

Runs as a script inside vLLM's own virtual environment (`python tiny_model.py DIRECTORY [LAYERS HIDDEN]`), which has
transformers and tokenizers; the sandbox itself imports only the constant. More layers make steps long enough to be
measured beside what the API server takes (`bench/simulator_vllm.py`).
"""

from __future__ import annotations

import sys
from pathlib import Path

CONTEXT_TOKENS = 2048
_VOCABULARY = 512
_HEAD = 32
_CHAT_TEMPLATE = (
    "{% for message in messages %}<s>{{ message['role'] }}: {{ message['content'] }}{% endfor %}<s>assistant: "
)


def main(directory: Path, layers: int = 2, hidden: int = 64) -> None:
    """Writes config.json and the tokenizer; vLLM makes the weights up (`--load-format dummy`)."""
    from transformers import LlamaConfig  # type: ignore[import-not-found]

    LlamaConfig(
        vocab_size=_VOCABULARY,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // _HEAD,
        num_key_value_heads=hidden // _HEAD,
        head_dim=_HEAD,
        max_position_embeddings=CONTEXT_TOKENS,
        bos_token_id=0,
        eos_token_id=1,
        architectures=["LlamaForCausalLM"],
        dtype="float32",
    ).save_pretrained(directory)
    write_tokenizer(directory)


def write_tokenizer(directory: Path) -> None:
    """One token for each byte, and a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # type: ignore[import-not-found]
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {word: index for index, word in enumerate(["<s>", "</s>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.chat_template = _CHAT_TEMPLATE
    fast.save_pretrained(directory)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
