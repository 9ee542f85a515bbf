"""What every rule must say: kept, broken, the neighbour that must not fire, and each reason for saying nothing."""

from __future__ import annotations

from dataclasses import replace

from smlocal.contract import Outcome, Reason, Severity
from smlocal.contract.finding import Judgement
from smlocal.evidence import Conditions, Examination, Exchange, FileSeen, Ping
from tests.contract import rows_batch, rows_endurance, rows_multi_model, rows_training
from tests.contract.row import ERROR, KEPT, WARNING, Expected, Row
from tests.contract.samples import (
    ANSWER,
    BIG,
    BROKEN_BODY,
    BROKEN_DATA,
    DENIED,
    EASY,
    GOOD,
    JSON,
    LARGEST,
    LONGER_ANSWER,
    MANY_CALLERS,
    NETWORK,
    NO_ACCEPT,
    NO_EXTRA,
    ODD_HEADERS,
    ONE_CALLER,
    PING_AT_REST,
    PING_WHILE_BUSY,
    READ_ONLY,
    REFUSED_PING,
    SAMPLE,
    SAMPLE_AGAIN,
    SECRET,
    SLOW_PING,
    STOPPED,
    TIMED_OUT,
    TOOLKIT,
    UNKNOWN_TYPE,
    WRITABLE,
    also,
    answered,
    asked,
    asking,
    bodies,
    broken_off,
    busy_pings,
    entrypoint,
    exchange,
    exited,
    failed,
    image,
    not_started,
    off_path,
    overran,
    ping,
    pushed,
    refused,
    repeated,
    served,
    serving,
    trained,
    training,
    unanswered,
    unhealthy,
    unmade,
    unread,
    with_program,
    without_program,
)

SERVES_ONLY = asked(GOOD, training=False)
TRAINS_ONLY = asked(GOOD, serving=False)
NO_DATA = asked(unmade(GOOD, serving=False), channels=())
NOTHING_MADE = unmade(GOOD)
ARM = asked(GOOD, architecture="arm64")
SERVERLESS = asked(GOOD, serverless=True)
OCI_INDEX = "vnd.oci.image.index.v1+json"
ISOLATED = asked(GOOD, isolated=True)
NO_BROKEN = asked(training(GOOD, hard=trained(), json=trained(JSON)), broken_data=False)
FOLDER = FileSeen("cache", "directory", 0, 0o755)
SOCKET = FileSeen("socket", "other", 0, 0o755)
LINK = FileSeen("latest", "symlink", 0, 0o777)
FAILS = training(GOOD, hard=failed(), easy=failed(EASY))

NOT_HERE = failed(failure=None, code=None, start_error="exec: no space left on device")
WRAPPED = training(
    off_path(entrypoint(GOOD, "/entry.sh"), "train"), hard=failed(last_lines=("/entry.sh: 3: exec: train: not found",))
)
SOMETHING_ELSE = training(
    off_path(entrypoint(GOOD, "/entry.sh"), "train"),
    hard=failed(last_lines=("/entry.sh: 3: exec: trainer: not found",)),
)
SHELLS_DENIAL = "/usr/local/bin/train: line 3: /opt/ml/model/mean.txt: Permission denied"
ELSEWHERE = "PermissionError: [Errno 13] Permission denied: '/var/cache/words'"


def denied(user: str, line: str = DENIED) -> Examination:
    """The examination of an image whose training is denied something, as that user."""
    runs = {"hard": failed(last_lines=(line,)), "easy": failed(EASY, last_lines=(line,))}
    return image(training(GOOD, **runs), user=user)


NOTHING_DENIED = image(also(GOOD, broken_data=failed(BROKEN_DATA, last_lines=(DENIED,))), user="model")

