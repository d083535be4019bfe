#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
Starts a program as an ordinary user, and prints which of its processes another process of this user
could trace, or which have no filter of system calls, after SETTLE seconds at the latest.

    processes.py TEXT COMMAND...

waits for a line with TEXT on the command's standard output or error, "-": until its file "ready"
exists. One line per process: its name and "confined", or what it lacks. The command is then killed,
and whatever it left. Other programs than ours are not of concern: their names are in OTHERS.
"""
import os
import signal
import subprocess
import sys
import time

OTHERS = os.environ.get("OTHERS", "").split()
USER = 4242
MARK = "PROCESSES_OF=%d" % os.getpid()
PATIENCE = 60


def start(command):
    if os.getuid() == 0:
        groups = ["--groups=%d" % os.stat("/dev/kvm").st_gid] if os.path.exists("/dev/kvm") else ["--clear-groups"]
        command = ["setpriv", "--reuid=%d" % USER, "--regid=%d" % USER] + groups + command
    name, value = MARK.split("=")
    return subprocess.Popen(command, env=dict(os.environ, **{name: value}), stdin=subprocess.PIPE,
                            stdout=open("output", "w"), stderr=subprocess.STDOUT)


def read(pid, name):
    with open("/proc/%d/%s" % (pid, name), "rb") as f:
        return f.read()


def processes():
    """By the environment, which children inherit; those that others may not read are our children."""
    found = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            if MARK.encode() in read(pid, "environ").split(b"\0"):
                found.append(pid)
        except OSError:
            pass
    return found


def lacks(pid):
    status = dict(line.split(":\t", 1) for line in read(pid, "status").decode().splitlines() if ":\t" in line)
    # files of a process that can be traced belong to its user, others to root
    traced = os.stat("/proc/%d/mem" % pid).st_uid == int(status["Uid"].split()[1])
    flaws = ["traceable"] if traced else []
    flaws += ["unfiltered"] if status["Seccomp"] != "2" else []
    flaws += ["new privileges"] if status["NoNewPrivs"] != "1" else []
    return status["Name"], flaws


def describe():
    lines = set()
    for pid in processes():
        try:
            name, flaws = lacks(pid)
        except OSError:
            continue
        if name not in OTHERS:
            lines.add("%s %s" % (name, ", ".join(flaws) or "confined"))
    return lines


def main(text, command):
    child, deadline = start(command), time.monotonic() + PATIENCE
    while time.monotonic() < deadline and child.poll() is None:
        if os.path.exists("ready") if text == "-" else text in open("output").read():
            break
        time.sleep(0.02)
    lines, deadline = describe(), time.monotonic() + float(os.environ.get("SETTLE", "10"))
    while time.monotonic() < deadline and not all(line.endswith(" confined") for line in lines):
        time.sleep(0.02)
        lines = describe()
    child.kill()
    child.wait()
    for pid in processes():
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    print("\n".join(sorted(lines)) or "none: " + open("output").read()[-300:])


main(sys.argv[1], sys.argv[2:])
