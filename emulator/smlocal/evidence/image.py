"""What an image is, as far as it can be known without running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_CAPABILITIES = "com.amazonaws.sagemaker.capabilities"


@dataclass(frozen=True)
class Program:
    """What `docker run IMAGE train` (or `serve`) executes: ENTRYPOINT and the word, or the word alone."""

    word: str  # "train" or "serve"
    argv: tuple[str, ...]
    path: str | None  # the file that argv[0] leads to, links followed; None: it is not on PATH, or not there
    executable: bool  # its mode has an x for everybody
    kind: str  # "script", "elf", "text" (neither, and no #! line), "missing"
    interpreter: str | None = None  # of a script's #! line: the file, or the word after `env`
    interpreter_found: bool = True
    crlf: bool = False  # the #! line ends in CR LF

    @property
    def starts(self) -> bool:
        """Whether a kernel can start it at all. A text without #! line starts from a shell only."""
        return self.path is not None and self.executable and self.kind in ("script", "elf") and self.interpreter_found


@dataclass(frozen=True)
class SecretSeen:
    """What looks like a credential. The value itself is never kept."""

    where: str  # "environment variable AWS_SECRET_ACCESS_KEY", "history", "/root/.aws/credentials"
    kind: str  # "AWS access key", "private key", ...


@dataclass(frozen=True)
class PushedManifest:
    """What a push of the image hands to a registry."""

    media_type: str  # "application/vnd.oci.image.index.v1+json"; "": it could not be read
    where: str  # who says so: "the engine's store", "the OCI layout image.tar", "registry.example/team/model:1.0"
    unread: str = ""  # why it could not be read


@dataclass(frozen=True)
class ImageEvidence:
    """One image in the engine."""

    reference: str
    id: str
    architecture: str  # "amd64", "arm64"
    operating_system: str
    size_bytes: int
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    user: str
    working_directory: str
    programs: Mapping[str, Program]  # "train" and "serve"
    word_on_path: Mapping[str, bool]  # whether PATH has an executable of that name, whatever ENTRYPOINT is
    baked: tuple[str, ...]  # files below /opt/ml/{input,model,output}, at most a hundred
    secrets: tuple[SecretSeen, ...]
    driver_files: tuple[str, ...]  # of an NVIDIA driver
    manifest: PushedManifest | None = None  # None: it is made only while it is pushed

    @property
    def holds_models(self) -> bool:
        """Whether its label says that it can be the container of a multi-model endpoint."""
        return self.labels.get(f"{_CAPABILITIES}.multi-models") == "true"

    @property
    def takes_port(self) -> bool:
        """Whether its label says that it listens on the port in SAGEMAKER_BIND_TO_PORT."""
        return self.labels.get(f"{_CAPABILITIES}.accept-bind-to-port") == "true"