IMAGE_ROWS = [
    Row("SM101", "an image for the instances' processor", GOOD, KEPT),
    Row("SM101", "an ARM image for Graviton", image(ARM, architecture="arm64"), KEPT),
    Row("SM101", "an ARM image for Intel", image(GOOD, architecture="arm64"), ERROR),
    Row("SM101", "an Intel image for Graviton", ARM, ERROR),
    Row("SM102", "Docker's own manifest", pushed("vnd.docker.distribution.manifest.v2+json"), KEPT),
    Row("SM102", "an OCI index", pushed(OCI_INDEX), ERROR),
    Row("SM102", "an OCI manifest", pushed("vnd.oci.image.manifest.v1+json"), ERROR),
    Row("SM102", "Docker's list", pushed("vnd.docker.distribution.manifest.list.v2+json"), WARNING),
    Row("SM102", "another thing", pushed("vnd.docker.distribution.manifest.v1+json"), Reason.INCONCLUSIVE),
    Row("SM102", "the registry does not give it", unread("the registry has no such image"), Reason.INCONCLUSIVE),
    Row("SM102", "no manifest is known", GOOD, Reason.NO_SUCH_CASE),
    Row("SM102", "an OCI index, and it only trains", asked(pushed(OCI_INDEX), serving=False), Reason.DOES_NOT_SERVE),
    Row("SM103", "train is on PATH", GOOD, KEPT),
    Row("SM103", "train is not there", without_program(GOOD, "train"), ERROR),
    Row("SM103", "serve alone is not there", without_program(GOOD, "serve"), KEPT),
    Row("SM103", "train is there and not executable", with_program(GOOD, "train", executable=False), KEPT),
    Row("SM103", "ENTRYPOINT's program is not there", entrypoint(without_program(GOOD, "train"), "/run"), ERROR),
    Row("SM103", "it only serves", without_program(SERVES_ONLY, "train"), Reason.DOES_NOT_TRAIN),
    Row("SM104", "serve is on PATH", GOOD, KEPT),
    Row("SM104", "serve is not there", without_program(GOOD, "serve"), ERROR),
    Row("SM104", "train alone is not there", without_program(GOOD, "train"), KEPT),
    Row("SM104", "it only trains", without_program(TRAINS_ONLY, "serve"), Reason.DOES_NOT_SERVE),
    Row("SM105", "both are executable", GOOD, KEPT),
    Row("SM105", "train is not executable", with_program(GOOD, "train", executable=False), ERROR),
    Row("SM105", "serve is not executable", with_program(GOOD, "serve", executable=False), ERROR),
    Row(
        "SM105", "serve is not executable and not asked for", with_program(TRAINS_ONLY, "serve", executable=False), KEPT
    ),
    Row("SM105", "train is executable, and not for its user", training(GOOD, hard=not_started()), ERROR),
    Row("SM105", "serve is executable, and not for its user", serving(GOOD, refused()), ERROR),
    Row("SM105", "train does not start for something else", training(GOOD, hard=NOT_HERE), KEPT),
    Row("SM105", "train is not there at all", without_program(GOOD, "train"), KEPT),
    Row("SM105", "neither is there", without_program(without_program(GOOD, "train"), "serve"), Reason.NO_SUCH_CASE),
    Row("SM105", "neither is asked for", asked(GOOD, training=False, serving=False), Reason.NO_SUCH_CASE),
    Row("SM106", "a script whose interpreter is there", GOOD, KEPT),
    Row("SM106", "a binary", with_program(GOOD, "train", kind="elf", interpreter=None), KEPT),
    Row("SM106", "Windows line ends", with_program(GOOD, "train", crlf=True), ERROR),
    Row("SM106", "no interpreter", with_program(GOOD, "serve", interpreter="python4", interpreter_found=False), ERROR),
    Row("SM106", "no name behind #!", with_program(GOOD, "serve", interpreter="", interpreter_found=False), ERROR),
    Row("SM106", "no #! line", with_program(GOOD, "train", kind="text", interpreter=None), ERROR),
    Row("SM106", "Windows line ends in what is not asked for", with_program(SERVES_ONLY, "train", crlf=True), KEPT),
    Row("SM106", "neither is there", without_program(without_program(GOOD, "train"), "serve"), Reason.NO_SUCH_CASE),
    Row("SM107", "a list", entrypoint(GOOD, "python3", "run.py"), KEPT),
    Row("SM107", "a text", entrypoint(GOOD, "/bin/sh", "-c", "python3 run.py"), WARNING),
    Row("SM107", "a text and SHELL", entrypoint(GOOD, "/bin/bash", "-o", "pipefail", "-c", "python3 run.py"), WARNING),
    Row("SM107", "a shell that runs a script", entrypoint(GOOD, "/bin/sh", "run.sh"), KEPT),
    Row("SM107", "a shell that hands the word on", entrypoint(GOOD, "bash", "-c", 'exec run "$@"', "--"), KEPT),
    Row("SM107", "a program with an option -c", entrypoint(GOOD, "gunicorn", "-c", "conf.py"), KEPT),
    Row("SM107", "no ENTRYPOINT", GOOD, Reason.NO_SUCH_CASE),
    Row("SM108", "an init, and the words are on PATH", entrypoint(GOOD, "tini", "--"), KEPT),
    Row("SM108", "an init, and train is not on PATH", off_path(entrypoint(GOOD, "tini", "--"), "train"), ERROR),
    Row("SM108", "an init by its path", off_path(entrypoint(GOOD, "/usr/bin/dumb-init"), "serve"), ERROR),
    Row(
        "SM108",
        "an init whose option has a value",
        off_path(entrypoint(GOOD, "/tini", "-p", "SIGTERM", "--"), "train"),
        ERROR,
    ),
    Row("SM108", "an unwanted word is not on PATH", off_path(entrypoint(TRAINS_ONLY, "tini", "--"), "serve"), KEPT),
    Row(
        "SM108",
        "an init with a program",
        off_path(entrypoint(GOOD, "tini", "--", "python3"), "train", "serve"),
        Reason.NO_SUCH_CASE,
    ),
    Row("SM108", "a script that starts the word in vain", WRAPPED, ERROR),
    Row("SM108", "a script that starts another program in vain", SOMETHING_ELSE, Reason.NO_SUCH_CASE),
    Row("SM108", "no ENTRYPOINT", GOOD, Reason.NO_SUCH_CASE),
    Row("SM109", "nothing is baked in", GOOD, KEPT),
    Row("SM109", "a model is baked in", image(GOOD, baked=("/opt/ml/model/model.bin",)), WARNING),
    Row("SM109", "many files are baked in", image(GOOD, baked=tuple(f"/opt/ml/model/{n}" for n in range(9))), WARNING),
    Row("SM110", "no USER", GOOD, KEPT),
    Row("SM110", "USER root with a group", image(GOOD, user="root:staff"), KEPT),
    Row("SM110", "USER 0:0", image(GOOD, user="0:0"), KEPT),
    Row("SM110", "a user", image(GOOD, user="model"), WARNING),
    Row("SM110", "a user by number, in root's group", image(GOOD, user="1000:0"), WARNING),
    Row("SM110", "a user who is denied the model", denied("model"), ERROR),
    Row("SM110", "root is denied something", image(denied("root"), user=""), KEPT),
    Row("SM110", "a user, in a shell's words", denied("model", SHELLS_DENIAL), ERROR),
    Row("SM110", "a user who is denied something else", denied("model", ELSEWHERE), WARNING),
    Row("SM110", "a user who is denied something and passes", also(denied("model"), easy=trained(EASY)), WARNING),
    Row("SM110", "a user who is denied something by broken data", NOTHING_DENIED, WARNING),
    Row("SM112", "no credentials", GOOD, KEPT),
    Row("SM112", "an access key", image(GOOD, secrets=(SECRET,)), ERROR),
    Row("SM113", "a small image", GOOD, KEPT),
    Row("SM113", "a small image for a serverless endpoint", SERVERLESS, KEPT),
    Row("SM113", "10 GB for a serverless endpoint", image(SERVERLESS, size_bytes=10_737_418_240), KEPT),
    Row("SM113", "more for a serverless endpoint", image(SERVERLESS, size_bytes=10_737_418_241), ERROR),
    Row("SM113", "more for another endpoint", image(GOOD, size_bytes=10_737_418_241), WARNING),
    Row("SM113", "more, and it only trains", image(TRAINS_ONLY, size_bytes=10_737_418_241), Reason.DOES_NOT_SERVE),
    Row("SM114", "no driver", GOOD, KEPT),
    Row("SM114", "a driver", image(GOOD, driver_files=("/usr/lib64/libcuda.so.535.104.05",)), ERROR),
]

