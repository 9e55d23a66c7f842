"""Google's neural machine translation system: deep LSTM layers with residuals, and attention from the bottom layer.

Wu, Schuster, Chen, Le, Norouzi and 26 others 2016, arXiv 1609.08144. The lowest encoder layer reads the source in both
directions, those above it from left to right; the lowest decoder layer alone asks the attention, and what it is told
goes to every layer above it, so that layers need not wait for each other. From the third layer on a layer adds to what
it reads (residuals), which is what lets eight of them learn. Cells, layer outputs and logits are kept within bounds
while training, so that weights of 8 bits translate as well.

Letters: B rows, S source tokens, T target tokens, H hidden size, V pieces, N layers, K hypotheses of a beam.

Where we differ, and why:
- The attention is asked by the bottom layer's state of this step, which has read the last word written. The paper asks
  with the one of the step before, which has not, to gain a step of parallel work; `query = "previous"` is that.
- The decoder starts from zeros, and its bottom layer reads words alone, so each layer reads all of T at once while it
  is trained. The tutorial's code (tensorflow/nmt) starts from the encoder's last states and feeds the context back.
- The pieces are those of a unigram model, and both languages share one table of them too, whose vectors begin within
  +-1. The weights begin within +-0.1 at 1024 units, as in the tutorial's code, and narrower layers within more, so that
  sums are as large. With the paper's +-0.04 for all a small network takes several times as long to look at the source.
- The loop is the house's: AdamW and a schedule in the place of Adam and then SGD.
- The second stage (`_gnmt_reward`) is a training of its own that begins from a run of the first (`--encoder RUN`, with
  `samples`). GLEU is that of pieces. The paper sums over the translations that it draws; ours is their mean with the
  baseline's own share taken out, so that its gradient is on average that of the expected GLEU of a sentence.
- The search is `_gnmt_search`; length and coverage are the named rules of `isogloss.translation.decoding`.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import PositiveInt
from torch import Tensor
from torch.nn import functional as F

from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.losses import IGNORED
from isogloss.precision import FLOAT32
from isogloss.translation import multilingual_nmt
from isogloss.translation._gnmt_network import LSTMTranslator, Shape
from isogloss.translation._gnmt_reward import rewarded_loss
from isogloss.translation._gnmt_search import Words
from isogloss.translation._gnmt_translator import LSTMEngine, words_of, write_folder
from isogloss.translation._translator_card import translator_card
from isogloss.translation.language_tagging import TaggedTokenizer
from isogloss.translation.multilingual_nmt import NEW, Example
from isogloss.translation.translator import Translator

if TYPE_CHECKING:
    from isogloss.runs import Job

BACKBONE = NEW  # or a run of this method, to go on with


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the LSTM translator; the paper's largest has 8 layers of 1024 units and 32,000 wordpieces."""

    # as in multilingual_nmt, whose pairs and vocabulary these are
    directions: tuple[str, ...] = ()  # en-de ...; () = both ways between the training language and every other one
    temperature: float = 5.0  # T: a direction of n pairs is read in proportion to n^(1/T)
    longest: int = 128  # tokens of a side, language and end counted; longer pairs are left out
    sources: tuple[str, ...] = ()  # of task parallel_text, by their names in isogloss.data.parallel_text; () = all
    leave_out_tested: bool = True  # pairs with a side that occurs in the task's test split
    tested_on: tuple[str, ...] = ()  # further translation tasks whose test splits are left out
    check_languages: bool = True  # stop where the lines of a language seem to be in another one
    vocabulary: int = 8000  # pieces, of all languages together
    vocabulary_lines: int = 100_000  # lines that the pieces are learned from, drawn with the same temperature
    # the network
    layers: int = 2  # N, of the encoder, the one that reads both ways counted, and of the decoder
    hidden: PositiveInt = 256  # H, units of a layer, of the attention and of a piece's vector
    dropout: float = 0.2  # share of each layer's inputs
    query: Literal["current", "previous"] = "current"  # which step's bottom layer asks the attention
    residual: bool = True  # from the third layer on a layer adds to what it reads
    first_bound: float = 8.0  # of cells and layer outputs in the first update; it goes down evenly; 0 = none
    bound: float = 1.0  # of the same in the last update and ever after
    # the second stage, from a run of the first, whose network it has; without dropout
    samples: int = 0  # K, translations drawn of each source; 0 = the first stage; the paper's are 15
    likelihood: float = 0.017  # weight of a target's nats beside minus the GLEU, 0 to 1, of what is drawn


