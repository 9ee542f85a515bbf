"""Every member of an endpoint configuration and of what is done to an endpoint, and what smlocal does with it."""

from __future__ import annotations

from smlocal.requests.decision import Decisions, honoured, recorded, refused

_ACCOUNT = "tests/aws/test_sagemaker.py::test_every_operation_reaches_the_account_as_it_was_sent"
_KEPT = "tests/aws/test_sagemaker.py::test_every_operation_reaches_the_account_as_it_was_sent"

_INSTANCES = "name the InstanceType and the InitialInstanceCount instead"
_SERVERLESS = "smlocal has no serverless endpoints: " + _INSTANCES
_COMPONENTS = "smlocal has no inference components: leave it out"
_CAPACITY = "smlocal reserves no capacity: leave it out"
_MONITORED = "smlocal publishes no such metrics of an endpoint: leave it out"
_DUMP = "DestinationS3Uri KmsKeyId"
_SCALING = "Status MinInstanceCount MaxInstanceCount ScaleInPolicy"
_SCALE_IN = "ScaleInPolicy.Strategy ScaleInPolicy.MaximumStepSize ScaleInPolicy.CooldownInMinutes"
_PREFIX_ROUTING = "PrefixAwareRoutingConfig.PrefixLength PrefixAwareRoutingConfig.ConcurrencyThreshold"
_POOLS = "[].InstanceType [].ModelNameOverride [].Priority"
_ONE_ROUTE = "requests go to the instances in turn"
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
    *honoured("ProductionVariants", "say which models serve, and on what", _ACCOUNT),
    *honoured(f"{_V}.VariantName", "names the variant", _ACCOUNT),
    *honoured(f"{_V}.ModelName", "the model that the variant serves", _ACCOUNT),
    *honoured(f"{_V}.InitialInstanceCount", "so many containers serve the variant", _ACCOUNT),
    *honoured(f"{_V}.InstanceType", "limits vCPU and memory of each container", _ACCOUNT),
    *honoured(f"{_V}.InitialVariantWeight", "the variant's share of the requests", _ACCOUNT),
    *recorded(f"{_V}.VolumeSizeInGB", "the container has all the space that its engine has", _KEPT),
    *recorded(
        f"{_V}.ModelDataDownloadTimeoutInSeconds", "the model's files are copied from this machine's own disk", _KEPT
    ),
    *recorded(
        f"{_V}.ContainerStartupHealthCheckTimeoutInSeconds",
        "a container has the 8 minutes of SageMaker's default for its first healthy ping",
        _KEPT,
    ),
    *honoured(
        f"{_V}.EnableSSMAccess",
        "a container that is not to be entered is not",
        "tests/aws/test_sagemaker.py::test_a_choice_that_asks_for_nothing_is_accepted",
        values=(False,),
        otherwise="smlocal has no Systems Manager: enter the container with docker exec",
    ),
    *recorded(
        f"{_V}.RoutingConfig", _ONE_ROUTE, _KEPT, below=("RoutingStrategy PrefixAwareRoutingConfig", _PREFIX_ROUTING)
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
    *honoured("EndpointConfigName", "names the configuration", _ACCOUNT),
    *_VARIANT,
    *refused(
        "DataCaptureConfig",
        "smlocal captures no requests yet: leave it out, or give EnableCapture in a later version",
        below=(_CAPTURE, "KmsKeyId CaptureContentTypeHeader", _CAPTURE_TYPES),
    ),
    *recorded("Tags", "AWS too only keeps them", _KEPT, below=("[].Key [].Value",)),
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
    *refused("ExecutionRoleArn", f"it is for endpoints of inference components: {_COMPONENTS}"),
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
    *honoured("EndpointName", "names the endpoint", _ACCOUNT),
    *honoured("EndpointConfigName", "says what the endpoint serves", _ACCOUNT),
)
CREATE: Decisions = (
    *_NAMES,
    *_DEPLOYMENT,
    *recorded("Tags", "AWS too only keeps them", _KEPT, below=("[].Key [].Value",)),
)
UPDATE: Decisions = (
    *_NAMES,
    *honoured("RetainAllVariantProperties", "weights and instance counts stay as they were set", _ACCOUNT),
    *honoured("ExcludeRetainedVariantProperties", "but for these", _ACCOUNT),
    *honoured(
        "ExcludeRetainedVariantProperties[].VariantPropertyType",
        "names one",
        _ACCOUNT,
        values=("DesiredInstanceCount", "DesiredWeight"),
        otherwise="smlocal captures no requests: leave it out",
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
    *honoured("EndpointName", "names the endpoint", _ACCOUNT),
    *honoured(_W, "say what becomes of each variant", _ACCOUNT),
    *honoured(f"{_W}[].VariantName", "names the variant", _ACCOUNT),
    *honoured(f"{_W}[].DesiredWeight", "its share of the requests from now on", _ACCOUNT),
    *honoured(f"{_W}[].DesiredInstanceCount", "so many containers serve it from now on", _ACCOUNT),
    *refused(f"{_W}[].ServerlessUpdateConfig", _SERVERLESS, below=("MaxConcurrency ProvisionedConcurrency",)),
)
