"""Parameters of the encoder of images, and of what joins it to the text model."""

from rorqual_engine.catalog.config_json.fields import Fields

_GATED = ("pixtral", "qwen2_5_vl")
"""Encoders whose feed-forward has three matrices."""
_WITHOUT_BIAS = ("pixtral",)


def read_encoder(outer: Fields, text_hidden: int) -> tuple[int, int]:
    """Parameters of encoder and projector together, and the encoder's hidden size; zeros for a model of text alone."""
    vision = outer.part("vision_config")
    if vision is None or vision.text("model_type") in ("none",):
        return 0, 0
    hidden = vision.count_or(0, "hidden_size", "vt_hidden_size", "embed_dim", "width")
    layers = vision.count_or(0, "num_hidden_layers", "vt_num_hidden_layers", "depth", "layers")
    if not hidden or not layers:
        return 0, 0
    if vision.text("model_type") == "qwen2_vl":
        hidden = vision.count("embed_dim")
    kind = outer.text("model_type")
    return layers * _layer(vision, hidden, kind) + _ends(vision, hidden) + _projector(
        outer, vision, hidden, text_hidden
    ), hidden


def _layer(vision: Fields, hidden: int, kind: str) -> int:
    given = vision.count_or_none("intermediate_size", "vt_intermediate_size")
    width = given or int(vision.number_or(4, "mlp_ratio") * hidden)
    names = (vision.text("model_type"), kind)
    matrices = 3 if any(name in _GATED for name in names) else 2
    biases = 0 if any(name in _WITHOUT_BIAS for name in names) else 4 * hidden + width + hidden + 2 * hidden
    heads = vision.count_or_none("qkv_hidden_size") or hidden
    return 4 * hidden * heads + matrices * hidden * width + biases + 2 * hidden


def _ends(vision: Fields, hidden: int) -> int:
    """Patch embedding and learned positions."""
    patch = vision.count_or(14, "patch_size", "spatial_patch_size") or 14
    channels = vision.count_or(3, "in_channels", "in_chans", "num_channels")
    frames = vision.count_or(1, "temporal_patch_size")
    return patch * patch * channels * frames * hidden + _positions(vision, patch) * hidden + _pooling(vision, hidden)


def _pooling(vision: Fields, hidden: int) -> int:
    """SigLIP's attention over all patches, which the engine loads unless the config.json says no."""
    if "siglip" not in vision.text("model_type") or vision.value("vision_use_head") is False:
        return 0
    return 4 * hidden * hidden + 2 * hidden * vision.count("intermediate_size")


def _positions(vision: Fields, patch: int) -> int:
    given = vision.count_or_none("num_position_embeddings")
    if given is not None:
        return given
    if "init_pos_emb_height" in vision:
        return vision.count("init_pos_emb_height") * vision.count("init_pos_emb_width")
    learned = "siglip" in vision.text("model_type") or "clip" in vision.text("model_type")
    return (vision.count("image_size") // patch) ** 2 if learned else 0


def _projector(outer: Fields, vision: Fields, hidden: int, text: int) -> int:
    kind = outer.text("model_type")
    if kind == "gemma3" or kind == "gemma4":
        return hidden * text
    if kind == "mistral3":
        return 4 * hidden * hidden + hidden * text + text * text
    if kind in ("llava_next", "llava"):
        layers = outer.items("vision_feature_layer") if isinstance(outer.value("vision_feature_layer"), list) else (0,)
        return hidden * len(layers) * text + text * text
    if kind == "llama4":
        inner = vision.count("projector_input_dim")
        return vision.count("intermediate_size") * inner + inner * inner + vision.count("vision_output_dim") * text
    merged = _merged(vision) * hidden
    mergers = 1 + len(vision.items("deepstack_visual_indexes"))
    return mergers * (merged * merged + merged * text)


def _merged(vision: Fields) -> int:
    kernel = vision.items("merge_kernel_size")
    if kernel:
        return int(kernel[0]) * int(kernel[1])
    return vision.count_or(2, "spatial_merge_size") ** 2


def pixels_per_token(outer: Fields) -> int:
    """Pixels of an image that one token of the text model stands for; 0 without an encoder."""
    vision = outer.part("vision_config")
    if vision is None:
        return 0
    patch = vision.count_or(14, "patch_size", "spatial_patch_size") or 14
    image = vision.count_or(0, "image_size")
    fixed = outer.count_or_none("mm_tokens_per_image")
    if fixed and image:
        return image * image // fixed
    merged = 1 if outer.text("model_type") in ("llava", "llava_next") else _merged(vision)
    return patch * patch * merged
