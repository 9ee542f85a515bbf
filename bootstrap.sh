#!/bin/sh
# Makes a machine ready for smlocal's repository: a virtual environment, a container engine, the images. Whatever is there
# already is used as it is, so that it may be run again at any time.
#
#   sh bootstrap.sh                all of the above, and a registry for Lab 3 (root on Debian or Ubuntu only)
#   sh bootstrap.sh environment    the virtual environment alone
#   sh bootstrap.sh test-engines   what the tests need besides (Podman, a registry, git; root on Debian or Ubuntu only)
#
# PYTHON names another interpreter than python3. Exit code: 0, or 3 when something is missing that only you can install.
set -eu
cd "$(dirname "$0")"
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH

say() { printf '== %s\n' "$*"; }

give_up() {
    printf '%s\n' "$*" >&2
    exit 3
}

may_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

install_packages() {
    say "installing $* (Debian packages)"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    # The lists of a fresh machine are empty or old; a first refusal is answered by fetching them.
    apt-get install --yes --quiet=2 --no-install-recommends "$@" >/dev/null 2>&1 || {
        apt-get update --quiet=2
        apt-get install --yes --quiet=2 --no-install-recommends "$@" >/dev/null
    }
}

find_python() {
    python=${PYTHON:-python3}
    if ! command -v "$python" >/dev/null; then
        may_install || give_up "Python 3.10 or newer is needed and '$python' is not on PATH. Install it (https://www.python.org," \
            "or your system's packages), or say PYTHON=/path/to/python3, and run the command again."
        install_packages python3 python3-venv
    fi
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        give_up "Python 3.10 or newer is needed; '$python' is $("$python" -V 2>&1). Say PYTHON=/path/to/a/newer/python3."
}

make_environment() {
    # The checksum of what the environment is made of: the project's file and the place that it is installed from.
    stamp=$({ cat pyproject.toml; pwd; } | cksum | tr ' ' '-')
    if [ -x .venv/bin/smlocal ] && [ -e ".venv/ready-$stamp" ] && .venv/bin/python -c '' 2>/dev/null; then
        say "virtual environment: .venv is up to date"
        return
    fi
    find_python
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        say "virtual environment: making .venv with $("$python" -V)"
        rm -rf .venv
        if ! "$python" -m venv .venv >/dev/null 2>&1; then
            may_install || give_up "'$python -m venv' does not work here. Install the venv module of your Python" \
                "(on Debian and Ubuntu: apt-get install python3-venv) and run the command again."
            install_packages python3-venv
            "$python" -m venv --clear .venv
        fi
    fi
    say "virtual environment: installing smlocal and tox"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable . 'tox>=4.22,<5'
    rm -f .venv/ready-*
    : >".venv/ready-$stamp"
}

mask_registry() {
    # Its package would start a registry for the whole network; ours are started on loopback, when they are needed.
    unit=/etc/systemd/system/docker-registry.service
    command -v docker-registry >/dev/null || [ ! -d "${unit%/*}" ] || [ -e "$unit" ] || ln -s /dev/null "$unit"
}

make_registry() {
    command -v docker-registry >/dev/null && return 0
    if may_install; then
        mask_registry
        install_packages docker-registry && return 0
    fi
    say "there is no docker-registry, and only your system's packages have it: Lab 3 leaves its publishing out"
}

make_test_engines() {
    missing=
    command -v git >/dev/null || missing="$missing git"
    command -v podman >/dev/null || missing="$missing podman"
    command -v runc >/dev/null || missing="$missing runc"
    [ -x /usr/lib/podman/netavark ] || missing="$missing netavark"
    [ -x /usr/lib/podman/aardvark-dns ] || missing="$missing aardvark-dns"
    command -v ip >/dev/null || missing="$missing iproute2"
    command -v iptables >/dev/null || missing="$missing iptables"
    command -v docker-registry >/dev/null || missing="$missing docker-registry"
    [ -n "$missing" ] || return 0
    may_install || give_up "The tests also run on Podman, on a second Docker engine, a registry and git: install$missing," \
        "and run them as root."
    mask_registry
    # shellcheck disable=SC2086
    install_packages $missing
}

case ${1:-all} in
all)
    make_environment
    .venv/bin/smlocal doctor --fix
    .venv/bin/smlocal images build
    make_registry
    ;;
environment) make_environment ;;
test-engines) make_test_engines ;;
*)
    echo "usage: sh bootstrap.sh [environment|test-engines]" >&2
    exit 2
    ;;
esac
