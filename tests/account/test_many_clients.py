"""Fifty clients at once: every answer is AWS's, and nothing is left of them."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

from smlocal.errors import UsageError
from tests.account.bench import Bench, until, variant


def test_fifty_clients_get_answers_and_leave_nothing(bench: Bench) -> None:
    bench.model()
    bench.config()
    bench.config("two", variant(InitialInstanceCount=2))
    before = threading.active_count()
    refused: list[str] = []

    def client(number: int) -> None:
        chance = random.Random(number)
        name = f"thing-{number % 10}"
        calls = [
            lambda: bench.train(name),
            lambda: bench.job(name),
            lambda: bench.stop(name),
            lambda: bench.account.delete_training_job({"TrainingJobName": name}),
            lambda: bench.account.list_training_jobs({"MaxResults": 3}),
            lambda: bench.deploy(name),
            lambda: bench.endpoint(name),
            lambda: bench.account.update_endpoint({"EndpointName": name, "EndpointConfigName": "two"}),
            lambda: bench.account.delete_endpoint({"EndpointName": name}),
            lambda: bench.model(name),
            lambda: bench.account.delete_model({"ModelName": name}),
        ]
        for _ in range(12):
            try:
                chance.choice(calls)()
            except UsageError as error:
                refused.append(str(error))
        assert bench.invoke(name=name).status in (200, 400)

    with ThreadPoolExecutor(50) as pool:
        for future in [pool.submit(client, number) for number in range(50)]:
            future.result(60)
    assert refused
    for item in bench.account.list_endpoints({"MaxResults": 100})["Endpoints"]:
        name = item["EndpointName"]
        try:
            bench.settled(name)
            bench.account.delete_endpoint({"EndpointName": name})
        except UsageError:
            continue
    until(lambda: bench.account.list_endpoints({})["Endpoints"], lambda found: not found)
    for item in bench.account.list_training_jobs({"MaxResults": 100})["TrainingJobSummaries"]:
        bench.trained(item["TrainingJobName"])
    until(bench.launcher.mine, lambda left: left == [])
    until(threading.active_count, lambda count: count <= before + 2)
