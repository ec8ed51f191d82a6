"""Writes a trained network as a Hugging Face folder and, made from that, as an ONNX Runtime GenAI folder.

`python export.py MODEL.pt TOKENIZER OUT` fills OUT/hf and OUT/onnx and checks that all three forms agree. The
weights are rounded to bfloat16 once, on the way to OUT/hf.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import onnxruntime_genai as og
import torch
from net import Abacus
from pack import Tokenizer
from tokenizer import END, PAD, START, load
from train import load_net
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

CHECKED = ("12+34=?", "What is 17 * 6?", "A pen costs 3 dollars. How much are 5 pens?")
CHECKED_TOKENS = 48
TOLERANCE = 1e-3


def to_hugging_face(net: Abacus, tokenizer: Path, out: Path) -> None:
    """config.json, model.safetensors, generation_config.json and the tokenizer's files."""
    words = load(tokenizer)
    end, pad = words.token_to_id(END), words.token_to_id(PAD)
    config = LlamaConfig(**net.config.hugging_face(), bos_token_id=None, eos_token_id=[end, pad], pad_token_id=pad)
    model = LlamaForCausalLM(config)
    model.load_state_dict(net.state_dict(), strict=False)
    model.tie_weights()
    compare_logits(net, model)
    model.generation_config = GenerationConfig(eos_token_id=[end, pad], pad_token_id=pad)
    model.bfloat16().save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)  # it is written for its owner only
    shutil.copytree(tokenizer, out, dirs_exist_ok=True)


def compare_logits(net: Abacus, model: LlamaForCausalLM) -> None:
    """Fail unless Hugging Face's Llama computes what ours does."""
    ids = torch.randint(net.config.vocab, (2, 64), generator=torch.Generator().manual_seed(0))
    causal = torch.full((64, 64), -1e4).triu(1)
    with torch.inference_mode():
        apart = (net.logits(net(ids, causal)) - model(ids).logits).abs().max().item()
    if apart > TOLERANCE:
        raise AssertionError(f"logits differ from Hugging Face's by {apart:.2g}")


def to_onnx(source: Path, out: Path) -> None:
    """The float32 CPU form, built from the Hugging Face folder without any download."""
    options = ["-i", str(source), "-o", str(out), "-p", "fp32", "-e", "cpu", "-c", str(out / "cache")]
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder", *options]
    subprocess.run([*command, "--extra_options", "shared_embeddings=true"], check=True)
    shutil.rmtree(out / "cache", ignore_errors=True)


def greedy_onnx(folder: Path, prompt: list[int], count: int) -> list[int]:
    params = og.GeneratorParams(model := og.Model(str(folder)))
    params.set_search_options(max_length=len(prompt) + count, do_sample=False)
    generator = og.Generator(model, params)
    generator.append_tokens(prompt)
    while not generator.is_done():
        generator.generate_next_token()
    return [int(one) for one in generator.get_sequence(0)][len(prompt) :]


def greedy_hugging_face(folder: Path, prompt: list[int], count: int) -> list[int]:
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    out = model.generate(torch.tensor([prompt]), max_new_tokens=count, do_sample=False)
    return [int(one) for one in out[0, len(prompt) :]]


def compare_greedy(source: Path, onnx: Path, words: Tokenizer) -> None:
    """Fail unless both exported forms write the same answers; only one of them returns the stop itself."""
    stops = {words.token_to_id(END), words.token_to_id(PAD)}
    for question in CHECKED:
        text = f"{START}system\neffort: medium{END}\n{START}user\n{question}{END}\n{START}assistant\n<think>\n"
        prompt = words.encode(text).ids
        ours, theirs = (
            form(folder, prompt, CHECKED_TOKENS)
            for form, folder in ((greedy_onnx, onnx), (greedy_hugging_face, source))
        )
        ours, theirs = (one[:-1] if one and one[-1] in stops else one for one in (ours, theirs))
        if ours != theirs:
            raise AssertionError(f"ONNX and Hugging Face differ on {question!r}:\n{ours}\n{theirs}")


def export(model: Path, tokenizer: Path, out: Path) -> None:
    to_hugging_face(load_net(model), tokenizer, out / "hf")
    to_onnx(out / "hf", out / "onnx")
    compare_greedy(out / "hf", out / "onnx", load(tokenizer))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "tokenizer", "out"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    export(given.model, given.tokenizer, given.out)


if __name__ == "__main__":
    main()
