"""Hold a model container up as SageMaker hosting does: wait for its first good ping, watch it, invoke it, stop it."""

from smlocal.hosting.failures import EndpointTexts
from smlocal.hosting.health import HealthChecks
from smlocal.hosting.host import ModelHost
from smlocal.hosting.invocation import Failure, Invocation
from smlocal.hosting.listening import on_loopback_only
from smlocal.hosting.model import PORT, Model
from smlocal.hosting.platforms import BATCH, REAL_TIME, Platform
from smlocal.hosting.second_start import start_again
from smlocal.hosting.server import ModelServer
from smlocal.hosting.watch import State

__all__ = [
    "BATCH",
    "PORT",
    "REAL_TIME",
    "EndpointTexts",
    "Failure",
    "HealthChecks",
    "Invocation",
    "Model",
    "ModelHost",
    "ModelServer",
    "Platform",
    "State",
    "start_again",
    "on_loopback_only",
]
