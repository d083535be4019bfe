# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""A program under test: start, observation and end."""
import atexit
import os
import re
import signal
import subprocess
import time

import deaf

NO_LEAK_CHECK = "LeakSanitizer has encountered a fatal error"
REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion")


class Failure(Exception):
    """The program violated a requirement."""


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Program:
    """A child process whose standard error is a file."""

    def __init__(self, args, folder, gaps, **more):
        self.log = os.path.join(folder, "stderr")
        self.gaps = os.path.join(folder, "gaps")
        env = dict(os.environ, SOAK_GAPS=self.gaps,
                   ASAN_OPTIONS="quarantine_size_mb=8:malloc_context_size=5:detect_leaks=1:verify_asan_link_order=0",
                   TSAN_OPTIONS="halt_on_error=0:history_size=3")
        if gaps:
            env["LD_PRELOAD"] = gaps
        if os.path.exists(self.gaps):
            os.unlink(self.gaps)
        with open(self.log, "wb") as log:
            self.p = subprocess.Popen(args, stderr=log, env=env, **more)
        atexit.register(self.p.kill)    # or a failure would leave it running

    def said(self):
        with open(self.log, "rb") as log:
            return log.read().decode(errors="replace")

    def alive(self):
        return self.p.poll() is None

    def check(self):
        if not self.alive():
            raise Failure("it ended with status %s" % self.p.returncode)
        report = REPORT.search(self.said())
        if report:
            raise Failure("it printed '%s'" % report.group())

    def descriptors(self):
        """Excludes those of an unresponsive file server, which stay open (vmm-sys-util/foreign.h)."""
        folder, n = "/proc/%d/fd" % self.p.pid, 0
        for name in os.listdir(folder):
            try:
                n += not os.readlink(os.path.join(folder, name)).endswith(deaf.NAME)
            except FileNotFoundError:   # closed meanwhile
                pass
        return n

    def mappings(self):
        """Mappings of files and shared memory; excludes those of the allocator."""
        with open("/proc/%d/maps" % self.p.pid) as maps:
            return sum(1 for line in maps if line.split()[4] != "0")

    def resident_kib(self):
        with open("/proc/%d/status" % self.p.pid) as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def longest_gap_ms(self):
        try:
            with open(self.gaps) as gaps:
                return int(gaps.read() or 0)
        except OSError:
            return 0

    def status_field(self, name):
        with open("/proc/%d/status" % self.p.pid) as status:
            return re.search(r"^%s:\s+(\w+)" % name, status.read(), re.M).group(1)

    def stopped_catches(self, signo):
        """Stops the process; returns whether it has installed a handler of the signal."""
        self.p.send_signal(signal.SIGSTOP)
        if not wait_until(lambda: self.status_field("State") in "TZX", 60):
            raise Failure("it cannot be stopped")
        return bool(int(self.status_field("SigCgt"), 16) >> (signo - 1) & 1)

    def end(self, seconds=60):
        """Sends SIGTERM; returns the exit status. Only a process without a handler may be killed by it."""
        catches = self.stopped_catches(signal.SIGTERM)
        self.p.terminate()
        self.p.send_signal(signal.SIGCONT)
        try:
            status = self.p.wait(seconds)
        except subprocess.TimeoutExpired:
            self.p.kill()
            raise Failure("SIGTERM has no effect within %d s" % seconds) from None
        report = REPORT.search(self.said())
        if report:
            raise Failure("it printed '%s'" % report.group())
        if catches and status == -signal.SIGTERM:
            raise Failure("SIGTERM ended it though it has a handler")
        # on a busy host the sanitizer cannot always attach to threads that were stopped
        return 0 if NO_LEAK_CHECK in self.said() else status
