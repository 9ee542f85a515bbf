"""SM115: what the image's labels promise, and what it does."""

from __future__ import annotations

from dataclasses import replace

from smlocal.contract.finding import Judgement, Outcome, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.contract.rules.serving_facts import UNHEALTHY, last_lines, multi_model_trial, not_up, said
from smlocal.evidence import Examination, Exchange

_UNKNOWN_ROUTE = (404, 405, 501)
_MULTI_MODEL = ("models before any is loaded", "load")


@rule(
    "SM115",
    Severity.ERROR,
    "AWS developer guide, build-multi-model-build-container and multi-container-direct",
    "pytorch/serve issues 397, 1028",
)
def labels_and_behaviour_disagree(examination: Examination) -> Judgement:
    """A label promises what the server does not do.

    Why: SageMaker believes the labels com.amazonaws.sagemaker.capabilities.multi-models and accept-bind-to-port when a
    model is created, and finds out when the endpoint starts: a server without /models fails the health check of a
    multi-model endpoint; one that listens on 8080 whatever SAGEMAKER_BIND_TO_PORT says fails that of a pipeline. The
    first is judged on a run with SAGEMAKER_MULTI_MODEL, the second on the run as a batch transform, which is given
    another port where the label is there. That a label is missing is no harm before it is asked for, and not judged.

    Fix: Take the label out of the Dockerfile, or do what it promises: serve the API of multi-model containers when
    SAGEMAKER_MULTI_MODEL is "true", and listen on the port in SAGEMAKER_BIND_TO_PORT.
    """
    if not examination.asked.serving:
        return without(Reason.DOES_NOT_SERVE)
    image = examination.image
    found = [_many(examination)] if image.holds_models else []
    found += [_port(examination)] if image.takes_port else []
    if not found:
        return without(Reason.NO_SUCH_CASE, "the image bears neither label")
    bad = [item for item in found if item.outcome is Outcome.BROKEN]
    if bad:
        return replace(bad[0], seen=tuple(line for item in bad for line in item.seen))
    unknown = [item for item in found if item.reason is not None]
    return unknown[0] if unknown else kept(*(line for item in found for line in item.seen))


def _many(examination: Examination) -> Judgement:
    trial = multi_model_trial(examination)
    if isinstance(trial, Judgement):
        return trial
    if not trial.healthy:
        words = f"with SAGEMAKER_MULTI_MODEL and models in /opt/ml/models it does not come up: {trial.cause}"
        return broken(words, *last_lines(trial), sagemaker=UNHEALTHY, explains=("SM5",))
    asked = [exchange for probe in _MULTI_MODEL for exchange in trial.of(probe)[:1]]
    if asked and all(_has_no_such_route(exchange) for exchange in asked):
        return broken(*(said(exchange) for exchange in asked), sagemaker=UNHEALTHY, explains=("SM5",))
    return kept("it has the API of multi-model containers") if asked else without(Reason.RUN_MISSING)


def _has_no_such_route(exchange: Exchange) -> bool:
    return exchange.status in _UNKNOWN_ROUTE


def _port(examination: Examination) -> Judgement:
    missing = not_up(examination)
    if missing is not None:
        return missing
    if not examination.asked.records:
        return without(Reason.NO_RECORDS if examination.asked.samples else Reason.NO_SAMPLE)
    batch, elsewhere = examination.serving.get("batch"), examination.serving.get("other port")
    if batch is not None and batch.healthy and batch.conditions.other_port:
        return kept("it listens on the port in SAGEMAKER_BIND_TO_PORT")
    if batch is None or elsewhere is None:
        return without(Reason.RUN_MISSING)
    if elsewhere.healthy or not batch.healthy:
        return without(Reason.INCONCLUSIVE, "it does not come up as the container of a batch transform")
    where = f"it listens on {', '.join(elsewhere.run.listening)}" if elsewhere.run.listening else elsewhere.cause
    return broken(
        f"told another port in SAGEMAKER_BIND_TO_PORT it does not come up: {where}", sagemaker=UNHEALTHY, explains=()
    )
