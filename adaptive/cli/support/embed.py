"""Embeds questions for the verbs that learn from them and measure on them: all in one go, kept, with progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adaptive.cli.support.progress import Progress
from adaptive.cli.support.signals import run_until_signal

if TYPE_CHECKING:
    from adaptive.embeddings import Embedder
    from adaptive.embeddings.cache import Kept
    from adaptive.learn.fit.embedding import Given
    from adaptive.profile.profile import Profile


def embedded(spec: str, texts: Sequence[str]) -> Given:
    """Embeddings of texts by the model of a spec; what is kept is not asked for again."""
    from adaptive.embeddings import open_embedder
    from adaptive.embeddings.cache import Kept, default_kept, gathered
    from adaptive.learn.fit.embedding import Given

    with Kept(default_kept()) as kept:
        embedder = open_embedder(spec)
        try:
            _fill(kept, embedder, texts)
        finally:
            embedder.close()
        return Given(embedder.name, gathered(kept.get(embedder.name, texts), texts, embedder.name))


def embed_for(profile: Profile, texts: Sequence[str]) -> None:
    """Embed what a profile will be asked about; nothing is opened where it needs none, or all are kept."""
    from adaptive.embeddings.cache import Kept, default_kept, missing

    if profile.embedding is None:
        return
    with Kept(default_kept()) as kept:
        lacking = missing(kept, profile.embedding.model, texts)
    if lacking:
        embedded(profile.embedding.model, texts)


def _fill(kept: Kept, embedder: Embedder, texts: Sequence[str]) -> None:
    from adaptive.embeddings.cache import fill, missing

    every = list(dict.fromkeys(texts))
    lacking = missing(kept, embedder.name, every)
    if lacking:
        progress = Progress(len(every), len(every) - len(lacking), str(kept.path), word="embedded")
        with progress:
            run_until_signal(fill(kept, embedder, lacking, progress.advance), progress)
