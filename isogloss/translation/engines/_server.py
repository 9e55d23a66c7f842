"""A server that speaks OpenAI's protocol: what is asked of it, and what its answers and errors mean.

The client pauses and tries again by itself after a time-out, 429 and 5xx. The key is read from the environment when it
is needed, is kept in no object of ours and stands in no message.
"""

import json
import os
import re
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

from isogloss.errors import UserError, nearest
from isogloss.translation.engines._breaker import Breaker
from isogloss.translation.translator import Stopped

KEYS = ("ISOGLOSS_API_KEY", "OPENAI_API_KEY")  # variables of the environment, the first one that is set
PATIENCE = 20.0  # seconds for the list of models
UNREACHABLE = ("ConnectError", "UnsupportedProtocol", "InvalidURL", "LocalProtocolError")  # the transport's own errors


_making = Lock()


class Failure(Exception):
    """Why there is no translation of a text."""


class Down(Failure):
    """Why there is none, where the server itself fails and not at this text."""


class Astray(Failure):
    """Why this answer is none, where fewer examples may give a better one."""


class Answer(NamedTuple):
    """What the server sent: the text, whether it was cut off, and the log-probabilities of its tokens if it tells."""

    text: str
    cut_off: bool
    log_probabilities: tuple[float, ...] | None


class Served(NamedTuple):
    """What a server says about its model: its own name for it, and the tokens it reads, 0 if that is not told."""

    name: str
    context_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Server:
    """A model of a server, and how patiently it is asked."""

    model: str
    url: str
    timeout: float  # seconds until an answer must be there
    retries: int  # further attempts, each after twice the pause

    def ask(self, prompt: str | list[dict[str, str]], **options: Any) -> Answer:
        """The answer to a chat's messages, or the continuation of a line.

        Raises:
            Failure: there is no answer to this prompt.
            Stopped: there will be none to any prompt.
        """
        breaker = self.breaker
        breaker.require()
        try:
            answer = self._asked(self.retries, prompt, **options)
        except Down as failure:
            breaker.failed(str(failure), lambda: self._answers(prompt))
            raise
        except Failure:
            breaker.answered()
            raise
        breaker.answered()
        return answer

    @property
    def breaker(self) -> Breaker:
        """Who counts this server's failures."""
        return _breaker(self.url, self.model)

    def _answers(self, prompt: str | list[dict[str, str]]) -> bool:
        """Whether the server gives one token for the shortest prompt of this form, or a reason of its own not to."""
        try:
            self._asked(1, "1" if isinstance(prompt, str) else [{"role": "user", "content": "1"}], max_tokens=1)
        except Down:
            return False
        except Failure:
            pass
        return True

    def _asked(self, retries: int, prompt: str | list[dict[str, str]], **options: Any) -> Answer:
        client = _client(self.url, self.timeout, retries, _key())
        if isinstance(prompt, str):
            create = client.completions.with_raw_response.create
            options |= {"model": self.model, "prompt": prompt, "stop": ["\n"]}
            probabilities: dict[str, Any] = {"logprobs": 1}
        else:
            create = client.chat.completions.with_raw_response.create
            options |= {"model": self.model, "messages": prompt}
            probabilities = {"logprobs": True}
        import openai

        try:
            try:
                raw = create(**options, **probabilities)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if "logprobs" not in str(error):
                    raise
                raw = create(**options)  # a server that tells none
            return _parsed(raw.text)
        except openai.OpenAIError as error:
            raise self._told(error) from None
        except UnicodeError:
            raise Failure("the text or the answer is not valid Unicode") from None

    def served(self) -> Served:
        """What the server says about the model; only its name where it lists no models.

        Raises:
            UserError: it cannot be reached, refuses the key, or lists other models only.
        """
        client = _client(self.url, min(self.timeout, PATIENCE), 1, _key())
        import openai

        try:
            body = client.models.with_raw_response.list().text
        except openai.NotFoundError:
            return Served(self.model)
        except openai.OpenAIError as error:
            told = self._told(error)
            raise (told if isinstance(told, UserError) else UserError(f"{self.url}: {told}")) from None
        try:
            known = {str(each["id"]): each for each in json.loads(body)["data"]}
        except (ValueError, LookupError, TypeError):
            raise UserError(f"{self.url} does not speak OpenAI's protocol; its root often ends in /v1") from None
        if known and self.model not in known:
            raise UserError(f"{self.url} has no model {self.model!r}; {nearest(self.model, known)}")
        return _described(self.model, known.get(self.model, {}))

    def _told(self, error: Exception) -> Exception:
        """What an error of the client means: a failure of one text, or a mistake that the user can mend."""
        import openai

        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            asked = "it wants one" if _key() is None else "it does not take the one that is set"
            return Stopped(f"{self.url} refuses the key ({error.status_code}): {asked}; set {' or '.join(KEYS)}")
        if isinstance(error, openai.NotFoundError):
            return Stopped(f"{self.url} has no model {self.model!r}, or is not the root of the API (often in /v1)")
        if isinstance(error, openai.APITimeoutError):
            return Down(f"no answer within {self.timeout:g} s, asked {self.retries + 1} times")
        if isinstance(error, openai.APIConnectionError):
            if type(error.__cause__).__name__ in UNREACHABLE:
                return Stopped(f"{self.url} cannot be reached; start the server or mend the URL")
            return Down("the connection broke before the answer was there")
        if isinstance(error, openai.RateLimitError | openai.InternalServerError):
            return Down(f"the server answered {error.status_code}, asked {self.retries + 1} times")
        reason = without_secrets(" ".join(str(error).split()))[:200]
        # too long for the model: with fewer examples it may not be
        return (Astray if "context" in reason else Failure)(f"the server refused: {reason}")


