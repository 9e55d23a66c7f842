"""The best sentences by a scorer of pairs, found with few of its calls: ANNCUR beside a first stage and re-scoring.

Used by `benchmarks.score_matrices`. The scorer is MaxSim over the embedded encoder's token vectors, weighted by idf: each
token of a question is as similar as the sentence's token nearest to it. All pairs are scored once, so that the scorer's
own best are known; what calls it only looks the scores up, and is counted. Recall of the scorer's own best says how well
its ranking is found; what that is worth for the questions is another number, by the relevant sentences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from isogloss.data.rankings import read_queries
from isogloss.data.task_data import read_split
from isogloss.encoders import load_encoder, load_tokenizer
from isogloss.encoders.sentence_vectors import encode_with
from isogloss.evaluation.bootstrap import difference, resample, scores
from isogloss.evaluation.counts import Counts, average_seeds
from isogloss.metrics.ratios import ratio_percent
from isogloss.records import Document, RankedQuery
from isogloss.retrieval.anncur import Settings, build_index
from isogloss.retrieval.nearest import top
from isogloss.retrieval.ranker import Ranker, by_collection
from isogloss.retrieval.rankers import load_ranker
from isogloss.tasks import load_task

CUTS = (1, 10, 100)
BUDGETS = (50, 100, 200, 300, 500)
LANGUAGES = ("en", "de", "tr", "zh")
ANCHORS = 1000  # anchor questions where those of TyDi QA are added
BATCH = 32  # texts encoded at a time