def check_settings(s: Settings) -> None:
    """Nothing, if a network can be built and trained so.

    Raises:
        UserError: naming the setting, its value and what it may be.
    """
    if s.layers < 2:
        raise UserError(f"layers = {s.layers}: those above the lowest read the attention; set it to 2 or more")
    if not 0 <= s.dropout < 1:
        raise UserError(f"dropout = {s.dropout} is a share; set it to 0 or more and below 1")
    if min(s.first_bound, s.bound) < 0 or (s.first_bound == 0) != (s.bound == 0) or s.first_bound < s.bound:
        raise UserError(
            f"first_bound = {s.first_bound}, bound = {s.bound}: the first must not be below the last, and both are 0 "
            "where there is to be none"
        )
    if s.samples < 0 or s.samples == 1 or s.likelihood < 0:
        raise UserError(
            f"samples = {s.samples}, likelihood = {s.likelihood}: draw 2 translations of a source or more, which are "
            "compared with each other, or 0 for the first stage; the weight is 0 or more"
        )


@dataclass
class Method:
    """The LSTM translator, in all directions that a recipe names."""

    settings: Settings
    _pairs: multilingual_nmt.Method = field(init=False, repr=False)
    _first: LSTMEngine | None = field(default=None, init=False, repr=False)  # the run that it goes on with
    _words: Words | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        shared = {each.name for each in fields(multilingual_nmt.Settings)} - {"dropout", "hidden"}
        given = {name: value for name, value in asdict(self.settings).items() if name in shared}
        self._pairs = multilingual_nmt.Method(multilingual_nmt.Settings(**given), self._read)

    def _read(self, job: "Job") -> tuple[TaggedTokenizer, None]:
        """The tokenizer of the run that it goes on with, which is read."""
        self._first = LSTMEngine(Path(job.recipe.encoder))
        return self._first.tagged, None

    def examples(self, job: "Job") -> Sequence[Example]:
        """The pairs of all directions as tokens, the target's language first in the source."""
        check_settings(self.settings)
        encoder = job.recipe.encoder
        if encoder != NEW and not Path(encoder).is_dir():
            raise UserError(
                f"gnmt trains a network of its own, not {encoder}; leave the encoder out, or go on with a run of gnmt"
            )
        if self.settings.samples and encoder == NEW:
            raise UserError("samples: the second stage begins where the first has ended; add --encoder RUN of gnmt")
        if encoder == NEW and job.recipe.train.epochs and self.settings.first_bound != self.settings.bound:
            raise UserError("the bound of gnmt's cells goes down over the updates; give updates in the place of epochs")
        return self._pairs.examples(job)

    def build(self, job: "Job") -> LSTMTranslator:
        """A fresh network, or that of the run."""
        s, train, tagged = self.settings, job.recipe.train, self._pairs.prepared(job).tagged
        self._words = words_of(tagged)
        if self._first is not None:
            self._first.network.dropout = 0.0 if s.samples else s.dropout
            return self._first.network
        shape = Shape(
            pieces=len(tagged.tokenizer),
            hidden=s.hidden,
            layers=s.layers,
            query=s.query,
            residual=s.residual,
            bound=s.bound,
        )
        return LSTMTranslator(shape, s.dropout, s.first_bound, train.updates * train.accumulate)

    def collate(self, job: "Job") -> Callable[[Sequence[Example]], dict[str, Any]]:
        """The function that pads pairs to source and target tokens, (B, S) and (B, T)."""
        return self._pairs.collate(job)

    def loss(self, network: LSTMTranslator, batch: Mapping[str, Any]) -> Tensor:
        """Cross-entropy of the target tokens in nats, mean over tokens; of the second stage `rewarded_loss`."""
        if self.settings.samples and self._words is not None:
            return rewarded_loss(network, batch, self._words, self.settings.samples, self.settings.likelihood)
        outputs = network(batch["input_ids"], batch["attention_mask"], batch["decoder_input_ids"])
        asked = batch["labels"] != IGNORED
        return F.cross_entropy(network.logits(outputs[asked]), batch["labels"][asked])

    def save(self, network: LSTMTranslator, job: "Job", folder: Path) -> None:
        """Write the translator's folder."""
        pairs, tagged, _ = self._pairs.prepared(job)
        write_folder(network, tagged.tokenizer, folder)
        counts = Counter({direction: len(bitexts) for direction, bitexts in pairs.items()})
        write_atomic(folder / "README.md", translator_card(network, job, counts))

    def translator(self, folder: Path, precision: str = FLOAT32, margin: float = math.inf) -> Translator:
        """The translator of a finished run: in float32, bfloat16 or int8, its search pruned at a margin in nats."""
        return LSTMEngine(folder, precision, margin)
