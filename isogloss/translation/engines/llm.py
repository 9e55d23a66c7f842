"""A language model behind a server that speaks OpenAI's protocol, `llm:MODEL@URL`: vLLM, llama.cpp, a hosted one.

Decoding is greedy, whatever the beam, or the best of several samples by minimum Bayes risk. An answer counts only if it
is a whole translation: one that is cut off, empty, without a line break of the text, or in another language is a
failure with its reason. Where examples may have led the model astray it is asked again with half of them, then with
none. A server that fails at everything stops the job.

The key is read from ISOGLOSS_API_KEY or OPENAI_API_KEY when it is needed, and is kept nowhere.
"""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from isogloss.errors import UserError
from isogloss.languages import language
from isogloss.translation.adaptive_prompts import AdaptivePrompts, tell_once
from isogloss.translation.answers import cleaned, wrong_language
from isogloss.translation.decoding import check_decoding, most_output_tokens, ranked
from isogloss.translation.engines._server import KEYS, Answer, Astray, Failure, Server, without_secrets
from isogloss.translation.prompts import (
    BREAK,
    Context,
    Labels,
    about_tokens,
    chat,
    completion,
    labels_of,
    line_mark,
    one_line,
    prompt_tokens,
    with_breaks,
    within,
)
from isogloss.translation.translator import Capabilities, Decoding, Hypothesis, Translation

USUAL_CONTEXT = 8192  # tokens, where neither the server nor the user says how many the model reads and writes
FORM = "llm:MODEL@URL, as in llm:qwen@http://localhost:8000/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the server is asked."""

    form: Literal["chat", "completion"] = "chat"  # completion for a model that was not taught to follow instructions
    concurrency: int = 16  # requests at a time
    timeout: float = 120.0  # seconds until an answer must be there
    retries: int = 5  # further attempts after a time-out, 429 or 5xx, each after twice the pause
    context_tokens: int = 0  # tokens that the model reads and writes; 0 = as many as the server says


class Direction(NamedTuple):
    """From which language to which, by their tags, and as the prompt names them."""

    source: str
    target: str
    labels: Labels


