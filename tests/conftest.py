"""Shared fixtures: tiny random encoders with a tokenizer, small data sets, trained runs, no network.

Everything is made in memory or in temporary folders, in the layout of real tasks. One thread: the networks are
too small to gain from more.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import forks
import hypothesis
import pytest
from web import manifest, server  # noqa: F401 - fixtures, for all tests that want them

# before any test module imports torch or huggingface_hub
os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

# a machine that is busy with something else is no error
hypothesis.settings.register_profile("isogloss", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("isogloss")

LAYERS, HIDDEN, HEADS = 4, 32, 2
SENTENCES = {
    "en": (
        "The train to Berlin leaves at nine.",
        "How much is a room for two people?",
        "My bag is lost, help me.",
    ),
    "de": (
        "Der Zug nach Berlin fährt um neun.",
        "Was kostet ein Zimmer für zwei?",
        "Meine Tasche ist weg, helfen Sie.",
    ),
    "zh": ("去柏林的火车九点开。", "两个人住一间房多少钱？", "我的包丢了，请帮帮我。"),
    "ja": ("ベルリン行きの電車は九時に出ます。", "二人部屋はいくらですか？", "かばんをなくしました。"),
    "th": ("รถไฟไปเบอร์ลินออกเก้าโมง", "ห้องสำหรับสองคนราคาเท่าไร", "กระเป๋าของฉันหาย"),
    "ar": ("يغادر القطار إلى برلين في التاسعة.", "كم سعر غرفة لشخصين؟", "ضاعت حقيبتي، ساعدني."),
    "hi": ("बर्लिन की ट्रेन नौ बजे निकलती है।", "दो लोगों का कमरा कितने का है?", "मेरा थैला खो गया।"),
}
# pieces of several characters in scripts without spaces: one token covers several words
JOINED = ("火车", "多少钱", "電車", "ます", "รถไฟ", "ห้อง", "九点")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Any connection or name look-up that leaves this machine fails the test that makes it."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def require_local(host: object) -> None:
        if host not in ("127.0.0.1", "::1", "localhost", "", None, socket.gethostname()):
            raise RuntimeError(f"a test reached for the network: {host}")

    def guarded_connect(self: socket.socket, address: tuple) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            require_local(address[0])
        return connect(self, address)

    def guarded_look_up(host: object, *args: object, **kwargs: object) -> list:
        require_local(host)
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


@pytest.fixture(scope="session")
def sentences() -> dict[str, tuple[str, ...]]:
    """Three sentences in each of seven languages and six scripts."""
    return SENTENCES


@pytest.fixture(scope="session")
def tokenizer():
    """A fast unigram tokenizer laid out like XLM-R's: `<s> A </s></s> B </s>`, NFKC, word starts marked."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    spaced = [word for tag in ("en", "de", "ar", "hi") for text in SENTENCES[tag] for word in text.split()]
    words = sorted({f"▁{word.strip('.,?؟،।')}" for word in spaced})
    characters = sorted({c for texts in SENTENCES.values() for text in texts for c in text if not c.isspace()})
    characters += [
        c for c in "▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789?,:;!" if c not in characters
    ]
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    # not from UnigramTrainer: it gives other pieces in every process
    pieces = [(piece, -10.0) for piece in characters] + [(piece, -8.0) for piece in (*words, *JOINED)]
    made = Tokenizer(models.Unigram([(name, 0.0) for name in special] + pieces + [("<mask>", 0.0)], unk_id=3))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=128,
        model_input_names=["input_ids", "attention_mask"],
    )


def random_encoder(architecture: str, vocabulary: int):
    """A random encoder with four layers; ModernBERT looks three tokens around in most of them."""
    import torch
    from transformers import (
        BertConfig,
        BertModel,
        ModernBertConfig,
        ModernBertModel,
        XLMRobertaConfig,
        XLMRobertaModel,
    )

    size = {
        "vocab_size": vocabulary,
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": 2 * HIDDEN,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "max_position_embeddings": 130,
    }
    torch.manual_seed(3)
    if architecture == "bert":
        model = BertModel(BertConfig(**size))
    elif architecture == "modernbert":
        ends = {"cls_token_id": 0, "sep_token_id": 2}
        model = ModernBertModel(ModernBertConfig(**size, **ends, local_attention=6, global_attn_every_n_layers=3))
    else:
        model = XLMRobertaModel(XLMRobertaConfig(**size, type_vocab_size=1))
    with torch.no_grad():  # far from the near-identity of fresh weights: wrong visibility must show
        for name, parameter in model.named_parameters():
            if name.endswith("weight") and parameter.ndim == 2:
                parameter.mul_(4)
    return model.eval()


