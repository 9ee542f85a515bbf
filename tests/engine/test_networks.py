"""Networks: published ports, names, and isolation that is real; on every engine that has a kernel below it."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket

import pytest

from smlocal.errors import EngineError
from tests.engine.adapters import ALL, REAL
from tests.engine.programs import DEAF, LISTENS, SERVES, Trial, exits
from tests.engine.stage import Stage
from tests.engine.test_runs import until

on_every_engine = pytest.mark.parametrize("adapter", ALL, indirect=True)
on_real_engines = pytest.mark.parametrize("adapter", REAL, indirect=True)


def probing(*targets: tuple[str, int], names: tuple[str, ...] = ()) -> Trial:
    """A program that says which of the targets take a TCP connection or answer by UDP, and which names it resolves."""
    return Trial(
        f"""
import json, socket
from concurrent.futures import ThreadPoolExecutor
def open_(host, port):
    try:
        socket.create_connection((host, port), 1.5).close()
        return "open"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "nothing"
def asks(host):
    query = bytes.fromhex("123401000001000000000000") + b"\\x07example\\x03com\\x00\\x00\\x01\\x00\\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(1.5)
        try:
            asked.connect((host, 53))
            asked.send(query)
            return "answered" if asked.recv(512) else "nothing"
        except OSError:
            return "nothing"
def resolves(name):
    try:
        return socket.gethostbyname(name)
    except OSError:
        return "nothing"
targets, names = {list(targets)!r}, {list(names)!r}
hosts = sorted({{host for host, _ in targets}})
with ThreadPoolExecutor(32) as pool:
    tcp = pool.map(lambda target: open_(*target), targets)
    udp = pool.map(asks, hosts)
    addresses = pool.map(resolves, names)
