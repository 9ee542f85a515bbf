"""A training that another user than root cannot do is told as such, and not as a failure besides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from smlocal.examination import Plan, Source
from tests.examination.conftest import Examine, in_words, verdict_on

pytestmark = [pytest.mark.engine, pytest.mark.slow]

TRAIN = {
    "python": "#!/usr/bin/env python3\nfrom pathlib import Path\nPath('/opt/ml/model/mean.txt').write_text('1')\n",
    "shell": "#!/bin/sh\necho 1 > /opt/ml/model/mean.txt\n",
}


@pytest.mark.parametrize("language", TRAIN)
def test_who_may_not_write_its_model_is_the_cause_of_its_failure(
    language: str, build_image: Callable[..., str], examine: Examine, tmp_path: Path
) -> None:
    (tmp_path / "train").write_text(TRAIN[language])
    (tmp_path / "train").chmod(0o755)
    (tmp_path / "row.csv").write_text("1\n")
    (tmp_path / "Dockerfile").write_text("FROM smlocal/base:latest\nCOPY train /usr/local/bin/train\nUSER 1000\n")
    image = build_image(tmp_path, f"smlocal-test/users:{language}")
    examination = examine(image, Plan(serve=False, channels={"train": Source(tmp_path / "row.csv")}))
    words = {finding.rule: in_words(finding) for finding in verdict_on(examination).findings}
    assert {name: words[name] for name in ("SM110", "SM201", "SM202")} == {
        "SM110": "broken (error)",
        "SM201": "not judged: see SM110",
        "SM202": "not judged: see SM110",
    }, examination.training