NETWORK_NEEDED = training(GOOD, hard=failed(), easy=trained(EASY), network=trained(NETWORK))
TOOLKIT_NEEDED = training(
    GOOD,
    hard=failed(),
    easy=trained(EASY),
    network=failed(NETWORK),
    no_extra_channel=failed(NO_EXTRA),
    toolkit=trained(TOOLKIT),
)
EXTRA_TRIPS = training(
    GOOD, hard=failed(), easy=trained(EASY), network=failed(NETWORK), no_extra_channel=trained(NO_EXTRA)
)
TWO_CAUSES = training(
    GOOD,
    hard=failed(),
    easy=trained(EASY),
    network=failed(NETWORK),
    no_extra_channel=failed(NO_EXTRA),
    toolkit=failed(TOOLKIT),
)
MODEL_LOST = also(GOOD, hard=trained(model_files=()), toolkit=trained(TOOLKIT))
NO_MODEL_EITHER = also(GOOD, hard=trained(model_files=()), toolkit=trained(TOOLKIT, model_files=(FOLDER,)))
NETWORK_JSON = Conditions(network=True, json_hyperparameters=True)
JSON_NEEDED = training(GOOD, hard=failed(), easy=trained(replace(EASY, json_hyperparameters=True)), json=trained(JSON))


def on_broken(failure: bytes | None, **changes: int | bool) -> Examination:
    """The examination whose run on broken data failed so."""
    return also(GOOD, broken_data=failed(BROKEN_DATA, failure, **changes))  # type: ignore[arg-type]


