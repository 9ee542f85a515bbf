"""Every member of CreateTrainingJob and what smlocal does with it."""

from __future__ import annotations

from smlocal.requests import channel_members
from smlocal.requests.decision import Decisions, honoured, recorded, refused

_OPTML = "tests/test_optml.py::test_"
_SEEN = "tests/training/test_what_a_container_sees.py::test_"
_OUTCOMES = "tests/training/test_outcomes.py::test_"
_CHECKPOINTS = "tests/training/test_checkpoints.py::test_"
_TOLD_BACK = "tests/requests/test_what_becomes_of_members.py::test_a_recorded_member_of_a_training_job_is_told_back"
_ENTRYPOINT = f"{_SEEN}arguments_replace_train_and_an_entrypoint_replaces_the_images"
_IMAGE = f"{_SEEN}train_is_the_only_argument_and_there_is_no_terminal"

_DEBUGGER = "smlocal has no SageMaker Debugger: leave it out"
_ONE_INSTANCE = "smlocal runs a job on one instance: give InstanceType and an InstanceCount of 1"
_SERVERLESS = "smlocal runs a container of yours, not AWS's serverless jobs: name an image in AlgorithmSpecification"

_ALGORITHM: Decisions = (
    *honoured("AlgorithmSpecification", "says what runs", _ENTRYPOINT),
    *honoured("AlgorithmSpecification.TrainingImage", "the image that runs", _IMAGE),
    *refused(
        "AlgorithmSpecification.AlgorithmName",
        "smlocal has no algorithms of AWS Marketplace: name the image in TrainingImage",
    ),
    *honoured(
        "AlgorithmSpecification.TrainingInputMode",
        "files are in their channel's folder before the program starts",
        channel_members.FILES,
        values=("File",),
        otherwise='smlocal copies channels before the start and streams none: use "File"',
    ),
    *honoured(
        "AlgorithmSpecification.MetricDefinitions",
        "each line of output is searched, and the last values are FinalMetricDataList",
        "tests/test_metrics.py::test_the_last_value_of_each_metric_is_final",
    ),
    *honoured(
        "AlgorithmSpecification.MetricDefinitions[].Name",
        "names a metric",
        "tests/test_metrics.py::test_the_last_value_of_each_metric_is_final",
    ),
    *honoured(
        "AlgorithmSpecification.MetricDefinitions[].Regex",
        "its first group is the value",
        "tests/test_metrics.py::test_the_first_group_of_the_first_match_is_the_value_when_it_is_a_number",
    ),
    *recorded(
        "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries",
        "every value of a metric is in the job's record with or without it",
        _TOLD_BACK,
    ),
    *honoured("AlgorithmSpecification.ContainerEntrypoint", "replaces the image's entry point", _ENTRYPOINT),
    *honoured("AlgorithmSpecification.ContainerArguments", "replace the argument train", _ENTRYPOINT),
    *honoured(
        "AlgorithmSpecification.TrainingImageConfig",
        "says from where the image comes",
        _IMAGE,
    ),
    *honoured(
        "AlgorithmSpecification.TrainingImageConfig.TrainingRepositoryAccessMode",
        "the engine holds the image or pulls it with its own settings",
        _IMAGE,
        values=("Platform",),
        otherwise="smlocal has no VPC: pull the image yourself with docker pull, and leave TrainingImageConfig out",
    ),
    *refused(
        "AlgorithmSpecification.TrainingImageConfig.TrainingRepositoryAuthConfig",
        "smlocal calls no Lambda function: sign in to the registry with docker login",
        below=("TrainingRepositoryCredentialsProviderArn",),
    ),
)

