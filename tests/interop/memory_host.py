# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""What this host lacks for a row of memory-pairs."""
import functools
import os
import subprocess

from memory_machine import run

DAEMONS = os.environ.get("DAEMONS", "/usr/bin")

TRIALS = {
    "guest_memfd": "size=2M,backend=guest-memfd",
    "private memory": "size=2M,private=on",
    "huge pages": "size=30M,backend=memfd,hugetlb=on,hugetlbsize=2M",
}


@functools.cache
def has(what):
    return os.path.exists(what) if what.startswith("/") else run("memory", TRIALS[what])[0] == 0


def lacks(row):
    return f"this host has no {row.needs}" if row.needs and not has(row.needs) else None


@functools.cache
def is_on_disk():
    kind = subprocess.run(["stat", "-f", "-c", "%T", os.environ.get("TMPDIR", "/tmp")], capture_output=True, text=True)
    return kind.stdout.strip() not in ("tmpfs", "ramfs")


class OnDisk(str):
    """A refusal of files that are not in host memory."""


def expected(cell):
    return True if isinstance(cell, OnDisk) and not is_on_disk() else cell
