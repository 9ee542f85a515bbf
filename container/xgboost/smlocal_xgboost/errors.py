"""What can go wrong in the container, as one tree.

    ContainerError
    |- UserError        the request (hyperparameters, channels, data) is at fault
    |- AlgorithmError   the algorithm failed on a request that looked well
    |- PlatformError    what SageMaker provides is not as it should be

The classes name themselves `sagemaker_algorithm_toolkit.exceptions.*`, because that name ends the
traceback in the failure file and tools look for it.

Source: aws/sagemaker-xgboost-container, observed in versions 1.7-1, 3.0-5 and 3.2-0.
"""

from __future__ import annotations


class ContainerError(Exception):
    """A failure of training or serving, with a sentence that says what to change."""


class UserError(ContainerError):
    """The customer's hyperparameters, channels or data cannot be trained on."""


class AlgorithmError(ContainerError):
    """The algorithm itself failed."""


class PlatformError(ContainerError):
    """The files or variables that the platform provides are not usable."""


class ScriptError(ContainerError):
    """The customer's own training script ended with a failure."""


for _error in (UserError, AlgorithmError, PlatformError):
    _error.__module__ = "sagemaker_algorithm_toolkit.exceptions"
ScriptError.__module__ = "sagemaker_containers._errors"
ScriptError.__name__ = ScriptError.__qualname__ = "ExecuteUserScriptError"
