"""The chat templates of the table: what is known of each, and a codec of a model that has it.

The templates are written for these tests, each in the format of one published model: what they write, what they
refuse and what switches them is the model's, the text is ours. `index.json` says of each which model that is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from adaptive.engines.tokenizer import FolderCodec

FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class TemplateFacts:
    """What is known of a model's chat template.

    Args:
        name: The name of its file here.
        model: The model whose format it is.
        licence: The licence of that model, for whoever wants to use the model.
        trl: The file of TRL that holds the model's own template, if TRL has it.
        tokens: Special tokens of the model that the format uses.
        bos: Its `bos_token`.
        eos: Its `eos_token`.
        markers: What `adaptive models` calls its markers.
        opens: Whether the template itself opens the thinking.
        closes: Whether the template itself closes it if it is switched off.
        efforts: The efforts that it tells apart.
        system: How it takes a system message: "own" turn, "moved", or "folded" by us, with a note.
        tool: How it takes the result of a tool, alike.
        prompts: The prompts of the conversations in `test_templates.py`.
    """

    name: str
    model: str
    licence: str
    trl: str | None
    tokens: tuple[str, ...]
    bos: str
    eos: str
    markers: str
    opens: bool
    closes: bool
    efforts: tuple[str, ...]
    system: str
    tool: str
    prompts: dict[str, str]

    @property
    def source(self) -> str:
        """The text of the template."""
        return (FOLDER / f"{self.name}.jinja").read_text(encoding="utf-8")


def read_table() -> list[TemplateFacts]:
    """Return the facts of all templates."""
    rows = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
    return [
        TemplateFacts(**{**row, "tokens": tuple(row["tokens"]), "efforts": tuple(row["efforts"])}) for row in rows
    ]


@cache
def make_codec(name: str) -> FolderCodec:
    """Return the codec of a model with a template of the table."""
    facts = next(row for row in read_table() if row.name == name)
    return make_byte_codec(facts.source, facts.tokens, bos=facts.bos, eos=facts.eos)


def make_byte_codec(source: str, tokens: tuple[str, ...], *, bos: str = "", eos: str) -> FolderCodec:
    """Return the codec of a model whose tokens are bytes and these special ones."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = dict.fromkeys([*filter(None, (bos, eos)), *tokens])
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
    with TemporaryDirectory() as place:
        folder = Path(place)
        tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": bos, "eos_token": eos}))
        (folder / "chat_template.jinja").write_text(source, encoding="utf-8")
        return FolderCodec(folder)


def read_marked(codec: FolderCodec, ids: tuple[int, ...]) -> str:
    """Return the text of ids with special tokens."""
    text: str = codec._marked_tokenizer.decode(list(ids), skip_special_tokens=False)
    return text
