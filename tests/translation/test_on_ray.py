"""Ray: the same store and the same result as alone, though a worker is killed; its troubles are one line."""

import os
import signal
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
from fake_engine import Fake

from isogloss.errors import UserError
from isogloss.records import Sentence
from isogloss.translation.job import Work
from isogloss.translation.place import Place
from isogloss.translation.translate import translate_records

pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own
RECORDS = [
    Sentence(id=str(i), language="en", text=f"Row {i} is here. It is short. Twin {i // 2}! Sorry {i % 9}.", label="a")
    for i in range(300)
]


@dataclass
class Mortal(Fake):
    """Its process is killed in the middle of the first batch in which a text stands, once."""

    grave: Path = Path()

    def translate(self, texts, source, target, decoding):
        if "Row 150 is here." in texts and not self.grave.exists():
            self.grave.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().translate(texts, source, target, decoding)


def without_server():
    raise UserError("no server at http://localhost:1")


class WithoutKey(Fake):
    def translate(self, texts, source, target, decoding):
        raise UserError("the server refuses the key")


@pytest.fixture(scope="module")
def ray():
    import ray

    from isogloss.translation.on_ray import _ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with _ray() as found:
        yield found
    assert ray.is_initialized()  # who found a cluster leaves it alone
    ray.shutdown()


def test_two_workers_of_which_one_is_killed_make_what_one_makes_alone(ray, tmp_path, content, keys_in):
    load = partial(Mortal, failing="Sorry 7", log=tmp_path / "log.txt", grave=tmp_path / "grave")
    targets, work = ["de", "sw"], Work(tokens=256)
    translate_records(RECORDS, Fake(failing="Sorry 7"), targets, Place(tmp_path / "alone"), work=work)
    translate_records(RECORDS, load(), targets, Place(tmp_path / "ray"), work=replace(work, ray=2, load=load))
    assert (tmp_path / "grave").exists()
    assert content(tmp_path / "ray") == content(tmp_path / "alone")
    assert keys_in(tmp_path / "ray.store") == keys_in(tmp_path / "alone.store")
    done = (tmp_path / "log.txt").read_text().splitlines()
    assert len(done) == len(set(done)) == len(keys_in(tmp_path / "alone.store"))

    with pytest.raises(UserError, match="3: Ray has 2 processors"):
        translate_records(RECORDS, Fake(), ["de"], Place(tmp_path / "three"), work=Work(ray=3, load=load))


@pytest.mark.parametrize("load, complaint", [(without_server, "no server at"), (WithoutKey, "refuses the key")])
def test_what_is_wrong_with_an_engine_is_told_in_its_own_words(ray, tmp_path, load, complaint):
    with pytest.raises(UserError, match=f"^[^\n]*{complaint}[^\n]*$"):
        translate_records(RECORDS[:9], Fake(), ["de"], Place(tmp_path / "set"), work=Work(ray=1, load=load))
    assert not (tmp_path / "set").exists()


def test_what_is_known_is_not_sent_to_workers(ray, tmp_path):
    place = Place(store=tmp_path / "store")
    translate_records(RECORDS, Fake(), ["de"], place)
    translate_records(RECORDS, Fake(), ["de"], place, work=Work(ray=2, load=without_server))


def test_a_missing_ray_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"isogloss\[scale\]"):
        translate_records(RECORDS, Fake(), ["de"], Place(tmp_path / "set"), work=Work(ray=2, load=Fake))