@pytest.fixture(scope="session")
def make_encoder(tokenizer) -> Callable:
    """A function from an architecture to a fresh tiny encoder, the same weights every time."""
    return lambda architecture="xlm-roberta": random_encoder(architecture, len(tokenizer))


@pytest.fixture(scope="session")
def encoder_folders(make_encoder, tokenizer, tmp_path_factory) -> dict[str, Path]:
    """Folders of the tiny encoders by architecture, as users have them: weights, configuration, tokenizer."""
    root = tmp_path_factory.mktemp("encoders")
    for architecture in ("xlm-roberta", "bert", "modernbert"):
        make_encoder(architecture).save_pretrained(root / architecture)
        tokenizer.save_pretrained(root / architecture)
    return {path.name: path for path in root.iterdir()}


@pytest.fixture(scope="session")
def encoder_folder(encoder_folders) -> Path:
    """The folder of the tiny XLM-R."""
    return encoder_folders["xlm-roberta"]


TOPICS = {
    "travel": {"en": ("train", "hotel", "beach"), "de": ("Zug", "Gasthof", "Strand")},
    "sports": {"en": ("goal", "match", "team"), "de": ("Tor", "Spiel", "Mannschaft")},
    "health": {"en": ("doctor", "fever", "pill"), "de": ("Arzt", "Fieber", "Pille")},
}
FRAMES = {"en": ("The {} is big.", "I saw a {} today."), "de": ("Da ist {} jetzt.", "Ich sah {} heute.")}
ALARMS = {"en": "wake me at {}", "da": "væk mig klokken {}", "de": "weck mich um {}"}
HOURS = {
    "en": ("nine", "ten", "half six"),
    "da": ("ni", "ti", "halv seks"),
    "de": ("neun", "zehn", "halb sechs"),
}
PLACES = (("Berlin", "Berlin", "柏林"), ("Rome", "Rom", "罗马"), ("Paris", "Paris", "巴黎"))
PASSAGES = {
    "en": ("Person {0} lives in {1}. The mill is old.", "Where does {0} live?"),
    "de": ("Person {0} wohnt in {1}. Die Mühle ist alt.", "Wo wohnt {0}?"),
    "zh": ("{0}住在{1}。磨坊很老。", "{0}住在哪里？"),
}


def write_sib200(folder: Path) -> None:
    """Topics in English and German: 12 training, 6 dev and 9 test sentences each."""
    items = [(topic, place, frame) for frame in (0, 1) for place in (0, 1, 2) for topic in TOPICS]
    for code, tag in (("eng_Latn", "en"), ("deu_Latn", "de")):
        lines = [f"{t}\t{FRAMES[tag][frame].format(TOPICS[t][tag][place])}" for t, place, frame in items]
        for split, part in (("train", lines[:12]), ("dev", lines[12:]), ("test", lines[:9])):
            rows = "".join(f"{number}\t{line}\n" for number, line in enumerate(part, 1))
            (folder / code).mkdir(parents=True, exist_ok=True)
            (folder / code / f"{split}.tsv").write_text(f"index_id\tcategory\ttext\n{rows}", encoding="utf-8")


def write_xsid(folder: Path) -> None:
    """Alarms with their times: training in English and Danish, dev and test in these and German."""
    folder.mkdir(parents=True)
    for tag, frame in ALARMS.items():
        texts = [frame.format(hour) for hour in HOURS[tag]] * 2 + [f"{frame.split()[0]} {frame.split()[1]}"]
        tags = [
            ["O"] * (len(frame.split()) - 1) + ["B-datetime", "I-datetime"][: len(hour.split())] for hour in HOURS[tag]
        ]
        tags = tags * 2 + [["O", "O"]]
        if tag != "de":
            name = folder / f"train.{'en' if tag == 'en' else 'da-mt'}"
            name.with_suffix(f"{name.suffix}.text").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
            labels = "".join(f"{' '.join(row)} alarm/set_alarm\n" for row in tags)
            name.with_suffix(f"{name.suffix}.label").write_text(labels, encoding="utf-8")
        blocks = []
        for number, (text, row) in enumerate(zip(texts, tags, strict=True), 1):
            words = "".join(
                f"{i}\t{w}\talarm\t{t}\n" for i, (w, t) in enumerate(zip(text.split(), row, strict=True), 1)
            )
            blocks.append(f"# id = {number}\n# text = {text}\n# intent = alarm/set_alarm\n{words}\n")
        for part in ("valid", "test"):
            (folder / f"{tag}.{part}.conll").write_text("".join(blocks), encoding="utf-8")


