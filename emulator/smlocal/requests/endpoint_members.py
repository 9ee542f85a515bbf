"""Every member of an endpoint configuration and of what is done to an endpoint, and what smlocal does with it."""

from __future__ import annotations

from smlocal.requests.decision import Decisions, honoured, recorded, refused

_MEMBERS = "tests/account/test_members_of_endpoints.py::test_"
_ENDPOINTS = "tests/account/test_endpoints.py::test_"
_CONFIG = "tests/account/test_models_and_configs.py::test_a_configuration_is_described_as_aws_describes_it"
_DEPLOYED = f"{_ENDPOINTS}an_endpoint_in_service_is_described_as_aws_describes_it"
_SPREAD = f"{_ENDPOINTS}requests_are_spread_over_the_instances_of_a_variant"
_SHARED = f"{_ENDPOINTS}variants_share_by_weight_and_a_target_goes_before"
_UPDATED = f"{_ENDPOINTS}an_update_has_no_gap_and_leaves_nothing_of_the_old_containers"
_RETAINED = f"{_ENDPOINTS}an_update_keeps_weights_and_counts_when_asked"
_RESIZED = f"{_ENDPOINTS}weights_and_counts_change_and_what_stands_stays"
_KEPT = f"{_MEMBERS}a_recorded_member_of_a_configuration_is_told_back"
_TAGGED = "tests/account/test_listing_and_tags.py::test_everything_that_has_an_arn_has_tags"

_INSTANCES = "name the InstanceType and the InitialInstanceCount instead"
_SERVERLESS = "smlocal has no serverless endpoints: " + _INSTANCES
_CAPACITY = "smlocal reserves no capacity: leave it out"
_MONITORED = "smlocal publishes no such metrics of an endpoint: leave it out"
_DUMP = "DestinationS3Uri KmsKeyId"
_SCALING = "Status MinInstanceCount MaxInstanceCount ScaleInPolicy"
_SCALE_IN = "ScaleInPolicy.Strategy ScaleInPolicy.MaximumStepSize ScaleInPolicy.CooldownInMinutes"
_POOLS = "[].InstanceType [].ModelNameOverride [].Priority"
_V = "ProductionVariants[]"

_NOT_FOR_A_VARIANT: Decisions = (
    *refused(f"{_V}.InstancePools", _INSTANCES, below=(_POOLS,)),
    *refused(f"{_V}.VariantInstanceProvisionTimeoutInSeconds", "nothing is provisioned here: leave it out"),
    *refused(f"{_V}.AcceleratorType", "AWS too has no Elastic Inference any more: leave it out"),
    *refused(f"{_V}.CoreDumpConfig", "smlocal keeps no core dumps: leave it out", below=(_DUMP,)),
    *refused(f"{_V}.ServerlessConfig", _SERVERLESS, below=("MemorySizeInMB MaxConcurrency ProvisionedConcurrency",)),
    *refused(f"{_V}.ManagedInstanceScaling", "smlocal scales nothing by itself", below=(_SCALING, _SCALE_IN)),
    *refused(f"{_V}.InferenceAmiVersion", "the container runs on this machine's own system: leave it out"),
    *refused(f"{_V}.CapacityReservationConfig", _CAPACITY, below=("CapacityReservationPreference MlReservationArn",)),
    *refused(f"{_V}.AcceleratorPartitionLayouts", _CAPACITY, below=("[].AcceleratorPartitionTypes",)),
)

