"""The fixtures in tests of a few lines, on an engine in memory: what they give, what sets them, what they leave."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields

import pytest

from smlocal.pytest_plugin import __all__ as public
from smlocal.settings import Settings
from tests.pytest_plugin.conftest import Session

pytestmark = pytest.mark.usefixtures("scripted")
Notes = Callable[[], list[str]]
NOTHING_LEFT = "left: [] ['algorithm:1']"

THREE_LINES = {
    "a training job": """
        def test_it(training_job):
            job = training_job("algorithm:1", hyperparameters={"rate": 0.5})
            assert job.status == "Completed"
        """,
    "an endpoint": """
        def test_it(endpoint):
            answer = endpoint("algorithm:1").invoke("5.1,3.5", "text/csv")
            assert (answer.status, answer.body) == (200, b"5.1,3.5")
        """,
    "a transform job": """
        def test_it(transform_job):
            job = transform_job("algorithm:1", "rows.csv", content_type="text/csv", split_type="Line")
            assert job.read("rows.csv.out") == b"1,2\\n3,4\\n"
        """,
    "an image": """
        def test_it(smlocal_image, training_job):
            job = training_job(smlocal_image("context"))
            assert job.status == "Completed"
        """,
}


@pytest.fixture(autouse=True)
def files(pytester: pytest.Pytester) -> None:
    """What the tests under test work with."""
    (pytester.path / "rows.csv").write_text("1,2\n3,4\n")
    (pytester.path / "context").mkdir()
    (pytester.path / "context" / "Dockerfile").write_text("FROM scratch\n")


@pytest.mark.parametrize("text", THREE_LINES.values(), ids=THREE_LINES)
def test_a_test_has_three_lines(scripted: Session, pytester: pytest.Pytester, notes: Notes, text: str) -> None:
    pytester.makepyfile(text)
    assert scripted("-W", "error").parseoutcomes() == {"passed": 1}
    built = re.findall(r"smlocal-pytest/context-[0-9a-f]{12}:(\w+)", notes()[-1])
    assert built == (["latest"] if "smlocal_image" in text else [])
    assert notes()[-1].startswith("left: [] ")


@pytest.mark.slow
def test_a_job_says_all_that_is_known_of_it(scripted: Session, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import tarfile
        from pathlib import Path

        METRIC = [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}]

        def test_words(training_job, tmp_path):
            job = training_job("algorithm:1", channels={"train": "rows.csv", "test": {"source": "rows.csv",
                "content_type": "text/csv"}}, environment={"A": "b=c"}, instance_type="ml.c5.xlarge", max_runtime=60,
                network_isolation=True, checkpoints=tmp_path / "kept", output=tmp_path / "out", name="mine")
            asked = job.description
            assert asked["TrainingJobName"] == "mine" and asked["Environment"] == {"A": "b=c"}
            assert asked["ResourceConfig"]["InstanceType"] == "ml.c5.xlarge"
            assert asked["StoppingCondition"] == {"MaxRuntimeInSeconds": 60} and asked["EnableNetworkIsolation"]
            assert [channel.get("ContentType") for channel in asked["InputDataConfig"]] == [None, "text/csv"]
            assert job.evidence.exit_code == 0 and job.log == ("train ", "accuracy=0.5") and job.failure_reason == ""
            assert job.model == str(tmp_path / "out/mine/output/model.tar.gz")
            with tarfile.open(job.model) as archive:
                assert archive.getnames() == ["weights"]

        def test_a_failure_is_a_result(training_job):
            job = training_job("algorithm:1", environment={"FAULT": "fails"})
            assert (job.status, job.model) == ("Failed", None)
            assert job.failure_reason == "AlgorithmError: no such column, exit code: 1"

        def test_a_model_goes_from_job_to_job(training_job, endpoint, transform_job):
            model = training_job("algorithm:1").model
            up = endpoint("algorithm:1", model=model, environment={"A": "b"})
            assert up.healthy and up.evidence().model_given and up.log == ["serve "]
            job = transform_job("algorithm:1", "rows.csv", model=model, split_type="Line", assemble_with="Line",
                strategy="SingleRecord", accept="text/csv", max_payload=1, concurrency=1)
            assert (job.status, job.names(), job.failure_reason) == ("Completed", ["rows.csv.out"], "")
            assert job.evidence.requests == 2 and Path(job.output, "rows.csv.out").is_file()

        def test_a_folder_is_a_model_too(endpoint, transform_job):
            assert endpoint("algorithm:1", model="context").evidence().model_given
            assert transform_job("algorithm:1", "rows.csv", model="context").evidence.hosting.model_given

        def test_the_front_answers_as_sagemakers_runtime(endpoint):
            from urllib.request import Request, urlopen
            up = endpoint("algorithm:1", name="mine")
            asked = Request(f"{up.url}/endpoints/mine/invocations", b"1,2", {"Content-Type": "text/csv"})
            with urlopen(asked) as answer:
                assert answer.headers["x-Amzn-Invoked-Production-Variant"] == "AllTraffic"

        def test_an_endpoint_can_be_stopped_and_looked_at(endpoint):
            up = endpoint("algorithm:1")
            up.stop()
            up.stop()
            assert up.evidence().exit_code == 0 and not up.healthy
        """
    )
    assert scripted("-W", "error").parseoutcomes() == {"passed": 6}


