"""The SageMaker operations that would run something which smlocal does not run, and the sentence for each.

What only keeps a record (experiments, model packages, pipelines' definitions) is not here: moto has it. A list of what
smlocal does not run is empty, and is answered so: SDKs look through lists before they delete or describe.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from smlocal.requests.shapes import answer_shapes, request_shapes

_LATER = "processing and tuning jobs come with a later smlocal"
_FAMILIES: Mapping[str, str] = {  # what an operation's name has after its verb -> why it does not run
    r"ProcessingJobs?": f"run the program with docker run instead; {_LATER}",
    r"HyperParameterTuningJobs?|TrainingJobsForHyperParameterTuningJob": (
        f"create the training jobs one by one instead; {_LATER}"
    ),
    r"PipelineExecution.*|PipelineDefinitionForExecution|PipelineParametersForExecution": (
        "start the jobs of the pipeline's steps one by one instead"
    ),
    r"AutoMLJobs?(V2)?|CandidatesForAutoMLJob": "AutoML jobs run AWS's own algorithms",
    r"LabelingJobs?.*|FlowDefinitions?|UiTemplate": "labeling needs AWS's work force",
    r"NotebookInstances?|PresignedNotebookInstanceUrl": "start Jupyter yourself, under `smlocal exec`",
    r"InferenceComponents?|InferenceComponentRuntimeConfig": (
        "name the model in the endpoint configuration's ProductionVariants instead"
    ),
    r"InferenceExperiments?|InferenceRecommendationsJob.*|InferenceRouters?|(Global)?InferenceGateways?": (
        "deploy and invoke endpoints of your own instead"
    ),
    r"CompilationJobs?|OptimizationJobs?|EdgePackagingJobs?|EdgeDeployment(Plans?|Stage)|.*Devices?|DeviceFleet.*": (
        "smlocal compiles and packages no models"
    ),
    r"Monitoring(Schedules?|Executions|Alerts?|AlertHistory)": "smlocal monitors no endpoints",
    r"AI(Benchmark|Recommendation)Jobs?|AIWorkloadConfigs?": "measure an endpoint of your own instead",
    r"Jobs?|JobSchemaVersions?|TrainingSessions?|Session": "create a training job of a container image instead",
    r"ModelCardExportJobs?": "read the model card with DescribeModelCard instead",
    r".*Cluster.*|ComputeQuotas?|TrainingPlan.*|ReservedCapacity|UltraServersByReservedCapacity": (
        "smlocal has this machine only: leave clusters and reserved capacity out"
    ),
    r"Apps?|Spaces?|PresignedDomainUrl": "smlocal has no Studio",
    r"PartnerApps?.*|Mlflow.*|PresignedMlflow.*": "smlocal runs no MLflow server and no partner's: start your own",
}
_SINGLE: Mapping[str, str] = {
    "UpdateTrainingJob": "create another training job instead",
    "PutEndpointPolicy": "smlocal checks no policies",
    "GetEndpointPolicy": "smlocal checks no policies",
    "DeleteEndpointPolicy": "smlocal checks no policies",
    "GetScalingConfigurationRecommendation": "smlocal scales no endpoints by itself",
}
# Search looks into what it is asked about; of these moto knows nothing
_SEARCHED_HERE = ("TrainingJob", "Endpoint", "Model", "TransformJob")
_VERB = re.compile(
    r"(?:Create|Describe|List|Start|Stop|Delete|Update|Retry|Send|Batch(?:Add|Delete|Reboot|Replace)|Attach|Detach"
    r"|Register|Deregister|Move|Extend|Search|Get|Render|Add|Remove)(?=[A-Z])"
)


def reason(operation: str) -> str | None:
    """The sentence that refuses the operation, or None for one that moto may answer."""
    why = _SINGLE.get(operation)
    if why is None:
        noun = _VERB.sub("", operation, count=1)
        why = next((why for family, why in _FAMILIES.items() if re.fullmatch(family, noun)), None)
    return None if why is None else f"smlocal does not run {operation}: {why}"


def search_reason(request: Mapping[str, Any]) -> str | None:
    """The sentence that refuses a Search among what the account has; it cannot search there."""
    resource = request.get("Resource")
    if resource not in _SEARCHED_HERE:
        return None
    return f"smlocal does not search among resources of type {resource}: list them with List{resource}s instead"


def empty_list(operation: str) -> dict[str, list[Any]] | None:
    """The answer of a List operation of what smlocal does not run, None for any other: it asks for nothing that must
    be there, so that an account without such things answers an empty list."""
    if not operation.startswith("List") or request_shapes(operation).input.required:
        return None
    shapes = answer_shapes(operation)
    if shapes is None:
        return None
    lists = [name for name, target in shapes.input.members.items() if shapes.shapes[target].kind == "list"]
    return {name: [] for name in lists}