_VARIANT: Decisions = (
    *honoured("ProductionVariants", "say which models serve, and on what", _CONFIG),
    *honoured(f"{_V}.VariantName", "names the variant", _SHARED),
    *honoured(f"{_V}.ModelName", "the model that the variant serves", _SHARED),
    *honoured(f"{_V}.InitialInstanceCount", "so many containers serve the variant", _SPREAD),
    *honoured(
        f"{_V}.InstanceType",
        "limits vCPU and memory of each container",
        f"{_MEMBERS}an_endpoints_container_runs_within_its_instance_type",
    ),
    *honoured(f"{_V}.InitialVariantWeight", "the variant's share of the requests", _SHARED),
    *recorded(f"{_V}.VolumeSizeInGB", "the container has all the space that its engine has", _KEPT),
    *recorded(
        f"{_V}.ModelDataDownloadTimeoutInSeconds", "the model's files are copied from this machine's own disk", _KEPT
    ),
    *honoured(
        f"{_V}.ContainerStartupHealthCheckTimeoutInSeconds",
        "so long a container may take to its first healthy ping",
        f"{_MEMBERS}a_container_has_the_time_of_its_variant_to_become_healthy",
    ),
    *honoured(
        f"{_V}.EnableSSMAccess",
        "a container that is not to be entered is not",
        "tests/aws/test_sagemaker.py::test_a_choice_that_asks_for_nothing_is_accepted",
        values=(False,),
        otherwise="smlocal has no Systems Manager: enter the container with docker exec",
    ),
    *honoured(f"{_V}.RoutingConfig", "says which instance a request goes to", _SPREAD),
    *honoured(
        f"{_V}.RoutingConfig.RoutingStrategy",
        "the one with the fewest requests under way, and of several the one whose last is longest ago",
        _SPREAD,
        values=("LEAST_OUTSTANDING_REQUESTS",),
        otherwise='leave RoutingConfig out, or use "LEAST_OUTSTANDING_REQUESTS"',
    ),
    *refused(
        f"{_V}.RoutingConfig.PrefixAwareRoutingConfig",
        "smlocal looks at no prefixes: leave it out",
        below=("PrefixLength ConcurrencyThreshold",),
    ),
    *_NOT_FOR_A_VARIANT,
)


def _shadows() -> Decisions:
    """What a production variant may have a shadow may have, and is refused with it."""
    names = " ".join(one.path.removeprefix("ProductionVariants") for one in _VARIANT[1:])
    return refused(
        "ShadowProductionVariants", "smlocal has no shadow variants: add a production variant instead", below=(names,)
    )


_CAPTURE = "CaptureOptions CaptureOptions[].CaptureMode EnableCapture InitialSamplingPercentage DestinationS3Uri"
_CAPTURE_TYPES = "CaptureContentTypeHeader.CsvContentTypes CaptureContentTypeHeader.JsonContentTypes"
_NOTICES = "NotificationConfig.SuccessTopic NotificationConfig.ErrorTopic NotificationConfig.IncludeInferenceResponseIn"
_CLARIFY = "ClarifyExplainerConfig"
_INFERENCE = (
    "FeaturesAttribute ContentTemplate MaxRecordCount MaxPayloadInMB ProbabilityIndex LabelIndex ProbabilityAttribute"
    " LabelAttribute LabelHeaders FeatureHeaders FeatureTypes"
)
_BASELINE = "MimeType ShapBaseline ShapBaselineUri"


def _below(path: str, names: str) -> str:
    return " ".join([path, *(f"{path}.{name}" for name in names.split())])


CONFIG: Decisions = (
    *honoured("EndpointConfigName", "names the configuration", _CONFIG),
    *_VARIANT,
    *refused(
        "DataCaptureConfig",
        "smlocal captures no requests of endpoints yet: leave it out",
        below=(_CAPTURE, "KmsKeyId CaptureContentTypeHeader", _CAPTURE_TYPES),
    ),
    *recorded("Tags", "AWS too only keeps them", _TAGGED, below=("[].Key [].Value",)),
    *recorded("KmsKeyId", "the containers' volumes are on your own machine, and end with the endpoint", _KEPT),
    *refused(
        "AsyncInferenceConfig",
        "smlocal has no asynchronous endpoints yet: leave it out, and use InvokeEndpoint",
        below=(
            "ClientConfig ClientConfig.MaxConcurrentInvocationsPerInstance",
            _below("OutputConfig", f"KmsKeyId S3OutputPath NotificationConfig {_NOTICES} S3FailurePath"),
        ),
    ),
    *refused(
        "ExplainerConfig",
        "smlocal explains no predictions: leave it out",
        below=(
            f"{_CLARIFY} {_CLARIFY}.EnableExplanations",
            _below(f"{_CLARIFY}.InferenceConfig", _INFERENCE),
            _below(f"{_CLARIFY}.ShapConfig", "NumberOfSamples UseLogit Seed"),
            _below(f"{_CLARIFY}.ShapConfig.ShapBaselineConfig", _BASELINE),
            _below(f"{_CLARIFY}.ShapConfig.TextConfig", "Language Granularity"),
        ),
    ),
    *_shadows(),
    *recorded("ExecutionRoleArn", "no role is assumed and no credentials of yours reach the container", _KEPT),
    *refused("VpcConfig", "smlocal has no VPC: leave it out", below=("SecurityGroupIds Subnets",)),
    *refused("EnableNetworkIsolation", "give it to CreateModel, whose own is followed: leave it out here"),
    *refused(
        "MetricsConfig",
        _MONITORED,
        below=("EnableEnhancedMetrics EnableDetailedObservability MetricPublishFrequencyInSeconds",),
    ),
    *refused(
        "CrossRegionTrafficConfig",
        "there is one region here: leave it out",
        below=("MaxInvocationsPerSecondPerInstance MaxCrossRegionPercentPerEndpoint",),
    ),
)

