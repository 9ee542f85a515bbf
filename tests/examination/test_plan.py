"""What `[check]` may hold, and where a mistake in it stands."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.errors import SettingsError
from smlocal.evidence import PushedManifest
from smlocal.examination import read_plan
from smlocal.examination.interruption import Long
from smlocal.examination.plan import Plan, Sample, Source
from smlocal.registry.reference import RegistryReference

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with data, an archive, and a folder that is none."""
    for name in ("good.csv", "bad.csv", "rows.csv", "model.tar.gz"):
        (tmp_path / name).write_bytes(f"{name}\n".encode())
    (tmp_path / "data").mkdir()
    return tmp_path


def plan(toml: str, folder: Path) -> Plan:
    return read_plan(tomllib.loads(toml), folder, "smlocal.toml")


def test_an_empty_table_is_a_plan_without_data(folder: Path) -> None:
    assert plan("", folder) == Plan()


GOOD: list[tuple[str, str, str, Any]] = [
    ("a processor", 'architecture = "arm64"', "architecture", "arm64"),
    ("an instance", 'instance_type = "ml.c5.xlarge"', "instance_type", "ml.c5.xlarge"),
    ("isolation", "network_isolation = true", "network_isolation", True),
    ("no training", "train = false", "train", False),
    ("no serving", "serve = false", "serve", False),
    ("serverless endpoints", "serverless = true", "serverless", True),
    ("an environment", '[training]\nenvironment = { A = "1" }', "training_environment", {"A": "1"}),
    ("an environment to serve in", '[serving]\nenvironment = { A = "" }', "serving_environment", {"A": ""}),
    ("selected rules", 'select = ["SM3", "SM1"]', "select", ("SM3", "SM1")),
    ("ignored rules", 'ignore = ["SM305"]', "ignore", ("SM305",)),
    ("a time limit", "[training]\nmax_runtime = 1", "max_runtime", 1),
    ("metrics", "[training]\nmetrics = { a = 'a=(.*)' }", "metrics", {"a": "a=(.*)"}),
    ("a long run", "[training.long]\nhyperparameters = { n = 9 }", "long", Long({"n": 9})),
    ("what it takes to stop", "[training.long]\nstop_after = 3\nresumes = 'on'", "long", Long({}, 3, "on")),
    ("hyperparameters", "[training.hyperparameters]\na = 1\nb = [1, 'x']", "hyperparameters", {"a": 1, "b": [1, "x"]}),
    ("a folder as channel", "[training]\nchannels = { train = 'data' }", "channels", {"train": Source(Path("data"))}),
    (
        "a channel with its type",
        "[training]\nchannels = { train = { source = 'good.csv', content_type = 'text/csv' } }",
        "channels",
        {"train": Source(Path("good.csv"), "text/csv")},
    ),
    (
        "broken data for one of two channels",
        "[training]\nchannels = { a = 'good.csv', b = 'good.csv' }\nbroken = { b = 'bad.csv' }",
        "broken",
        {"b": Source(Path("bad.csv"))},
    ),
    ("a model", "[serving]\nmodel = 'model.tar.gz'", "model", Path("model.tar.gz")),
    ("a model that is too big", "[multi_model]\ntoo_big = 'model.tar.gz'", "too_big", Path("model.tar.gz")),
    (
        "a sample in words",
        "[[serving.samples]]\nbody = 'é'\ncontent_type = 'text/csv'\naccept = 'text/csv'\nexpect = ''",
        "samples",
        (Sample("é".encode(), "text/csv", "text/csv", b""),),
    ),
    (
        "a sample in files",
        "[[serving.samples]]\nfile = 'rows.csv'\ncontent_type = 'text/csv'\nexpect_file = 'good.csv'",
        "samples",
        (Sample(b"rows.csv\n", "text/csv", None, b"good.csv\n"),),
    ),
]


def _absolute(value: Any, folder: Path) -> Any:
    """The expected value with its paths in the test's folder."""
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, Source):
        return Source(folder / value.path, value.content_type)
    return {key: _absolute(item, folder) for key, item in value.items()} if isinstance(value, Mapping) else value


