"""smlocal: the Amazon SageMaker container contract, run and watched on the machine in front of you."""

__version__ = "0.1.0"
