# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""A front-end that sets up a session, then performs random actions."""
import mmap
import os
import select
import socket
import struct
import time

import odd
from wire import *

MEMORY = 1 << 20
RING = 16
DESC, AVAIL, USED, DATA = 0x1000, 0x2000, 0x3000, 0x4000
T_IN, T_OUT, T_FLUSH, T_GET_ID, T_DISCARD, T_WRITE_ZEROES = 0, 1, 4, 8, 11, 13


class Frontend(Channel):
    def __init__(self, path, dice, odds):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(10)
        sock.connect(path)
        super().__init__(sock)
        self.dice, self.odds, self.avail = dice, odds, 0
        self.memory = None
        self.features, self.asked, self.pieces = F_PROTOCOL | F_VERSION_1, None, 0
        self.kick = os.eventfd(0, os.EFD_NONBLOCK)
        self.call = os.eventfd(0, os.EFD_NONBLOCK)

    def close(self):
        self.sock.close()
        os.close(self.kick)
        os.close(self.call)
        if self.memory:
            self.memory.close()
        if self.asked:
            self.asked.close()

    # --- what an ordinary front-end does ---

    def greet(self):
        self.ask(GET_FEATURES)
        self.ask(GET_PROTOCOL_FEATURES)
        self.send(SET_PROTOCOL_FEATURES, u64(P_LOG | P_REPLY_ACK | P_SLOTS | P_STATUS | P_BACKEND_REQ))
        self.send(SET_OWNER)
        self.send(SET_FEATURES, u64(self.features))

    def share(self):
        fd, _ = odd.memfd(MEMORY)
        self.memory = mmap.mmap(fd, MEMORY)
        self.ask(ADD_MEM_REG, struct.pack("<QQQQQ", 0, 0, MEMORY, 0, 0), [fd])
        os.close(fd)

    def start(self, kick=None, call=None):
        self.avail = 0
        self.ask(SET_VRING_NUM, struct.pack("<II", 0, RING))
        self.ask(SET_VRING_ADDR, struct.pack("<IIQQQQ", 0, 0, DESC, USED, AVAIL, 0))
        self.ask(SET_VRING_BASE, struct.pack("<II", 0, 0))
        self.ask(SET_VRING_CALL, u64(0), [call or self.call])
        self.ask(SET_VRING_KICK, u64(0), [kick or self.kick])
        self.ask(SET_VRING_ENABLE, struct.pack("<II", 0, 1))

    def request(self, kind, sector, size):
        """Makes one request available; its status byte is 0xff until it completes."""
        put = lambda at, data: self.memory.__setitem__(slice(at, at + len(data)), data)
        writes = 0 if kind in (T_OUT, T_DISCARD, T_WRITE_ZEROES) else 2
        put(DATA, struct.pack("<IIQ", kind, 0, sector))
        put(DATA + 16, b"\xff")
        put(DESC, struct.pack("<QIHH", DATA, 16, 1, 1) +
            struct.pack("<QIHH", DATA + 0x1000, size, 1 | writes, 2) +
            struct.pack("<QIHH", DATA + 16, 1, 2, 0))
        put(AVAIL + 4 + 2 * (self.avail % RING), struct.pack("<H", 0))
        self.avail = (self.avail + 1) % 65536
        put(AVAIL + 2, struct.pack("<H", self.avail))
        os.eventfd_write(self.kick, 1)

    def status(self, seconds):
        """Status of the request after a call of the back-end; 0xff if none arrives."""
        end = time.monotonic() + seconds
        while self.memory[DATA + 16] == 0xff and time.monotonic() < end:
            if select.select([self.call], [], [], max(0, end - time.monotonic()))[0]:
                os.eventfd_read(self.call)
        return self.memory[DATA + 16]

    def go_behind_an_iommu(self):
        """Negotiates ACCESS_PLATFORM; misses are read from asked."""
        self.features |= F_PLATFORM
        self.send(SET_FEATURES, u64(self.features))
        self.asked, theirs = socket.socketpair()
        self.asked.setblocking(False)
        self.ask(SET_BACKEND_REQ_FD, fds=[theirs.fileno()])
        theirs.close()

    def entry(self, kind, iova, size, uaddr=0, perm=3):
        return struct.pack("<QQQBB6x", iova, size, uaddr, perm, kind)

    def know_all(self):
        self.ask(IOTLB_MSG, self.entry(IOTLB_UPDATE, 0, MEMORY))

    # --- random actions ---

    def odd_entries(self):
        """Many requests at once, most of them valid; replies are read later."""
        for _ in range(self.dice.choice([1, 3, 100])):
            kind = self.dice.choice([IOTLB_UPDATE] * 4 + [IOTLB_INVALIDATE, self.dice.randint(0, 255)])
            iova = self.dice.choice([0, DESC, DATA, self.dice.randint(0, 1 << 24) << 12, 1 << 63, (1 << 64) - 4096])
            size = self.dice.choice([0, 4096, 4096, 65536, MEMORY, 1 << 40, (1 << 64) - 1])
            self.send(IOTLB_MSG, self.entry(kind, iova, size, self.dice.choice([0, 0, 4096, MEMORY, 1 << 40]),
                                            self.dice.choice([1, 2, 3, 3, 3, 0, 7])), flags=VERSION | NEED_REPLY)
        self.read_on()

    def entry_of_many_pieces(self):
        """Regions adjacent in user addresses and separate in the guest, and one IOTLB entry for all."""
        at = 1 << 32
        for _ in range(self.dice.choice([2, 60])):
            fd, _ = odd.memfd(4096)
            self.send(ADD_MEM_REG, struct.pack("<QQQQQ", 0, at + 8192 * self.pieces, 4096, at + 4096 * self.pieces, 0),
                      [fd], VERSION | NEED_REPLY)
            os.close(fd)
            self.pieces += 1
        for iova in range(self.dice.choice([1, 20])):
            self.send(IOTLB_MSG, self.entry(IOTLB_UPDATE, (1 << 44) + (iova << 32), 4096 * self.pieces, at))
        self.read_on()

    def answer_questions(self):
        """Answers a miss correctly, wrongly, or not at all."""
        try:
            while self.asked:
                self.asked.recv(44)
                answer = self.dice.choice([0, 0, 1, None])
                if self.dice.random() < 0.5:
                    self.know_all()
                if answer is not None:
                    self.asked.send(struct.pack("<IIIQ", BACKEND_IOTLB_MSG, VERSION | REPLY, 8, answer))
        except BlockingIOError:
            pass


    def odd_fds(self, most=3):
        return [self.odds.make(self.sock) for _ in range(self.dice.randint(0, most))]

    def with_odd(self, do, most=3):
        fds = self.odd_fds(most)
        try:
            do(fds)
        finally:
            for fd in fds:
                odd.close(fd)

    def any_message(self):
        size = self.dice.choice([0, 8, 8, 12, 16, 40, 40, 48, self.dice.randint(0, 300)])
        payload = self.dice.choice([bytes(size), self.dice.randbytes(size)])
        flags = self.dice.choice([VERSION, VERSION | NEED_REPLY])
        self.with_odd(lambda fds: self.send(self.dice.randint(0, 46), payload, fds, flags))

    def odd_descriptor(self):
        number = self.dice.choice([SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR, SET_BACKEND_REQ_FD, SET_LOG_FD])
        payload = u64(0) if number in (SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR) else b""
        self.with_odd(lambda fds: self.send(number, payload, fds[:1], VERSION | NEED_REPLY), 1)

    def odd_memory(self):
        at = MEMORY * self.dice.randint(1, 8)
        region = struct.pack("<QQQQQ", 0, at, self.dice.choice([4096, 65536, MEMORY]), at, 0)
        self.with_odd(lambda fds: self.send(ADD_MEM_REG, region, fds[:1], VERSION | NEED_REPLY), 1)
        if self.dice.random() < 0.5:
            self.send(REM_MEM_REG, region, flags=VERSION | NEED_REPLY)

    def odd_log(self):
        self.with_odd(lambda fds: self.send(SET_LOG_BASE, struct.pack("<QQ", self.dice.choice([0, 4096, 1 << 40]), 0),
                                            fds[:1], VERSION | NEED_REPLY), 1)
        self.send(SET_FEATURES, u64(F_PROTOCOL | F_VERSION_1 | self.dice.choice([0, F_LOG_ALL])))

    def some_io(self):
        if not self.memory:
            return
        self.request(self.dice.choice([T_IN, T_OUT, T_FLUSH, T_GET_ID, T_DISCARD, T_WRITE_ZEROES, 99]),
                     self.dice.choice([0, 1, 100, 1 << 40]), self.dice.choice([0, 16, 512, 4096, 0x7fffffff]))
        self.status(0.02)

    def scribble(self):
        if self.memory:
            at = self.dice.choice([DESC, AVAIL, USED, DATA])
            data = self.dice.randbytes(self.dice.randint(1, 64))
            self.memory[at:at + len(data)] = data
            os.eventfd_write(self.kick, 1)

    def half_a_message(self):
        data = struct.pack("<III", self.dice.randint(0, 46), VERSION, 40)[:self.dice.randint(1, 12)]
        fds = [self.odds.make() for _ in range(self.dice.randint(0, 2))]
        self.raw(data, fds)
        for fd in fds:
            odd.close(fd)

    def read_on(self):
        self.sock.setblocking(False)
        try:
            while True:
                got, fds, _, _ = socket.recv_fds(self.sock, 65536, 32)
                for fd in fds:
                    os.close(fd)
                if not got:
                    raise ConnectionError("the back-end hung up")
        except BlockingIOError:
            pass
        self.sock.settimeout(10)

    def stop_ring(self):
        self.send(self.dice.choice([GET_VRING_BASE, RESET_DEVICE, RESET_OWNER]), struct.pack("<II", 0, 0))

    def set_up(self):
        self.share()
        if self.asked:
            self.know_all()
        self.start()

    def misbehave(self, steps):
        if self.asked:
            behind = [self.odd_entries, self.odd_entries, self.entry_of_many_pieces, self.answer_questions]
        else:
            behind = []
        deeds = behind + [self.any_message, self.odd_descriptor, self.odd_descriptor, self.odd_memory, self.odd_memory,
                 self.odd_log, self.some_io, self.some_io, self.some_io, self.scribble, self.read_on, self.stop_ring]
        for _ in range(steps):
            self.dice.choice(deeds)()
        if self.dice.random() < 0.2:
            self.half_a_message()
