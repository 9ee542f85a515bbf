"""Training jobs, endpoints and transform jobs for tests: the same runs as those of the command line."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smlocal import requests
from smlocal.cli.image_choice import chosen
from smlocal.cli.places import Places, ensure_buckets, shown
from smlocal.cli.serve import fronted
from smlocal.cli.transform_words import model_to_transform
from smlocal.engine.interface import Engine
from smlocal.errors import UsageError
from smlocal.hosting.failures import BATCH_TEXTS
from smlocal.images.availability import CANNOT_PULL_TRAINING_IMAGE, PullPolicy
from smlocal.pytest_plugin.results import Endpoint, TrainingRun, TransformRun
from smlocal.pytest_plugin.telling import Heard, plainly
from smlocal.pytest_plugin.words import Place, model_request, training_request, transform_request
from smlocal.settings import Settings
from smlocal.training import Observer as TrainingObserver
from smlocal.transform.job import Observer as TransformObserver
from smlocal.wiring import Program


@dataclass(frozen=True)
class Bench:
    """What the runs of one test have in common."""

    engine: Engine
    settings: Settings
    folder: Path  # for what they make, when nobody says where it is to go
    heard: Heard
    instance_type: str
    pull: PullPolicy

    @contextmanager
    def program(self, places: Places | None = None) -> Iterator[Program]:
        self.settings.state.mkdir(parents=True, exist_ok=True)
        with Program(self.settings, places.mounts if places else None, engine=self.engine) as program:
            yield program


class TrainingJobs:
    """Called, runs a training job of an image, or the job that a CreateTrainingJob request describes."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    @plainly
    def __call__(self, image: str | Mapping[str, Any], **words: Any) -> TrainingRun:
        """Run it to its end; a job that fails is a result. The words are those of `words.training_request`.

        Raises InvalidRequest for what CreateTrainingJob refuses, NotSupported, UsageError; CannotRun when the engine
        fails, ImageNotFound.
        """
        bench, places, heard = self._bench, Places(), Heard(self._bench.heard)
        if isinstance(image, Mapping):
            request = _whole(image, words)
        else:
            request = training_request(
                places,
                bench.settings,
                image,
                **{"output": bench.folder / "training", "instance_type": bench.instance_type, **words},
            )
        requests.check("CreateTrainingJob", request)
        requests.refuse_unsupported("CreateTrainingJob", request)
        with bench.program(places) as program:
            named = request["AlgorithmSpecification"].get("TrainingImage", "")
            reference = chosen(program, heard, named, bench.pull, CANNOT_PULL_TRAINING_IMAGE)
            ensure_buckets(program, request)
            observer = TrainingObserver(
                on_status=lambda status, message: heard.say(f"{status} - {message}"),
                on_line=heard.log_line,
                on_note=lambda note: heard.say(f"note: {note}"),
            )
            result = program.training.run(request, reference, observer=observer)
            made = bool(result.evidence.model_files)
            model = shown(program, result.description["ModelArtifacts"]["S3ModelArtifacts"]) if made else None
        return TrainingRun(result.description, result.evidence, model, tuple(heard.log))


class Endpoints:
    """Called, starts an endpoint of an image, or of the model that a CreateModel request describes. On leaving, all of
    them are stopped."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._held = ExitStack()

    @plainly
    def __call__(self, image: str | Mapping[str, Any], *, instance_type: str | None = None, **words: Any) -> Endpoint:
        """Start it and wait until it is healthy. The words are those of `words.model_request`.

        Raises EndpointFailed when it does not come up, with SageMaker's text and the cause; InvalidRequest,
        NotSupported, UsageError; CannotRun when the engine fails, ImageNotFound.
        """
        bench, places, heard = self._bench, Places(), Heard(self._bench.heard)
        if isinstance(image, Mapping):
            request = _whole(image, words)
        else:
            request = model_request(places, bench.settings, image, **words)
        requests.check("CreateModel", request)
        requests.refuse_unsupported("CreateModel", request)
        with ExitStack() as held:
            program = held.enter_context(bench.program(places))
            server, front = held.enter_context(
                fronted(program, heard, request, bench.pull, instance_type or bench.instance_type, 0)
            )
            held.callback(server.stop)
            server.start()
            kept = held.pop_all()
            self._held.push(kept)
        return Endpoint(server, front.url, heard.log, kept.close)

    def __enter__(self) -> Endpoints:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()


class TransformJobs:
    """Called, runs a transform job of an image, or the job that a CreateTransformJob request describes, with the model
    that a CreateModel request describes."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    @plainly
    def __call__(
        self,
        image: str | Mapping[str, Any],
        input: Place | None = None,
        *,
        model: Place | Mapping[str, Any] | None = None,
        network_isolation: bool = False,
        **words: Any,
    ) -> TransformRun:
        """Run it to its end; a job that fails is a result. The words are those of `words.transform_request`.

        Raises InvalidRequest for what CreateTransformJob refuses, NotSupported, UsageError; CannotRun when the engine
        fails, ImageNotFound.
        """
        bench, places, heard = self._bench, Places(), Heard(self._bench.heard)
        if isinstance(image, Mapping):
            if input is not None or network_isolation or not isinstance(model, Mapping):
                raise UsageError("a CreateTransformJob request needs the CreateModel request of its model, and no more")
            described, request = dict(model), _whole(image, words)
        elif input is None or isinstance(model, Mapping):
            raise UsageError(
                "give an image, its input and perhaps a folder or archive as model; or two requests in AWS's shape"
            )
        else:
            settings = bench.settings
            described = model_request(places, settings, image, model=model, network_isolation=network_isolation)
            output = bench.folder / f"transform-{secrets.token_hex(4)}"
            defaults = {"output": output, "instance_type": bench.instance_type}
            request = transform_request(
                places, settings, image, described["ModelName"], input=input, **{**defaults, **words}
            )
        return self._run(places, heard, described, request)

    def _run(self, places: Places, heard: Heard, described: dict[str, Any], request: dict[str, Any]) -> TransformRun:
        for operation, document in (("CreateModel", described), ("CreateTransformJob", request)):
            requests.check(operation, document)
            requests.refuse_unsupported(operation, document)
        with self._bench.program(places) as program:
            named = described["PrimaryContainer"]["Image"]
            reference = chosen(program, heard, named, self._bench.pull, BATCH_TEXTS.no_image)
            ensure_buckets(program, request)
            observer = TransformObserver(
                on_status=heard.say,
                on_data_log=lambda line: heard.say(f"data-log: {line}"),
                on_line=heard.log_line,
                on_note=lambda note: heard.say(f"note: {note}"),
            )
            model = model_to_transform(heard, program, described, reference)
            result = program.transform.run(request, model, observer=observer)
            address = request["TransformOutput"]["S3OutputPath"]
            return TransformRun(
                result.description,
                result.evidence,
                result.explanation,
                shown(program, address),
                tuple(heard.log),
                program.store,
                address,
            )


def _whole(request: Mapping[str, Any], words: Mapping[str, Any]) -> dict[str, Any]:
    if words:
        raise UsageError(f"a request in AWS's shape is whole: leave out {', '.join(words)}")
    return dict(request)
