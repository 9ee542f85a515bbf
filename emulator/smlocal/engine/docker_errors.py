"""The `docker` package's exceptions as ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import docker.errors
import requests.exceptions

from smlocal.errors import DiskFull, EngineError, EngineUnavailable, ImageNotFound, NotFoundInEngine


@contextlib.contextmanager
def translated(what: str, missing: type[EngineError] = NotFoundInEngine) -> Iterator[None]:
    """Turn the library's exceptions into ours; `what` is the sentence's subject, `missing` what "not found" means."""
    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise ImageNotFound(f"{what}: {explanation(error)}") from error
    except docker.errors.NotFound as error:
        raise missing(f"{what}: {explanation(error)}") from error
    except docker.errors.APIError as error:
        text = explanation(error)
        kind = DiskFull if "no space left on device" in text else EngineError
        raise kind(f"{what}: {text}") from error
    except docker.errors.ContextNotFound as error:
        raise EngineUnavailable(f"{what}: the Docker {error}: `docker context ls` lists those there are") from error
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        raise EngineUnavailable(f"{what}: the container engine does not answer ({error})") from error


def explanation(error: docker.errors.APIError) -> str:
    """The engine's own words."""
    return str(error.explanation or error).strip()
