# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""Runs a command as a job of an interactive shell on a new terminal.

job_control.py SHELL CASE COMMAND...
    SHELL is a command line such as "dash -i"; COMMAND copies its input to its
    output, except in some cases, and ends by SIGTERM. Prints what was wrong, and ends with 1 then: also if a
    process is left, which is killed.
"""
import ctypes
import os
import pty
import re
import select
import signal
import sys
import termios
import time

LIMIT = 30
PROMPT = "prompt% "
PR_SET_CHILD_SUBREAPER = 36


class Wrong(Exception):
    pass


class Terminal:
    def __init__(self, shell):
        self.said = ""
        self.marks = 0
        self.pid, self.master = pty.fork()
        if not self.pid:
            os.environ.update(PS1=PROMPT, ENV="", TERM="dumb")
            os.execvp(shell[0], shell)
        self.hear(re.escape(PROMPT))
        self.before = self.modes()

    def modes(self):
        return termios.tcgetattr(self.master)

    def is_raw(self):
        return not self.modes()[3] & termios.ICANON

    def wait_for(self, seconds, done):
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                return False
            if select.select([self.master], [], [], 0.02)[0]:
                self.said += os.read(self.master, 4096).decode("latin-1")
        return True

    def wait(self, what, done):
        if not self.wait_for(LIMIT, done):
            raise Wrong(f"no {what} within {LIMIT} s; the terminal had {self.said[-300:]!r}")

    def hear(self, regex):
        """Waits for output, and forgets all before its end."""
        self.wait(regex, lambda: re.search(regex, self.said))
        self.said = self.said[re.search(regex, self.said).end():]

    def keys(self, text):
        os.write(self.master, text.encode())

    def run(self, line):
        self.keys(line + "\n")

    def ask(self, line):
        """What the shell prints for a line, until a mark that no other line has."""
        self.marks += 1
        mark = f"mark{self.marks}."
        self.run(f"{line}; echo ma''{mark[2:]}")
        self.wait(mark, lambda: mark in self.said)
        answer, self.said = self.said.split(mark, 1)
        return answer

    def job(self):
        """The group in the foreground, once it is not the shell's."""
        self.wait("job in the foreground", lambda: os.tcgetpgrp(self.master) != self.pid)
        return os.tcgetpgrp(self.master)

    def shell_is_right(self):
        self.wait("shell in the foreground", lambda: os.tcgetpgrp(self.master) == self.pid)
        self.wait("former modes", lambda: self.modes() == self.before)
        self.run("echo so''und")
        self.hear("sound")

    def job_is_right(self, text):
        """It copies what is typed, in raw mode."""
        self.wait("raw mode", self.is_raw)
        self.keys(text)
        self.hear(text)

    def end_job(self):
        """Again and again, as an emulated KVM may lose the interrupt of a message."""
        group = self.job()
        end = time.monotonic() + LIMIT
        while os.tcgetpgrp(self.master) != self.pid and time.monotonic() < end:
            os.killpg(group, signal.SIGTERM)
            self.wait_for(2, lambda: os.tcgetpgrp(self.master) == self.pid)
        self.shell_is_right()

    def job_is(self, state):
        """At once and later, as it might stop when it reads what is typed here."""
        for _ in range(3):
            jobs = self.ask("jobs")
            if state not in jobs:
                raise Wrong(f"the job is not {state}: {jobs!r}")

    def kill_job(self):
        """As end_job() does."""
        end = time.monotonic() + LIMIT
        self.run("kill %1")
        while not self.wait_for(2, self.has_no_job):
            if time.monotonic() > end:
                raise Wrong("the job does not end")
            self.run("kill %1")
        self.shell_is_right()

    def has_no_job(self):
        self.ask("jobs")        # which may print its end
        return "cvmm" not in self.ask("jobs")

    def end(self):
        """Ends the shell. What it leaves has this process as its parent."""
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.master)
        end = time.monotonic() + LIMIT
        while has_children() and time.monotonic() < end:
            time.sleep(0.02)
        left = [line for line in map(kill_child, os.listdir("/proc")) if line]
        if left:
            raise Wrong(f"left behind: {left}")


def has_children():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def kill_child(pid):
    """Its command line; None: it is no child of this process."""
    try:
        with open(f"/proc/{pid}/stat") as stat, open(f"/proc/{pid}/cmdline") as line:
            if int(stat.read().rsplit(")", 1)[1].split()[1]) != os.getpid():
                return None
            os.kill(int(pid), signal.SIGKILL)
            return line.read().replace("\0", " ")
    except (OSError, ValueError):
        return None


def ended(t, command):
    t.run(command)
    t.job_is_right("typed")
    t.end_job()


def stopped(t, command, how=signal.SIGTSTP):
    t.run(command)
    t.job_is_right("typed")
    os.killpg(t.job(), how)
    t.wait("shell in the foreground", lambda: os.tcgetpgrp(t.master) == t.pid)
    if how != signal.SIGSTOP:   # a shell that does not set its modes has those of the job then
        t.shell_is_right()
    t.run("fg")
    t.job()             # the modes may have been raw all the time
    t.job_is_right("again")
    t.end_job()


def stopped_hard(t, command):
    stopped(t, command, signal.SIGSTOP)


def background(t, command):
    t.run(command + " &")
    t.shell_is_right()
    t.job_is("Running")
    t.run("fg")
    t.job()
    t.keys("\n")        # a shell does not continue a job that runs
    t.job_is_right("typed")
    t.end_job()


def killed(t, command):
    t.run(command + " &")
    t.shell_is_right()
    t.kill_job()


def continued(t, command):
    t.run(command)
    t.job_is_right("typed")
    os.killpg(t.job(), signal.SIGTSTP)
    t.shell_is_right()
    t.run("bg")
    t.job_is("Running")
    t.shell_is_right()
    t.kill_job()


def unread(t, command):
    """Its streams are not a terminal, but its input is."""
    t.run(command + " >/dev/null &")
    t.shell_is_right()
    t.job_is("Running")
    t.kill_job()


def noticed(t, command):
    """It is raw in the foreground, although no shell tells a job that runs and nothing is typed."""
    t.run(command + " &")
    t.shell_is_right()
    t.job_is("Running")
    t.run("fg")
    t.job()
    t.wait("raw mode", t.is_raw)
    t.end_job()


def timed(t, command):
    """"timeout" of a script makes it a job in the background, stops it and continues it."""
    t.run(f"sh -c 'timeout 3 {command}; echo en''ded $?'")
    t.job()
    t.keys("\n")
    t.hear("ended 124")
    t.shell_is_right()


def tostop(t, command):
    """Its output does not stop it, so that a signal ends it."""
    t.run("stty tostop; echo s''et")
    t.hear("set")
    t.run(f"{command} </dev/null &")
    t.run("wait %1; echo sta''tus $?")
    t.hear("output(?s:.*)status 0")
    t.run("stty -tostop")
    t.shell_is_right()


CASES = {case.__name__: case for case in
         (ended, stopped, stopped_hard, background, killed, continued, unread, noticed, timed, tostop)}

ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
terminal = Terminal(sys.argv[1].split())
failed = []
for step in (lambda: CASES[sys.argv[2]](terminal, " ".join(sys.argv[3:])), terminal.end):
    try:
        step()
    except (Wrong, OSError) as why:
        failed.append(f"{sys.argv[2]}: {why}")
for why in failed:
    print(why)
sys.exit(bool(failed))
