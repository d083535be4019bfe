#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
Compares the guest memory of two paused QEMUs.

    same-memory.py PID PID      memory-backend-memfd in each

Ends with 1 if it differs, and lists the pages.
"""
import mmap
import os
import sys

PAGE = 4096
MANY = 256 * PAGE


def memory(pid):
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.readlink(path).startswith("/memfd:memory-backend-memfd"):
            with open(path, "rb") as file:
                return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    sys.exit(f"process {pid} has no memory-backend-memfd")


def differing(one, other):
    """Offsets of pages that differ."""
    for part in range(0, len(one), MANY):
        if one[part : part + MANY] == other[part : part + MANY]:
            continue
        for at in range(part, min(part + MANY, len(one)), PAGE):
            if one[at : at + PAGE] != other[at : at + PAGE]:
                yield at


def main():
    one, other = (memory(pid) for pid in sys.argv[1:3])
    if len(one) != len(other):
        sys.exit(f"{len(one)} bytes and {len(other)}")
    pages = list(differing(one, other))
    for at in pages[:20]:
        bytes_of = [i for i in range(PAGE) if one[at + i] != other[at + i]]
        print(f"page {at:#x}: {len(bytes_of)} bytes differ, {bytes_of[0]:#x} to {bytes_of[-1]:#x}")
    if pages:
        sys.exit(f"{len(pages)} pages differ")


main()
