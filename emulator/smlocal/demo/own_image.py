"""An image of one's own on its way to a job: checked, published, and fetched from the registry under its digest."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace

from smlocal.contract import RULES, Outcome, Verdict, judge
from smlocal.demo.iris import features
from smlocal.demo.loopback_registry import REGISTRY_PROGRAM, loopback_registry
from smlocal.demo.outcome import Notes
from smlocal.engine.interface import EngineFacts
from smlocal.errors import CannotRun, EngineError, ImageNotFound, JobFailed
from smlocal.evidence import Examination
from smlocal.examination import Plan, Sample, Source
from smlocal.gate.publish import Progress, Published
from smlocal.images.spool import spool_folder
from smlocal.registry.reference import parse_reference
from smlocal.shipped import iris_csv
from smlocal.storage.mounted import mount_of
from smlocal.wiring import Program

_NAME, _TAG = "iris-sklearn", "1.0"
_CSV = "text/csv"
_MEGABYTE = 1000 * 1000


Stepper = Callable[[str], AbstractContextManager[Notes]]  # the step of this name, from its beginning to its end


class OwnImage:
    """One image; what is done to it are steps of a lab. `registry` is the program that runs as its registry ("":
    there is none), by default the one that is on PATH."""

    def __init__(self, program: Program, step: Stepper, registry: str | None = None) -> None:
        self._program = program
        self._step = step
        self._registry = shutil.which(REGISTRY_PROGRAM) or "" if registry is None else registry
        self._spool = program.settings.state / "spool"

    def check(self, image: str, row: str) -> str:
        """Examine the image with the Iris data and one sample request, the features of `row`, as `smlocal check` does.

        Gives the id of the image that was examined. Raises JobFailed when it breaks a clause of the contract.
        """
        with self._step("check") as step:
            examination = self._examined(image, row, step.tell)
            verdict = judge(examination, RULES)
            step.result = counts(verdict)
            refuse_broken(image, verdict)
        return examination.image.id

    def _examined(self, image: str, row: str, tell: Callable[[str], None]) -> Examination:
        """The runs' own objects and records lie in a folder that is gone afterwards."""
        program = self._program
        bucket, mount = mount_of(iris_csv(), writable=False)
        addresses = {("train", False): f"s3://{bucket}/{mount.prefix}"}
        plan = iris_plan(program.engine.image(image).architecture, row)
        with spool_folder(self._spool) as scratch:
            settings = replace(program.settings, state=scratch, s3_endpoint_url=None)
            with Program(settings, {bucket: mount}, engine=program.engine) as own:
                return own.examiner.examine(image, plan, addresses, on_trial=tell)

    @contextmanager
    def from_registry(self, image: str, checked: str) -> Iterator[str]:
        """Publish what was checked to a registry on loopback, and pull it from there: the reference of the registry's
        copy, or `image` itself where a step says why it is left out. Copy and registry are gone afterwards.

        Raises NotPublished, ImageNotFound, EngineError.
        """
        with ExitStack() as held:
            reference = None
            with self._step("publish") as step:
                published = self._published(held, checked, step)
            if published is not None:
                with self._step("pull the registry's copy") as step:
                    reference = self._pulled(held, published, step)
            yield reference or image

    def _published(self, held: ExitStack, checked: str, step: Notes) -> Published | None:
        if not self._registry:
            step.result = left_out(f"this machine has no {REGISTRY_PROGRAM} (Debian's package of this name)")
            return None
        try:
            folder = held.enter_context(spool_folder(self._spool))
            place = held.enter_context(loopback_registry(self._registry, folder))
        except CannotRun as error:
            step.result = left_out(str(error))
            return None
        repository = self._program.repository(parse_reference(f"{place}/{_NAME}"))
        progress = Progress(on_step=step.tell)
        # by its id, as `push` does: whatever its name has come to mean, this is what was checked
        publisher = self._program.publisher(repository, progress, threading.Event())
        published = publisher.publish(checked, checked, _TAG)
        step.result = f"{place}/{_NAME}:{_TAG} is {published.digest}, {published.size_bytes / _MEGABYTE:.0f} MB"
        return published

    def _pulled(self, held: ExitStack, published: Published, step: Notes) -> str | None:
        engine = self._program.engine
        why_not = cannot_pull(engine.facts())
        if why_not:
            step.result = left_out(why_not)
            return None
        held.callback(self._remove, published.reference)  # of a pull that is interrupted, too
        try:
            for line in engine.pull(published.reference):
                step.tell(line)
        except ImageNotFound as error:
            if "connection refused" not in str(error):
                raise
            step.result = left_out(f"the engine does not share this machine's loopback ({error})")
            return None
        found = engine.image(published.reference).id
        # a classic store names an image by its configuration, containerd's by its manifest
        if found not in (published.image_id, published.config_digest, published.digest):
            raise EngineError(f"{published.reference} is {found} in the engine, not {published.image_id}")
        step.result = "under its digest: what was checked is what runs"
        return published.reference

    def _remove(self, reference: str) -> None:
        with suppress(ImageNotFound):
            self._program.engine.remove_image(reference)


def iris_plan(architecture: str, row: str) -> Plan:
    """What `[check]` would say: the Iris data, few trees, and one request with its answer."""
    label = row.partition(",")[0]
    return Plan(
        architecture=architecture,
        channels={"train": Source(iris_csv(), _CSV)},
        hyperparameters={"n_estimators": 20},
        samples=(Sample(f"{features(row)}\n".encode(), _CSV, _CSV, f"{label}\n".encode()),),
    )


def counts(verdict: Verdict) -> str:
    """A verdict in a few words."""
    told = f"{verdict.count(Outcome.KEPT)} kept, {verdict.count(Outcome.BROKEN)} broken"
    unjudged = verdict.count(Outcome.NOT_JUDGED)
    return f"{told}, {unjudged} not judged" if unjudged else told


def refuse_broken(image: str, verdict: Verdict) -> None:
    """Raises JobFailed with the sentences of all clauses that are broken, errors and warnings."""
    found = [item for item in verdict.findings if item.outcome is Outcome.BROKEN]
    if found:
        told = "; ".join(f"{item.rule} {item.title} ({', '.join(item.seen)})" for item in found)
        raise JobFailed(f"{image}: {counts(verdict)}: {told}")


def cannot_pull(engine: EngineFacts) -> str:
    """Why the engine cannot pull from a registry on this machine's loopback; "" when nothing speaks against it."""
    if not engine.shares_this_machine:
        return f"the engine at {engine.address} does not share this machine's loopback"
    if engine.name == "podman":
        return "Podman wants TLS of every registry that its configuration does not except"
    return ""


def left_out(why: str) -> str:
    return f"left out: {why}; the lab goes on with the local image"
