# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""The table of memory-pairs as a page, and its properties compared with those of cvmm."""
import re

from memory_machine import run
from memory_rows import COLUMNS, KNOWN, ROWS


def pairs(row):
    """Keys and values of choices that the row's lists have."""
    found = set()
    for text in (row.first, *row.lists):
        for pair in text.split(","):
            key, _, value = pair.partition("=")
            found.add(f"{key}={value}" if value in choices().get(key, ()) else key)
    return found


def choices():
    """Properties of --memory and the values of those that have a choice."""
    if not choices.found:
        for name, arg in re.findall(r"^ +([a-z-]+)=(\S+)", run("help", "memory")[1], re.M):
            values = arg.split("|")
            choices.found[name] = values if values[1:] and values != ["on", "off"] and arg.islower() else []
    return choices.found


choices.found = {}


def lacking():
    have = {pair for row in ROWS for pair in pairs(row)}
    wanted = set()
    for key, values in choices().items():
        wanted |= {f"{key}={value}" for value in values} or {key}
    return sorted(wanted - have)


HEAD = """# Guest memory: what goes with what

This page is printed from the table that a test walks through: `tests/interop/memory-pairs --page`. Each row is a kind or
property of [cvmm-memory(7)](../programs/cvmm/cvmm-memory.7)'s `--memory`, each column something that a machine does with its memory. The built-in
guest fills its memory before, and compares it afterwards.

* **yes**: the guest continues with its content, and the memory with its properties. A machine of `--from` and a clone have
  a private mapping of the image, or memory of their own that is read from it: size, address, ROM, populated pages, NUMA
  policy and the options for core dumps and equal pages remain.
* A number: refused with the sentence below the table, before anything changed. The guest continues.
{faults}
The column *incremental* is `--from`, then `save FOLDER incremental`, then `--from` of that with `--base`. *A clone moves* is
`--from --clone`, then `migrate` to a UNIX socket; *a clone reboots* is the same with `--reboot=restart` and a reset. The
file of the saved machine's memory remains unchanged in all of them. Memory that is refused to
post-copy only because its file is on a disk, is accepted in a file on tmpfs. Beside a device with a back-end post-copy
also refuses memory that is passed as a file on a disk, and windows of files (`--pmem`, `dax`): rows of
`tests/interop/device-pairs`. Rows with huge pages, guest_memfd, private memory and `/dev/mem` are tested on hosts that
have them, and each night in a nested machine.
"""


def mark(row, column, notes):
    if (row.name, column) in KNOWN:
        return "fault"
    cell = row.cells[column]
    if cell is True:
        return "yes"
    return str(notes.index(cell) + 1)


def text():
    notes = []
    for row in ROWS:
        for column in COLUMNS:
            cell = row.cells[column]
            if cell is not True and (row.name, column) not in KNOWN and cell not in notes:
                notes.append(cell)
    faults = "* **fault**: a known fault of this version.\n" if KNOWN else ""
    lines = [HEAD.replace("{faults}\n", faults + "\n" if faults else "\n"), "| memory | " + " | ".join(heading for heading, *_ in COLUMNS.values()) + " |",
             "|" + "---|" * (len(COLUMNS) + 1)]
    for row in ROWS:
        lines.append(f"| {row.heading} | " + " | ".join(mark(row, column, notes) for column in COLUMNS) + " |")
    lines.append("")
    for number, note in enumerate(notes, 1):
        lines.append(f"{number}. \"{plain(note)}\"")
    return "\n".join(lines) + "\n"


def plain(note):
    return re.sub(r"\*", "...", note.strip("* ")).replace(" ...,", ",").rstrip("; ")
