# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""The columns of the table of memory-pairs: what a machine does with its memory. Each function acts on one
running machine and returns the machines whose guests continue."""
import hashlib
import os
import socket

from listening import tcp_listens, unix_listens
from memory_machine import HERE, Machine, Refused, Wrong, wait_until


def digest(folder):
    """Names and contents of all files below a folder."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def saved(cell, machine):
    folder = os.path.abspath(cell.fresh("saved"))
    machine.must("save", folder)
    return folder


def quits(machine):
    machine.must("quit")
    if machine.status_at_end():
        raise Wrong(machine.last_line())


def stays(cell, machine):
    return [machine]


def save(cell, machine):
    saved(cell, machine)
    return [machine]


def saved_last(cell, machine):
    """The saved machine has ended, and nobody changes its files or the image from now on."""
    folder = saved(cell, machine)
    quits(machine)
    cell.reuse_files()
    cell.frozen = digest(cell.folder)
    return folder


def continues(cell, machine, *words):
    return Machine(cell.folder, f"--from={saved_last(cell, machine)}", *words).listens()


def from_folder(cell, machine):
    return [continues(cell, machine)]


def incremental(cell, machine):
    base, part = saved_last(cell, machine), os.path.abspath(cell.fresh("part"))
    second = Machine(cell.folder, f"--from={base}").listens()
    second.must("save", part, "incremental")
    quits(second)
    return [Machine(cell.folder, f"--from={part}", f"--base={base}").listens()]


def clone(cell, machine):
    folder = saved(cell, machine)
    cell.frozen_image = (folder, digest(folder))
    return [machine, Machine(cell.folder, f"--from={folder}", "--clone").listens()]


def clone_moves(cell, machine):
    twin = continues(cell, machine, "--clone")
    twin.load()
    return hand_over(cell, twin)


def clone_reboots(cell, machine):
    return reboots(cell, continues(cell, machine, "--clone"))


def reboots(cell, machine):
    before = machine.text().count("\nready")
    machine.ctl("reset")  # closes the connection
    wait_until(lambda: machine.text().count("\nready") > before, "the guest boots again", machine)
    machine.listens()
    return [machine]


# ------------------------------------------------------------------------- moves

def comes(cell, address, is_ready):
    there = Machine(cell.other_folder(), f"--incoming={address}", "--sandbox=on,folder=..")
    wait_until(is_ready, "the destination waits", there)
    there.still_waits = is_ready
    return there


def moved(machine, there, *words):
    answer = machine.ctl("migrate", *words)
    if not answer.get("ok"):
        # One to which the source has not connected waits for another source.
        if there.still_waits():
            there.kill()
        there.status_at_end()
        raise Refused(answer.get("error"))
    if machine.status_at_end() != 4:
        raise Wrong(machine.last_line())
    return [there]


def comes_by_unix(cell):
    path = os.path.abspath(cell.fresh("in"))
    return path, comes(cell, f"unix:{path}", lambda: unix_listens(path))


def hand_over(cell, machine):
    path, there = comes_by_unix(cell)
    return moved(machine, there, f"unix:{path}")


def copy(cell, machine):
    path, there = comes_by_unix(cell)
    return moved(machine, there, f"exec:python3 {HERE}/migration_stream.py join {path}")


# A loopback address of this process, so that tests beside it take no port of it.
LOOPBACK = "127.{}.{}.{}".format(os.getpid() >> 16 & 255, os.getpid() >> 8 & 255, os.getpid() & 255)


def free_port():
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        return free.getsockname()[1]


def tcp(cell, machine, *words):
    port = free_port()
    address = f"tcp:{LOOPBACK}:{port}"
    there = comes(cell, address, lambda: tcp_listens(LOOPBACK, port))
    return moved(machine, there, *words, address)


def postcopy(cell, machine):
    there, = tcp(cell, machine, "postcopy")
    wait_until(lambda: "arriving" not in there.must("status"), "the memory is there", there)
    return [there]


# ----------------------------------------------------------------------- devices

def drives_disk(cell, machine):
    machine.ask("d")
    return [machine]


def plug(cell, machine):
    disk = os.path.abspath(cell.fresh("plugged"))
    with open(disk, "wb") as file:
        file.truncate(1 << 20)
    number = machine.must("device-add", f"disk,path={disk}")["device"]
    if "disk" not in machine.ask("n") + machine.ask("d"):
        raise Wrong("the guest does not find the disk")
    machine.must("device-del", str(number), "force")
    return [machine]


def balloon(cell, machine):
    said = machine.ask("b").split()
    pages = int(said[said.index("balloon:") + 1])
    counted = machine.must("balloon")
    if not pages or counted["numbers"]["inflated"] + counted["numbers"]["kept"] != pages * 4096:
        raise Wrong(f"{pages} pages in the balloon, counted: {counted}")
    return [machine]
