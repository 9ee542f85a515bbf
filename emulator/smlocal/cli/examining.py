"""An image about to be examined as a plan has it, by a program whose state lies in a folder of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smlocal.cli.terminal import Terminal
    from smlocal.engine.interface import EngineFacts
    from smlocal.evidence import Examination
    from smlocal.examination import Plan, Stop
    from smlocal.images.availability import PullPolicy
    from smlocal.settings import Settings

    Examine = Callable[[Callable[[str], None], Stop], Examination]


@dataclass(frozen=True)
class Ready:
    """An image that can be examined; `examine` makes the runs."""

    image_id: str  # what the name meant when it was looked up; the examination says which image it was
    engine: EngineFacts
    examine: Examine


@contextlib.contextmanager
def ready_to_examine(
    settings: Settings, scratch: Path, terminal: Terminal, image: str, plan: Plan, policy: PullPolicy
) -> Iterator[Ready]:
    """Gives what makes the runs; whatever can be refused is refused before. The runs' own objects and records go to
    `scratch`. Raises UsageError, NotSupported, CannotRun, ImageNotFound."""
    from smlocal.cli.image_choice import chosen
    from smlocal.cli.places import Places
    from smlocal.images.availability import CANNOT_PULL_TRAINING_IMAGE
    from smlocal.wiring import Program

    places = Places()
    addresses = {
        (name, broken): places.source(str(source.path), f"channel {name}")
        for broken, sources in ((False, plan.channels), (True, plan.broken))
        for name, source in sources.items()
    }
    model = places.source(str(plan.model), "model") if plan.model is not None else None
    too_big = places.source(str(plan.too_big), "model that is too big") if plan.too_big is not None else None
    with Program(replace(settings, state=scratch, s3_endpoint_url=None), places.mounts) as program:
        program.launcher.grant(plan.instance_type)  # refused before anything is run
        reference = chosen(program, terminal, image, policy, CANNOT_PULL_TRAINING_IMAGE)
        examine = partial(program.examiner.examine, reference, plan, addresses, model, too_big=too_big)
        yield Ready(program.engine.image(reference).id, program.engine.facts(), examine)
