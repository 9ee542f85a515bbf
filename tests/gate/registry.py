"""A real registry on loopback, its repositories, and what it holds."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.request import urlopen

from smlocal.http_client import HttpClient
from smlocal.registry.distribution import DistributionRepository
from smlocal.registry.reference import parse_reference


@dataclass(frozen=True)
class RealRegistry:
    """`place` is its host and port."""

    place: str
    http: HttpClient

    def new_name(self) -> str:
        """Of a repository that nobody has written to."""
        return f"tests/a{secrets.token_hex(8)}"

    def repository(self, name: str) -> DistributionRepository:
        return DistributionRepository(parse_reference(f"{self.place}/{name}"), self.http)

    def tags(self, name: str) -> list[str]:
        """As its own API lists them."""
        try:
            with urlopen(f"http://{self.place}/v2/{name}/tags/list", timeout=30) as answer:
                return sorted(json.load(answer)["tags"] or [])
        except HTTPError as error:
            error.close()
            assert error.code == 404
            return []
