"""What an AWS account has of its own, by the names that the SageMaker SDK gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smlocal.settings import Settings


def role(settings: Settings) -> str:
    """The role that containers are said to run with; nothing here asks whether it may do what it does."""
    return f"arn:aws:iam::{settings.account}:role/smlocal"


def default_bucket(settings: Settings) -> str:
    """The bucket that the SageMaker SDK would use for this account and region."""
    return f"sagemaker-{settings.region}-{settings.account}"