@pytest.mark.parametrize(("claim", "toml", "name", "expected"), GOOD, ids=[row[0] for row in GOOD])
def test_what_is_configured_is_in_the_plan(claim: str, toml: str, name: str, expected: Any, folder: Path) -> None:
    assert getattr(plan(toml, folder), name) == _absolute(expected, folder)


def test_what_an_oci_layout_would_push_is_in_the_plan(folder: Path) -> None:
    (folder / "data" / "index.json").write_text('{"manifests": [{"mediaType": "application/x"}]}')
    assert plan("oci_layout = 'data'", folder).manifest == PushedManifest("application/x", "the OCI layout data")


def test_the_image_that_was_pushed_is_in_the_plan(folder: Path) -> None:
    found = plan("published = 'registry.example:5000/team/model:1.0'", folder).published
    assert found == RegistryReference("registry.example:5000", "team/model", "1.0")
    assert plan("", folder).published is None


def test_a_home_folder_is_expanded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert plan("[serving]\nmodel = '~/model.tar.gz'", Path("/nonexistent")).model == folder / "model.tar.gz"


SAMPLE = "[[serving.samples]]\nbody = 'x'\ncontent_type = 'text/csv'\n"
BAD = [
    ("rules in one text", 'select = "SM3"', "'check.select' in smlocal.toml must be a list, not 'SM3'"),
    ("a rule that is no text", "ignore = ['SM3', 305]", "'check.ignore[1]' in smlocal.toml must be text, not 305"),
    ("an unknown key", "colour = 1", "'check.colour' in smlocal.toml is not known; known keys: allow, architecture, "),
    ("an unknown key of training", "[training]\nchanels = {}", "'check.training.chanels' in smlocal.toml is not known"),
    ("an unknown key of serving", "[serving]\nport = 1", "'check.serving.port' in smlocal.toml is not known"),
    ("an unknown key of a sample", f"{SAMPLE}status = 200", "'check.serving.samples[0].status' in smlocal.toml is not"),
    ("an unknown processor", "architecture = 'm68k'", "'check.architecture' in smlocal.toml must be amd64 or arm64"),
    ("a word for a truth", "train = 'yes'", "'check.train' in smlocal.toml must be true or false, not 'yes'"),
    ("a truth for a number", "[training]\nmax_runtime = true", "must be a whole number, not True"),
    ("no time at all", "[training]\nmax_runtime = 0", "'check.training.max_runtime' in smlocal.toml must be 1 or more"),
    ("training that is no table", "training = 3", "'check.training' in smlocal.toml must be a table, not 3"),
    ("channels that are no table", "[training]\nchannels = ['a']", "'check.training.channels' in smlocal.toml must be"),
    ("a channel that is a number", "[training]\nchannels = { a = 1 }", "'check.training.channels.a' in smlocal.toml"),
    ("a channel without source", "[training.channels.a]\ncontent_type = 'x'", "needs a source: a folder or a file"),
    ("a channel with an unknown key", "[training.channels.a]\nsource = 'data'\ntype = 'x'", "channels.a.type' in"),
    ("data that is not there", "[training]\nchannels = { a = 'no.csv' }", "names 'no.csv', which is not there (/"),
    ("a layout that is none", "oci_layout = 'data'", "which is no OCI image layout: "),
    ("a layout that is not there", "oci_layout = 'no.tar'", "'check.oci_layout' in smlocal.toml names 'no.tar'"),
    ("what is no image in a registry", "published = 'A B'", "'check.published' in smlocal.toml must be an image in a"),
    ("a published image that is a number", "published = 3", "'check.published' in smlocal.toml must be text, not 3"),
    ("a layout and an image", "oci_layout = 'data'\npublished = 'a/b'", "both say what is pushed; one"),
    ("a word for serverless", "serverless = 'yes'", "'check.serverless' in smlocal.toml must be true or false"),
    ("no path at all", "[training]\nchannels = { a = '' }", "names '', which is not there"),
    ("a path that no file can have", f"[training]\nchannels = {{ a = '{'x' * 300}' }}", "cannot be used as a path: "),
    ("a path with NUL", '[training]\nchannels = { a = "\\u0000" }', "'check.training.channels.a' in smlocal.toml "),
    ("a user whom nobody knows", "[training]\nchannels = { a = '~no-such-user/x' }", "cannot be used as a path: "),
    ("data in a bucket", "[training]\nchannels = { a = 's3://b/x' }", "folders and files of this machine only"),
    (
        "broken data of no channel",
        "[training]\nchannels = { train = 'data' }\nbroken = { trian = 'bad.csv' }",
        "'check.training.broken.trian' in smlocal.toml is not a channel of check.training.channels (train)",
    ),
    ("broken data alone", "[training]\nbroken = { train = 'bad.csv' }", "of check.training.channels (none)"),
    ("a number in the environment", "[training]\nenvironment = { A = 1 }", "'check.training.environment.A' in smlocal"),
    ("a metric that is a number", "[training]\nmetrics = { a = 1 }", "'check.training.metrics.a' in smlocal.toml must"),
    ("a metric without regex", "[training]\nmetrics = { a = '' }", "must be a regex of 1 to 500 characters, not 0"),
    ("a regex that is none", "[training]\nmetrics = { a = '(' }", "must be a regex, and '(' is none"),
    (
        "too many metrics",
        "[training.metrics]\n" + "\n".join(f"m{number} = 'x'" for number in range(41)),
        "'check.training.metrics' in smlocal.toml has 41 definitions; at most 40 are taken",
    ),
    (
        "an unknown key of a long run",
        "[training.long]\nepochs = 9",
        "'check.training.long.epochs' in smlocal.toml is",
    ),
    (
        "a stop before the start",
        "[training.long]\nstop_after = 0",
        "'check.training.long.stop_after' in smlocal.",
    ),
    ("a line that is no regex", "[training.long]\nresumes = '['", "must be a regex, and '[' is none"),
    (
        "a line that is no text",
        "[training.long]\nresumes = true",
        "'check.training.long.resumes' in smlocal.toml",
    ),
    ("a day in a long run", "[training.long.hyperparameters]\nd = 2026-01-01", "long.hyperparameters.d' in smlocal"),
    ("a day as hyperparameter", "[training.hyperparameters]\nday = 2026-01-01", "hyperparameters.day' in smlocal.toml"),
    ("a day in a list", "[training.hyperparameters]\ndays = [[2026-01-01]]", "must be something that JSON can hold"),
    ("infinity as hyperparameter", "[training.hyperparameters]\na = inf", "must be something that JSON can hold"),
    ("a model that is not there", "[serving]\nmodel = 'no.tar.gz'", "'check.serving.model' in smlocal.toml names"),
    ("a folder as model", "[serving]\nmodel = 'data'", "a model.tar.gz is needed: tar -czf model.tar.gz -C "),
    (
        "a number of models",
        "[multi_model]\nmodels = 3",
        "'check.multi_model.models' in smlocal.toml is not known; known",
    ),
    (
        "a big model that is not there",
        "[multi_model]\ntoo_big = 'no.gz'",
        "'check.multi_model.too_big' in smlocal.toml ",
    ),
    ("a folder as big model", "[multi_model]\ntoo_big = 'data'", "a model.tar.gz is needed: tar -czf model.tar.gz -C "),
    ("samples that are no list", "[serving.samples]\nbody = 'x'", "'check.serving.samples' in smlocal.toml must be a"),
    ("a sample that is text", "serving = { samples = ['x'] }", "'check.serving.samples[0]' in smlocal.toml must be a"),
    ("a sample without content type", "[[serving.samples]]\nbody = 'x'", "samples[0]' in smlocal.toml needs a content"),
    ("a sample with an empty one", "[[serving.samples]]\nbody = 'x'\ncontent_type = ''", "must be one line of text"),
    ("a header in a header", SAMPLE + 'accept = "a\\r\\nb: c"', "samples[0].accept' in smlocal.toml must be one line"),
    ("a second sample that is wrong", f"{SAMPLE}[[serving.samples]]\nbody = 'x'", "'check.serving.samples[1]' in"),
    ("a sample without body", "[[serving.samples]]\ncontent_type = 'x'", "needs a body or a file"),
    ("a body twice", f"{SAMPLE}file = 'rows.csv'", "has body and file; one is enough"),
    ("an answer twice", f"{SAMPLE}expect = 'x'\nexpect_file = 'rows.csv'", "has expect and expect_file; one is enough"),
    ("a folder as body", "[[serving.samples]]\nfile = 'data'\ncontent_type = 'x'", "cannot be read: Is a directory"),
    ("a file that is not there", f"{SAMPLE}expect_file = 'no.csv'", "samples[0].expect_file' in smlocal.toml names"),
]