@pytest.mark.slow
def test_requests_have_awss_shape_where_wanted(scripted: Session, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import io
        import pytest
        from smlocal.errors import UsageError

        TRAINING = {
            "TrainingJobName": "mine",
            "AlgorithmSpecification": {"TrainingImage": "algorithm:1", "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}]},
            "RoleArn": "arn:aws:iam::000000000000:role/r",
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 100},
        }
        MODEL = {
            "ModelName": "mine",
            "PrimaryContainer": {"Image": "algorithm:1"},
            "ExecutionRoleArn": TRAINING["RoleArn"],
        }
        TRANSFORM = {
            "TransformJobName": "mine",
            "ModelName": "mine",
            "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in/"}}},
            "TransformOutput": {"S3OutputPath": "s3://bucket/transformed"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        }

        def test_training(training_job, endpoint):
            job = training_job(TRAINING)
            assert (job.model, job.metrics) == ("s3://bucket/out/mine/output/model.tar.gz", {"accuracy": 0.5})
            assert endpoint("algorithm:1", model=job.model).evidence().model_given

        def test_endpoint(endpoint):
            assert endpoint(MODEL, instance_type="ml.c5.xlarge").name == "mine"

        def test_transform(transform_job, smlocal_store):
            smlocal_store.ensure_bucket("bucket")
            smlocal_store.put("bucket", "in/rows.csv", io.BytesIO(b"1"))
            job = transform_job(TRANSFORM, model=MODEL)
            assert (job.output, job.names()) == ("s3://bucket/transformed", ["rows.csv.out"])
            assert job.read("rows.csv.out") == b"1"

        def test_a_request_is_whole(training_job, endpoint, transform_job):
            with pytest.raises(UsageError, match="a request in AWS's shape is whole: leave out name"):
                training_job(TRAINING, name="other")
            with pytest.raises(UsageError, match="is whole: leave out model, name"):
                endpoint(MODEL, model="context", name="other")
            with pytest.raises(UsageError, match="needs the CreateModel request of its model, and no more"):
                transform_job(TRANSFORM)
            with pytest.raises(UsageError, match="give an image, its input"):
                transform_job("algorithm:1", model=MODEL)

        def test_what_aws_would_refuse_is_refused(training_job, endpoint):
            with pytest.raises(UsageError, match="ml.none"):
                endpoint("algorithm:1", instance_type="ml.none")
            with pytest.raises(TypeError, match="chanels"):
                training_job("algorithm:1", chanels={})
            with pytest.raises(UsageError, match="channel train: a mapping has a source"):
                training_job("algorithm:1", channels={"train": {"content_type": "text/csv"}})
            with pytest.raises(UsageError, match="there is no file or folder 'none.csv'"):
                training_job("algorithm:1", channels={"train": "none.csv"})
        """
    )
    assert scripted("-W", "error").parseoutcomes() == {"passed": 5}


def test_an_image_that_there_is_not_is_told_as_sagemaker_tells_it(
    scripted: Session, pytester: pytest.Pytester, notes: Notes
) -> None:
    pytester.makepyfile(
        """
        def test_training(training_job): training_job("none:1")
        def test_endpoint(endpoint): endpoint("none:1")
        def test_transform(transform_job): transform_job("none:1", "rows.csv")
        def test_ours(training_job): training_job("smlocal/none:1")
        """
    )
    result = scripted()
    assert result.parseoutcomes() == {"failed": 4}
    told = [line.partition("ImageNotFound: ")[2] for line in result.outlines if line.startswith("E  ")]
    no_training = "ClientError: Cannot pull algorithm container. Either the image does not exist or its permissions are"
    beginnings = [
        no_training,
        "Please make sure all images included in the model for the production variant AllTraffic exist",
        "The image of the transform job's model does not exist, or it cannot be pulled.",
        no_training,
    ]
    for text, beginning in zip(told, beginnings, strict=True):
        assert text.startswith(beginning)
    assert "runs.py" not in result.stdout.str() and "During handling" not in result.stdout.str()
    assert notes()[-1] == NOTHING_LEFT


@pytest.mark.slow
def test_an_engine_that_does_not_answer_is_told_as_the_doctor_tells_it(
    session: Session, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    pytester.makepyfile("def test_it(training_job): pass\ndef test_other(smlocal_image): pass")
    (pytester.path / "conftest.py").unlink()
    result = session("--smlocal-image", "image", "-k", "SM101 or test")
    assert result.parseoutcomes()["errors"] == 3
    lines = result.outlines
    said = "DOCKER_HOST (unix:///nowhere/docker.sock) names an engine that does not answer: "
    assert sum(line.startswith(said) for line in lines) == 3
    assert sum(line == "fix: unset DOCKER_HOST DOCKER_CONTEXT" for line in lines) == 3
    assert not [line for line in lines if line.startswith("E  ") or "Traceback" in line]


FAILING = """
from dataclasses import replace
import pytest