def write_xquad(folder: Path) -> None:
    """Fifteen passages with a question each in English, German and Chinese: 4 training, 1 dev, 10 test."""
    folder.mkdir(parents=True)
    for column, (tag, (passage, question)) in enumerate(PASSAGES.items()):
        paragraphs = []
        for number in range(15):
            name, place = "ABCDEFGHIJKLMNO"[number], PLACES[number % 3][column]
            context = passage.format(name, place)
            answer = {"text": place, "answer_start": context.index(place)}
            item = {"id": f"q{number}", "question": question.format(name), "answers": [answer]}
            paragraphs.append({"context": context, "qas": [item]})
        content = json.dumps({"version": "1.1", "data": [{"title": "mill", "paragraphs": paragraphs}]})
        (folder / f"xquad.{tag}.json").write_text(content, encoding="utf-8")
    (folder.parent / "tydiqa").mkdir()
    more = json.dumps({"data": [{"paragraphs": paragraphs_of_english(folder)[:3]}]})
    (folder.parent / "tydiqa" / "tydiqa.goldp.en.train.json").write_text(more, encoding="utf-8")


def paragraphs_of_english(folder: Path) -> list:
    """The paragraphs of the English file."""
    return json.loads((folder / "xquad.en.json").read_text(encoding="utf-8"))["data"][0]["paragraphs"]


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """A folder with a data set of every kind, in the layout of real tasks; not to be changed."""
    root = tmp_path_factory.mktemp("data")
    write_sib200(root / "sib200")
    write_xsid(root / "xsid")
    write_xquad(root / "xquad")
    return root


@pytest.fixture
def own_data(data, tmp_path) -> Path:
    """A copy of the data that a test may damage."""
    return shutil.copytree(data, tmp_path / "data")


KINDS = {
    "classification": {"task": "sib200", "languages": ["en", "de"], "lengths": {"max_length": 32}},
    "tagging": {"task": "xsid_slots", "languages": ["en", "da", "de"], "lengths": {"max_length": 32}},
    "question_answering": {
        "task": "xquad_third",
        "languages": ["en", "de", "zh"],
        "lengths": {"max_length": 48, "max_question": 20, "stride": 16},
    },
}
METHODS = {
    "zero_shot": ("zero_shot", {}),
    "translate_train": ("translate_train", {}),
    "translate_test": ("translate_test", {}),
    "filter": ("filter", {}),
    "filter_self_teaching": ("filter", {"self_teaching": 0.5, "temperature": 2.0}),
}
TRAIN = {"updates": 4, "batch_size": 4, "learning_rate": 1e-3, "save_every": 2, "log_every": 1}


@pytest.fixture(scope="session")
def recipe(data, encoder_folder) -> Callable:
    """A function from a kind, a row of METHODS and an output folder to a resolved recipe of four updates."""
    from isogloss.recipe import resolve

    def make(kind: str, row: str, output: Path, **train: object):
        method, config = METHODS[row]
        content = KINDS[kind] | {"method": method, "config": config, "train": TRAIN | train}
        return resolve(content, {"output": output, "data": data, "encoder": encoder_folder})

    return make


@pytest.fixture(scope="session")
def trained(recipe, tmp_path_factory) -> Callable[[str, str], Path]:
    """A function to the finished run of a kind and a row of METHODS, made when first asked for; not to be changed."""
    from isogloss.runs import train

    runs: dict[tuple[str, str], Path] = {}

    def run(kind: str, row: str) -> Path:
        if (kind, row) not in runs:
            runs[kind, row] = train(recipe(kind, row, tmp_path_factory.mktemp("runs") / f"{kind}-{row}"))
        return runs[kind, row]

    return run


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(monkeypatch, capsys) -> Callable[..., Outcome]:
    """A function that runs the command line in this process with the given words."""
    from isogloss.cli import main

    def run(*words: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["isogloss", *map(str, words)])
        monkeypatch.setenv("ISOGLOSS_DEBUG", "")
        capsys.readouterr()
        try:
            main()
        except SystemExit as stop:
            return Outcome(int(stop.code or 0), *capsys.readouterr())
        return Outcome(0, *capsys.readouterr())

    return run


LAUNCHERS = {
    "torchrun": ["torch.distributed.run", "--standalone", "--nproc_per_node", "2"],
    # it starts a single process with --cpu; without GPUs the two of --multi_gpu run on the processor
    "accelerate": ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0"],
}


@pytest.fixture
def two_processes() -> Callable[..., Outcome]:
    """A function that runs the command line, or a script, in two processes without GPUs; all of them end with it.

    A launcher, if one is named, starts them as it does for users, and imports everything three times.
    """

    def run(*words: object, launcher: str | None = None, script: Path | None = None, text: str = "") -> Outcome:
        if launcher is None:
            return Outcome(*forks.two(words, script, text))
        command = [sys.executable, "-m", *LAUNCHERS[launcher], *([script] if script else ["-m", "isogloss"])]
        with subprocess.Popen(
            [*map(str, (*command, *words))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(text, timeout=240)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return Outcome(process.returncode, out, err)

    return run
