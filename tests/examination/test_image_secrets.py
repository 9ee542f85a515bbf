"""What looks like a credential is told with its place, once, and never with its value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from smlocal.engine.scripted import Script, ScriptedEngine, ScriptedImage
from smlocal.examination.image_facts import ImageExaminer
from smlocal.launch import Launcher
from smlocal.owner import this_process

KEY = "AKIASMLOCALNOTAREAL0"
OTHER_KEY = "ASIASMLOCALNOTAREAL1"
SECRET = "not/a+secret/of+anybody/whomsoever012345"
EXAMPLE = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0\n-----END RSA PRIVATE KEY-----\n"

ROWS: dict[str, tuple[Mapping[str, Any], list[tuple[str, str]]]] = {
    "nothing": ({"environment": {"PATH": "/bin"}, "history": ("/bin/sh -c #(nop)  ENV PATH=/bin",)}, []),
    "an environment variable": (
        {"environment": {"ANY": KEY}},
        [("environment variable ANY", "AWS access key")],
    ),
    "a secret by the name of its variable": (
        {"environment": {"AWS_SECRET_ACCESS_KEY": SECRET}},
        [("environment variable AWS_SECRET_ACCESS_KEY", "AWS secret")],
    ),
    "a variable of that name without value": ({"environment": {"AWS_SECRET_ACCESS_KEY": ""}}, []),
    "the examples of the documentation": (
        {"environment": {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": EXAMPLE}},
        [],
    ),
    "a label": ({"labels": {"token": "ghp_" + "a1B2" * 9}}, [("label token", "GitHub token")]),
    "a file": ({"files": {"/root/.ssh/id_rsa": PRIVATE.encode()}}, [("/root/.ssh/id_rsa", "private key")]),
    "both halves in a file": (
        {"files": {"/root/.aws/credentials": f"aws_access_key_id={KEY}\naws_secret_access_key = {SECRET}\n".encode()}},
        [("/root/.aws/credentials", "AWS access key"), ("/root/.aws/credentials", "AWS secret")],
    ),
    "an argument of the classic builder's": (
        {"history": ("", f"|1 AWS_SECRET_ACCESS_KEY={SECRET} /bin/sh -c aws s3 cp s3://b/model /opt")},
        [("history, step 2 (RUN)", "AWS secret")],
    ),
    "an argument of BuildKit's": (
        {"history": (f"RUN |1 KEY={KEY} /bin/sh -c fetch # buildkit",)},
        [("history, step 1 (RUN)", "AWS access key")],
    ),
    "the default of an argument": (
        {"history": (f"/bin/sh -c #(nop)  ARG AWS_SESSION_TOKEN={SECRET}",)},
        [("history, step 1 (ARG)", "AWS secret")],
    ),
    "a command": (
        {"history": (f"/bin/sh -c AWS_SECRET_ACCESS_KEY='{SECRET}' aws s3 cp s3://b/model /opt",)},
        [("history, step 1 (RUN)", "AWS secret")],
    ),
    "a variable that a later line took back": (
        {"environment": {"KEY": ""}, "history": (f"ENV KEY={KEY}", "ENV KEY=")},
        [("history, step 1 (ENV)", "AWS access key")],
    ),
    "the line that set a variable is not told besides": (
        {"environment": {"KEY": KEY}, "history": (f"ENV KEY={KEY}", f"RUN echo {OTHER_KEY}")},
        [("environment variable KEY", "AWS access key"), ("history, step 2 (RUN)", "AWS access key")],
    ),
    "what a shell puts in": (
        {"history": ("RUN /bin/sh -c AWS_SECRET_ACCESS_KEY=$(cat /run/secrets/key) aws s3 ls # buildkit",)},
        [],
    ),
    "examples in history": ({"history": (f"RUN AWS_SECRET_ACCESS_KEY={EXAMPLE} AKIAIOSFODNN7EXAMPLE",)}, []),
}


@pytest.mark.parametrize(("image", "expected"), ROWS.values(), ids=ROWS)
def test_a_credential_is_told_with_its_place(image: Mapping[str, Any], expected: list[tuple[str, str]]) -> None:
    engine = ScriptedEngine()
    engine.add_image("algorithm", ScriptedImage(Script(), **image))
    found = ImageExaminer(engine, Launcher(engine, this_process(), "relay")).examine("algorithm").secrets
    assert [(seen.where, seen.kind) for seen in found] == expected
    assert not any(value in str(found) for value in (KEY, OTHER_KEY, SECRET, "MIIE"))
