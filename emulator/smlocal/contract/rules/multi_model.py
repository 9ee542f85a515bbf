"""SM5xx: what the image does as the container of a multi-model endpoint, of which its label says that it can be."""

from __future__ import annotations

from collections.abc import Sequence

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.contract.rules.serving_facts import (
    UNHEALTHY,
    is_wrong,
    model_error,
    multi_model_trial,
    said,
)
from smlocal.evidence import Examination, Exchange

_API = "AWS developer guide, mms-container-apis"
_INVOKE = "AWS developer guide, invoke-multi-model-endpoint"
_OK = 200
_CONFLICT = 409
_NOT_FOUND = 404
_NO_ROOM = 507
_NOT_READY = "429 ModelNotReadyException for every caller of the model"


def _exchanges(examination: Examination, probe: str) -> tuple[Exchange, ...] | Judgement:
    trial = multi_model_trial(examination)
    if isinstance(trial, Judgement):
        return trial
    return trial.of(probe) or without(Reason.RUN_MISSING, f"not asked: {probe}")


def _after(examination: Examination, probe: str) -> tuple[Exchange, ...]:
    """Those of a later probe, which was perhaps not reached."""
    found = _exchanges(examination, probe)
    return () if isinstance(found, Judgement) else found


def _bad(exchanges: Sequence[Exchange]) -> Exchange | None:
    return next((exchange for exchange in exchanges if not exchange.good), None)


def _ends(exchange: Exchange) -> tuple[str, ...]:
    """What a bad answer explains: a container is asked no more after a request without answer."""
    return ("SM5",) if exchange.status is None else ()


def _names(pages: Sequence[Exchange]) -> list[str] | None:
    """The models of a list; None when one of its pages tells of none."""
    told = [page.models for page in pages]
    return None if None in told else [name for names in told if names is not None for name in names]


@rule("SM501", Severity.ERROR, _API, _INVOKE)
def model_cannot_be_loaded(examination: Examination) -> Judgement:
    """POST /models does not load a model.

    Why: SageMaker extracts an archive to /opt/ml/models/NAME/model, posts that name and that path, and calls the model
    when that is answered well. Until then, and for at most 6 minutes, its callers get 429. A model that was unloaded is
    loaded again when somebody asks for it; 409 is wrong then. Another 2xx status than 200 is a warning: nothing
    that we know says what SageMaker makes of it.

    Fix: Answer 200 when the model is ready. Take its name for an opaque key, and its files from the path in `url`.
    """
    loads = _exchanges(examination, "load")
    if isinstance(loads, Judgement):
        return loads
    bad = next((load for load in loads if not _is_there(load)), None)
    if bad is not None:
        return broken(said(bad), sagemaker=_NOT_READY, explains=("SM5",))
    again = _after(examination, "load after unloading")
    if again and not (again[0].good or (_is_there(again[0]) and _what_stays(examination))):
        return broken(f"after it was unloaded: {said(again[0])}", sagemaker=_NOT_READY, explains=("SM5",))
    loaded = [load for load in (*loads, *again) if load.good]
    if not loaded:
        return without(Reason.INCONCLUSIVE, f"it had loaded by itself what lies in /opt/ml/models: {said(loads[0])}")
    odd = next((load for load in loaded if load.status != _OK), None)
    if odd is not None:
        return broken(said(odd), severity=Severity.WARNING, explains=())
    return kept(f"loaded {len(loaded)} times, the slowest in {max(load.seconds for load in loaded):.2f} s")


def _is_there(load: Exchange) -> bool:
    """Whether the model can be called then."""
    return load.good or load.status == _CONFLICT


def _what_stays(examination: Examination) -> str:
    """What shows that a model is there although it was unloaded; "" when nothing does."""
    unloading = _after(examination, "unload")
    model = unloading[0].model if unloading else None
    if unloading and not unloading[0].good:
        return said(unloading[0])
    if model in (_names(_after(examination, "models after one is unloaded")) or []):
        return "it is still listed"
    answered = [item for item in _after(examination, "invoke an unloaded model") if item.good]
    return f"it still answers: {said(answered[0])}" if answered else ""


