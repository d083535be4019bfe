#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
A vhost-user front-end with one split ring of a block device, for tests of daemons. It uses none of the libraries.

    front_end.py full-call PATH        the counter of the call eventfd is full while
                                       a request is served; then it is read
    front_end.py killed PATH PID FILE  writes until PID is killed; acknowledged
                                       data must be in FILE
    front_end.py nonsense PATH N       N sessions that end with an invalid message
    front_end.py cut-log PATH          the file of the dirty log is truncated while
                                       it is written: the session ends
    front_end.py bad-logs PATH         unusable dirty logs are refused, and the
                                       ring continues
    front_end.py unlogged PATH         logging is negotiated without a log: the
                                       ring continues
    front_end.py no-pages PATH         memory of huge pages, none of which are free:
                                       the table is refused
    front_end.py grown PATH PID FILE   the image grows, and PID gets a signal: the
                                       capacity changes while the ring runs
    front_end.py kept PATH PID         PID gets a signal; the capacity is unchanged
    front_end.py fails PATH read|write SECTOR N
                                       N requests from SECTOR on, one after another;
                                       each completes with an error
    front_end.py card PATH             makes a buffer of a network card available,
                                       prints "there", and runs until killed
    front_end.py postcopy PATH         starts postcopy and a request, and places no
                                       page; prints "there", and runs until killed
    front_end.py kick PATH FILE        sends FILE as a ring's kick, which must be
                                       refused; then prints "refused"

