"""SageMaker's three Iris labs on real containers."""

from smlocal.demo.iris import agreement, answered, features, split
from smlocal.demo.labs import Demo, xgboost_uri
from smlocal.demo.outcome import Outcome, Step

__all__ = ["Demo", "Outcome", "Step", "agreement", "answered", "features", "split", "xgboost_uri"]
