"""The account: named models, endpoints, jobs and objects, and the states that they pass through."""

from smlocal.account.account import Account
from smlocal.account.sinks import LogEvent, LogSink, MetricSink, NoLogs, NoMetrics

__all__ = ["Account", "LogEvent", "LogSink", "MetricSink", "NoLogs", "NoMetrics"]