_STEP = "Type Value"
_BLUE_GREEN = "BlueGreenUpdatePolicy"
_ROUTING = f"{_BLUE_GREEN}.TrafficRoutingConfiguration"
_ROLLING = "RollingUpdatePolicy"
_DEPLOYMENT: Decisions = refused(
    "DeploymentConfig",
    "smlocal moves all requests at once when the new containers are healthy: leave it out",
    below=(
        _below(_BLUE_GREEN, "TerminationWaitInSeconds MaximumExecutionTimeoutInSeconds"),
        _below(_ROUTING, "Type WaitIntervalInSeconds"),
        _below(f"{_ROUTING}.CanarySize", _STEP),
        _below(f"{_ROUTING}.LinearStepSize", _STEP),
        _below(_ROLLING, "WaitIntervalInSeconds MaximumExecutionTimeoutInSeconds"),
        _below(f"{_ROLLING}.MaximumBatchSize", _STEP),
        _below(f"{_ROLLING}.RollbackMaximumBatchSize", _STEP),
        "AutoRollbackConfiguration AutoRollbackConfiguration.Alarms AutoRollbackConfiguration.Alarms[].AlarmName",
    ),
)
_NAMES: Decisions = (
    *honoured("EndpointName", "names the endpoint", _DEPLOYED),
    *honoured("EndpointConfigName", "says what the endpoint serves", _UPDATED),
)
CREATE: Decisions = (
    *_NAMES,
    *_DEPLOYMENT,
    *recorded("Tags", "AWS too only keeps them", _TAGGED, below=("[].Key [].Value",)),
)
UPDATE: Decisions = (
    *_NAMES,
    *honoured("RetainAllVariantProperties", "weights and instance counts stay as they were set", _RETAINED),
    *honoured("ExcludeRetainedVariantProperties", "but for these", _RETAINED),
    *honoured(
        "ExcludeRetainedVariantProperties[].VariantPropertyType",
        "names one; of a data capture there is none to keep",
        _RETAINED,
        values=("DesiredInstanceCount", "DesiredWeight", "DataCaptureConfig"),
        otherwise="leave it out",
    ),
    *_DEPLOYMENT,
    *honoured(
        "RetainDeploymentConfig",
        "there is none to keep",
        "tests/aws/test_sagemaker.py::test_a_choice_that_asks_for_nothing_is_accepted",
        values=(False,),
        otherwise="smlocal follows no deployment configuration: leave it out",
    ),
)
_W = "DesiredWeightsAndCapacities"
WEIGHTS: Decisions = (
    *honoured("EndpointName", "names the endpoint", _RESIZED),
    *honoured(_W, "say what becomes of each variant", _RESIZED),
    *honoured(f"{_W}[].VariantName", "names the variant", _RESIZED),
    *honoured(f"{_W}[].DesiredWeight", "its share of the requests from now on", _RESIZED),
    *honoured(f"{_W}[].DesiredInstanceCount", "so many containers serve it from now on", _RESIZED),
    *refused(f"{_W}[].ServerlessUpdateConfig", _SERVERLESS, below=("MaxConcurrency ProvisionedConcurrency",)),
)
