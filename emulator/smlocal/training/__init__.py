"""Run one training job as SageMaker would: File mode, one instance.

The request is CreateTrainingJob's; the result is DescribeTrainingJob's answer and the evidence of the run.
"""

from smlocal.training.launching import Surroundings
from smlocal.training.result import Observer, TrainingResult
from smlocal.training.runner import TrainingRunner

__all__ = ["Observer", "Surroundings", "TrainingResult", "TrainingRunner"]