print(json.dumps({{
    "tcp": {{f"{{host}}:{{port}}": found for (host, port), found in zip(targets, tcp)}},
    "udp": dict(zip(hosts, udp)),
    "names": dict(zip(names, addresses)),
    "ipv6": [line.split()[-1] for line in open("/proc/net/if_inet6") if line.split()[-1] != "lo"],
}}))
"""
    )


def ready(stage: Stage, trial: Trial, **more: object) -> str:
    """A container that runs and has said that it is ready."""
    container = stage.create(trial, **more)
    stream = stage.attach(container)
    stage.engine.start(container)
    until(stream, b"ready\n")
    return container


@on_every_engine
def test_a_published_port_is_reached_where_the_engine_shares_this_machine(stage: Stage) -> None:
    container = ready(stage, SERVES, published_port=8080)
    host, port = stage.engine.state(container).published[8080]
    assert host == "127.0.0.1"
    assert stage.engine.facts().shares_this_machine == stage.adapter.differences.publishes_to_us

    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        if not stage.adapter.differences.publishes_to_us:
            with pytest.raises(ConnectionRefusedError):
                connection.request("POST", "/", body=b"x")
            return
        body = bytes(range(256)) * 4096
        connection.request("POST", "/invocations", body=body)
        assert connection.getresponse().read() == hashlib.sha256(body).hexdigest().encode()
    finally:
        connection.close()


@on_every_engine
def test_two_containers_publish_the_same_port_apart(stage: Stage) -> None:
    ports = {
        stage.engine.state(stage.started(DEAF, published_port=8080)).published[8080],
        stage.engine.state(stage.started(DEAF, published_port=8080)).published[8080],
    }
    assert len(ports) == 2


@on_real_engines
def test_from_an_isolated_network_nothing_is_reached(stage: Stage) -> None:
    """Neither the host by any of its addresses, nor another container, the metadata address, or a resolver."""
    gateway = stage.engine.bridge_gateway()
    other = ready(stage, LISTENS)
    address = next(iter(stage.engine.state(other).addresses.values()))
    network = stage.network(isolated=True)
    own = stage.engine.state(stage.started(DEAF, network=network)).addresses[network]
    first = own.rpartition(".")[0] + ".1"
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        targets = [(gateway, port), (address, 8080), (address, 53), ("169.254.169.254", 80), ("169.254.170.2", 80)]
        targets += [("192.0.2.1", 53), *([(first, port)] if first != own else [])]
        trial = probing(*targets, names=("deb.debian.org", "host.docker.internal", "example.com"))
        inside = json.loads(
            stage.run(
                trial, network=network, resolvers=("192.0.2.1",), resolver_options=("timeout:1", "attempts:1")
            ).output()
        )

    assert inside["tcp"] == {f"{host}:{number}": "nothing" for host, number in targets}
    assert inside["udp"] == {host: "nothing" for host, _ in targets}
    assert set(inside["names"].values()) == {"nothing"}
    assert inside["ipv6"] == [], "a link-local address would reach the host over the bridge"


@on_real_engines
def test_the_same_probe_finds_what_is_there_from_a_plain_network(stage: Stage) -> None:
    """So that the test of isolation can fail."""
    gateway = stage.engine.bridge_gateway()
    other = ready(stage, LISTENS)
    address = next(iter(stage.engine.state(other).addresses.values()))
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        inside = json.loads(stage.run(probing((gateway, port), (address, 8080))).output())

    # a remote engine's gateway is its own machine, where nothing listens on that port
    local = "open" if stage.adapter.differences.publishes_to_us else "refused"
    assert inside["tcp"] == {f"{gateway}:{port}": local, f"{address}:8080": "open"}


@on_real_engines
def test_containers_of_one_isolated_network_reach_each_other(stage: Stage) -> None:
    """What a relay does: it stands on the isolated network and on another."""
    network = stage.network(isolated=True)
    target = ready(stage, LISTENS, network=network)
    address = stage.engine.state(target).addresses[network]
    relay = stage.create(probing((address, 8080)))
    stage.engine.connect(network, relay)

    assert json.loads(stage.run_created(relay).output())["tcp"] == {f"{address}:8080": "open"}


@on_every_engine
def test_a_container_has_an_address_on_each_of_its_networks_while_it_runs(stage: Stage) -> None:
    network = stage.network(isolated=True)
    container = stage.create(DEAF)
    stage.engine.connect(network, container)
    assert stage.engine.state(container).addresses == {}

    stage.engine.start(container)

    addresses = stage.engine.state(container).addresses
    assert len(addresses) == 2
    assert network in addresses
    assert all(socket.inet_aton(address) for address in addresses.values())


@on_real_engines
def test_an_alias_is_a_name_on_a_network_of_ours(stage: Stage) -> None:
    network = stage.network(isolated=False)
    target = ready(stage, LISTENS, network=network, aliases=("algo-2",))
    found = json.loads(stage.run(probing(names=("algo-2",)), network=network).output())
    assert found["names"] == {"algo-2": stage.engine.state(target).addresses[network]}


@on_real_engines
def test_a_name_can_be_given_an_address(stage: Stage) -> None:
    found = json.loads(stage.run(probing(names=("algo-1",)), extra_hosts={"algo-1": "127.0.0.1"}).output())
    assert found["names"] == {"algo-1": "127.0.0.1"}


@on_real_engines
def test_no_network_at_all(stage: Stage) -> None:
    gateway = stage.engine.bridge_gateway()
    found = json.loads(stage.run(probing((gateway, 80)), network="none").output())
    assert (found["tcp"], found["ipv6"]) == ({f"{gateway}:80": "nothing"}, [])


@on_every_engine
def test_a_network_goes_once_and_for_all(stage: Stage) -> None:
    network = stage.network(isolated=True)
    container = stage.started(DEAF, network=network)
    with pytest.raises(EngineError):
        stage.engine.remove_network(network)
    stage.engine.remove_container(container)
    stage.engine.remove_network(network)
    stage.engine.remove_network(network)
    assert stage.engine.owned(stage.labels) == []


@on_every_engine
def test_a_network_that_does_not_exist_is_refused(stage: Stage) -> None:
    with pytest.raises(EngineError, match="smlocal-suite-nowhere"):
        stage.started(exits(0), network="smlocal-suite-nowhere")
