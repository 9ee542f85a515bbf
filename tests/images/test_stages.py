"""What a build leaves behind without a name is removed."""

from __future__ import annotations

from typing import Any

import pytest

from smlocal.errors import EngineError
from smlocal.images.stages import StageWatch

DOCKER = """Step 1/6 : ARG BASE=base
Step 2/6 : FROM ${BASE} AS wheels
 ---> 000000000001
Step 3/6 : RUN pip install
 ---> Running in aaaaaaaaaaaa
Removing intermediate container aaaaaaaaaaaa
 ---> 000000000002
Step 4/6 : FROM ${BASE} AS both
 ---> 000000000001
Step 5/6 : COPY --from=wheels /opt /opt
 ---> Using cache
 ---> 000000000003
Step 6/6 : LABEL a=b
 ---> 000000000004
Successfully built 000000000004
Successfully tagged x:latest""".splitlines()

PODMAN = """[1/2] STEP 1/2: FROM base AS wheels
[1/2] STEP 2/2: RUN pip install
--> 000000000002
[2/2] STEP 1/2: FROM base AS both
[2/2] STEP 2/2: COPY --from=wheels /opt /opt
[2/2] COMMIT x:latest
--> 000000000004
Successfully tagged localhost/x:latest""".splitlines()


@pytest.mark.parametrize("lines", [DOCKER, PODMAN], ids=["docker", "podman"])
def test_the_end_of_every_stage_without_a_name_is_removed(engine: Any, lines: list[str]) -> None:
    engine.hold("000000000001", "base:latest")
    engine.hold_unnamed("000000000002")
    engine.hold("000000000004", "x:latest")
    with StageWatch(engine) as stages:
        for line in lines:
            stages.see(line)
    assert engine.removed == ["000000000002"]


def test_a_stage_that_the_image_stands_on_stays(engine: Any) -> None:
    engine.undeletable = frozenset({"000000000002"})
    engine.hold_unnamed("000000000002")
    with StageWatch(engine) as stages:
        for line in DOCKER:
            stages.see(line)
    assert engine.removed == []


def test_a_build_that_fails_leaves_nothing_either(engine: Any) -> None:
    engine.hold_unnamed("000000000002")
    with pytest.raises(EngineError, match="pip"), StageWatch(engine) as stages:
        for line in DOCKER[:8]:
            stages.see(line)
        raise EngineError("the step with pip failed")
    assert engine.removed == ["000000000002"]
