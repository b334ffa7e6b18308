"""Prompts to the text encoder's token states, and texts to vectors for search."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from model_server.engine.bundle_graphs import BundleGraphs
from model_server.engine.pixels import Floats
from model_server.engine.tokens import clean, load_tokenizer, tokenize

# Token states [1, T, C] and attention mask [1, T].
EncodedPrompt = tuple[Floats, Floats]
# A swarm's previews share their prompt, and few prompts are drawn at the same time; each takes 50 KB.
PROMPTS_KEPT = 32


class PromptEncoder:
    """A bundle's tokenizer and text encoder, with the most recent prompts cached."""

    def __init__(self, graphs: BundleGraphs) -> None:
        """Load both.

        Raises:
            BundleError: one of them can't be used.
        """
        manifest = graphs.manifest
        self._family = manifest.family
        self._tokenizer = load_tokenizer(graphs.folder / manifest.tokenizer, manifest.prompt_tokens)
        self._graph = graphs.graph(manifest.text_encoder)
        self.encode = lru_cache(PROMPTS_KEPT)(self._encode)

    def embed(self, texts: list[str]) -> Floats:
        """Vectors of texts [n, C], unit length: the mean of their token states."""
        vectors = np.zeros((len(texts), 0), dtype=np.float32)
        if texts:
            # Past the cache: one long list would evict all prompts.
            encoded = [self._encode(text) for text in texts]
            vectors = np.stack([(mask @ states[0])[0] / mask.sum() for states, mask in encoded])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def _encode(self, prompt: str) -> EncodedPrompt:
        ids, mask = tokenize(self._tokenizer, clean(self._family, prompt))
        states = self._graph.run({"ids": ids, "mask": mask})["states"].copy()
        return states, mask.astype(np.float32)
