# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""A machine with builtin:selftest as memory-pairs drives it: its console, its control socket, and what
/proc shows of its memory. Sockets and logs are in the current folder; each machine has a folder of its own
for relative names of files."""
import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import time

from listening import unix_listens

CVMM = os.environ.get("CVMM", "cvmm")
HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 60
LIBC = ctypes.CDLL(None)
MACHINES = []
PASSED, PASSED_FD = "passed", 40  # a file of a machine's folder, and its number for "mem-path=fd:40"


class Wrong(Exception):
    """What a cell of the table does not do."""


def tied():
    """A child ends with this process."""
    LIBC.prctl(1, signal.SIGKILL)


def wait_until(condition, what, machine=None):
    end, pause = time.monotonic() + PATIENCE, 0.002
    while not condition():
        if machine and machine.ended() and not condition():
            raise Refused(machine.last_line())
        if time.monotonic() > end:
            raise Wrong(f"{what}: not within {PATIENCE} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def run(*words):
    """Status, standard output and error of cvmm, without the guest."""
    done = subprocess.run([CVMM, *words], capture_output=True, text=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, preexec_fn=tied)
    return done.returncode, done.stdout, done.stderr


class Refused(Exception):
    """A command or a start that cvmm refused, with its sentence."""


@contextlib.contextmanager
def passed_file(folder):
    """For a child: the descriptors of the file, if the folder has it."""
    path = os.path.join(folder, PASSED)
    if not os.path.exists(path):
        yield ()
        return
    fd = os.open(path, os.O_RDWR)
    os.dup2(fd, PASSED_FD)
    os.close(fd)
    yield (PASSED_FD,)
    os.close(PASSED_FD)


class Machine:
    def __init__(self, folder, *words):
        self.name = f"m{len(MACHINES)}"
        self.control, self.log = os.path.abspath(self.name), os.path.abspath(self.name + ".log")
        with open(self.log, "wb") as log, passed_file(folder) as fds:
            self.process = subprocess.Popen(
                [CVMM, "run", *words, f"--control={self.control}"], stdin=subprocess.PIPE, cwd=folder,
                stdout=log, stderr=subprocess.STDOUT, preexec_fn=tied, pass_fds=fds)
        MACHINES.append(self)

    # ------------------------------------------------------------------ the process

    def ended(self):
        return self.process.poll() is not None

    def text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def last_line(self):
        said = [line for line in self.text().splitlines() if line.startswith("cvmm: ")]
        return f"status {self.process.returncode}: {said[-1] if said else 'no line'}"

    def status_at_end(self):
        wait_until(self.ended, "the machine ends")
        return self.process.returncode

    def kill(self):
        if not self.ended():
            self.process.kill()
        self.process.wait()

    # ---------------------------------------------------------------- the console

    def wait_text(self, pattern, count=1):
        wait_until(lambda: len(re.findall(pattern, self.text(), re.M)) >= count, f"'{pattern}'", self)

    def started(self):
        self.wait_text("^ready")
        return self

    def press(self, letters):
        self.process.stdin.write(letters.encode())
        self.process.stdin.flush()

    def ask(self, letter, prompts=1):
        """The guest's lines, up to so many prompts."""
        text = self.text()
        self.press(letter)
        self.wait_text("^ready", len(re.findall("^ready", text, re.M)) + prompts)
        said = self.text()[len(text):]
        if "fault" in said.lower():
            raise Wrong("the guest: " + " ".join(said.split()))
        return said

    def load(self):
        """The guest writes all of its memory, and compares it with what it has written before."""
        passes = len(re.findall("^memory: pass", self.text(), re.M))
        self.press("w")
        self.wait_text("^memory: pass", passes + 1)
        self.ask("m", 2)

    def ends_content(self):
        self.press("q")
        if self.status_at_end() or "selftest: content, 0 faults" not in self.text():
            raise Wrong("the guest is not content: " + self.last_line() + self.text()[-300:])

    # --------------------------------------------------------- the control socket

    def listens(self):
        wait_until(lambda: unix_listens(self.control), "the control socket", self)
        return self

    def ctl(self, *words):
        """The answer: an object, or an error as a sentence."""
        done = subprocess.run([CVMM, "ctl", "--json", self.control, *words], capture_output=True, text=True,
                              timeout=PATIENCE, preexec_fn=tied)
        text = (done.stdout + done.stderr).strip()
        try:
            answer = json.loads(text.splitlines()[0])
        except (ValueError, IndexError):
            return {"ok": False, "error": text}
        return answer

    def must(self, *words):
        answer = self.ctl(*words)
        if not answer.get("ok"):
            raise Refused(answer.get("error"))
        return answer

    # ------------------------------------------------------------- its memory

    def pieces(self):
        return [{k: v for k, v in piece.items() if k != "present"} for piece in self.must("memory")["memory"]]

    def present(self, gpa):
        return next(p["present"] for p in self.must("memory")["memory"] if p["gpa"] == gpa)

    def inner(self):
        """The process that has the memory: with --jail, a child."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = [int(word) for word in file.read().split()]
        return next((child for child in children if is_machine(child)), pid)

    def mapping(self, sizes):
        """Flags of /proc/PID/smaps and the NUMA policy of the mapping of one of these sizes."""
        with open(f"/proc/{self.inner()}/smaps") as file:
            blocks = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", file.read(), flags=re.M)
        for block in blocks:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ", block)
            if not head or int(head[2], 16) - int(head[1], 16) not in sizes or head[3][0] == "-":
                continue
            flags = set(re.search(r"^VmFlags: (.*)$", block, re.M)[1].split())
            return {"start": head[1], "flags": flags, "policy": self.policy(head[1])}
        return None

    def policy(self, start):
        with open(f"/proc/{self.inner()}/numa_maps") as file:
            for line in file:
                if line.startswith(start + " "):
                    return line.split()[1]
        return "default"



def is_machine(pid):
    try:
        with open(f"/proc/{pid}/maps") as file:
            return "kvm-vcpu" in file.read()
    except OSError:
        return False


def kill_all():
    while MACHINES:
        MACHINES.pop().kill()
