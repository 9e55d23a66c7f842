import socket

from isogloss import online


def test_a_hub_that_refuses_connections_does_not_answer(monkeypatch):
    hub_answers = online.hub_answers.__wrapped__
    monkeypatch.setattr(online, "getproxies", dict)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(online.constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert hub_answers()
    assert not hub_answers()
    monkeypatch.setattr(online, "getproxies", lambda: {"https": "http://proxy"})
    assert hub_answers()


def test_a_hub_that_is_switched_off_is_not_asked(monkeypatch):
    monkeypatch.setattr(online, "hub_answers", lambda: 1 / 0)
    monkeypatch.setattr(online.constants, "HF_HUB_OFFLINE", True)
    assert online.offline()