TRAINING_ROWS = [
    Row("SM201", "it passes", GOOD, KEPT),
    Row("SM201", "it fails under all conditions", FAILS, ERROR),
    Row("SM201", "it cannot be started", training(GOOD, hard=not_started()), ERROR),
    Row("SM201", "it is killed for want of memory", training(GOOD, hard=failed(code=137, out_of_memory=True)), ERROR),
    Row("SM201", "it is stopped at the time limit", training(GOOD, hard=overran(), easy=overran(EASY)), WARNING),
    Row("SM201", "it takes too much of the machine", training(GOOD, hard=broken_off()), ERROR),
    Row("SM201", "it passes with network", NETWORK_NEEDED, KEPT),
    Row("SM201", "it passes without the extra channel", EXTRA_TRIPS, KEPT),
    Row("SM201", "it passes with what the platform never gives", TOOLKIT_NEEDED, WARNING),
    Row("SM201", "it passes only with everything lifted", TWO_CAUSES, WARNING),
    Row("SM201", "it fails on broken data", GOOD, KEPT),
    Row("SM201", "only broken data was tried", training(GOOD, broken_data=failed(BROKEN_DATA)), Reason.RUN_MISSING),
    Row("SM202", "a model", GOOD, KEPT),
    Row("SM202", "a link is a model", training(GOOD, hard=trained(model_files=(LINK,))), KEPT),
    Row("SM202", "nothing", training(GOOD, hard=trained(model_files=())), ERROR),
    Row("SM202", "folders", training(GOOD, hard=trained(model_files=(FOLDER,))), ERROR),
    Row("SM202", "a socket, which is not uploaded", training(GOOD, hard=trained(model_files=(FOLDER, SOCKET))), ERROR),
    Row("SM202", "it never passes", FAILS, Reason.RUN_MISSING),
    Row("SM203", "it fails with a reason", GOOD, KEPT),
    Row("SM203", "it fails without a word", on_broken(None), WARNING),
    Row("SM203", "it fails with an empty failure file", on_broken(b" \n"), WARNING),
    Row("SM203", "it fails without a word on good data", training(GOOD, hard=failed(failure=None)), WARNING),
    Row(
        "SM203",
        "who is killed for want of memory can say nothing",
        on_broken(None, code=137, out_of_memory=True),
        Reason.RUN_MISSING,
    ),
    Row("SM203", "who is stopped needs to say nothing", also(GOOD, stopped=overran(STOPPED)), KEPT),
    Row("SM203", "who is not started can say nothing", training(GOOD, hard=not_started()), Reason.RUN_MISSING),
    Row(
        "SM203",
        "a full disk is not the program's doing",
        on_broken(None, code=0),
        Reason.RUN_MISSING,
    ),
    Row("SM203", "nothing fails, and broken data was not given", NO_BROKEN, Reason.NO_BROKEN_DATA),
    Row("SM203", "broken data passes", also(GOOD, broken_data=trained(BROKEN_DATA)), Reason.RUN_MISSING),
    Row("SM204", "broken data fails", GOOD, KEPT),
    Row("SM204", "broken data passes", also(GOOD, broken_data=trained(BROKEN_DATA)), ERROR),
    Row("SM204", "good data passes", NO_BROKEN, Reason.NO_BROKEN_DATA),
    Row("SM204", "broken data was not tried", training(GOOD, hard=trained()), Reason.RUN_MISSING),
    Row("SM204", "broken data runs on and on", also(GOOD, broken_data=overran(BROKEN_DATA)), Reason.INCONCLUSIVE),
    Row("SM204", "memory runs out", on_broken(None, code=137, out_of_memory=True), Reason.INCONCLUSIVE),
    Row("SM204", "it was not started", also(GOOD, broken_data=not_started(BROKEN_DATA)), Reason.INCONCLUSIVE),
    Row("SM205", "a short text", GOOD, KEPT),
    Row("SM205", "1,024 characters", on_broken("é".encode() * 1024), KEPT),
    Row("SM205", "1,025 characters", on_broken("é".encode() * 1025), WARNING),
    Row("SM205", "Latin-1", on_broken("données".encode("latin-1")), WARNING),
    Row("SM205", "a text that ends within a character", on_broken("é".encode()[:1]), WARNING),
    Row("SM205", "no text", on_broken(None), Reason.NO_SUCH_CASE),
    Row("SM205", "nothing fails, and broken data was not given", NO_BROKEN, Reason.NO_BROKEN_DATA),
    Row("SM205", "broken data passes", also(GOOD, broken_data=trained(BROKEN_DATA)), Reason.RUN_MISSING),
    Row("SM206", "both encodings work", GOOD, KEPT),
    Row("SM206", "JSON fails", also(GOOD, json=failed(JSON)), ERROR),
    Row("SM206", "plain strings fail", JSON_NEEDED, ERROR),
    Row("SM206", "JSON works with network, plain strings without", also(GOOD, json=trained(NETWORK_JSON)), KEPT),
    Row(
        "SM206",
        "JSON fails without network, plain strings work with it",
        training(GOOD, network=trained(NETWORK), json=failed(JSON)),
        Reason.INCONCLUSIVE,
    ),
    Row("SM206", "JSON is stopped at the time limit", also(GOOD, json=overran(JSON)), Reason.INCONCLUSIVE),
    Row("SM206", "JSON takes too much of the machine", also(GOOD, json=broken_off(JSON)), Reason.INCONCLUSIVE),
    Row(
        "SM206",
        "JSON is killed for want of memory",
        also(GOOD, json=failed(JSON, code=137, out_of_memory=True)),
        Reason.INCONCLUSIVE,
    ),
    Row("SM206", "no value has two encodings", asked(GOOD, encodings_differ=False), Reason.NO_DIFFERENCE),
    Row("SM206", "it never passes", FAILS, Reason.RUN_MISSING),
    Row("SM209", "it passes without network", GOOD, KEPT),
    Row("SM209", "it passes with network alone", NETWORK_NEEDED, WARNING),
    Row("SM209", "so it does, and is to run isolated", replace(NETWORK_NEEDED, asked=ISOLATED.asked), ERROR),
    Row("SM209", "it passes without the extra channel", EXTRA_TRIPS, KEPT),
    Row("SM209", "it passes with everything lifted", TWO_CAUSES, Reason.INCONCLUSIVE),
    Row("SM209", "it never passes", FAILS, Reason.RUN_MISSING),
    Row("SM211", "it passes without the toolkit's variables", GOOD, KEPT),
    Row("SM211", "it passes with the toolkit's variables alone", TOOLKIT_NEEDED, ERROR),
    Row("SM211", "a model comes with the toolkit's variables alone", MODEL_LOST, ERROR),
    Row("SM211", "no model comes with them either", NO_MODEL_EITHER, KEPT),
    Row("SM211", "a model comes without them, too", also(GOOD, toolkit=trained(TOOLKIT)), KEPT),
    Row("SM211", "it passes with network", NETWORK_NEEDED, KEPT),
    Row("SM211", "it passes with everything lifted", TWO_CAUSES, Reason.INCONCLUSIVE),
    Row("SM211", "it never passes", FAILS, Reason.RUN_MISSING),
    Row("SM214", "it passes with an extra channel", GOOD, KEPT),
    Row("SM214", "it passes without the extra channel alone", EXTRA_TRIPS, WARNING),
    Row("SM214", "it passes with network", NETWORK_NEEDED, KEPT),
    Row("SM214", "it passes with everything lifted", TWO_CAUSES, Reason.INCONCLUSIVE),
    Row("SM214", "it never passes", FAILS, Reason.RUN_MISSING),
    *(
        Row(rule, claim, seen, reason)
        for rule in ("SM201", "SM202", "SM203", "SM204", "SM205", "SM206", "SM209", "SM211", "SM214")
        for claim, seen, reason in (
            ("it only serves", SERVES_ONLY, Reason.DOES_NOT_TRAIN),
            ("there is no data", NO_DATA, Reason.NO_TRAINING_DATA),
            ("nothing was run", NOTHING_MADE, Reason.RUN_MISSING),
        )
    ),
]

NETWORK_TO_SERVE = serving(GOOD, unhealthy(), served(NETWORK))
SAMPLE_FAILS = (exchange(SAMPLE, 500),)
NETWORK_TO_ANSWER = serving(GOOD, answered(served(), *SAMPLE_FAILS), served(NETWORK))
NEVER_ANSWERS = serving(GOOD, answered(served(), *SAMPLE_FAILS), answered(served(NETWORK), *SAMPLE_FAILS))
WAITS = busy_pings((1.05, 3.01))
RELAYED = asked(GOOD, relayed=True)
SLOW = (exchange(PING_AT_REST, seconds=0.3),)
NOT_HEALTHY = serving(GOOD, unhealthy(), unhealthy(NETWORK))
EXITS = serving(GOOD, exited(), exited(NETWORK))
REFUSED = serving(GOOD, refused())
WITHOUT_MODEL = serving(GOOD, exited(model_given=False), exited(NETWORK, model_given=False))
NO_LINES = asking(GOOD, big=(), busy=())  # a sample that is not lines makes no big body
ANSWERS = (b"0\n" * 4000, b"0\n" * 3999 + b"1\n")
FIRST_DIES = {"unknown_type": (unanswered(UNKNOWN_TYPE),), "broken_body": (unanswered(BROKEN_BODY),)}