@rule(
    "SM502",
    Severity.ERROR,
    _API,
    "pytorch/serve issues 397, 1028",
    "aws/sagemaker-tensorflow-serving-container, python_service.py",
)
def models_are_not_listed(examination: Examination) -> Judgement:
    """GET /models does not list the models that are loaded.

    Why: SageMaker asks for the list together with GET /ping, also before anything is loaded; an error status makes the
    container unhealthy, as one of 404 was seen to. Another list than of the models that are loaded is a warning, and so
    is one of another shape or none (204): AWS's own TensorFlow Serving container has one, and is served all the same.

    Fix: Answer 200 with `{"models": [{"modelName": ..., "modelUrl": ...}]}`, an empty list at the start. A long list
    may come in pages: `nextPageToken` in one answer is `next_page_token` in the query of the next request.
    """
    first = _exchanges(examination, "models before any is loaded")
    if isinstance(first, Judgement):
        return first
    bad = _bad(first)
    if bad is not None:
        return broken(f"before anything is loaded: {said(bad)}", sagemaker=UNHEALTHY, explains=_ends(bad))
    if _names(first) is None:
        return broken(f"no list of models: {said(first[-1])}", severity=Severity.WARNING, explains=())
    unloaded = next((load for load in _after(examination, "load") if not _is_there(load)), None)
    if unloaded is not None:
        return without(Reason.INCONCLUSIVE, f"not every model was loaded: {said(unloaded)}")
    pages = _exchanges(examination, "models")
    return pages if isinstance(pages, Judgement) else _listed(examination, pages)


def _listed(examination: Examination, pages: tuple[Exchange, ...]) -> Judgement:
    bad = _bad(pages)
    if bad is not None:
        return broken(said(bad), sagemaker=UNHEALTHY, explains=_ends(bad))
    names = _names(pages)
    if names is None:
        return broken(f"no list of models: {said(pages[-1])}", severity=Severity.WARNING, explains=())
    loaded = {load.model for load in _after(examination, "load")}
    if set(names) != loaded or len(names) != len(loaded):
        words = f"{len(loaded)} models are loaded; {len(names)} are listed, {len(loaded & set(names))} of them loaded"
        return broken(words, said(pages[0]), severity=Severity.WARNING, explains=())
    listed = f"all {len(names)} models are listed, on {len(pages)} page{'s' if len(pages) > 1 else ''}"
    return _others_listed(examination, loaded) or kept(listed)


def _others_listed(examination: Examination, loaded: set[str]) -> Judgement | None:
    """What is wrong with the list when one is unloaded; that this one is still there is the unloading's fault."""
    pages = _after(examination, "models after one is unloaded")
    bad = _bad(pages)
    if bad is not None:
        return broken(f"after one is unloaded: {said(bad)}", sagemaker=UNHEALTHY, explains=_ends(bad))
    unloaded = {exchange.model for exchange in _after(examination, "unload")}
    missing = loaded - unloaded - set(_names(pages) or []) if pages else set()
    if not missing:
        return None
    words = f"after one is unloaded, {len(missing)} others are not listed, either: {said(pages[0])}"
    return broken(words, severity=Severity.WARNING, explains=())


@rule("SM503", Severity.WARNING, _API)
def model_is_not_described(examination: Examination) -> Judgement:
    """GET /models/NAME does not tell of a loaded model.

    Why: It is a part of the API that the label promises. It is a warning because no source says what SageMaker does
    with the answer.

    Fix: Answer 200 with `{"modelName": ..., "modelUrl": ...}`.
    """
    found = _exchanges(examination, "describe")
    if isinstance(found, Judgement):
        return found
    exchange = found[0]
    if not exchange.good:
        return broken(said(exchange), explains=_ends(exchange))
    if exchange.models != (exchange.model,):
        return broken(f"it does not tell of {exchange.model}: {said(exchange)}", explains=())
    return kept(said(exchange))


@rule("SM504", Severity.ERROR, _API)
def loaded_model_cannot_be_invoked(examination: Examination) -> Judgement:
    """POST /models/NAME/invoke of a loaded model is not answered as it should be.

    Why: It takes the place of /invocations: every request for a model comes so, with its body and headers. Anything
    but a 2xx status becomes a ModelError for the caller. Another answer than the one that is configured is a warning:
    it was configured for /invocations, and AWS's own XGBoost writes CSV otherwise when it holds many models.

    Fix: Let it do with the named model what /invocations does with the only one.
    """
    trial = multi_model_trial(examination)
    if not isinstance(trial, Judgement) and not examination.asked.samples:
        return without(Reason.NO_SAMPLE)
    found = _exchanges(examination, "invoke a model")
    if isinstance(found, Judgement):
        return found
    bad = _bad(found)
    if bad is not None:
        return broken(said(bad), sagemaker=model_error(bad), explains=_ends(bad))
    wrong = next((exchange for exchange in found if is_wrong(exchange)), None)
    if wrong is not None:
        expected = (wrong.expected or b"")[:80].decode("utf-8", "replace")
        words = (said(wrong), f"expected: {expected!r}")
        return broken(*words, sagemaker="200, and another answer", severity=Severity.WARNING, explains=())
    return kept(*(said(exchange) for exchange in found))


