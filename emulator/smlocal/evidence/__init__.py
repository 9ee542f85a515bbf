"""What a run left behind, frozen: a run makes evidence, a rule judges it, a report renders what was found."""

from smlocal.evidence.examination import (
    Asked,
    Conditions,
    Examination,
    Exchange,
    ExecutionParameters,
    ServingTrial,
    TrainingTrial,
    hardest_that_answers,
)
from smlocal.evidence.image import ImageEvidence, Program, PushedManifest, SecretSeen
from smlocal.evidence.runs import (
    FileSeen,
    HostingEvidence,
    ObjectTransformed,
    Ping,
    SecondStart,
    TrainingEvidence,
    TransformEvidence,
    Transition,
)

__all__ = [
    "Asked",
    "Conditions",
    "Examination",
    "Exchange",
    "ExecutionParameters",
    "FileSeen",
    "HostingEvidence",
    "ImageEvidence",
    "ObjectTransformed",
    "Ping",
    "Program",
    "PushedManifest",
    "SecondStart",
    "SecretSeen",
    "ServingTrial",
    "hardest_that_answers",
    "TrainingEvidence",
    "TrainingTrial",
    "TransformEvidence",
    "Transition",
]