_PREFERENCES = "InstanceType InstanceCount TrainingPlanArns"
_PLACEMENT = "EnableMultipleJobs PlacementSpecifications PlacementSpecifications[].UltraServerId"
_RESOURCES: Decisions = (
    *honoured("ResourceConfig", "says on what the job runs", f"{_SEEN}the_instance_sets_memory_and_processors"),
    *honoured(
        "ResourceConfig.InstanceType",
        "limits vCPU and memory, and is told in resourceconfig.json",
        f"{_SEEN}the_instance_sets_memory_and_processors",
    ),
    *honoured(
        "ResourceConfig.InstanceCount",
        "one container runs",
        f"{_OPTML}resourceconfig_has_the_280_bytes_of_a_real_job",
        values=(1,),
        otherwise="smlocal runs a job on one instance: use 1",
    ),
    *recorded("ResourceConfig.VolumeSizeInGB", "the container has all the space that its engine has", _TOLD_BACK),
    *recorded(
        "ResourceConfig.VolumeKmsKeyId",
        "the job's volumes are on your own machine, and are removed when the job has ended",
        _TOLD_BACK,
    ),
    *refused("ResourceConfig.KeepAlivePeriodInSeconds", "smlocal keeps no warm pools: leave it out"),
    *refused(
        "ResourceConfig.InstanceGroups", _ONE_INSTANCE, below=("[].InstanceType [].InstanceCount [].InstanceGroupName",)
    ),
    *refused("ResourceConfig.TrainingPlanArn", "smlocal reserves no capacity: leave it out"),
    *refused(
        "ResourceConfig.InstancePlacementConfig",
        _ONE_INSTANCE,
        below=(_PLACEMENT, "PlacementSpecifications[].InstanceCount"),
    ),
    *refused(
        "ResourceConfig.InstancePreferences",
        _ONE_INSTANCE,
        below=tuple(f"[].{name}" for name in _PREFERENCES.split()),
    ),
    *refused("ResourceConfig.SelectedInstanceType", "it is for DescribeTrainingJob only: leave it out"),
    *refused("ResourceConfig.SelectedInstanceCount", "it is for DescribeTrainingJob only: leave it out"),
)

_STOPPED = f"{_OUTCOMES}a_job_over_its_time_is_stopped_and_says_so"
_RUN: Decisions = (
    *honoured(
        "TrainingJobName",
        "names the job, its output and its record",
        f"{_OPTML}the_job_name_keeps_its_case_and_the_arn_does_not",
    ),
    *honoured(
        "HyperParameters",
        "is hyperparameters.json",
        f"{_OPTML}hyperparameters_are_compact_json_of_strings_in_the_order_of_the_request",
    ),
    *recorded(
        "RoleArn",
        "no role is assumed and no credentials of yours reach the container; the text for missing objects names it",
        _TOLD_BACK,
    ),
    *honoured(
        "OutputDataConfig",
        "says where the output goes",
        f"{_OUTCOMES}a_good_job_completes_with_its_model_and_other_output",
    ),
    *refused(
        "OutputDataConfig.KmsKeyId", "smlocal does not encrypt: leave it out, and let the bucket encrypt if it must"
    ),
    *honoured(
        "OutputDataConfig.S3OutputPath",
        "model.tar.gz and output.tar.gz go to <path>/<job>/output/",
        f"{_OUTCOMES}a_good_job_completes_with_its_model_and_other_output",
    ),
    *honoured(
        "OutputDataConfig.CompressionType",
        "NONE stores the model's files one by one",
        f"{_OUTCOMES}an_uncompressed_model_is_objects_under_a_prefix",
        values=("GZIP", "NONE"),
        otherwise='use "GZIP"',
    ),
    *honoured("StoppingCondition", "says how long the job may run", _STOPPED),
    *honoured("StoppingCondition.MaxRuntimeInSeconds", "the job is stopped then: SIGTERM, 120 s, SIGKILL", _STOPPED),
    *recorded(
        "StoppingCondition.MaxWaitTimeInSeconds",
        "nobody waits for capacity here, and MaxRuntimeInSeconds, which cannot be longer, is kept to",
        _TOLD_BACK,
    ),
    *recorded("StoppingCondition.MaxPendingTimeInSeconds", "nobody waits for capacity here", _TOLD_BACK),
    *recorded("Tags", "AWS too only keeps them", _TOLD_BACK, below=("[].Key [].Value",)),
    *honoured(
        "EnableNetworkIsolation",
        "the container reaches nothing",
        f"{_SEEN}an_isolated_job_reaches_nothing_and_has_no_credentials",
    ),
    *recorded("EnableInterContainerTrafficEncryption", "one container has no traffic with others", _TOLD_BACK),
    *recorded(
        "EnableManagedSpotTraining",
        "the job runs as a spot job that is never interrupted; AWS does not promise an interruption either",
        _TOLD_BACK,
    ),
    *honoured(
        "CheckpointConfig",
        "checkpoints are restored at the start and saved while the job runs",
        f"{_CHECKPOINTS}a_checkpoint_is_kept_while_the_job_still_runs",
    ),
    *honoured(
        "CheckpointConfig.S3Uri",
        "where they are kept",
        f"{_CHECKPOINTS}what_was_kept_is_there_when_the_next_job_begins",
    ),
    *honoured(
        "CheckpointConfig.LocalPath",
        "their folder in the container",
        f"{_OPTML}checkpointconfig_is_written_only_with_a_checkpoint_config",
    ),
    *honoured(
        "Environment",
        "is the program's environment",
        f"{_SEEN}the_environment_is_the_platforms_and_the_requests",
    ),
    *recorded(
        "RetryStrategy",
        "AWS repeats a job only after an internal error of its own, of which a local run has none",
        _TOLD_BACK,
        below=("MaximumRetryAttempts",),
    ),
    *recorded(
        "InfraCheckConfig",
        "it tests AWS's own machines before the job",
        _TOLD_BACK,
        below=("EnableInfraCheck",),
    ),
    *recorded(
        "ExperimentConfig",
        "it only files the job under an experiment, which the program cannot see",
        _TOLD_BACK,
        below=("ExperimentName TrialName TrialComponentDisplayName RunName",),
    ),
)