EARLY_AND_LAST = busy_pings((1.05, 1.07), (3.4, 3.52))
UNPACKING = "tar: ./weights.bin: Cannot open: Read-only file system"
LOADING = (exchange(SAMPLE, 502), exchange(SAMPLE_AGAIN))
SICK_AT_REST = (exchange(PING_AT_REST, 500),) * 2
SLOW_AT_REST = (unanswered(PING_AT_REST, TIMED_OUT),) * 2
DEAD_PING = (unanswered(PING_WHILE_BUSY, began=3.6),)
NO_MODEL_LOOPBACK = serving(GOOD, unhealthy(model_given=False, listening=("127.0.0.1:8080",)))


def without_samples(**changed: tuple[Exchange, ...]) -> Examination:
    """The examination of an image without sample requests."""
    nothing = {"samples": (), "no_accept": (), "odd_headers": (), "serial": (), "crowd": (), "big": (), "busy": ()}
    return asked(asking(GOOD, **{**nothing, **changed}), samples=0)


NO_SAMPLES = without_samples()


def pinged(*pings: Ping) -> Examination:
    """The examination of a server that was never healthy and answered its pings so."""
    return serving(GOOD, unhealthy(pings=pings), unhealthy(NETWORK, pings=pings))


def listening(*addresses: str) -> Examination:
    return serving(GOOD, unhealthy(listening=addresses), unhealthy(NETWORK, listening=addresses))


SWAPPED = (LONGER_ANSWER, ANSWER) * 2
WRITES = replace(GOOD, serving={"hard": exited(), "easy": exited(NETWORK), "writable model": served(WRITABLE)})
ENDS_ANYWAY = replace(GOOD, serving={**WRITES.serving, "writable model": exited(WRITABLE)})

