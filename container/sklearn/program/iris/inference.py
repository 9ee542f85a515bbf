"""An invocation as bytes in, status and bytes out: the same for every web framework in front of it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from iris import accept, formats
from iris.model import Model, ModelUnavailable, UnfitRecords
from iris.optml import OptML


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, media type and body."""

    status: int
    media_type: str
    body: bytes


def sentence(status: int, text: str) -> Answer:
    """An answer for people: one sentence."""
    return Answer(status, "text/plain; charset=utf-8", f"{text}\n".encode())


class Predictor:
    """The model as it is served; without one it answers 503 and says why."""

    def __init__(self, optml: OptML, default_accept: str | None = None) -> None:
        self._default_accept = default_accept
        self._model: Model | None = None
        self._reason = ""
        try:
            self._model = Model.load(optml.model_file)
        except ModelUnavailable as error:
            self._reason = str(error)
            print(f"Not healthy: {error}", file=sys.stderr, flush=True)

    @classmethod
    def from_environment(cls) -> Predictor:
        """The predictor of this container."""
        return cls(OptML(), os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"))

    @property
    def healthy(self) -> bool:
        """Whether there is a model to predict with."""
        return self._model is not None

    def ping(self) -> Answer:
        """200 with a model, otherwise 503 with the reason."""
        return sentence(200, "The model is loaded.") if self.healthy else sentence(503, self._reason)

    def invoke(self, body: bytes, content_type: str | None, accepted: str | None) -> Answer:
        """Predictions for a body, or the status and the sentence that say what is wrong with the request."""
        if self._model is None:
            return sentence(503, self._reason)
        received = accept.media_type(content_type)
        if received not in formats.MEDIA_TYPES:
            what = f"Content type {received!r} is not known" if received else "The Content-Type header is missing"
            return sentence(415, f"{what}; this container reads {', '.join(formats.MEDIA_TYPES)}.")
        wanted = accept.choose(self._wish(accepted), formats.MEDIA_TYPES, default=received)
        if wanted is None:
            return sentence(
                406,
                f"Nothing in Accept {accepted!r} can be written; this container writes "
                f"{', '.join(formats.MEDIA_TYPES)}.",
            )
        try:
            records = formats.read(body, received)
            predictions = self._model.predict(records, with_scores=wanted != formats.CSV)
        except (formats.BadRecords, UnfitRecords) as error:
            return sentence(400, str(error))
        return Answer(
            200,
            f"{wanted}; charset=utf-8" if wanted == formats.CSV else wanted,
            formats.write(predictions, wanted),
        )

    def _wish(self, accepted: str | None) -> str | None:
        if accept.media_type(accepted) in ("", "*/*") and self._default_accept:
            return self._default_accept
        return accepted
