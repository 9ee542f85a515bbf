"""The log of the container: one format for training and serving, on stderr.

Source: log lines quoted in aws/sagemaker-xgboost-container, `[YYYY-MM-DD:HH:MM:SS:LEVEL] text`.
"""

from __future__ import annotations

import logging
import sys

LINE_FORMAT = "[%(asctime)s:%(levelname)s] %(message)s"
DATE_FORMAT = "%Y-%m-%d:%H:%M:%S"


def set_up(level: int = logging.INFO) -> None:
    """Send every record, and the warnings of xgboost, to stderr in the container's format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(LINE_FORMAT, DATE_FORMAT))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
