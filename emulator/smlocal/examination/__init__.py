"""Look at one image: its facts, and the runs that it takes to know it. No rule is known here."""

from smlocal.examination.examiner import Examiner
from smlocal.examination.plan import Plan, Sample, Source
from smlocal.examination.plan_reader import read_plan
from smlocal.examination.stopping import Stop, Stopped

__all__ = ["Examiner", "Plan", "Sample", "Source", "Stop", "Stopped", "read_plan"]