@pytest.mark.parametrize(("claim", "toml", "sentence"), BAD, ids=[row[0] for row in BAD])
def test_a_mistake_is_refused_where_it_stands(claim: str, toml: str, sentence: str, folder: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        plan(toml, folder)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


ENCODINGS = [
    ("text", "adam", "adam", '"adam"'),
    ("a number in text", "1", "1", '"1"'),
    ("a whole number", 20, "20", "20"),
    ("a number", 0.5, "0.5", "0.5"),
    ("a truth", True, "true", "true"),
    ("a list", [1, "a"], '[1, "a"]', '[1, "a"]'),
]


@pytest.mark.parametrize(("claim", "value", "plain", "encoded"), ENCODINGS, ids=[row[0] for row in ENCODINGS])
def test_hyperparameters_have_two_encodings(claim: str, value: object, plain: str, encoded: str) -> None:
    """The CLI and Step Functions send text as it is, the SageMaker SDK since 2.110 everything as JSON."""
    found = Plan(hyperparameters={"a": value})
    assert (found.plain, found.encoded) == ({"a": plain}, {"a": encoded})


# Few letters, since all of Unicode takes seconds to be tabled on a busy machine.
words = st.text(alphabet="a~/.é \0\r\n", max_size=5)
json_like = st.recursive(
    words | st.integers() | st.booleans() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["training", "serving", "multi_model", "channels", "samples", "train", "broken", "body", "content_type"]
)


@given(st.dictionaries(KEYS, json_like | st.dictionaries(KEYS, json_like, max_size=3), max_size=3))
def test_any_table_is_a_plan_or_a_refusal(table: dict[str, Any]) -> None:
    try:
        found = read_plan(table, Path("/nonexistent"), "smlocal.toml")
    except SettingsError as refused:
        assert "in smlocal.toml" in str(refused)
    else:
        assert isinstance(found, Plan)


PAGE = Path(__file__).resolve().parents[2] / "docs" / "check.md"
TABLES = ["", "training", "training.long", "serving", "serving.samples", "multi_model"]


def _of_page() -> str:
    return PAGE.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]


