"""What one model architecture is: the shapes that its memory and its arithmetic follow from. Sizes in elements."""

from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from rorqual_engine.catalog.base import CatalogModel

Quantization = Literal["none", "fp8", "awq", "gptq", "int8", "int4", "mxfp4", "nvfp4"]
Part = Literal["embedding", "head", "attention", "dense", "shared", "experts", "router", "small", "encoder"]
"""Parts of a model that a quantised checkpoint treats alike: input embedding, output layer, attention (linear attention
included), dense feed-forward, shared experts, routed experts, router, norms and biases, encoder of images or sound."""

NEVER_QUANTIZED: tuple[Part, ...] = ("embedding", "head", "router", "small", "encoder")
AttentionKind = Literal["full", "sliding", "chunked", "latent", "linear"]


class Storage(CatalogModel):
    """How a checkpoint's weights are stored."""

    scheme: Quantization = "none"
    whole: tuple[Part, ...] = NEVER_QUANTIZED
    """Parts that stay in the dtype."""


class Experts(CatalogModel):
    """Routed experts of a mixture-of-experts model."""

    count: int = Field(gt=0)
    active: int = Field(gt=0)
    """Routed experts that one token passes."""
    intermediate_size: int = Field(gt=0)
    """Of one routed expert."""
    layers: int = 0
    """Layers with experts; 0 for all."""
    shared_intermediate_size: int = 0
    """Of all shared experts of a layer together; 0 for none."""
    hidden_size: int | None = None
    """Width of the experts' input where it is projected down; None for the model's."""


class Latent(CatalogModel):
    """Multi-head latent attention: keys and values are kept as one compressed vector a token."""

    kv_rank: int = Field(gt=0)
    rope_size: int = Field(ge=0)
    nope_size: int = Field(gt=0)
    value_size: int = Field(gt=0)
    query_rank: int | None = None
    index_heads: int = 0
    index_size: int = 0
    """Of the keys by which sparse attention chooses; 0 where all are attended to."""
    index_topk: int = 0
    """Tokens that sparse attention reads at most; 0 for all."""

    @property
    def size(self) -> int:
        """Elements that one token keeps in the KV cache, per layer."""
        return self.kv_rank + self.rope_size


class LinearState(CatalogModel):
    """What one sequence keeps in a layer of linear attention (or of a state-space model), however long it is."""

    recurrent_elements: int = Field(gt=0)
    """Of the state matrix: heads x key size x value size."""
    convolution_elements: int = Field(ge=0)
    """Of the short convolution's window: channels x (kernel - 1)."""
    recurrent_bytes: int | None = None
    """Of one element of the state; None for the dtype's."""


class AttentionLayers(CatalogModel):
    """Layers of one kind of attention."""

    kind: AttentionKind
    layers: int = Field(gt=0)
    query_heads: int = 0
    kv_heads: int = 0
    head_size: int = 0
    value_size: int | None = None
    """Of a value head; None for the key's."""
    window: int | None = None
    """Tokens that sliding or chunked attention sees."""
    state: LinearState | None = None

    @property
    def kv_elements(self) -> int:
        """Keys and values of one token in one layer, over all heads; 0 for linear attention."""
        return self.kv_heads * (self.head_size + (self.value_size or self.head_size))


class ParameterCounts(CatalogModel):
    """Parameters of a model by part."""

    embedding: int = 0
    head: int = 0
    """0 where the output layer is the input embedding."""
    attention: int = 0
    dense: int = 0
    shared: int = 0
    experts: int = 0
    router: int = 0
    small: int = 0
    encoder: int = 0

    @property
    def total(self) -> int:
        return sum(self.of(part) for part in type(self).model_fields)

    def of(self, part: str) -> int:
        count: int = getattr(self, part)
        return count


class ModelFacts(CatalogModel):
    """Figures of one architecture."""

    name: str
    layers: int = Field(gt=0)
    hidden_size: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    """Of a dense feed-forward layer; the widest where they differ."""
    attention_heads: int = Field(gt=0)
    kv_heads: int = Field(gt=0)
    head_size: int = Field(gt=0)
    vocabulary: int = Field(gt=0)
    max_context_tokens: int = Field(gt=0)
    tied_embeddings: bool = False
    attention_layers: tuple[AttentionLayers, ...] = ()
    """By kind; empty for full attention throughout."""
    latent: Latent | None = None
    experts: Experts | None = None
    dense_width: int | None = None
    """Intermediate sizes of all dense feed-forward layers added up; None for every layer's."""
    feed_forward_matrices: int = 3
    """Of one feed-forward: 3 when gated, else 2."""
    counts: ParameterCounts = ParameterCounts()
    parameters: int = Field(gt=0)
    """All together, as the counts have it; as given where there are none."""
    storage: Storage = Storage()
    """Of the checkpoint of that name."""
    encoder_hidden_size: int = 0
    """Width of the encoder of images or sound; 0 for none."""
    encoder_pixels_per_token: int = 0
    """Pixels of an image that one token of the text model stands for."""
    rotary_elements: int = 0
    """Of the tables of sines and cosines that an engine keeps beside the weights."""

    @property
    def attention(self) -> tuple[AttentionLayers, ...]:
        """The layers by kind of attention; never empty."""
        return self.attention_layers or (self._uniform_attention,)

    @property
    def _uniform_attention(self) -> AttentionLayers:
        kind: AttentionKind = "latent" if self.latent else "full"
        return AttentionLayers(
            kind=kind,
            layers=self.layers,
            query_heads=self.attention_heads,
            kv_heads=self.kv_heads,
            head_size=self.head_size,
        )

    @property
    def quantization(self) -> Quantization:
        return self.storage.scheme

    @property
    def latent_size(self) -> int | None:
        """Elements of one token's compressed keys and values per layer, with multi-head latent attention."""
        return self.latent.size if self.latent else None

    @cached_property
    def active_parameters(self) -> int:
        """Parameters that one token's forward step reads; the input embedding and encoders do not count."""
        counts, experts = self.counts, self.experts
        if not counts.total:
            return self.parameters
        routed = counts.experts * experts.active // experts.count if experts else 0
        head = counts.head or counts.embedding
        return head + counts.attention + counts.dense + counts.shared + counts.router + counts.small + routed

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.latent is None and self.attention_heads % self.kv_heads:
            raise ValueError(
                f"{self.name}: {self.attention_heads} attention heads cannot be grouped over {self.kv_heads} key/value "
                "heads; the first must be a multiple of the second"
            )
        if self.experts and self.experts.active > self.experts.count:
            raise ValueError(f"{self.name}: {self.experts.active} active of {self.experts.count} experts")
        if self.attention_layers and sum(group.layers for group in self.attention_layers) > self.layers:
            raise ValueError(f"{self.name}: more attention layers than its {self.layers} layers")
        return self
