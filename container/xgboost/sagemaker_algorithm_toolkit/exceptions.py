"""The errors of AWS's image under the name it gives them."""

from smlocal_xgboost.errors import AlgorithmError, PlatformError, UserError

__all__ = ["AlgorithmError", "PlatformError", "UserError"]
