# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""Descriptors that a peer should not send, of every kind available.

Each function returns (descriptor, keep). keep is held until the next descriptor
is created, so that the other end of a pipe or connection is open at times.
"""
import collections
import fcntl
import os
import select
import signal
import socket
import struct
import tempfile
import threading

F_ADD_SEALS, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE = 1033, 2, 4, 8


def opened(path, flags):
    return lambda: (os.open(path, flags), None)


def dead_pipe(end):
    ends = os.pipe()
    os.close(ends[1 - end])
    return ends[end], None


def full_pipe():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, bytes(65536))
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    return writer, reader


def epoll():
    poll = select.epoll()
    fd = os.dup(poll.fileno())
    return fd, poll


def dead_process():
    child = os.fork()
    if child == 0:
        os._exit(0)
    fd = os.pidfd_open(child)
    os.waitpid(child, 0)
    return fd


# Made once: the end of a child waits for the files that it inherited, too.
DEAD_PROCESS = dead_process()


def eventfd(value):
    fd = os.eventfd(0, 0)
    if value:
        os.eventfd_write(fd, value)
    return fd, None


def memfd(size, seals=0):
    fd = os.memfd_create("soak", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.ftruncate(fd, size)
    if seals:
        fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd, None


def huge_memfd():
    """Huge pages, which cannot be allocated if the pool is empty."""
    fd = os.memfd_create("soak", os.MFD_HUGETLB | os.MFD_CLOEXEC)
    os.ftruncate(fd, 2 << 20)
    return fd, None


def read_only_memfd():
    fd, _ = memfd(1 << 20)
    again = os.open("/proc/self/fd/%d" % fd, os.O_RDONLY)
    os.close(fd)
    return again, None


def lingering():
    """A connection with unread data, whose close lingers for half a minute."""
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    theirs, _ = listener.accept()
    listener.close()
    ours.setblocking(False)
    try:
        while True:
            ours.send(bytes(65536))
    except BlockingIOError:
        pass
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 30))
    return ours.detach(), theirs


def unix_socket():
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs


def socket_with_descriptors():
    """Descriptors in the queue of a socket are closed with it."""
    ours, theirs = socket.socketpair()
    fd, keep = lingering()
    socket.send_fds(theirs, [b"x"], [fd])
    os.close(fd)
    return ours.detach(), (theirs, keep)


def listener():
    sock = socket.socket(socket.AF_UNIX)
    sock.bind("")
    sock.listen()
    return sock.detach(), None


def unlinked_file():
    fd, path = tempfile.mkstemp()
    os.truncate(fd, 1 << 16)
    os.unlink(path)
    return fd, None


MAKERS = [
    opened("/", os.O_RDONLY | os.O_DIRECTORY),
    opened("/", os.O_PATH),
    opened("/dev/zero", os.O_RDWR),
    opened("/dev/null", os.O_RDWR),
    opened("/proc/self/mem", os.O_RDWR),
    opened("/proc/self/exe", os.O_RDONLY),
    opened("/proc/self/maps", os.O_RDONLY),
    lambda: dead_pipe(0),
    lambda: dead_pipe(1),
    full_pipe,
    epoll,
    lambda: (os.dup(DEAD_PROCESS), None),
    lambda: eventfd(0),
    lambda: eventfd(2 ** 64 - 2),
    lambda: memfd(0),
    lambda: memfd(1),
    lambda: memfd(1 << 20),
    lambda: memfd(1 << 20, F_SEAL_SHRINK | F_SEAL_GROW),
    lambda: memfd(1 << 20, F_SEAL_WRITE),
    read_only_memfd,
    huge_memfd,
    lingering,
    unix_socket,
    socket_with_descriptors,
    listener,
    unlinked_file,
]


class Odd:
    """Creates random descriptors; own is the session's socket."""

    def __init__(self, dice):
        self.dice, self.deaf, self.keep, self.deaf_left = dice, None, None, 0
        self.made = collections.Counter()

    def use(self, deaf):
        """Includes files of an unresponsive server: each stays open
        in the program until the server ends, so there are not many."""
        self.deaf, self.deaf_left = deaf, 20

    def take_deaf(self):
        if not self.deaf or not self.deaf.path or not self.deaf_left or self.dice.random() > 0.05:
            return None
        self.deaf_left -= 1
        self.made["deaf file"] += 1
        return os.open(self.deaf.path, os.O_RDWR)

    def make(self, own=None):
        """A descriptor that the caller closes."""
        if own and self.dice.random() < 0.05:
            self.made["own socket"] += 1
            return os.dup(own.fileno())
        fd = self.take_deaf()
        for _ in range(5 if fd is None else 0):
            kind = self.dice.randrange(len(MAKERS))
            try:
                fd, self.keep = MAKERS[kind]()
                self.made[kind] += 1
                return fd
            except OSError:     # this host has none of these
                pass
        return os.eventfd(0) if fd is None else fd

    def summary(self):
        return "%d descriptors of %d kinds, %d of an unresponsive file system" % (
            sum(self.made.values()), len(self.made), self.made["deaf file"])


def close_now(fd):
    try:
        os.close(fd)
    except OSError:
        pass


def close(fd):
    """Closing the last descriptor of a lingering socket would block this process."""
    threading.Thread(target=close_now, args=(fd,), daemon=True).start()


signal.signal(signal.SIGPIPE, signal.SIG_IGN)
