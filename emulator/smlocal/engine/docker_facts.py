"""What Docker's API answers, as the values of our interface."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smlocal.engine.interface import ContainerSpec, ContainerState, EngineFacts, ImageFacts, PathFacts, PathKind

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# bits of Go's os.FileMode, as the engine sends them
_DIRECTORY, _SYMLINK, _PERMISSIONS = 1 << 31, 1 << 27, 0o777
_DEVICE_PIPE_OR_SOCKET = 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19


def engine_facts(info: Mapping[str, Any], version: Mapping[str, Any], address: str) -> EngineFacts:
    """Facts from `GET /info` and `GET /version`."""
    components = {part.get("Name", ""): part for part in version.get("Components") or []}
    podman = "Podman Engine" in components
    architecture = info.get("Architecture") or version.get("Arch") or ""
    return EngineFacts(
        name="podman" if podman else "docker",
        version=str(version.get("Version", "")),
        api_version=str(version.get("ApiVersion", "")),
        operating_system=str(info.get("OperatingSystem", "")),
        architecture=_ARCHITECTURES.get(architecture, architecture),
        storage_driver=str(info.get("Driver", "")),
        cpus=int(info.get("NCPU") or 0),
        memory_bytes=int(info.get("MemTotal") or 0),
        host_id=str(info.get("ID") or info.get("Name") or address),
        address=address,
        shares_this_machine=_shares_this_machine(info, address),
        has_gpu="nvidia" in (info.get("Runtimes") or {}),
        root_directory=str(info.get("DockerRootDir", "")),
        registry=str(info.get("IndexServerAddress") or ""),
        warnings=tuple(info.get("Warnings") or ()),
    )


def _shares_this_machine(info: Mapping[str, Any], address: str) -> bool:
    """Whether a port published on the engine's loopback is reachable on ours.

    Docker Desktop and rootless engines forward such ports; else the engine's process must live in our network
    namespace, which the peer of its Unix socket tells.
    """
    if not address.startswith(("unix://", "http+unix://", "npipe://")):
        return False
    if "Docker Desktop" in str(info.get("OperatingSystem", "")):
        return True
    if any("rootless" in option for option in info.get("SecurityOptions") or []):
        return True
    return _same_network_namespace(address.split("://", 1)[1])


def _same_network_namespace(path: str) -> bool:
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # not Linux: an engine behind a local socket is a desktop one
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid = struct.unpack("3i", credentials)[0]
    try:
        return Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink()
    except PermissionError:
        return Path(f"/proc/{pid}").exists()  # another user's process in our PID namespace: the usual engine
    except OSError:
        return False


def image_facts(inspected: Mapping[str, Any]) -> ImageFacts:
    config = inspected.get("Config") or {}
    return ImageFacts(
        id=_with_algorithm(inspected["Id"]),
        tags=tuple(_short_tag(tag) for tag in inspected.get("RepoTags") or ()),
        architecture=inspected.get("Architecture") or "",
        operating_system=inspected.get("Os") or "",
        size_bytes=int(inspected.get("Size") or 0),
        created=str(inspected.get("Created") or ""),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        environment=_pairs(config.get("Env")),
        labels=dict(config.get("Labels") or {}),
        user=config.get("User") or "",
        working_directory=config.get("WorkingDir") or "",
        # since API 1.48, with the containerd image store
        manifest_type=str((inspected.get("Descriptor") or {}).get("mediaType") or ""),
        layers=tuple((inspected.get("RootFS") or {}).get("Layers") or ()),
    )


def _with_algorithm(identifier: str) -> str:
    return identifier if ":" in identifier else f"sha256:{identifier}"


def _short_tag(tag: str) -> str:
    """Podman names local images `localhost/x` and Hub's `docker.io/library/x`; Docker says `x` for both."""
    for prefix in ("localhost/", "docker.io/library/", "docker.io/"):
        if tag.startswith(prefix):
            return tag.removeprefix(prefix)
    return tag


def _pairs(environment: list[str] | None) -> dict[str, str]:
    return dict(item.partition("=")[::2] for item in environment or ())