Prints nothing and ends with 0 if the daemon behaved correctly.
"""
import array
import mmap
import os
import select
import signal
import socket
import struct
import sys
import time

GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 1, 2, 3, 5
VRING_NUM, VRING_ADDR, VRING_BASE, KICK, CALL, ENABLE = 8, 9, 10, 12, 13, 18
SET_LOG_BASE, GET_PROTOCOL, SET_PROTOCOL = 6, 15, 16
VERSION_1, PROTOCOL_FEATURES, LOG_ALL = 1 << 32, 1 << 30, 1 << 26
LOG_SHMFD, REPLY_ACK, NEED_REPLY = 1 << 1, 1 << 3, 8
CONFIG, BACKEND_REQ, BACKEND_FD, GET_CONFIG, CHANGED = 1 << 9, 1 << 5, 21, 24, 2
ADVISE, LISTEN, PAGEFAULT = 28, 29, 1 << 8
SIZE, SLOTS, MEMORY, BASE = 128, 32, 1 << 20, 0x7f0000000000
AVAIL, USED, HEADERS, STATUS, DATA = 0x1000, 0x2000, 0x3000, 0x4000, 0x10000
READ, WRITE = 0, 1
FULL = (1 << 64) - 2
PATIENCE = 60


class FrontEnd:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.memfd = os.memfd_create("guest")
        os.ftruncate(self.memfd, MEMORY)
        self.memory = mmap.mmap(self.memfd, MEMORY)
        self.halves = memoryview(self.memory).cast("H")
        self.kick, self.call = os.eventfd(0), os.eventfd(0)
        self.added = self.seen = 0

    def send(self, request, payload=b"", fds=(), flags=0):
        head = struct.pack("=III", request, 1 | flags, len(payload))
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        self.socket.sendmsg([head + payload], rights if fds else [])

    def get(self, request):
        self.send(request)
        answer = self.socket.recv(20, socket.MSG_WAITALL)
        return struct.unpack("=IIIQ", answer)[3]

    def start(self, memory=True):
        offered = self.get(GET_FEATURES)
        self.send(SET_OWNER)
        self.send(SET_FEATURES, struct.pack("=Q", offered & (VERSION_1 | PROTOCOL_FEATURES)))
        if memory:
            self.send(SET_MEM_TABLE, struct.pack("=II4Q", 1, 0, 0, MEMORY, BASE, 0), [self.memfd])
        self.send(VRING_NUM, struct.pack("=II", 0, SIZE))
        self.send(VRING_BASE, struct.pack("=II", 0, 0))
        self.send(VRING_ADDR, struct.pack("=II4Q", 0, 0, BASE, BASE + USED, BASE + AVAIL, 0))
        self.send(CALL, struct.pack("=Q", 0), [self.call])
        self.send(KICK, struct.pack("=Q", 0), [self.kick])
        self.send(ENABLE, struct.pack("=II", 0, 1))

    def put(self, fmt, at, *values):
        struct.pack_into("<" + fmt, self.memory, at, *values)

    def load(self, fmt, at):
        return struct.unpack_from("<" + fmt, self.memory, at)[0]

    # The back-end reads and writes the rings' indices at the same time. struct
    # copies byte by byte, and clears what it packs into; a view's items are
    # loaded and stored whole.
    def put_index(self, at, value):
        self.halves[at // 2] = struct.unpack("=H", struct.pack("<H", value & 0xffff))[0]

    def load_index(self, at):
        return struct.unpack("<H", struct.pack("=H", self.halves[at // 2]))[0]

    def submit(self, slot, kind, sector, data=bytes(512)):
        """One request of a sector in slot; its status byte is ff until done."""
        self.put("IIQ", HEADERS + slot * 16, kind, 0, sector)
        self.memory[STATUS + slot] = 0xff
        self.memory[DATA + slot * 512:DATA + slot * 512 + 512] = data
        first = slot * 3
        self.put("QIHH", first * 16, HEADERS + slot * 16, 16, 1, first + 1)
        self.put("QIHH", first * 16 + 16, DATA + slot * 512, 512,
                 1 if kind == WRITE else 3, first + 2)
        self.put("QIHH", first * 16 + 32, STATUS + slot, 1, 2, 0)
        self.put("H", AVAIL + 4 + self.added % SIZE * 2, first)
        self.added += 1
        self.put_index(AVAIL + 2, self.added)

    def notify(self):
        os.eventfd_write(self.kick, 1)

    def done(self):
        """The slots of completed requests."""
        slots = []
        while self.seen & 0xffff != self.load_index(USED + 2):
            slots.append(self.load("I", USED + 4 + self.seen % SIZE * 8) // 3)
            self.seen += 1
        return slots

    def wait(self, n):
        end, slots = time.monotonic() + PATIENCE, []
        while len(slots) < n:
            assert time.monotonic() < end, "%d of %d requests came back" % (len(slots), n)
            slots += self.done()
            time.sleep(0.001)
        return slots


def full_call(path):
    peer = FrontEnd(path)
    os.eventfd_write(peer.call, FULL)
    peer.start()
    for _ in range(3):
        peer.submit(0, READ, 0)
        peer.notify()
        peer.wait(1)
        assert peer.memory[STATUS] == 0, "status %d" % peer.memory[STATUS]
    assert os.eventfd_read(peer.call) == FULL, "the counter was not full"
    peer.submit(0, READ, 0)
    peer.notify()
    assert select.select([peer.call], [], [], PATIENCE)[0], "the next call was lost"


def killed(path, pid, file):
    peer, acknowledged, kill_at = FrontEnd(path), {}, 200 + os.getpid() % 100
    wanted = {}
    peer.start()
    for slot in range(SLOTS):
        wanted[slot] = (slot, bytes([1 + slot]) * 512)
        peer.submit(slot, WRITE, *wanted[slot])
    peer.notify()
    while len(acknowledged) < kill_at:
        for slot in peer.wait(1):
            sector, data = wanted[slot]
            assert peer.memory[STATUS + slot] == 0
            acknowledged[sector] = data
            wanted[slot] = (sector + SLOTS, struct.pack("<Q", peer.added) * 64)
            peer.submit(slot, WRITE, *wanted[slot])
        peer.notify()
    os.kill(int(pid), signal.SIGKILL)
    assert peer.socket.recv(1) == b""
    for slot in peer.done():
        if peer.memory[STATUS + slot] == 0:
            acknowledged[wanted[slot][0]] = wanted[slot][1]
    with open(file, "rb") as image:
        for sector, data in acknowledged.items():
            image.seek(sector * 512)
            assert image.read(512) == data, "sector %d was acknowledged" % sector


def new_log(size=4096):
    log = os.memfd_create("log")
    os.ftruncate(log, size)
    return log


def with_log(path, protocol):
    """A front-end with a running ring, which may set a dirty log."""
    peer = FrontEnd(path)
    assert peer.get(GET_FEATURES) & LOG_ALL
    peer.get(GET_PROTOCOL)
    peer.send(SET_PROTOCOL, struct.pack("=Q", protocol))
    peer.start()
    return peer


def log_all(peer):
    offered = peer.get(GET_FEATURES)
    peer.send(SET_FEATURES, struct.pack("=Q", offered & (VERSION_1 | PROTOCOL_FEATURES | LOG_ALL)))
    peer.send(ENABLE, struct.pack("=II", 0, 1))
    peer.get(GET_FEATURES)      # all before it has been carried out


def goes_on(peer):
    peer.submit(0, READ, 0)
    peer.notify()
    peer.wait(1)
    assert peer.memory[STATUS] == 0, "status %d" % peer.memory[STATUS]


def set_log(peer, size, offset, fds):
    """Whether the log was accepted: the reply then echoes it."""
    peer.send(SET_LOG_BASE, struct.pack("=QQ", size, offset), fds)
    size = struct.unpack("=III", peer.socket.recv(12, socket.MSG_WAITALL))[2]
    return size == 16 and len(peer.socket.recv(size, socket.MSG_WAITALL)) == size


def bad_logs(path):
    peer = with_log(path, LOG_SHMFD)
    log, empty, pair = new_log(), new_log(0), socket.socketpair()
    cases = [(0, 0, [log]), ((1 << 64) - 1, 4096, [log]), (1 << 20, 0, [log]),
             (4096, 0, [empty]), (4096, 0, []), (4096, 0, [os.eventfd(0)]),
             (4096, 0, [pair[0].fileno()])]
    for size, offset, fds in cases:
        assert not set_log(peer, size, offset, fds), "%#x bytes from %#x were taken" % (size, offset)
        goes_on(peer)
    assert set_log(peer, 4096, 0, [log]), "a good log after them is refused"
    log_all(peer)
    goes_on(peer)
    assert any(os.pread(log, 4096, 0)), "nothing was logged"


def unlogged(path):
    peer = with_log(path, LOG_SHMFD)
    log_all(peer)
    goes_on(peer)


def cut_log(path):
    peer, log = with_log(path, LOG_SHMFD), new_log()
    assert set_log(peer, 4096, 0, [log]), "the log is refused"
    log_all(peer)
    goes_on(peer)
    assert any(os.pread(log, 4096, 0)), "nothing was logged"
    os.ftruncate(log, 0)
    peer.submit(0, READ, 0)
    peer.notify()
    peer.socket.settimeout(PATIENCE)
    assert peer.socket.recv(1) == b"", "the session continues"


def no_pages(path):
    peer = FrontEnd(path)
    peer.get(GET_FEATURES)
    peer.send(SET_OWNER)
    peer.send(SET_FEATURES, struct.pack("=Q", VERSION_1 | PROTOCOL_FEATURES))
    peer.send(GET_PROTOCOL)
    peer.socket.recv(20, socket.MSG_WAITALL)
    peer.send(SET_PROTOCOL, struct.pack("=Q", REPLY_ACK))
    huge = os.memfd_create("huge", os.MFD_HUGETLB)
    os.ftruncate(huge, 4 << 20)
    payload = struct.pack("=II4Q", 1, 0, 0, 4 << 20, BASE, 0)
    peer.send(SET_MEM_TABLE, payload, [huge], NEED_REPLY)
    answer = struct.unpack("=IIIQ", peer.socket.recv(20, socket.MSG_WAITALL))[3]
    assert answer != 0, "the table was taken"


def nonsense(path, n):
    for _ in range(int(n)):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(path)
        peer.sendall(struct.pack("=III", GET_FEATURES, 2, 0))
        assert peer.recv(1) == b"", "the session continues"
        peer.close()


def with_channel(path):
    """A front-end with a running ring and a back-end channel."""
    peer, (ours, theirs) = FrontEnd(path), socket.socketpair()
    peer.get(GET_FEATURES)
    peer.get(GET_PROTOCOL)
    peer.send(SET_PROTOCOL, struct.pack("=Q", CONFIG | BACKEND_REQ))
    peer.send(BACKEND_FD, fds=[theirs.fileno()])
    peer.start()
    goes_on(peer)
    return peer, ours


def capacity(peer):
    peer.send(GET_CONFIG, struct.pack("=III8x", 0, 8, 0))
    return struct.unpack("=20xIQ", peer.socket.recv(32, socket.MSG_WAITALL))[1]


def grown(path, pid, file):
    peer, channel = with_channel(path)
    before = capacity(peer)
    os.truncate(file, before * 1024)
    os.kill(int(pid), signal.SIGUSR1)
    assert select.select([channel], [], [], PATIENCE)[0], "the growth of the disk is not reported"
    assert struct.unpack("=III", channel.recv(12))[0] == CHANGED
    assert capacity(peer) == 2 * before, "%d sectors" % capacity(peer)
    peer.submit(0, WRITE, 2 * before - 1)
    peer.notify()
    peer.wait(1)
    assert peer.memory[STATUS] == 0, "status %d" % peer.memory[STATUS]


def kept(path, pid):
    peer, channel = with_channel(path)
    before = capacity(peer)
    os.kill(int(pid), signal.SIGUSR1)
    goes_on(peer)
    assert capacity(peer) == before
    assert not select.select([channel], [], [], 0)[0], "a change of capacity is reported"


def fails(path, kind, sector, n):
    peer = FrontEnd(path)
    peer.start()
    for i in range(int(n)):
        peer.submit(0, WRITE if kind == "write" else READ, int(sector) + i, b"x" * 512)
        peer.notify()
        peer.wait(1)
        assert peer.memory[STATUS] == 1, "request %d: status %d" % (i, peer.memory[STATUS])


def card(path):
    peer = FrontEnd(path)
    peer.start()
    peer.put("QIHH", 0, DATA, 2048, 2, 0)
    peer.put("H", AVAIL + 4, 0)
    peer.put_index(AVAIL + 2, 1)
    peer.notify()
    peer.get(GET_FEATURES)
    print("there", flush=True)
    signal.pause()


def postcopy(path):
    peer = FrontEnd(path)
    peer.get(GET_PROTOCOL)
    peer.send(SET_PROTOCOL, struct.pack("=Q", PAGEFAULT))
    peer.get(GET_FEATURES)
    peer.send(ADVISE)
    _, fds, _, _ = socket.recv_fds(peer.socket, 12, 1)
    assert fds, "no userfaultfd"
    assert peer.get(LISTEN) == 0
    peer.send(SET_MEM_TABLE, struct.pack("=II4Q", 1, 0, 0, MEMORY, BASE, 0), [peer.memfd])
    peer.socket.recv(12 + 40, socket.MSG_WAITALL)
    peer.send(SET_MEM_TABLE, struct.pack("=II", 0, 0))
    peer.start(memory=False)
    peer.notify()
    # it reads the avail ring, whose page never arrives
    assert select.select(fds, [], [], PATIENCE)[0], "no page fault"
    print("there", flush=True)
    signal.pause()


def kick(path, file):
    peer = FrontEnd(path)
    peer.get(GET_FEATURES)
    peer.send(KICK, struct.pack("=Q", 0), [os.open(file, os.O_RDWR)])
    peer.get(GET_FEATURES)
    print("refused", flush=True)


if __name__ == "__main__":
    {"full-call": full_call, "killed": killed, "nonsense": nonsense,
     "cut-log": cut_log, "bad-logs": bad_logs, "unlogged": unlogged,
     "no-pages": no_pages, "grown": grown, "kept": kept,
     "fails": fails, "card": card, "postcopy": postcopy, "kick": kick}[sys.argv[1]](*sys.argv[2:])
