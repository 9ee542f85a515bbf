"""S3 for objects and their buckets, over an object store: the Service, and `is_ours`, which says what it is for."""

from smlocal.aws.s3.configuration import with_configuration
from smlocal.aws.s3.operations import is_ours
from smlocal.aws.s3.service import ObjectService

__all__ = ["ObjectService", "is_ours", "with_configuration"]
