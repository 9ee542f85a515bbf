"""Pushes an image of the scripted engine to a real registry, and kills itself when a step begins.

Arguments: the state folder, the repository, the tag, the step.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from smlocal.engine.scripted import Script, ScriptedEngine, ScriptedImage
from smlocal.engine.scripted_saving import layer_of
from smlocal.gate.publish import Progress, Publisher
from smlocal.http_client import HttpClient
from smlocal.images.export import ImageExporter
from smlocal.images.layer_cache import LayerCache
from smlocal.registry.distribution import DistributionRepository
from smlocal.registry.reference import parse_reference


def main(state: str, place: str, tag: str, last: str) -> None:
    engine = ScriptedEngine()
    engine.add_image("model:1", ScriptedImage(Script(), layers=(layer_of({"/a": b"a" * 9000}), layer_of({"/b": b"b"}))))

    def end(step: str) -> None:
        if step == last:
            os.kill(os.getpid(), signal.SIGKILL)

    with HttpClient() as http:
        repository = DistributionRepository(parse_reference(place), http)
        exporter = ImageExporter(engine, Path(state, "spool"), LayerCache(Path(state, "cache")))
        publisher = Publisher(engine, exporter, repository, Progress(on_step=end))
        print(publisher.publish("model:1", engine.image("model:1").id, tag).digest)


if __name__ == "__main__":
    main(*sys.argv[1:])
