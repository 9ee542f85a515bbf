"""A local stand-in for Amazon SageMaker's built-in XGBoost algorithm: own code, the same contract."""

__version__ = "0.1.0"