def container_state(inspected: Mapping[str, Any]) -> ContainerState:
    state = inspected["State"]
    networks = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    status = state.get("Status") or ""
    ended = status in ("exited", "dead", "stopped")
    return ContainerState(
        id=inspected["Id"],
        name=inspected.get("Name", "").removeprefix("/"),
        status="exited" if status == "stopped" else status,
        running=bool(state.get("Running")),
        exit_code=int(state["ExitCode"]) if ended else None,
        out_of_memory=bool(state.get("OOMKilled")),
        error=str(state.get("Error") or ""),
        labels=dict((inspected.get("Config") or {}).get("Labels") or {}),
        addresses={name: part["IPAddress"] for name, part in networks.items() if part.get("IPAddress")},
        published=_published(inspected),
        started_at=str(state.get("StartedAt") or ""),
        finished_at=str(state.get("FinishedAt") or ""),
    )


def path_facts(told: Mapping[str, Any]) -> PathFacts:
    """Facts from the header `X-Docker-Container-Path-Stat`."""
    mode = int(told["mode"])
    if mode & _SYMLINK:
        return PathFacts("symlink", mode & _PERMISSIONS, str(told.get("linkTarget") or ""))
    kind: PathKind = "directory" if mode & _DIRECTORY else "other" if mode & _DEVICE_PIPE_OR_SOCKET else "file"
    return PathFacts(kind, mode & _PERMISSIONS)


def _published(inspected: Mapping[str, Any]) -> dict[int, tuple[str, int]]:
    ports = (inspected.get("NetworkSettings") or {}).get("Ports") or {}
    found: dict[int, tuple[str, int]] = {}
    for name, bindings in ports.items():
        for binding in bindings or ():
            found.setdefault(int(name.split("/")[0]), (binding.get("HostIp") or "", int(binding["HostPort"])))
    return found


def memory_bytes(stats: Mapping[str, Any]) -> int | None:
    """As `docker stats` counts it: the usage without the part of the page cache that the kernel can drop at once."""
    found = stats.get("memory_stats") or {}
    usage = found.get("usage")
    if not usage:
        return None
    details = found.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))  # cgroup v1, v2
    return int(usage) - int(cache) if cache < usage else int(usage)


def container_config(spec: ContainerSpec) -> dict[str, Any]:
    """The body of `POST /containers/create`. No TTY, no standard input, no added privileges."""
    config: dict[str, Any] = {
        "Image": spec.image,
        "Env": [f"{name}={value}" for name, value in spec.environment.items()],
        "Labels": dict(spec.labels),
        "Tty": False,
        "OpenStdin": False,
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": _host_config(spec),
    }
    if spec.command is not None:
        config["Cmd"] = list(spec.command)
    if spec.entrypoint is not None:
        config["Entrypoint"] = list(spec.entrypoint)
    if spec.hostname is not None:
        config["Hostname"] = spec.hostname
    if spec.published_port is not None:
        config["ExposedPorts"] = {f"{spec.published_port}/tcp": {}}
    if spec.aliases and spec.network not in (None, "none"):
        config["NetworkingConfig"] = {"EndpointsConfig": {spec.network: {"Aliases": list(spec.aliases)}}}
    return config


def _host_config(spec: ContainerSpec) -> dict[str, Any]:
    host: dict[str, Any] = {
        "Mounts": [
            {
                "Type": "volume",
                "Source": mount.volume,
                "Target": mount.path,
                "ReadOnly": mount.read_only,
                "VolumeOptions": {"NoCopy": True},
            }
            for mount in spec.mounts
        ],
        "ExtraHosts": [f"{name}:{address}" for name, address in spec.extra_hosts.items()],
    }
    if spec.network is not None:
        host["NetworkMode"] = spec.network
    if spec.resolvers is not None:
        host["Dns"] = list(spec.resolvers)
        host["DnsOptions"] = list(spec.resolver_options)
    if spec.cpus is not None:
        host["NanoCpus"] = int(spec.cpus * 1e9)
    if spec.memory_bytes is not None:
        host["Memory"] = host["MemorySwap"] = spec.memory_bytes  # no swap on SageMaker's instances
    if spec.shared_memory_bytes is not None:
        host["ShmSize"] = spec.shared_memory_bytes
    if spec.published_port is not None:
        host["PortBindings"] = {f"{spec.published_port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    if spec.gpus:
        host["DeviceRequests"] = [{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}]
    return host


def gateway(network: Mapping[str, Any]) -> str | None:
    """The host's IPv4 address on a bridge. Docker 20.10 leaves it out for the default bridge of a daemon that created
    it itself; it is then the subnet's first address."""
    for part in (network.get("IPAM") or {}).get("Config") or ():
        if part.get("Gateway"):
            return str(part["Gateway"])
        subnet = ipaddress.ip_network(part.get("Subnet") or "::/0")
        if subnet.version == 4:
            return str(next(subnet.hosts()))
    return None