SERVING_ROWS = [
    Row("SM301", "it stays up", GOOD, KEPT),
    Row("SM301", "it ends", EXITS, ERROR),
    Row("SM301", "it ends with code 0", serving(GOOD, exited(code=0), exited(NETWORK, code=0)), ERROR),
    Row("SM301", "it is killed for want of memory", serving(GOOD, exited(code=137, out_of_memory=True)), ERROR),
    Row("SM301", "it cannot be started", REFUSED, ERROR),
    Row("SM301", "it runs and is not healthy", NOT_HEALTHY, KEPT),
    Row("SM301", "it ends only without network", serving(GOOD, exited(), served(NETWORK)), KEPT),
    Row("SM301", "it was to get a model, and there is none", WITHOUT_MODEL, Reason.NO_MODEL),
    Row("SM301", "it only serves, and ends without a model", replace(WITHOUT_MODEL, asked=SERVES_ONLY.asked), ERROR),
    Row("SM301", "it stays up without a model", serving(GOOD, served(model_given=False)), KEPT),
    Row("SM302", "it is healthy", GOOD, KEPT),
    Row("SM302", "it is healthy with network", NETWORK_TO_SERVE, KEPT),
    Row("SM302", "it is never healthy", NOT_HEALTHY, ERROR),
    Row("SM302", "there was no model", WITHOUT_MODEL, Reason.NO_MODEL),
    Row("SM303", "a ping gets 200", GOOD, KEPT),
    Row("SM303", "pings get 404", pinged(ping(404)), ERROR),
    Row("SM303", "pings get 204", pinged(ping(204)), ERROR),
    Row("SM303", "pings get 503 until it is ready", serving(GOOD, served(start_pings=(ping(503), ping()))), KEPT),
    Row("SM303", "no ping is answered", NOT_HEALTHY, Reason.RUN_MISSING),
    Row("SM303", "pings are not answered in time", pinged(ping(503), SLOW_PING), Reason.RUN_MISSING),
    Row("SM304", "the healthy ping is quick", GOOD, KEPT),
    Row("SM304", "pings are not answered in time", pinged(REFUSED_PING, SLOW_PING), ERROR),
    Row("SM304", "the healthy ping takes long", serving(GOOD, served(start_pings=(ping(seconds=2.5),))), ERROR),
    Row("SM304", "pings are slow until it is ready", serving(GOOD, served(start_pings=(SLOW_PING, ping()))), KEPT),
    Row("SM303", "pings get 500 after the first invocation", asking(GOOD, at_rest=SICK_AT_REST), ERROR),
    Row("SM303", "one of two pings gets 500", asking(GOOD, at_rest=(*SICK_AT_REST[:1], exchange(PING_AT_REST))), KEPT),
    Row("SM303", "pings are slow after it was healthy", asking(GOOD, at_rest=SLOW_AT_REST), KEPT),
    Row("SM304", "pings get 500 after the first invocation", asking(GOOD, at_rest=SICK_AT_REST), KEPT),
    Row("SM304", "pings are slow after it was healthy", asking(GOOD, at_rest=SLOW_AT_REST), ERROR),
    Row("SM304", "one of two pings is slow", asking(GOOD, at_rest=(*SLOW_AT_REST[:1], exchange(PING_AT_REST))), KEPT),
    Row("SM304", "a later ping is cut off", asking(GOOD, at_rest=(unanswered(PING_AT_REST),)), KEPT),
    Row("SM304", "pings get 404 at once", pinged(SLOW_PING, ping(404)), KEPT),
    Row("SM304", "no ping is answered", NOT_HEALTHY, Reason.RUN_MISSING),
    Row("SM304", "there was no ping", REFUSED, Reason.RUN_MISSING),
    Row("SM305", "pings are answered before the bodies", GOOD, KEPT),
    Row("SM305", "the only ping waits for a body", asking(GOOD, busy=busy_pings((1.05, 3.01))), ERROR),
    Row("SM305", "so it does, on a slow way", asking(RELAYED, at_rest=SLOW, busy=WAITS), Reason.INCONCLUSIVE),
    Row("SM305", "so it does, of a slow server", asking(GOOD, at_rest=SLOW, busy=WAITS), ERROR),
    Row(
        "SM305", "it waits for longer than the way", asking(RELAYED, at_rest=SLOW, busy=busy_pings((1.05, 3.9))), ERROR
    ),
    Row("SM305", "a ping takes more than 2 s", asking(GOOD, busy=busy_pings((1.05, 1.1), (1.1, 3.2))), ERROR),
    Row("SM305", "a ping gets 503", asking(GOOD, busy=busy_pings((1.05, 1.07), status=503)), ERROR),
    Row("SM305", "a ping is not answered", asking(GOOD, busy=(unanswered(PING_WHILE_BUSY, began=1.1),)), ERROR),
    Row(
        "SM305",
        "no body is answered in time, and pings neither",
        asking(
            GOOD,
            big=(unanswered(BIG, TIMED_OUT, began=1.0, seconds=60.0),),
            busy=(unanswered(PING_WHILE_BUSY, TIMED_OUT, began=1.05, seconds=60.0),),
        ),
        ERROR,
    ),
    Row("SM305", "a ping outlasts the end of a body by chance", asking(GOOD, busy=EARLY_AND_LAST), KEPT),
    Row(
        "SM305",
        "the bodies are answered at once",
        asking(GOOD, big=bodies((1.0, 1.06)), busy=busy_pings((1.05, 1.07))),
        Reason.INCONCLUSIVE,
    ),
    Row(
        "SM305",
        "the bodies end the server",
        asking(GOOD, big=(unanswered(BIG, began=1.0, seconds=1.0),), busy=busy_pings((1.05, 1.07), status=None)),
        Reason.INCONCLUSIVE,
    ),
    Row("SM305", "the sample is not lines", NO_LINES, Reason.INCONCLUSIVE),
    Row("SM305", "no samples", NO_SAMPLES, Reason.NO_SAMPLE),
    Row("SM306", "it answers", GOOD, KEPT),
    Row("SM306", "loopback", listening("127.0.0.1:8080"), ERROR),
    Row("SM306", "loopback of IPv6", listening("[::1]:8080"), ERROR),
    Row("SM306", "another port", listening("0.0.0.0:5000"), ERROR),
    Row("SM306", "a port that ends so", listening("0.0.0.0:18080"), ERROR),
    Row("SM306", "loopback, though there was no model", NO_MODEL_LOOPBACK, ERROR),
    Row("SM306", "the right address, and no answer", listening("0.0.0.0:8080", "127.0.0.1:9000"), KEPT),
    Row("SM306", "every address of IPv6", listening("[::]:8080"), KEPT),
    Row("SM306", "it answers 404", pinged(ping(404)), KEPT),
    Row("SM306", "nothing listens", listening(), Reason.NO_SUCH_CASE),
    Row("SM306", "nothing but Docker's own resolver listens", listening("127.0.0.11:39777"), Reason.NO_SUCH_CASE),
    Row("SM306", "where it listens is not known", NOT_HEALTHY, Reason.RUN_MISSING),
    Row("SM306", "it ended, and there was no model", WITHOUT_MODEL, Reason.NO_MODEL),
    Row("SM307", "the sample is answered as expected", GOOD, KEPT),
    Row("SM307", "nothing was expected", asking(GOOD, samples=(exchange(SAMPLE),)), KEPT),
    Row("SM307", "201", asking(GOOD, samples=(exchange(SAMPLE, 201),)), KEPT),
    Row("SM307", "500", asking(GOOD, samples=SAMPLE_FAILS), ERROR),
    Row("SM307", "the second sample gets 400", asking(GOOD, samples=(exchange(SAMPLE), exchange(SAMPLE, 400))), ERROR),
    Row("SM307", "no answer", asking(GOOD, samples=(unanswered(SAMPLE),)), ERROR),
    Row("SM307", "another answer", asking(GOOD, samples=(exchange(SAMPLE, expected=b"1\n"),)), ERROR),
    Row("SM307", "an empty answer", asking(GOOD, samples=(exchange(SAMPLE, body=b"", expected=b"0\n"),)), ERROR),
    Row("SM307", "a longer answer", asking(GOOD, samples=(exchange(SAMPLE, body=b"0\n0\n", expected=b"0\n"),)), ERROR),
    Row(
        "SM307",
        "a long answer that differs at its end",
        asking(GOOD, samples=(exchange(SAMPLE, body=ANSWERS[0], expected=ANSWERS[1]),)),
        ERROR,
    ),
    Row(
        "SM307",
        "a long answer as expected",
        asking(GOOD, samples=(exchange(SAMPLE, body=ANSWERS[0], expected=ANSWERS[0]),)),
        KEPT,
    ),
    Row("SM307", "no samples", NO_SAMPLES, Reason.NO_SAMPLE),
    Row("SM308", "a quick answer", GOOD, KEPT),
    Row("SM308", "59 s", asking(GOOD, samples=(exchange(SAMPLE, seconds=59.0),)), KEPT),
    Row("SM308", "61 s", asking(GOOD, samples=(exchange(SAMPLE, seconds=61.0),)), ERROR),
    Row("SM308", "not in time", asking(GOOD, samples=(unanswered(SAMPLE, TIMED_OUT, seconds=60.0),)), ERROR),
    Row("SM308", "a quick 500", asking(GOOD, samples=SAMPLE_FAILS), KEPT),
    Row("SM308", "the connection breaks", asking(GOOD, samples=(unanswered(SAMPLE),)), Reason.INCONCLUSIVE),
    Row("SM308", "no samples", NO_SAMPLES, Reason.NO_SAMPLE),
    Row("SM309", "415", GOOD, KEPT),
    Row("SM309", "taken for a known one", asking(GOOD, unknown_type=(exchange(UNKNOWN_TYPE),)), KEPT),
    Row("SM309", "500", asking(GOOD, unknown_type=(exchange(UNKNOWN_TYPE, 500),)), WARNING),
    Row("SM309", "no answer", asking(GOOD, unknown_type=(unanswered(UNKNOWN_TYPE),)), WARNING),
    Row("SM309", "500 without samples", without_samples(unknown_type=(exchange(UNKNOWN_TYPE, 500),)), WARNING),
    Row(
        "SM309",
        "the sample fails, too",
        asking(GOOD, samples=SAMPLE_FAILS, unknown_type=(exchange(UNKNOWN_TYPE, 500),)),
        Reason.INCONCLUSIVE,
    ),
    Row("SM309", "the bodies ended the server", asking(GOOD, busy=DEAD_PING, **FIRST_DIES), Reason.INCONCLUSIVE),
    Row("SM310", "400", GOOD, KEPT),
    Row("SM310", "taken for a good one", asking(GOOD, broken_body=(exchange(BROKEN_BODY),)), KEPT),
    Row("SM310", "500", asking(GOOD, broken_body=(exchange(BROKEN_BODY, 500),)), WARNING),
    Row("SM310", "it hangs", asking(GOOD, broken_body=(unanswered(BROKEN_BODY, TIMED_OUT),)), ERROR),
    Row("SM310", "it drops the connection", asking(GOOD, broken_body=(unanswered(BROKEN_BODY),)), ERROR),
    Row("SM310", "it ends afterwards", asking(GOOD, alive=False), ERROR),
    Row("SM310", "pings got 500 before, too", asking(GOOD, alive=False, at_rest=SICK_AT_REST), KEPT),
    Row("SM310", "pings were slow before, too", asking(GOOD, alive=False, at_rest=SLOW_AT_REST), KEPT),
    Row(
        "SM310",
        "the sample fails, too",
        asking(GOOD, samples=SAMPLE_FAILS, broken_body=(exchange(BROKEN_BODY, 500),)),
        Reason.INCONCLUSIVE,
    ),
    Row("SM310", "it had ended before", asking(GOOD, alive=False, **FIRST_DIES), Reason.INCONCLUSIVE),
    Row("SM311", "200", GOOD, KEPT),
    Row("SM311", "413", asking(GOOD, big=bodies((1.0, 1.1), status=413)), ERROR),
    Row("SM311", "413 for one of several", asking(GOOD, big=(exchange(BIG), exchange(BIG, 413))), ERROR),
    Row("SM311", "503 for one of several", asking(GOOD, big=(exchange(BIG, 503), exchange(BIG))), KEPT),
    Row("SM311", "413 for a larger one", asking(GOOD, largest=(exchange(LARGEST, 413),)), WARNING),
    Row("SM311", "a larger one is taken", asking(GOOD, largest=(exchange(LARGEST, 200),)), KEPT),
    Row("SM311", "a larger one is not answered", asking(GOOD, largest=(unanswered(LARGEST),)), KEPT),
    Row("SM311", "no larger one was sent", asking(GOOD, largest=()), KEPT),
    Row("SM311", "413 for both", asking(GOOD, big=(exchange(BIG, 413),), largest=(exchange(LARGEST, 413),)), ERROR),
    Row("SM311", "400", asking(GOOD, big=bodies((1.0, 1.1), status=400)), WARNING),
    Row("SM311", "no answer", asking(GOOD, big=(unanswered(BIG),)), WARNING),
    Row(
        "SM311",
        "the sample that it is made of fails, too",
        asking(GOOD, samples=SAMPLE_FAILS, big=bodies((1.0, 1.1), status=500)),
        Reason.INCONCLUSIVE,
    ),
    Row("SM311", "the sample is not lines", NO_LINES, Reason.INCONCLUSIVE),
    Row("SM311", "no samples", NO_SAMPLES, Reason.NO_SAMPLE),
    Row("SM312", "it ends", GOOD, KEPT),
    Row("SM312", "it ends of the signal", serving(GOOD, served(exit_code=143)), KEPT),
    Row("SM312", "it is killed", serving(GOOD, served(stop_seconds=30.1, killed_after_grace=True)), WARNING),
    Row(
        "SM312",
        "it is killed because it takes too much of the machine",
        serving(GOOD, replace(served(killed_after_grace=True), cause="it was stopped: its log grew beyond 256 MiB")),
        Reason.INCONCLUSIVE,
    ),
    Row("SM312", "it had ended before", serving(GOOD, served(stop_seconds=None)), Reason.RUN_MISSING),
    Row("SM312", "it was never healthy", NOT_HEALTHY, Reason.RUN_MISSING),
    Row("SM313", "no complaint", GOOD, KEPT),
    Row("SM313", "it does not come up for it", serving(GOOD, exited(last_lines=(READ_ONLY,))), ERROR),
    Row(
        "SM313",
        "it comes up with network",
        serving(GOOD, exited(last_lines=(READ_ONLY,)), served(NETWORK, last_lines=(READ_ONLY,))),
        WARNING,
    ),
    Row("SM313", "it comes up all the same", serving(GOOD, served(last_lines=(READ_ONLY,))), WARNING),
    Row(
        "SM313", "so it does without a model", serving(GOOD, exited(model_given=False, last_lines=(READ_ONLY,))), ERROR
    ),
    Row("SM313", "the complaint names a path in its folder", serving(GOOD, exited(last_lines=(UNPACKING,))), ERROR),
    Row("SM313", "it comes up with a writable model alone", WRITES, ERROR),
    Row("SM313", "it comes up with a writable model neither", ENDS_ANYWAY, Reason.INCONCLUSIVE),
    Row("SM301", "it comes up with a writable model alone", WRITES, ERROR),
    Row("SM313", "another read-only place", serving(GOOD, served(last_lines=("/proc: read-only file system",))), KEPT),
    Row("SM313", "it does not come up for something else", EXITS, Reason.INCONCLUSIVE),
    Row("SM313", "there was no model", WITHOUT_MODEL, Reason.NO_MODEL),
    Row("SM313", "it cannot be started", REFUSED, Reason.RUN_MISSING),
    Row("SM314", "it comes up without network", GOOD, KEPT),
    Row("SM314", "it comes up with network alone", NETWORK_TO_SERVE, WARNING),
    Row("SM314", "so it does, and is to run isolated", replace(NETWORK_TO_SERVE, asked=ISOLATED.asked), ERROR),
    Row("SM314", "it answers with network alone", NETWORK_TO_ANSWER, WARNING),
    Row(
        "SM314",
        "it answers with network alone, and is to run isolated",
        replace(NETWORK_TO_ANSWER, asked=ISOLATED.asked),
        ERROR,
    ),
    Row("SM314", "it answers neither without nor with network", NEVER_ANSWERS, KEPT),
    Row("SM314", "it does not answer, and was not tried with network", asking(GOOD, samples=SAMPLE_FAILS), KEPT),
    Row("SM314", "it never comes up", NOT_HEALTHY, Reason.RUN_MISSING),
    Row("SM314", "there was no model", WITHOUT_MODEL, Reason.NO_MODEL),
    Row("SM307", "it answers with network alone", NETWORK_TO_ANSWER, KEPT),
    Row("SM307", "it answers neither without nor with network", NEVER_ANSWERS, ERROR),
    Row("SM315", "all are answered as one alone", GOOD, KEPT),
    Row("SM315", "answers are mixed up", asking(GOOD, crowd=repeated(MANY_CALLERS, ANSWER, ANSWER)), ERROR),
    Row("SM315", "each answer goes to the other", asking(GOOD, crowd=repeated(MANY_CALLERS, *SWAPPED)), ERROR),
    Row("SM315", "requests fail under load", asking(GOOD, crowd=repeated(MANY_CALLERS, status=503)), WARNING),
    Row("SM315", "connections break under load", asking(GOOD, crowd=(unanswered(MANY_CALLERS, sample=0),)), WARNING),
    Row(
        "SM315",
        "an answer is mixed up and another fails",
        asking(GOOD, crowd=(*repeated(MANY_CALLERS, ANSWER, ANSWER), unanswered(MANY_CALLERS, sample=0))),
        ERROR,
    ),
    Row(
        "SM315",
        "answers differ by themselves",
        asking(GOOD, serial=repeated(ONE_CALLER, b"0\n", b"1\n", b"2\n", b"3\n"), crowd=repeated(MANY_CALLERS, b"4\n")),
        Reason.INCONCLUSIVE,
    ),
    Row("SM315", "one caller fails, too", asking(GOOD, serial=repeated(ONE_CALLER, status=500)), Reason.INCONCLUSIVE),
    Row("SM315", "the samples take too long", asking(GOOD, serial=(), crowd=()), Reason.INCONCLUSIVE),
    Row("SM315", "no samples", NO_SAMPLES, Reason.NO_SAMPLE),
    Row("SM316", "both are answered", GOOD, KEPT),
    Row("SM316", "406 without Accept", asking(GOOD, no_accept=(exchange(NO_ACCEPT, 406),)), WARNING),
    Row("SM316", "no answer to unknown headers", asking(GOOD, odd_headers=(unanswered(ODD_HEADERS),)), WARNING),
    Row("SM316", "the sample is answered once it has loaded", asking(GOOD, samples=LOADING), KEPT),
    Row(
        "SM316", "the sample is not answered later, either", asking(GOOD, samples=LOADING[:1] * 2), Reason.INCONCLUSIVE
    ),
    Row("SM316", "the sample gets 201", asking(GOOD, samples=(exchange(SAMPLE, 201),)), KEPT),
    Row(
        "SM316",
        "the sample fails, too",
        asking(GOOD, samples=SAMPLE_FAILS, no_accept=(exchange(NO_ACCEPT, 500),)),
        Reason.INCONCLUSIVE,
    ),
    Row("SM316", "no samples", NO_SAMPLES, Reason.NO_SAMPLE),
    *(
        Row(f"SM3{number:02}", claim, seen, reason)
        for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16)
        for claim, seen, reason in (
            ("it only trains", TRAINS_ONLY, Reason.DOES_NOT_SERVE),
            ("nothing was run", NOTHING_MADE, Reason.RUN_MISSING),
        )
    ),
    *(
        Row(f"SM3{number:02}", claim, seen, reason)
        for number in (5, 7, 8, 9, 10, 11, 16)
        for claim, seen, reason in (
            ("it was never healthy", NOT_HEALTHY, Reason.RUN_MISSING),
            ("there was no model", WITHOUT_MODEL, Reason.NO_MODEL),
        )
    ),
    Row("SM317", "the first invocation is answered", GOOD, KEPT),
    Row("SM317", "the first one fails, later ones do not", asking(GOOD, samples=SAMPLE_FAILS), ERROR),
    Row("SM317", "the first one is not answered, later ones are", asking(GOOD, samples=(unanswered(SAMPLE),)), ERROR),
    Row(
        "SM317",
        "all fail",
        asking(GOOD, samples=SAMPLE_FAILS, serial=repeated(ONE_CALLER, status=500)),
        Reason.INCONCLUSIVE,
    ),
    Row(
        "SM317",
        "another sample is answered later",
        asking(GOOD, samples=SAMPLE_FAILS, serial=(exchange(ONE_CALLER, sample=1),)),
        Reason.INCONCLUSIVE,
    ),
    Row("SM317", "nothing was asked later", asking(GOOD, samples=SAMPLE_FAILS, serial=()), Reason.INCONCLUSIVE),
    Row("SM317", "no samples", NO_SAMPLES, Reason.NO_SAMPLE),
]

ROWS = [
    *IMAGE_ROWS,
    *TRAINING_ROWS,
    *rows_training.ROWS,
    *SERVING_ROWS,
    *rows_endurance.ROWS,
    *rows_batch.ROWS,
    *rows_multi_model.ROWS,
]


def is_as_expected(judgement: Judgement, severity: Severity, expected: Expected) -> bool:
    """Whether a rule of that severity said what a row expects."""
    if isinstance(expected, Reason):
        return judgement.reason is expected
    if isinstance(expected, Severity):
        return judgement.outcome is Outcome.BROKEN and (judgement.severity or severity) is expected
    return judgement.outcome is expected
