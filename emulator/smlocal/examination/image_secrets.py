"""What looks like a credential in an image: in its environment, its labels, some files, and its history."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from smlocal.engine.interface import ImageFacts
from smlocal.evidence import SecretSeen
from smlocal.examination.image_files import ImageFiles

# AWS's own documentation uses these as examples
_EXAMPLE_KEYS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
# The last group of each is the credential, or all that was matched. What a shell is to put in ($NAME) is none.
_PATTERNS = {
    "AWS access key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "AWS secret": re.compile(
        r"\b(?:AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN)\s*=\s*[\"']?([^\s\"'$`;&]+)", re.IGNORECASE
    ),
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[^-]{0,80}"),
    "GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}\b"),
}
_FILES = (
    "/root/.aws/credentials",
    "/root/.docker/config.json",
    "/root/.netrc",
    "/root/.ssh/id_ed25519",
    "/root/.ssh/id_rsa",
)
# the classic builder's way and BuildKit's; a bare command is a RUN of the classic builder
_INSTRUCTION = re.compile(r"(?:/bin/sh -c #\(nop\)\s+)?([A-Z]+)\b")


def secrets(facts: ImageFacts, history: Sequence[str], files: ImageFiles) -> Iterator[SecretSeen]:
    """What was found, and where. What the environment or a label holds is not told again of the line that set it."""
    told: set[str] = set()
    for where, text in (*_settings(facts), *_contents(files)):
        found = dict(_matches(text))
        told.update(found.values())
        yield from (SecretSeen(where, kind) for kind in found)
    for number, line in enumerate(history, start=1):
        new = {kind for kind, value in _matches(line) if value not in told}
        yield from (SecretSeen(f"history, step {number} ({_instruction(line)})", kind) for kind in sorted(new))


def _settings(facts: ImageFacts) -> Iterator[tuple[str, str]]:
    for name, value in facts.environment.items():
        yield f"environment variable {name}", f"{name}={value}"
    for name, value in facts.labels.items():
        yield f"label {name}", f"{name}={value}"


def _contents(files: ImageFiles) -> Iterator[tuple[str, str]]:
    for path in _FILES:
        found = files.find(path)
        if found is not None:
            yield path, files.beginning(found).decode("utf-8", "replace")


def _matches(text: str) -> Iterator[tuple[str, str]]:
    """Kinds and values of what looks like a credential."""
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            value = match[pattern.groups]
            if value not in _EXAMPLE_KEYS:
                yield kind, value


def _instruction(line: str) -> str:
    found = _INSTRUCTION.match(line)
    return found[1] if found else "RUN"
