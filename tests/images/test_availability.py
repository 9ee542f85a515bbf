"""An image is there before a run, or the run fails with SageMaker's words and ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from smlocal.errors import ImageNotFound
from smlocal.images.availability import (
    CANNOT_PULL_TRAINING_IMAGE,
    PullPolicy,
    architecture_problem,
    engine_has,
    ensure_image,
)

POLICIES: list[tuple[PullPolicy, bool, int]] = [
    ("never", True, 0),
    ("missing", True, 0),
    ("missing", False, 1),
    ("always", True, 1),
    ("always", False, 1),
]


@pytest.mark.parametrize(("policy", "held", "pulls"), POLICIES)
def test_the_policy_decides_when_to_pull(engine: Any, policy: PullPolicy, held: bool, pulls: int) -> None:
    engine.pullable["mine:1"] = lambda: iter(["layer 1", "layer 2"])
    if held:
        engine.hold("mine:1")
    lines: list[str] = []
    assert ensure_image(engine, "mine:1", policy, lines.append).tags == ("mine:1",)
    assert len(engine.pulled) == pulls
    assert lines[-2:] == (["layer 1", "layer 2"] if pulls else [])


@pytest.mark.parametrize(
    ("policy", "why"),
    [("never", "--pull is 'never'"), ("missing", "no such host"), ("always", "no such host")],
)
def test_an_image_that_cannot_be_had_fails_with_sagemakers_text_and_ours(
    engine: Any, policy: PullPolicy, why: str
) -> None:
    with pytest.raises(ImageNotFound, match=why) as caught:
        ensure_image(engine, "mine:1", policy, lambda line: None)
    assert str(caught.value).startswith(CANNOT_PULL_TRAINING_IMAGE)
    assert "mine:1" in str(caught.value)


def test_hosting_says_it_in_its_own_words(engine: Any) -> None:
    with pytest.raises(ImageNotFound, match=r"^Please make sure"):
        ensure_image(engine, "mine:1", "never", lambda line: None, "Please make sure all images exist.")


@pytest.mark.parametrize("policy", ["never", "missing", "always"])
def test_our_own_images_are_built_and_never_pulled(engine: Any, policy: PullPolicy) -> None:
    engine.pullable["smlocal/xgboost:latest"] = lambda: iter(["somebody else's"])
    with pytest.raises(ImageNotFound, match="smlocal images build xgboost"):
        ensure_image(engine, "smlocal/xgboost:latest", policy, lambda line: None)
    assert engine.pulled == []
    engine.hold("smlocal/xgboost:latest")
    assert ensure_image(engine, "smlocal/xgboost:latest", policy, lambda line: None).tags == ("smlocal/xgboost:latest",)


def test_engine_has_asks_the_engine(engine: Any) -> None:
    assert not engine_has(engine, "mine:1")
    engine.hold("mine:1")
    assert engine_has(engine, "mine:1")


@pytest.mark.parametrize(
    ("image", "host", "problem"), [("amd64", "amd64", False), ("", "amd64", False), ("arm64", "amd64", True)]
)
def test_another_architecture_is_told_with_its_cure(engine: Any, image: str, host: str, problem: bool) -> None:
    sentence = architecture_problem(
        engine.hold("mine:1", architecture=image), replace(engine.facts(), architecture=host)
    )
    assert (sentence is not None) is problem
    if sentence:
        assert "mine:1 is built for arm64" in sentence
        assert "docker build --platform linux/amd64" in sentence
