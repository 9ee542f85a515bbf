"""The failure file and the exit code of a training run that failed.

The file begins `framework error: `, a line of its own, then a traceback that ends with the class and the message,
then the message again. SageMaker shows the first 1024 characters only, so the traceback is kept to its last frame:
the message is then always among them.

Source: aws/sagemaker-xgboost-container and sagemaker-containers, observed in 1.7-1, 3.0-5 and 3.2-0.
"""

from __future__ import annotations

import logging
import traceback

from smlocal_xgboost.errors import ScriptError
from smlocal_xgboost.optml import OptMl

logger = logging.getLogger(__name__)


def text_of(error: BaseException) -> str:
    """The failure text for an error, as the failure file carries it."""
    if isinstance(error, ScriptError):
        return f"ExecuteUserScriptError:\n{error}"
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=-1, chain=False))
    return f"framework error: \n{trace}\n{error}"


def report(error: BaseException, tree: OptMl) -> int:
    """Log the failure, write it to the failure file and return the exit code: the errno if there is one, else 1."""
    text = text_of(error)
    logger.error("Reporting training FAILURE")
    logger.error(text)
    try:
        tree.output.mkdir(parents=True, exist_ok=True)
        (tree.output / "failure").write_text(text, encoding="utf-8")
    except OSError as cause:
        logger.error("The failure file could not be written: %s", cause)
    code = getattr(error, "errno", None)
    return code if isinstance(code, int) and 0 < code < 256 else 1