@rule("SM505", Severity.ERROR, _API)
def model_is_not_unloaded(examination: Examination) -> Judgement:
    """DELETE /models/NAME does not unload a model.

    Why: SageMaker unloads the models that are least asked for when memory or disk is needed for another one. Whoever
    keeps them runs full, and then nothing more can be loaded. Another 2xx status than 200 is a warning: nothing that we
    know says what SageMaker makes of it.

    Fix: Take the model out of the list, free its memory, and answer 200 when that is done.
    """
    found = _exchanges(examination, "unload")
    if isinstance(found, Judgement):
        return found
    exchange = found[0]
    full = "507, or an end for want of memory, when more models are asked for than fit"
    if not exchange.good:
        return broken(said(exchange), sagemaker=full, explains=_ends(exchange))
    stays = _what_stays(examination)
    if stays:
        return broken(said(exchange), stays, sagemaker=full, explains=())
    if exchange.status != _OK:
        return broken(said(exchange), severity=Severity.WARNING, explains=())
    return kept(said(exchange))


@rule("SM506", Severity.WARNING, _API)
def loading_twice_is_not_409(examination: Examination) -> Judgement:
    """Loading a model that is loaded already is not answered with 409.

    Why: By 409 SageMaker knows that the model is there and can be called; any other error says that it cannot. It is a
    warning because no source says when SageMaker loads a model twice, nor what it makes of a 200.

    Fix: Answer 409 to POST /models when a model of that name is loaded.
    """
    found = _exchanges(examination, "load twice")
    return found if isinstance(found, Judgement) else _status(found, _CONFLICT)


def _status(found: Sequence[Exchange], wanted: int) -> Judgement:
    other = next((exchange for exchange in found if exchange.status != wanted), None)
    if other is None:
        return kept(*(said(exchange) for exchange in found))
    return broken(said(other), explains=_ends(other))


@rule("SM507", Severity.WARNING, _API)
def unknown_model_is_not_404(examination: Examination) -> Judgement:
    """A model that is not loaded is not answered with 404.

    Why: By 404 to an invocation, a description or an unloading SageMaker knows that the model is not there. It is a
    warning because the request fails with any other error, too; and an error when an invocation is answered well, since
    then it is another model's answer.

    Fix: Answer 404 when no model of that name is loaded.
    """
    found = _exchanges(examination, "unknown model")
    if isinstance(found, Judgement):
        return found
    invoked = found[0]
    if invoked.good:
        return broken(said(invoked), sagemaker="200, and another model's answer", severity=Severity.ERROR, explains=())
    unloaded = [exchange for exchange in _after(examination, "invoke an unloaded model") if not exchange.good]
    return _status((*found, *unloaded), _NOT_FOUND)  # that it still answers is the unloading's fault


@rule("SM508", Severity.ERROR, _API)
def too_big_model_is_not_507(examination: Examination) -> Judgement:
    """A model for which there is no room is not answered with 507.

    Why: By 507 SageMaker knows that it must unload other models and try again. Any other error is the caller's; a
    server that tries all the same is killed for want of memory, with all its models. Judged when a model is configured
    (`too_big`) that the container cannot hold beside three of the usual ones.

    Fix: Compare what a model needs with what is left, catch the want of memory while loading, and answer 507.
    """
    trial = multi_model_trial(examination)
    if isinstance(trial, Judgement):
        return trial
    if not examination.asked.too_big:
        return without(Reason.NO_BIG_MODEL)
    found = _exchanges(examination, "load a model that is too big")
    if isinstance(found, Judgement):
        return found
    exchange = found[0]
    if exchange.status != _NO_ROOM:
        ended = () if trial.alive_after else ("afterwards GET /ping is not answered with 200",)
        return broken(said(exchange), *ended, sagemaker="the other models stay, and this one cannot be called")
    bad = _bad(_after(examination, "invoke after a model that is too big"))
    if bad is not None:
        return broken(said(exchange), f"another model then: {said(bad)}", sagemaker=model_error(bad))
    return kept(said(exchange))
