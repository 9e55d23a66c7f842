from isogloss.evaluation.provenance import commit, hardware, versions


def test_versions_name_python_and_numpy():
    assert {"python", "numpy"} <= versions().keys()


def test_hardware_names_processor_and_cores():
    found = hardware()
    assert found["processor"]
    assert int(found["cores"]) >= 1


def test_a_commit_or_a_version_is_always_found():
    assert commit()


def test_without_git_the_version_stands_in(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr("isogloss.evaluation.provenance.subprocess.run", missing)
    assert commit() == versions().get("isogloss", "unknown")
