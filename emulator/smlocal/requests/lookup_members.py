"""Every member of the operations that look up, list, stop, delete and tag, and of InvokeEndpoint."""

from __future__ import annotations

from collections.abc import Mapping

from smlocal.requests.decision import Decisions, honoured, recorded, refused

_LISTING = "tests/account/test_listing_and_tags.py::test_"
_FILTERED = f"{_LISTING}filters_narrow_what_is_listed"
_SORTED = f"{_LISTING}the_newest_come_first_unless_asked_and_ten_are_a_page"
_PAGED = f"{_LISTING}pages_give_each_thing_that_stays_once_whatever_comes_and_goes"
_TAGGED = f"{_LISTING}everything_that_has_an_arn_has_tags"
_SCRIPT = "tests/aws/test_boto3_script.py::test_a_plain_script_goes_from_training_to_predictions_and_leaves_nothing"

_NAMED: Mapping[str, str] = {
    "TrainingJobName": "DescribeTrainingJob StopTrainingJob DeleteTrainingJob",
    "ModelName": "DescribeModel DeleteModel",
    "EndpointConfigName": "DescribeEndpointConfig DeleteEndpointConfig",
    "EndpointName": "DescribeEndpoint DeleteEndpoint",
    "TransformJobName": "DescribeTransformJob StopTransformJob",
}
_PAGE = {
    "NextToken": "goes on where the last page ended",
    "MaxResults": "a page has no more than these, 10 when absent",
}
_FILTERS = {
    "NameContains": "only names with it",
    "CreationTimeAfter": "only what is newer",
    "CreationTimeBefore": "only what is older",
}
_CHANGED = {
    "LastModifiedTimeAfter": "only what changed since",
    "LastModifiedTimeBefore": "only what did not change since",
}
_JOB_STATES = "InProgress Completed Failed Stopping Stopped"
_ENDPOINT_STATES = (
    "OutOfService Creating Updating SystemUpdating RollingBack InService Deleting Failed UpdateRollbackFailed"
)


def _members(says: Mapping[str, str], proof: str) -> Decisions:
    return tuple(decision for name, text in says.items() for decision in honoured(name, text, proof))


def _choices(name: str, says: str, values: str) -> Decisions:
    proof = _FILTERED if name == "StatusEquals" else _SORTED
    return honoured(name, says, proof, values=values.split(), otherwise=f"use one of {values}")


def _list(sorts: str, states: str = "") -> Decisions:
    """A list that is paged, sorted and filtered by name and time, and by state where there are `states`."""
    return (
        *_members(_PAGE, _PAGED),
        *_members({**_FILTERS, **_CHANGED} if states else _FILTERS, _FILTERED),
        *_choices("SortBy", "what the list is sorted by", sorts),
        *_choices("SortOrder", "which end comes first", "Ascending Descending"),
        *(_choices("StatusEquals", "only what is in that state", states) if states else ()),
    )


_LISTS: Mapping[str, Decisions] = {
    "ListTrainingJobs": (
        *_list("Name CreationTime Status", f"{_JOB_STATES} Deleting"),
        *refused("WarmPoolStatusEquals", "smlocal keeps no warm pools: leave it out"),
        *refused("TrainingPlanArnEquals", "smlocal reserves no capacity: leave it out"),
    ),
    "ListModels": _list("Name CreationTime"),
    "ListEndpointConfigs": _list("Name CreationTime"),
    "ListEndpoints": _list("Name CreationTime Status", _ENDPOINT_STATES),
    "ListTransformJobs": _list("Name CreationTime Status", _JOB_STATES),
}
_ARN = {"ResourceArn": "the thing that has the tags"}
_TAGS: Mapping[str, Decisions] = {
    "AddTags": _members({**_ARN, "Tags": "are added", "Tags[].Key": "names it", "Tags[].Value": "is it"}, _TAGGED),
    "ListTags": _members({**_ARN, "NextToken": _PAGE["NextToken"], "MaxResults": "no more than these"}, _TAGGED),
    "DeleteTags": _members({**_ARN, "TagKeys": "the tags that go"}, _TAGGED),
}
_INVOKED = "tests/aws/test_runtime.py::test_headers_and_bytes_reach_the_account_and_come_back"
_INVOKE: Decisions = (
    *honoured("EndpointName", "the endpoint that answers", _INVOKED),
    *honoured("Body", "goes to the container as it is", _INVOKED),
    *honoured("ContentType", "is the container's Content-Type", _INVOKED),
    *honoured("Accept", "is the container's Accept", _INVOKED),
    *honoured("CustomAttributes", "go to the container, and those of its answer come back", _INVOKED),
    *honoured("TargetVariant", "the variant that answers, whatever its weight", _INVOKED),
    *honoured("SessionId", "goes to the container, which keeps its sessions", _INVOKED),
    *recorded("InferenceId", "it names a captured request, and nothing is captured", _INVOKED),
    *refused("TargetModel", "smlocal has no multi-model endpoints yet: leave it out"),
    *refused("TargetContainerHostname", "smlocal has no inference pipelines: leave it out"),
    *refused("EnableExplanations", "smlocal explains no predictions: leave it out"),
    *refused("InferenceComponentName", "smlocal has no inference components: leave it out"),
    *refused("PrefixAwareId", "requests go to the instances in turn: leave it out"),
)

MEMBERS: Mapping[str, Decisions] = {
    **{
        operation: honoured(name, "says which", _SCRIPT)
        for name, operations in _NAMED.items()
        for operation in operations.split()
    },
    **_LISTS,
    **_TAGS,
    "InvokeEndpoint": _INVOKE,
}