@pytest.fixture
def smlocal_limits(smlocal_limits):
    return replace(smlocal_limits, serving_stop_grace=0.1)

def test_it(endpoint):
    endpoint("algorithm:1")
    endpoint("algorithm:1", environment={"FAULT": "stubborn"})
    END
"""


def test_a_failed_test_leaves_nothing_and_shows_what_its_runs_told(
    scripted: Session, pytester: pytest.Pytester, notes: Notes
) -> None:
    pytester.makepyfile(FAILING.replace("END", "assert False"))
    result = scripted()
    assert result.parseoutcomes() == {"failed": 1}
    shown = result.stdout.str()
    told = shown.partition("- smlocal call -")[2]
    assert "| serve stubborn\n" in told and "limits that are not SageMaker's own: serving_stop_grace=0.1\n" in told
    assert notes()[-1] == NOTHING_LEFT


@pytest.mark.slow
def test_an_interrupt_leaves_nothing(scripted: Session, pytester: pytest.Pytester, notes: Notes) -> None:
    pytester.makepyfile(FAILING.replace("END", "raise KeyboardInterrupt"))
    assert scripted().ret == pytest.ExitCode.INTERRUPTED
    assert notes()[-1] == NOTHING_LEFT


@pytest.mark.slow
def test_an_endpoint_that_does_not_come_up_is_told_with_its_cause_and_its_lines(
    scripted: Session, pytester: pytest.Pytester, notes: Notes
) -> None:
    pytester.makepyfile('def test_it(endpoint): endpoint("algorithm:1", environment={"FAULT": "fails"})')
    result = scripted()
    assert result.parseoutcomes() == {"failed": 1}
    shown = result.stdout.str()
    assert (
        "smlocal.errors.EndpointFailed: The primary container for production variant AllTraffic did not pass" in shown
    )
    assert "| serve fails\n" in shown
    assert notes()[-1] == NOTHING_LEFT


# settings


def test_every_setting_is_a_fixture() -> None:
    names = {"state": "smlocal_state_folder"}
    wanted = {names.get(field.name, f"smlocal_{field.name}") for field in fields(Settings)}
    assert wanted <= set(public)


def test_each_setting_can_be_overridden(scripted: Session, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from dataclasses import replace
        import pytest

        @pytest.fixture
        def smlocal_state_folder(tmp_path): return tmp_path / "kept"
        @pytest.fixture
        def smlocal_region(): return "eu-west-1"
        @pytest.fixture
        def smlocal_account(): return "123456789012"
        @pytest.fixture
        def smlocal_s3_endpoint_url(): return "http://localhost:1"
        @pytest.fixture
        def smlocal_strict(): return True
        @pytest.fixture
        def smlocal_state_limit_bytes(): return 5
        @pytest.fixture
        def smlocal_plain_http_registries(): return "registry.lan:5000"
        @pytest.fixture
        def smlocal_ecr_endpoint_url(): return "http://localhost:2"
        @pytest.fixture
        def smlocal_registry_endpoint_url(): return "http://localhost:3"
        @pytest.fixture
        def smlocal_limits(smlocal_limits): return replace(smlocal_limits, ping_timeout=1)
        @pytest.fixture
        def smlocal_instance_type(): return "ml.c5.xlarge"
        @pytest.fixture
        def smlocal_pull(): return "never"

        def test_settings(smlocal_settings, tmp_path):
            from smlocal.settings import Limits, Settings
            assert smlocal_settings == Settings(tmp_path / "kept", "eu-west-1", "123456789012", "http://localhost:1",
                True, 5, Limits(ping_timeout=1), "registry.lan:5000", "http://localhost:2", "http://localhost:3")

        class TestJobs:
            @pytest.fixture
            def smlocal_s3_endpoint_url(self): return None

            def test_a_job_has_them(self, training_job, tmp_path):
                job = training_job("algorithm:1")
                assert job.description["TrainingJobArn"].startswith("arn:aws:sagemaker:eu-west-1:123456789012:")
                assert job.description["ResourceConfig"]["InstanceType"] == "ml.c5.xlarge"
                assert job.evidence.scaled_limits == ("ping_timeout=1",)
                assert [path.name for path in (tmp_path / "kept" / "jobs").iterdir()] == ["training-job"]

            def test_pull(self, training_job):
                with pytest.raises(Exception, match="--pull is 'never'"):
                    training_job("none:1")
        """
    )
    assert scripted().parseoutcomes() == {"passed": 3}


