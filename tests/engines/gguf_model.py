"""The embedded model's weights as a GGUF file, for llama.cpp's server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

END_OF_TURN = 2
KINDS = {"normal": 1, "control": 3, "unused": 5}
"""Kinds of token, as GGUF numbers them."""


def write_gguf(folder: Path, file: Path) -> None:
    """Write the model of a Hugging Face folder of Llama's architecture, float32."""
    import gguf
    from safetensors.torch import load_file

    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(file, "llama")
    _describe(writer, config)
    _add_vocabulary(writer, json.loads((folder / "tokenizer.json").read_text()), config["vocab_size"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, tensor in load_file(folder / "model.safetensors").items():
        weights = tensor.float().numpy()
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            weights = _interleaved(weights, config["num_attention_heads"])
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: Any, config: dict[str, Any]) -> None:
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_vocab_size(config["vocab_size"])


def _add_vocabulary(writer: Any, tokenizer: dict[str, Any], size: int) -> None:
    """llama.cpp finds by their names which tokens end a turn."""
    texts = {number: text for text, number in tokenizer["model"]["vocab"].items()}
    special = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    known = {**dict.fromkeys(texts, "normal"), **dict.fromkeys(special, "control")}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([{**texts, **special}.get(number, f"[{number}]") for number in range(size)])
    writer.add_token_types([KINDS[known.get(number, "unused")] for number in range(size)])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(END_OF_TURN)
    writer.add_add_bos_token(False)


def _interleaved(weights: Any, heads: int) -> Any:
    """GGUF has the two halves that a rotary position turns side by side, Hugging Face one after the other."""
    rows, columns = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns).copy()