def test_what_the_page_shows_is_read(tmp_path: Path) -> None:
    for name in (
        "image.tar",
        "model.tar.gz",
        "big.tar.gz",
        "rows.csv",
        "answer.csv",
        "data/train.csv",
        "data/broken.csv",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"1\n")
    (tmp_path / "data" / "test").mkdir()
    table = tomllib.loads(_of_page())["check"]
    del table["oci_layout"]
    found = read_plan({**table, "published": "registry.example/team/model:1.0"}, tmp_path, "smlocal.toml")
    assert [sample.expect for sample in found.samples] == [b"0\n", b"1\n"]
    assert found.long is not None and found.too_big is not None and found.soak == 2000


@pytest.mark.parametrize("table", TABLES)
def test_every_key_is_on_the_page(table: str, folder: Path) -> None:
    """The keys are those that a refusal of an unknown one names."""
    wrong = {"none_such": 1}
    for name in reversed(table.split(".") if table else []):
        wrong = {name: [wrong] if name == "samples" else wrong}  # type: ignore[dict-item]
    with pytest.raises(SettingsError, match="known keys: ") as refused:
        read_plan(wrong, folder, "smlocal.toml")
    missing = [
        key
        for key in str(refused.value).partition("known keys: ")[2].split(", ")
        if not re.search(rf"\b{key}( = |\]|\.)", _of_page())
    ]
    assert missing == []
