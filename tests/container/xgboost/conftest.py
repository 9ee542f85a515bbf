"""The package of container/xgboost, importable, and the golden cases beside it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]

# The cases are small: threads of OpenMP would only wait for each other. Read when xgboost is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

for folder in (HERE / "support", ROOT / "container" / "xgboost"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
