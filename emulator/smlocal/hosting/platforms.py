"""Who calls a model container: an endpoint or a transform job, each with requests and words of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from smlocal.hosting.failures import BATCH_TEXTS, ENDPOINT_TEXTS, EndpointTexts
from smlocal.hosting.model import HOSTNAME, PORT
from smlocal.launch import Kind


@dataclass(frozen=True)
class Platform:
    """Who calls the container: the headers that its own requests bear, and its words for failures."""

    kind: Kind
    headers: Mapping[str, str]
    texts: EndpointTexts


# The headers were observed in containers' logs, of endpoints until 2021 and of transform jobs until 2024.
REAL_TIME = Platform("endpoint", {"Host": f"{HOSTNAME}:{PORT}", "User-Agent": "AHC/2.0"}, ENDPOINT_TEXTS)
BATCH = Platform("transform", {"Host": f"169.254.255.131:{PORT}", "User-Agent": "Go-http-client/1.1"}, BATCH_TEXTS)