@pytest.mark.slow
def test_what_is_not_overridden_is_as_files_and_variables_have_it(
    scripted: Session, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pytester.path / "smlocal.toml").write_text("region = 'eu-west-1'\naccount = '123456789012'\n")
    monkeypatch.setenv("SMLOCAL_REGION", "eu-west-3")
    monkeypatch.setenv("SMLOCAL_STATE", "elsewhere")
    pytester.makepyfile(
        """
        def test_it(smlocal_settings, tmp_path_factory):
            found = smlocal_settings
            assert (found.region, found.account, found.strict) == ("eu-west-3", "123456789012", True)
            assert found.state.parent == tmp_path_factory.getbasetemp()
        """
    )
    assert scripted("--smlocal-strict").parseoutcomes() == {"passed": 1}


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_endpoints_live_as_long_as_is_wanted(
    scripted: Session, pytester: pytest.Pytester, notes: Notes, scope: str
) -> None:
    text = """
        import pytest
        from tests.pytest_plugin.scripted import note

        @pytest.fixture(scope="SCOPE")
        def up(endpoint):
            found = endpoint("algorithm:1")
            note("started")
            return found

        def test_one(up): assert up.healthy
        def test_two(up): assert up.healthy
    """.replace("SCOPE", scope)
    pytester.makepyfile(test_a=text, test_b=text)
    result = scripted("--smlocal-scope", scope)
    assert result.parseoutcomes() == {"passed": 4}
    assert notes().count("started") == {"function": 4, "module": 2, "session": 2}[scope]
    assert notes()[-1] == NOTHING_LEFT


# images, and workers beside each other


def test_an_image_is_built_once_by_all_workers(scripted: Session, pytester: pytest.Pytester, notes: Notes) -> None:
    pytester.makepyfile(
        """
        import pytest
        from tests.pytest_plugin.scripted import note

        @pytest.mark.parametrize("number", range(6))
        def test_it(smlocal_image, number, worker_id):
            note(f"{worker_id} {smlocal_image('context')} {smlocal_image('context', target='small')}")
        """
    )
    assert scripted("-n", "2").parseoutcomes() == {"passed": 6}
    assert notes().count("build context") == 2  # of which one has the target
    told = [line.split() for line in notes() if line.startswith("gw")]
    assert {words[0] for words in told} == {"gw0", "gw1"}
    assert len({tuple(words[1:]) for words in told}) == 1
    assert told[0][1] != told[0][2] and told[0][1].startswith("smlocal-pytest/context-")


@pytest.mark.slow
def test_a_build_that_fails_is_told_and_not_tried_again(
    scripted: Session, pytester: pytest.Pytester, notes: Notes
) -> None:
    (pytester.path / "other").mkdir()
    (pytester.path / "other" / "Dockerfile").write_text("FROM scratch\n")
    pytester.makepyfile(
        """
        import pytest
        from smlocal.errors import EngineError, UsageError

        def test_it(smlocal_image):
            for _ in range(2):
                with pytest.raises(EngineError, match="no build of other is scripted"):
                    smlocal_image("other")
            with pytest.raises(UsageError, match="there is no Dockerfile in none"):
                smlocal_image("none")
        """
    )
    assert scripted().parseoutcomes() == {"passed": 1}
    assert notes() == ["build other", NOTHING_LEFT]


@pytest.mark.slow
def test_workers_have_names_ports_and_folders_of_their_own(
    scripted: Session, pytester: pytest.Pytester, notes: Notes
) -> None:
    pytester.makepyfile(
        """
        import pytest
        from tests.pytest_plugin.scripted import note

        @pytest.mark.parametrize("number", range(6))
        def test_it(endpoint, training_job, smlocal_settings, worker_id, number):
            up, job = endpoint("algorithm:1"), training_job("algorithm:1")
            note(f"{worker_id} {up.name} {up.url} {job.description['TrainingJobName']} {smlocal_settings.state}")
        """
    )
    assert scripted("-n", "2").parseoutcomes() == {"passed": 6}
    told = [line.split() for line in notes() if line.startswith("gw")]
    assert len({words[0] for words in told}) == 2
    for column, what in enumerate(zip(*told, strict=True)):
        assert column == 0 or len(set(what)) == 6 or column == 2, what  # a port may be used again when it is free
