"""The files, environment and command of a training job, byte for byte.

Sources: AWS developer guide, your-algorithms-training-algo-running-container and -dockerfile; captures of real jobs of
2020 and 2022, whose file sizes are checked here.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from smlocal import optml
from smlocal.tree import Entry, TreeDirectory, TreeFile

CHANNEL = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}


def request(**changes: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": "Iris-2026",
        "AlgorithmSpecification": {"TrainingImage": "iris", "TrainingInputMode": "File"},
        "RoleArn": "arn:aws:iam::000000000000:role/r",
        "ResourceConfig": {"InstanceType": "ml.g4dn.12xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        **changes,
    }


def files(entries: Any) -> dict[str, str]:
    return {entry.path: entry.open().read().decode() for entry in entries if isinstance(entry, TreeFile)}


def written(strict: bool = False, **changes: Any) -> dict[str, str]:
    channels = {"training": CHANNEL} if "InputDataConfig" in changes else {}
    return files(optml.config_files(request(**changes), channels, strict))


INPUT = [
    {
        "ChannelName": "training",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/train/"}},
    }
]


def test_no_hyperparameters_are_two_bytes() -> None:
    assert written()["config/hyperparameters.json"] == "{}"


def test_hyperparameters_are_compact_json_of_strings_in_the_order_of_the_request() -> None:
    found = written(HyperParameters={"num_round": "128", "eta": "0.001"})["config/hyperparameters.json"]
    assert found == '{"num_round":"128","eta":"0.001"}'


def test_no_channels_are_an_empty_object() -> None:
    assert written()["config/inputdataconfig.json"] == "{}"


def test_inputdataconfig_has_the_107_bytes_of_a_real_job() -> None:
    found = written(InputDataConfig=INPUT)["config/inputdataconfig.json"]
    assert found == (
        '{"training":{"TrainingInputMode":"File","S3DistributionType":"FullyReplicated","RecordWrapperType":"None"}}'
    )
    assert len(found) == 107


def test_resourceconfig_has_the_280_bytes_of_a_real_job() -> None:
    found = written()["config/resourceconfig.json"]
    assert found == (
        '{"current_host":"algo-1","current_instance_type":"ml.g4dn.12xlarge","current_group_name":"homogeneousCluster",'
        '"hosts":["algo-1"],"instance_groups":[{"instance_group_name":"homogeneousCluster",'
        '"instance_type":"ml.g4dn.12xlarge","hosts":["algo-1"]}],"network_interface_name":"eth0"}'
    )
    assert len(found) == 280


def test_metric_definitions_are_an_empty_list_when_there_are_none() -> None:
    assert written()["config/metric-definition-regex.json"] == "[]"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"S3Uri": "s3://b/c"}, '{"LocalPath":"/opt/ml/checkpoints"}'),
        ({"S3Uri": "s3://b/c", "LocalPath": "/state"}, '{"LocalPath":"/state"}'),
    ],
)
def test_checkpointconfig_is_written_only_with_a_checkpoint_config(config: dict[str, str], expected: str) -> None:
    assert written(CheckpointConfig=config)["config/checkpointconfig.json"] == expected
    assert "config/checkpointconfig.json" not in written()


def test_init_config_lists_the_channels_in_upper_snake_case() -> None:
    found = json.loads(written(InputDataConfig=INPUT)["config/init-config.json"])
    channel = found["channels"]["training"]
    assert (found["inputMode"], channel["inputMode"], channel["sharded"]) == ("FILE", "FILE", False)
    assert channel["s3DataSource"]["s3DataDistributionType"] == "FULLY_REPLICATED"
    assert found["hostConfig"] == {"clusterSize": 1, "hostNumber": 1}


@pytest.mark.parametrize(("strict", "mode"), [(False, 0o755), (True, 0o644)])
def test_the_config_directory_is_closed_to_other_users_only_when_strict(strict: bool, mode: int) -> None:
    first: Entry = next(optml.config_files(request(), {}, strict))
    assert first == TreeDirectory("config", mode)


def test_every_config_file_is_readable_by_all() -> None:
    entries = [entry for entry in optml.config_files(request(), {}, False) if isinstance(entry, TreeFile)]
    assert {entry.mode for entry in entries} == {0o644}


def environment(**changes: Any) -> dict[str, str]:
    return optml.environment(request(**changes), region="eu-west-1", account="000000000000")


def test_the_job_name_keeps_its_case_and_the_arn_does_not() -> None:
    found = environment()
    assert found["TRAINING_JOB_NAME"] == "Iris-2026"
    assert found["TRAINING_JOB_ARN"] == "arn:aws:sagemaker:eu-west-1:000000000000:training-job/iris-2026"


def test_the_platform_variables_are_those_of_captured_jobs() -> None:
    found = environment()
    assert found["AWS_REGION"] == "eu-west-1"
    assert "AWS_DEFAULT_REGION" not in found
    assert found["AWS_EXECUTION_ENV"] == "AWS_ECS_EC2"
    assert found["DMLC_INTERFACE"] == "eth0"
    assert found["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert found["ECS_CONTAINER_METADATA_URI_V4"].startswith("http://169.254.170.2/v4/")


def test_the_environment_of_the_request_is_given_verbatim() -> None:
    assert environment(Environment={"A": " b=c "})["A"] == " b=c "


def test_an_isolated_job_has_no_credentials() -> None:
    assert "AWS_ACCESS_KEY_ID" in environment()
    assert not [name for name in environment(EnableNetworkIsolation=True) if "KEY" in name or "TOKEN" in name]


def test_an_s3_endpoint_is_given_to_the_clients_in_the_container() -> None:
    found = optml.environment(request(), region="r", account="a", endpoint="http://172.17.0.1:9000")
    assert found["S3_ENDPOINT_URL"] == found["AWS_ENDPOINT_URL"] == "http://172.17.0.1:9000"


@pytest.mark.parametrize(
    ("given", "entrypoint", "arguments"),
    [
        ({}, None, ("train",)),
        ({"ContainerEntrypoint": ["/bin/sh"]}, ("/bin/sh",), ()),
        ({"ContainerArguments": ["--fast"]}, None, ("--fast",)),
        ({"ContainerEntrypoint": ["sh"], "ContainerArguments": ["x.sh"]}, ("sh",), ("x.sh",)),
    ],
)
def test_the_command_line_follows_the_guides_table(
    given: dict[str, list[str]], entrypoint: tuple[str, ...] | None, arguments: tuple[str, ...]
) -> None:
    algorithm = {"TrainingImage": "iris", "TrainingInputMode": "File", **given}
    assert optml.command(request(AlgorithmSpecification=algorithm)) == (entrypoint, arguments)


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("", 1, "AlgorithmError: , exit code: 1"),
        ("no data", 3, "AlgorithmError: no data, exit code: 3"),
    ],
)
def test_a_failure_is_worded_as_the_platform_words_it(text: str, code: int, expected: str) -> None:
    assert optml.failure_reason(text, code) == expected


def test_a_long_failure_text_is_cut_and_the_exit_code_stays() -> None:
    found = optml.failure_reason("x" * 5000, 139)
    assert len(found) == 1024
    assert found.startswith("AlgorithmError: xxx")
    assert found.endswith("x, exit code: 139")


def test_the_host_name_is_an_ec2_name_and_stays_the_same_for_a_job() -> None:
    name = optml.hostname("job", "eu-west-1")
    assert name == optml.hostname("job", "eu-west-1")
    assert name.startswith("ip-10-0-")
    assert name.endswith(".eu-west-1.compute.internal")
