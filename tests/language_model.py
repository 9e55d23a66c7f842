"""A stand-in for a language model behind OpenAI's protocol, on this machine: deterministic, and it reads its prompt.

It translates word by word. A word of the terms wins over one that an example shows (in the same place of both sides),
later examples over earlier ones, and these over the few words it knows; what it does not know it leaves as it is. A
draft it corrects as the examples correct theirs. It misbehaves as it is told, for texts that hold a given word.
"""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

STATUSES = {"500": 500, "429": 429, "401": 401}


class LanguageModelServer(ThreadingHTTPServer):
    """`known`: its words; `faults`: by a word of the text what goes wrong, once each; `requests`: their bodies."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.known: dict[str, str] = {}
        self.faults: dict[str, list[str]] = {}
        self.broken = ""  # what goes wrong with every request
        self.breaks_at = 0  # the number of the first of them
        self.answers: dict[str, str] = {}  # by a word of the text, given as they are
        self.drawn: dict[int, str] = {}  # by the seed of a sample, given as they are
        self.requests: list[dict] = []
        self.model: dict = {"id": "stand-in", "max_model_len": 4000}
        self.lists_models = True
        self.tells_probabilities = True
        self.key: str | None = None
        self.delay = 0.0  # seconds before every answer
        self.busy = self.most_busy = 0
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.spec = f"stand-in@{self.url}"

    def asked_about(self, word: str) -> list[dict]:
        """The requests whose last text holds the word."""
        return [body for body in self.requests if word in blocks(body)[-1]["source"]]


class Handler(BaseHTTPRequestHandler):
    server: LanguageModelServer
    protocol_version = "HTTP/1.1"  # connections stay open, as with real servers
    disable_nagle_algorithm = True

    def do_GET(self):
        if self._refused():
            return
        if not self.server.lists_models:
            self.send_error(404)
            return
        self._send(200, {"object": "list", "data": [self.server.model]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._refused():
            return
        with self.server.lock:
            self.server.requests.append(body)
            self.server.busy += 1
            self.server.most_busy = max(self.server.most_busy, self.server.busy)
        try:
            self._answer(body)
        finally:
            with self.server.lock:
                self.server.busy -= 1

    def _answer(self, body: dict):
        text = blocks(body)[-1]["source"]
        time.sleep(self.server.delay)
        with self.server.lock:
            due = next((faults for word, faults in self.server.faults.items() if word in text and faults), None)
            fault = due.pop(0) if due else ""
            if self.server.broken and len(self.server.requests) > self.server.breaks_at:
                fault = self.server.broken
        if "logprobs" in body and not self.server.tells_probabilities:
            self._send(400, {"error": {"message": "logprobs is not supported"}})
        elif fault == "context":
            self._send(400, {"error": {"message": "the model's maximum context length is 4000 tokens"}})
        elif fault == "refuse":
            self._send(400, {"error": {"message": f"no, {self.headers.get('Authorization')}"}})
        elif fault in STATUSES:
            self._send(STATUSES[fault], {"error": {"message": "as told"}}, [("retry-after-ms", "1")])
        elif fault == "hang":
            self.server.released.wait(5)
            self.close_connection = True
        elif fault == "garbage":
            self._send(200, "<html>gateway</html>")
        elif fault == "nothing":
            self._send(200, {"choices": []})
        elif fault == "break":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b'{"choices": [')
            self.close_connection = True
        else:
            self._send(200, self._response(body, text, fault))

    def _response(self, body: dict, text: str, fault: str) -> dict:
        answer = next((each for word, each in self.server.answers.items() if word in text), None)
        if answer is None:
            answer = translated(blocks(body), self.server.known)
        if body.get("temperature"):
            answer = self.server.drawn.get(body["seed"], f"{answer} {body['seed']}")
        answer = {"empty": "  ", "source": text}.get(fault, answer)
        choice: dict = {"index": 0, "finish_reason": "length" if fault == "length" else "stop"}
        tokens = answer.split()
        if "messages" in body:
            choice |= {"message": {"role": "assistant", "content": answer}}
            choice["logprobs"] = {"content": [{"token": each, "logprob": -0.5} for each in tokens]}
        else:
            choice |= {"text": f" {answer}", "logprobs": {"token_logprobs": [-0.5 for _ in tokens]}}
        return {"object": "answer", "model": self.server.model["id"], "choices": [choice]}

    def _refused(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.server.key in (None, given):
            return False
        self._send(401, {"error": {"message": f"Incorrect API key provided: {given}"}})
        return True

    def _send(self, status: int, content: dict | str, headers: list[tuple[str, str]] = []):  # noqa: B006
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        for name, value in [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Nothing: the tests' output stays clean."""


def blocks(body: dict) -> list[dict]:
    """The examples and the text of a request: source, target or None, draft or None, terms."""
    if "prompt" in body:
        lines = body["prompt"].split("\n")
    else:
        lines = []
        for turn in body["messages"]:
            if turn["role"] == "assistant":
                lines[-1] += f" {turn['content']}"
            else:
                lines += turn["content"].rpartition("\n\n")[2].split("\n")  # what is wanted stands before the first
    found: list[dict] = []
    terms: dict[str, str] = {}
    for line in lines:
        label, _, rest = line.partition(":")
        rest = rest.strip()
        if label == "Terms":
            terms = {
                source.lower(): target.split(" / ")[0]
                for source, _, target in (pair.partition(" = ") for pair in rest.split("; "))
            }
        elif label == "Draft":
            found[-1]["draft"] = rest
        elif found and found[-1]["target"] is None:
            found[-1]["target"] = rest or None
        else:
            found.append({"source": rest, "target": None, "draft": None, "terms": terms})
    return found


def translated(given: list[dict], known: dict[str, str]) -> str:
    """What the stand-in makes of the last block."""
    *examples, asked = given
    words, corrections = dict(known), {}
    for example in examples:
        words |= _side_by_side(example["source"], example["target"])
        if example["draft"]:
            corrections |= _side_by_side(example["draft"], example["target"])
    words |= asked["terms"]
    if asked["draft"]:
        return " ".join(corrections.get(word.lower(), word) for word in asked["draft"].split())
    return " ".join(words.get(word.lower(), word) for word in asked["source"].split())


def _side_by_side(source: str, target: str) -> dict[str, str]:
    one, other = source.split(), target.split()
    return {a.lower(): b for a, b in zip(one, other, strict=True)} if len(one) == len(other) else {}


@pytest.fixture
def language_model(monkeypatch) -> Iterator[LanguageModelServer]:
    """A running server; no key is set, and no proxy stands before it."""
    for name in ("ISOGLOSS_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with LanguageModelServer() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.released.set()
        made.shutdown()
        thread.join()
