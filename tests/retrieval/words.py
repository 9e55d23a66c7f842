"""A text encoder for tests: the sum of a fixed random vector of each word, without any network."""

from hashlib import blake2b

import numpy as np

from isogloss.records import Document
from isogloss.retrieval.text_encoder import TextEncoder


class Words:
    """Encodes texts and counts them; `names` are the encoders that are there, each with vectors of its own."""

    def __init__(self, names=("words",), width=16):
        self.names, self.width, self.encoded = names, width, []
        self.languages = None

    def __call__(self, name):
        assert str(name) in self.names
        return TextEncoder(str(name), lambda texts: self.encode(str(name), texts), self.languages)

    def encode(self, name, texts):
        self.encoded += texts
        vectors = np.stack([sum(self.word(name, word) for word in text.split()) for text in texts])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    def word(self, name, word):
        seed = int.from_bytes(blake2b(f"{name} {word}".encode(), digest_size=4).digest())
        return np.random.default_rng(seed).normal(size=self.width)


def documents(count, first=0, tag="de"):
    """So many documents, no two of which are alike."""
    return [
        Document(id=f"{tag}/{i}", language=tag, text=f"w{i % 7} x{i} y{i % 3}") for i in range(first, first + count)
    ]
