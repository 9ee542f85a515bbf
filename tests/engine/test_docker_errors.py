"""What the docker library raises, and what of it leaves our module."""

from __future__ import annotations

import docker.errors
import pytest
import requests.exceptions

import requests
from smlocal.engine.docker_errors import translated
from smlocal.errors import DiskFull, EngineError, EngineUnavailable, ImageNotFound, NotFoundInEngine


def api_error(status: int, message: str) -> docker.errors.APIError:
    """The library's exception for an answer of the engine, made as the library makes it."""
    response = requests.Response()
    response.status_code = status
    response.url = "http+docker://localhost/v1.41/x"
    response._content = b'{"message": "%s"}' % message.encode()
    with pytest.raises(docker.errors.APIError) as raised:
        docker.errors.create_api_error_from_http_exception(requests.exceptions.HTTPError(response=response))
    return raised.value


@pytest.mark.parametrize(
    ("foreign", "kind", "words"),
    [
        (api_error(404, "No such image: x:1"), ImageNotFound, "doing it: No such image: x:1"),
        (api_error(404, "No such container: x"), NotFoundInEngine, "doing it: No such container: x"),
        (api_error(500, "write /a: no space left on device"), DiskFull, "doing it: write /a: no space left on device"),
        (api_error(409, "Conflict"), EngineError, "doing it: Conflict"),
        (api_error(500, ""), EngineError, "doing it: 500 Server Error"),
        (
            docker.errors.DockerException("odd"),
            EngineUnavailable,
            "doing it: the container engine does not answer (odd)",
        ),
        (docker.errors.ContextNotFound("far"), EngineUnavailable, "doing it: the Docker context 'far' not found"),
        (requests.exceptions.ConnectionError("gone"), EngineUnavailable, "does not answer (gone)"),
        (requests.exceptions.ReadTimeout("slow"), EngineUnavailable, "does not answer (slow)"),
        (ConnectionResetError("reset"), EngineUnavailable, "does not answer (reset)"),
    ],
)
def test_each_foreign_exception_has_one_translation(foreign: Exception, kind: type[EngineError], words: str) -> None:
    with pytest.raises(kind) as raised, translated("doing it"):
        raise foreign
    assert type(raised.value) is kind
    assert words in str(raised.value)
    assert raised.value.__cause__ is foreign


def test_what_not_found_means_is_the_callers_to_say() -> None:
    with pytest.raises(ImageNotFound), translated("tagging x", missing=ImageNotFound):
        raise api_error(404, "failed to find image x")


def test_an_error_of_ours_passes_as_it_is() -> None:
    own = NotFoundInEngine("ours")
    with pytest.raises(NotFoundInEngine) as raised, translated("doing it"):
        raise own
    assert raised.value is own
