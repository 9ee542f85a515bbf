"""What gunicorn imports, once, before it forks: all workers share the memory of one loaded model."""

from __future__ import annotations

from iris.app import create_app
from iris.inference import Predictor

predictor = Predictor.from_environment()
application = create_app(predictor)
