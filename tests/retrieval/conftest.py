"""The encoder of words in the place of networks."""

import pytest
from retrieval.words import Words

from isogloss.retrieval import index, indexing


@pytest.fixture
def words(monkeypatch):
    """The encoder; `words` and `others` are names that it has."""
    made = Words(("words", "others"))
    for module in (index, indexing):
        monkeypatch.setattr(module, "text_encoder", made)
    return made