_RULE = "[].RuleConfigurationName [].LocalPath [].S3OutputPath [].RuleEvaluatorImage [].InstanceType"
_COLLECTION = "CollectionConfigurations[].CollectionName CollectionConfigurations[].CollectionParameters"
_ELSEWHERE: Decisions = (
    *refused(
        "VpcConfig",
        "smlocal has no VPC: leave it out, and use EnableNetworkIsolation to see the job without a network",
        below=("SecurityGroupIds Subnets",),
    ),
    *refused(
        "DebugHookConfig",
        _DEBUGGER,
        below=("LocalPath S3OutputPath HookParameters CollectionConfigurations", _COLLECTION),
    ),
    *refused("DebugRuleConfigurations", _DEBUGGER, below=(_RULE, "[].VolumeSizeInGB [].RuleParameters")),
    *refused(
        "TensorBoardOutputConfig",
        "smlocal copies no TensorBoard files while the job runs: write them to /opt/ml/output/data or to checkpoints",
        below=("LocalPath S3OutputPath",),
    ),
    *honoured(
        "ProfilerConfig",
        "a job that is not to be profiled is not",
        "tests/requests/test_support.py::test_a_job_that_is_not_to_be_profiled_is_accepted",
    ),
    *refused("ProfilerConfig.S3OutputPath", _DEBUGGER),
    *refused("ProfilerConfig.ProfilingIntervalInMilliseconds", _DEBUGGER),
    *refused("ProfilerConfig.ProfilingParameters", _DEBUGGER),
    *honoured(
        "ProfilerConfig.DisableProfiler",
        "a job that is not to be profiled is not",
        "tests/requests/test_support.py::test_a_job_that_is_not_to_be_profiled_is_accepted",
        values=(True,),
        otherwise="smlocal profiles no jobs: use true, or leave ProfilerConfig out",
    ),
    *refused("ProfilerRuleConfigurations", _DEBUGGER, below=(_RULE, "[].VolumeSizeInGB [].RuleParameters")),
    *honoured(
        "RemoteDebugConfig",
        "a job that is not to be entered is not",
        "tests/requests/test_support.py::test_a_job_that_is_not_to_be_entered_is_accepted",
    ),
    *honoured(
        "RemoteDebugConfig.EnableRemoteDebug",
        "a job that is not to be entered is not",
        "tests/requests/test_support.py::test_a_job_that_is_not_to_be_entered_is_accepted",
        values=(False,),
        otherwise="smlocal has no Systems Manager: enter the container with docker exec",
    ),
    *refused(
        "SessionChainingConfig",
        "smlocal assumes no role, and so chains no session tags: leave it out",
        below=("EnableSessionTagChaining",),
    ),
    *refused(
        "ServerlessJobConfig",
        _SERVERLESS,
        below=(
            "BaseModelArn AcceptEula JobType CustomizationTechnique Peft",
            "EvaluationType EvaluatorArn SequenceLength",
        ),
    ),
    *refused(
        "MlflowConfig",
        "smlocal runs no MLflow server: name one of yours in Environment, as MLFLOW_TRACKING_URI",
        below=("MlflowResourceArn MlflowExperimentName MlflowRunName",),
    ),
    *refused(
        "ModelPackageConfig",
        "smlocal has no model registry: leave it out",
        below=("ModelPackageGroupArn SourceModelPackageArn",),
    ),
)

MEMBERS: Decisions = (*_RUN, *_ALGORITHM, *channel_members.MEMBERS, *_RESOURCES, *_ELSEWHERE)