def load(rest: str, settings: Settings | None = None) -> "LanguageModel":
    """The engine `MODEL@URL`, after a word with the server.

    Raises:
        UserError: the server cannot be reached, refuses the key, or has no such model.
    """
    parsed = re.fullmatch(r"(.+?)@(https?://[^\s@?#]+)", rest)
    if not parsed:
        raise UserError(f"llm:{without_secrets(rest)} is not {FORM} (a key belongs into {KEYS[0]})")
    settings = settings or Settings()
    server = Server(parsed[1], parsed[2].rstrip("/"), settings.timeout, settings.retries)
    served = server.served()
    return LanguageModel(
        server, served.name, settings.context_tokens or served.context_tokens or USUAL_CONTEXT, settings
    )


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A served model and what its prompts hold beside the text; plain data, so that it travels to other processes."""

    server: Server
    served: str  # what the server itself calls the model
    context_tokens: int  # what the model reads and writes
    settings: Settings = Settings()
    prompts: AdaptivePrompts = AdaptivePrompts()

    @property
    def fingerprint(self) -> str:
        parts = ("llm", self.server.model, self.served, self.settings.form, self.context_tokens)
        return f"{' '.join(map(str, parts))} {self.prompts.fingerprint}"

    @property
    def provenance(self) -> dict[str, Any]:
        return {"engine": "llm", "model": self.server.model, "served": self.served} | self.prompts.provenance

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(sampling=True, documents=True)

    def check(self, source: str, target: str) -> None:
        direction = _direction(source, target)
        self.prompts.check(direction.source, direction.target)

    def translate(self, texts: Sequence[str], source: str, target: str, decoding: Decoding) -> list[Translation]:
        check_decoding(decoding, self.capabilities)
        direction = _direction(source, target)
        contexts = self.prompts.contexts(texts, direction.source, direction.target)
        self.server.breaker.begin()
        with ThreadPoolExecutor(max(1, min(self.settings.concurrency, len(texts)))) as pool:
            try:
                tasks = zip(texts, contexts, strict=True)
                running = [pool.submit(self._translation, *task, direction, decoding) for task in tasks]
                return [each.result() for each in running]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def score(self, pairs: Sequence[tuple[str, str]], source: str, target: str) -> list[tuple[float, ...]]:
        raise UserError(
            "a server of OpenAI's protocol tells no probabilities of given texts; score with hf or ctranslate2"
        )

    def _translation(self, text: str, context: Context, direction: Direction, decoding: Decoding) -> Translation:
        if not text.strip():  # a model would make something up
            return Translation(failure="the text is empty")
        least, most = (
            most_output_tokens(tokens, decoding)
            # a byte-level vocabulary has a token for every byte at worst, and the translation may be in such a script
            for tokens in (about_tokens(text), len(text.encode("utf-8", "replace")))
        )
        reason = ""
        for fewer in _with_fewer_examples(context):
            shown = within(text, fewer, direction.labels, self.context_tokens - least)
            if shown is None:
                return Translation(failure=f"too long for the model, which reads {self.context_tokens:,} tokens")
            if len(shown.demonstrations) < len(fewer.demonstrations):
                tell_once(f"llm: some texts see fewer examples; {self.context_tokens:,} tokens hold no more")
            limit = min(most, self.context_tokens - prompt_tokens(text, shown, direction.labels))
            try:
                return Translation(self._hypotheses(text, shown, direction, decoding, limit))
            except Astray as found:
                reason = str(found)
            except Failure as found:
                return Translation(failure=str(found))
        return Translation(failure=reason)

    def _hypotheses(
        self, text: str, context: Context, direction: Direction, decoding: Decoding, limit: int
    ) -> tuple[Hypothesis, ...]:
        """One hypothesis, or the best of the samples that are whole translations.

        Raises:
            Failure: there is none.
        """
        write = chat if self.settings.form == "chat" else completion
        prompt = write(text, context, direction.labels)
        found, failures = [], []
        for number in range(max(1, decoding.samples)):
            options: dict[str, Any] = {"temperature": 0.0}
            if decoding.samples:
                options = {"temperature": decoding.temperature, "top_p": decoding.top_p, "seed": decoding.seed + number}
            try:
                answer = self.server.ask(prompt, max_tokens=limit, **options)
                found.append(hypothesis(answer, text, context, direction))
            except Failure as failure:
                failures.append(failure)
        if not found:
            raise failures[0]
        return ranked(found, decoding)


def hypothesis(answer: Answer, text: str, context: Context, direction: Direction) -> Hypothesis:
    """The translation that an answer is. Its log-probability is told only where nothing had to be cut from it.

    Raises:
        Failure: it is none.
    """
    mark = line_mark(text, context)
    if answer.cut_off:
        raise Failure("cut off at the output limit")
    line = cleaned(answer.text, one_line(text, mark), direction.labels)
    if not line:
        raise Astray("the answer is empty")
    if found := wrong_language(line, direction.source, direction.target):
        raise Astray(f"the answer is in {found}, not {direction.target}")
    translation = with_breaks(line, text, mark)
    if translation is None:
        raise Astray(f"the answer has other line breaks than the text's {len(BREAK.findall(text.strip()))}")
    similarity = context.demonstrations[-1].similarity if context.demonstrations else None
    if answer.log_probabilities is None or line != answer.text.strip():
        return Hypothesis(translation, similarity=similarity)
    told = answer.log_probabilities
    return Hypothesis(translation, sum(told), len(told), similarity=similarity)


def _with_fewer_examples(context: Context) -> Iterator[Context]:
    """The context, then with the nearer half of its examples, then with none."""
    count = len(context.demonstrations)
    for kept in dict.fromkeys((count, count // 2, 0)):
        yield replace(context, demonstrations=context.demonstrations[count - kept :])


def _direction(source: str, target: str) -> Direction:
    one, other = language(source).tag, language(target).tag
    return Direction(one, other, labels_of(one, other))
