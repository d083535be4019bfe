#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""Runs builtin:private with soak=N under cvmm and changes the machine meanwhile.

  private.py CVMM SECONDS FOLDER [DAEMON]

Adds and removes a disk, allocates and releases memory of the host, and reads the
status. The two network cards of the guest are the ends of one socket. With DAEMON
(cvmm-vhost-user-blk), a third disk is behind a socket. FOLDER needs room for four
images. The last line is "soak: content", or "soak: FAULT" with a
reason; the status is 0 or 1.
"""
import json
import os
import random
import socket
import subprocess
import sys
import time

PRESSURE = 128 << 20
LATE = 900              # seconds for the end of the guest
LEAK_KIB = 24 << 10     # of the host's memory
SETTLE = 60             # seconds until it must be free again
# Whatever a process can leave behind is in one of these; guest_memfd is in Cached. Free
# memory itself says less, because the kernel changes its reserves under pressure.
USES = ("AnonPages", "Cached", "Slab", "KernelStack", "PageTables", "Percpu", "VmallocUsed", "Hugetlb")
HUGE_PAGES = 16
IMAGES = ("one", "two", "three", "four")


class Fault(Exception):
    pass


def image(path):
    with open(path, "wb") as f:
        f.truncate(4 << 20)
    return path


def memory_kib():
    """Without the page cache, which may keep what the guest's files read."""
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("3")
    with open("/proc/meminfo") as f:
        return {line.split(":")[0]: int(line.split()[1]) for line in f}


def growth_since(before):
    """What is used more than before. The kernel frees a virtual machine in the background."""
    end = time.monotonic() + SETTLE
    while True:
        after = memory_kib()
        grown = {k: after[k] - before[k] for k in USES if k in before}
        if sum(grown.values()) < LEAK_KIB or time.monotonic() >= end:
            return grown, after["MemAvailable"]
        time.sleep(0.5)


def huge_pages():
    with open("/proc/sys/vm/nr_hugepages", "w") as f:
        f.write(str(HUGE_PAGES))
    with open("/proc/sys/vm/nr_hugepages") as f:
        return int(f.read())


class Machine:
    def __init__(self, cvmm, seconds, folder, huge, daemon):
        ends = socket.socketpair()
        self.control = os.path.join(folder, "control")
        self.cvmm, self.folder, self.daemon = cvmm, folder, None
        memory = ["size=128M,private=on" + ",backend=memfd" * bool(daemon), "size=64M,private=on,backend=memfd"]
        if huge >= HUGE_PAGES:
            memory.append("size=32M,private=on,backend=memfd,hugetlb=on,hugetlbsize=2M")
        words = [cvmm, "run", "builtin:private", "--transport=pci", "--cpus=2", "--serial=stdio",
                 "--append=soak=%d" % seconds, "--control=" + self.control]
        words += ["--memory=" + m for m in memory]
        words += ["--disk=path=%s,queues=2" % image(os.path.join(folder, n)) for n in ("one", "two")]
        if daemon:
            words += ["--disk=backend=user:%s,queues=2" % self.serve(daemon)]
        words += ["--net=fd=%d" % s.fileno() for s in ends]
        image(os.path.join(folder, "three"))
        self.p = subprocess.Popen(words, stdin=subprocess.DEVNULL, pass_fds=[s.fileno() for s in ends])
        for s in ends:
            s.close()

    def serve(self, daemon):
        path = os.path.join(self.folder, "back-end")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            self.daemon = subprocess.Popen([daemon, "--fd=%d" % listener.fileno(), "--num-queues=2",
                                            "--blk-file=" + image(os.path.join(self.folder, "four"))],
                                           pass_fds=[listener.fileno()])
        return path

    def end(self):
        """Of the daemon, whose guest has ended."""
        if self.daemon:
            self.daemon.terminate()
            if self.daemon.wait(60):
                raise Fault("the daemon ended with status %d" % self.daemon.returncode)

    def remove_images(self):
        """They may be in memory (tmpfs), and have what the guest wrote."""
        for name in IMAGES:
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                os.unlink(path)

    def runs(self):
        return self.p.poll() is None

    def command(self, *words):
        """The reply, or None if the machine refuses or has ended."""
        r = subprocess.run([self.cvmm, "ctl", self.control, *words], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=300)
        self.reply = r.stdout.decode(errors="replace")
        return self.reply if r.returncode == 0 else None

    def add(self):
        reply = self.command("device-add", "blk,path=%s,queues=2" % os.path.join(self.folder, "three"))
        if reply is None:
            return None
        return str(json.loads(reply)["device"])


def disturb(m, dice, counts, state):
    """One random change of the machine or its host."""
    what = dice.choice(["plug", "press", "status"])
    if what == "plug" and state["device"] is None:
        state["device"] = m.add()
        counts["added"] += state["device"] is not None
    elif what == "plug":
        if m.command("device-del", state["device"]) is not None:
            counts["removed"] += 1
            state["device"] = None
        else:
            counts["refused"] += 1
    elif what == "press":
        memory = bytearray(PRESSURE)
        memory[::4096] = bytes(len(memory[::4096]))
        counts["pressed"] += 1
    else:
        counts["status"] += m.command("memory") is not None


def run(cvmm, seconds, folder, daemon, dice):
    huge, before = huge_pages(), memory_kib()
    m = Machine(cvmm, seconds, folder, huge, daemon)
    counts = dict.fromkeys(["added", "removed", "refused", "pressed", "status"], 0)
    state, end, halves = {"device": None}, time.monotonic() + seconds + LATE, ""
    while m.runs() and time.monotonic() < end:
        time.sleep(dice.uniform(0.2, 2))
        if m.runs():
            disturb(m, dice, counts, state)
        halves = (m.command("memory") if m.runs() else None) or halves
    if m.runs():
        print(m.command("status") or m.reply)
        m.p.kill()
        m.p.wait()
        raise Fault("the guest did not end within %d s after its time" % LATE)
    m.end()
    print("host: %s" % ", ".join("%d %s" % (n, name) for name, n in counts.items()))
    print("halves: %s" % halves.strip())
    m.remove_images()
    grown, after = growth_since(before)
    print("memory: %d KiB available before, %d KiB after" % (before["MemAvailable"], after))
    print("growth: %s" % ", ".join("%s %d KiB" % g for g in grown.items()))
    if m.p.returncode:
        raise Fault("cvmm ended with status %d" % m.p.returncode)
    if sum(grown.values()) >= LEAK_KIB:
        raise Fault("%d KiB of memory were not freed" % sum(grown.values()))


def main():
    cvmm, seconds, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    daemon = sys.argv[4] if len(sys.argv) > 4 else None
    try:
        run(cvmm, seconds, folder, daemon, random.Random())
    except (Fault, OSError, subprocess.TimeoutExpired, ValueError, KeyError) as e:
        print("soak: FAULT: %s" % e)
        return 1
    print("soak: content")
    return 0


if __name__ == "__main__":
    sys.exit(main())
