# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""Runs a program on a new terminal; creates minimal kernels for it.

terminal.py kernel FILE STORE...   a PVH kernel that prints "ready" and executes
                                   each STORE: PORT=VALUE; "key", which waits for
                                   input; "triple", a triple fault; or "hole", a
                                   jump outside memory; then it halts
terminal.py run ERRORS ACTION... -- COMMAND...
    runs COMMAND with its standard error in the file ERRORS. After it has printed
    "ready", executes the actions in order: keys=TEXT, signal=NAME,
    cut=FILE:BYTES, kill=PID, size=COLSxROWS (of the terminal), hears=REGEX (waits
    until the terminal matches), says=REGEX (waits until ERRORS matches),
    ready=TIMES (waits until it has printed "ready" that often).
    Prints the state of the terminal, and ends with the command's status.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios

LOAD = 0x100000
CODE = 0x200        # in the file, and from LOAD on


def out(port, value):
    """mov dx, PORT; mov al, VALUE; out dx, al"""
    return b"\x66\xba" + struct.pack("<H", port) + b"\xb0" + bytes([value]) + b"\xee"


def make_kernel(path, stores):
    code = b"".join(out(0x3F8, byte) for byte in b"ready\n")
    for store in stores:
        if store == "key":          # mov dx, 3fdh; in al, dx; test al, 1; jz
            code += b"\x66\xba\xfd\x03\xec\xa8\x01\x74\xfb"
        elif store == "triple":       # lidt of a table without an entry; ud2
            code += b"\x0f\x01\x1d" + struct.pack("<I", LOAD + CODE - 8) + b"\x0f\x0b"
        elif store == "hole":       # mov eax, 0e0000000h; jmp eax
            code += b"\xb8\x00\x00\x00\xe0\xff\xe0"
        else:
            port, value = store.split("=")
            code += out(int(port, 0), int(value, 0))
    code += b"\xf4\xeb\xfd"         # hlt, again and again
    note = struct.pack("<III4sI", 4, 4, 18, b"Xen\0", LOAD + CODE)
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, LOAD + CODE, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    whole = CODE + len(code)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, LOAD, LOAD, whole, whole, 4096)
    notes = struct.pack("<IIQQQQQQ", 4, 4, 64 + 2 * 56, 0, 0, len(note), len(note), 4)
    with open(path, "wb") as file:
        file.write((head + load + notes + note).ljust(CODE, b"\0") + code)


class Program:
    def __init__(self, errors, command):
        self.errors = errors
        self.said = b""
        self.master, self.slave = pty.openpty()
        self.resize("80x25")
        self.before = termios.tcgetattr(self.slave)
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            os.dup2(self.slave, 0)
            os.dup2(self.slave, 1)
            os.dup2(os.open(errors, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 2)
            os.execvp(command[0], command)
        self.end = os.pidfd_open(self.pid)

    def wait(self, done):
        """Reads its output until done() is true or the output ends; returns whether done."""
        while not done():
            ready = select.select([self.master, self.end], [], [], 0.05)[0]
            if self.master in ready:
                self.said += os.read(self.master, 4096)
            elif self.end in ready:
                return False
        return True

    def told(self, regex):
        with open(self.errors, "rb") as file:
            return re.search(regex.encode(), file.read())

    def resize(self, size):
        cols, rows = size.split("x")
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ,
                    struct.pack("<HHHH", int(rows), int(cols), 0, 0))

    def act(self, what, how):
        if what == "keys":
            os.write(self.master, how.encode().decode("unicode_escape").encode())
        elif what == "signal":
            os.kill(self.pid, getattr(signal, "SIG" + how))
        elif what == "cut":
            path, size = how.rsplit(":", 1)
            os.truncate(path, int(size))
        elif what == "size":
            self.resize(how)
            os.kill(self.pid, signal.SIGWINCH)
        elif what == "hears":
            self.wait(lambda: re.search(how.encode(), self.said))
        elif what == "kill":
            os.kill(int(how), signal.SIGKILL)
        elif what == "ready":
            self.wait(lambda: self.said.count(b"ready") >= int(how))
        else:
            self.wait(lambda: self.told(how))

    def finish(self):
        self.wait(lambda: False)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        same = termios.tcgetattr(self.slave) == self.before
        sys.stdout.write("terminal as before\n" if same else "terminal changed\n")
        sys.stdout.write(self.said.decode("latin-1"))
        return status if status >= 0 else 128 - status


def run(errors, arguments):
    at = arguments.index("--")
    program = Program(errors, arguments[at + 1:])
    if program.wait(lambda: b"ready" in program.said):
        raw = not termios.tcgetattr(program.slave)[3] & termios.ICANON
        sys.stdout.write("terminal was raw\n" if raw else "terminal was not raw\n")
        for action in arguments[:at]:
            program.act(*action.split("=", 1))
    return program.finish()


if sys.argv[1] == "kernel":
    make_kernel(sys.argv[2], sys.argv[3:])
else:
    sys.exit(run(sys.argv[2], sys.argv[3:]))
