#!/bin/sh
# Turns a minimal Debian tree into what the public slim Python image offers. mmdebstrap runs it as
# --customize-hook with the root of the new tree as its only argument.
set -eu
root=$1

# The slim Python image has `python` and `pip` on PATH and lets pip install beside the interpreter.
ln -sf python3 "$root/usr/bin/python"
rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED

# What a container never reads. The package lists alone are some 40 MB.
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/cache/debconf/*-old \
    "$root"/var/cache/ldconfig/* "$root"/var/lib/dpkg/*-old "$root"/var/log/* "$root"/tmp/* \
    "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/usr/share/info/*
find "$root/usr" -name __pycache__ -type d -prune -exec rm -rf {} +

# nginx's default configuration writes here; the removal above took the folder that its package made.
mkdir -p "$root/var/log/nginx" "$root/var/log/apt"

# The building machine's name and resolver do not belong to the image.
: > "$root/etc/hostname"
: > "$root/etc/resolv.conf"
