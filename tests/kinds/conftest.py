"""Texts of all scripts for hypothesis."""

import pytest
from hypothesis import strategies as st

# letters of every script the sample has, marks, digits, joiners, widths and ligatures that NFKC changes, a rare sign
CHARACTERS = "abZé ñ.,-'9½ﬁ　a\u0301 дя अकि्ा ا\u0651لـ 火车多少钱 ます電 รถไฟั้ 가각 \u200d\u200b😀𝒳 \t"


@pytest.fixture(scope="session")
def any_text():
    """A strategy of texts that hold at least one character of a word."""
    return st.text(alphabet=CHARACTERS, min_size=1, max_size=60).filter(lambda text: any(c.isalnum() for c in text))
