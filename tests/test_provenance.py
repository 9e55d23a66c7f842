from pathlib import Path

import isogloss
from isogloss.provenance import commit, hardware, versions


def test_versions_name_python_and_numpy():
    assert {"python", "numpy"} <= versions().keys()


def test_hardware_names_processor_and_cores():
    found = hardware()
    assert found["processor"]
    assert int(found["cores"]) >= 1


def test_a_checkout_says_its_commit_and_an_installed_package_its_version():
    checkout = (Path(isogloss.__file__).parents[1] / ".git").exists()
    assert (commit() != versions()["isogloss"]) is checkout


def test_without_git_the_version_stands_in(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr("isogloss.provenance.subprocess.run", missing)
    assert commit() == versions().get("isogloss", "unknown")
