"""Whether the Hugging Face Hub can be reached, asked once and quickly."""

import socket
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import constants


def offline() -> bool:
    """Whether the Hub is switched off or does not answer, so that only its cache can be read."""
    return constants.HF_HUB_OFFLINE or not hub_answers()


@lru_cache
def hub_answers() -> bool:
    """Whether the Hub can be reached at all; the library itself would try for a minute, with a line per attempt."""
    if getproxies():
        return True  # for the proxy to find out
    endpoint = urlsplit(constants.ENDPOINT)
    try:
        port = endpoint.port or (80 if endpoint.scheme == "http" else 443)
        socket.create_connection((endpoint.hostname or "", port), timeout=5).close()
    except OSError:
        return False
    return True