def _parsed(body: str) -> Answer:
    """The answer in a response of either form.

    Raises:
        Failure: it is none.
    """
    try:
        choice = json.loads(body)["choices"][0]
        text = choice["message"]["content"] if "message" in choice else choice["text"]
        reason, told = choice.get("finish_reason"), choice.get("logprobs") or {}
        values = told.get("token_logprobs") or [token["logprob"] for token in told.get("content") or ()]
        known = tuple(map(float, values)) if values and None not in values else None
        if not isinstance(text, str | None):
            raise TypeError
    except (ValueError, LookupError, TypeError, AttributeError):
        raise Down("the server sent something that is no answer") from None
    if reason == "content_filter":
        raise Failure("the server's filter withheld the answer")
    return Answer(text or "", reason == "length", known)


def _described(model: str, row: dict[str, Any]) -> Served:
    """What vLLM (`root`, `max_model_len`) or llama.cpp (`meta`) says about a model."""
    meta = row.get("meta") if isinstance(row.get("meta"), dict) else {}
    tokens = row.get("max_model_len") or (meta or {}).get("n_ctx") or (meta or {}).get("n_ctx_train")
    return Served(str(row.get("root") or model), tokens if isinstance(tokens, int) else 0)


def _key() -> str | None:
    return next((os.environ[name] for name in KEYS if os.environ.get(name)), None)


def without_secrets(text: str) -> str:
    """The text without the key, and without what stands before the host of a URL."""
    for name in KEYS:
        if key := os.environ.get(name):
            text = text.replace(key, "***")
    return re.sub(r"(https?://)[^\s/@]+@", r"\1***@", text)


def _client(url: str, timeout: float, retries: int, key: str | None) -> Any:
    """The client of a server, one for all threads of a process."""
    with _making:  # or threads that begin together would each make one, and all but the last would be lost
        return _made(url, timeout, retries, key)


@cache
def _breaker(url: str, model: str) -> Breaker:
    return Breaker(f"{model} at {url}")


@cache
def _made(url: str, timeout: float, retries: int, key: str | None) -> Any:
    try:
        from openai import OpenAI
    except ImportError:
        raise UserError("a served language model needs openai; pip install 'isogloss[translate]'") from None
    return OpenAI(base_url=url, api_key=key or "none", timeout=timeout, max_retries=retries)
