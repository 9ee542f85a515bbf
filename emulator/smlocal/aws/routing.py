"""Which service a call is for: by its credential scope, and by path, X-Amz-Target and host where that does not say.

Names are AWS's own endpoint prefixes: `sagemaker`, `runtime.sagemaker`, `metrics.sagemaker`, `s3`, `monitoring`, ...
"""

from __future__ import annotations

import re

from smlocal.aws.signature import query_pairs
from smlocal.aws.wire import Call

_RUNTIME = re.compile(r"/endpoints/[^/]+/(async-)?invocations(-response-stream|-bidirectional-stream)?")
_METRICS = re.compile(r"/Batch(Put|Get)Metrics")
_SIGNED_AS = {"ecr-public": "api.ecr-public"}
_TARGETS = {
    "SageMaker": "sagemaker",
    "Logs_20140328": "logs",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    "AnyScaleFrontendService": "application-autoscaling",
    "TrentService": "kms",
    "GraniteServiceVersion20100801": "monitoring",
}
_HOST = re.compile(
    r"(?:(?P<sub>api|runtime|metrics)\.(?P<sagemaker>sagemaker)|(?:.+\.)?(?P<s3>s3)|api\.(?P<ecr>ecr)|(?P<other>[a-z0-9-]+))"
    r"(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?(?::\d+)?"
)


def service_of(call: Call) -> str:
    """The name of the service that a call is for; of an unsigned one, a guess that decides how its refusal looks."""
    if call.scope is not None:
        return _of_scope(call, call.scope.service)
    target = call.headers.get("X-Amz-Target", "").partition(".")[0]
    if target:
        return _TARGETS.get(target, target)
    host = _HOST.fullmatch(call.host.lower())
    if host is not None:
        sub = f"{host['sub']}.sagemaker" if host["sub"] in ("runtime", "metrics") else host["sagemaker"]
        return sub or host["s3"] or host["ecr"] or host["other"]
    if _RUNTIME.fullmatch(call.path):
        return "runtime.sagemaker"
    form = call.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
    return "sts" if form and call.path == "/" else "s3"


def _of_scope(call: Call, service: str) -> str:
    if service == "sagemaker":
        if _RUNTIME.fullmatch(call.path):
            return "runtime.sagemaker"
        return "metrics.sagemaker" if _METRICS.fullmatch(call.path) else service
    return _SIGNED_AS.get(service, service)


def operation_of(call: Call, form: bytes = b"") -> str:
    """The name of the operation as far as it stands in the call itself: for the log, and for refusals by name."""
    target = call.headers.get("X-Amz-Target", "").rpartition(".")[2]
    if target:
        return target
    match = re.fullmatch(r"/service/[^/]+/operation/([A-Za-z]+)", call.path)
    if match:
        return match[1]
    text = form.decode("utf-8", "replace") or call.query
    named = dict(query_pairs(text)).get("Action", "") if call.path == "/" else ""
    return named if named.isalnum() else f"{call.method} {call.path}"
