#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
A vhost-user back-end for a device with one fault, for tests of "vhost-user-tool check". It
uses none of the libraries.

    faulty_device.py PATH DEVICE FAULT

DEVICE is rng, console or vsock, with split and packed rings of 64 entries, a configuration,
a saved state and a shared memory region. FAULT is none, or

    wrap      a packed ring: the wrap counter remains behind the ring's end
    id        a packed ring: a used descriptor has another buffer's id
    sleeps    the driver is told not to kick, and nothing polls the ring
    keeps     SET_MEM_TABLE does not replace memory
    empty     rng: buffers are used without a byte
    written   console: the bytes that were read are reported as written
    ports     vsock: a reset has the ports of its packet, in that order
    endless   the saved state has no end
    rejects   the state that was saved is rejected
    count     GET_SHMEM_CONFIG has more regions than sizes

Serves one connection after another.
"""
import mmap
import os
import selectors
import socket
import struct
import sys

GET_FEATURES, SET_FEATURES, SET_TABLE, SET_ADDR, SET_BASE, GET_BASE = 1, 2, 5, 9, 10, 11
SET_KICK, SET_CALL, GET_PROTOCOL, GET_QUEUES, SET_ENABLE = 12, 13, 15, 17, 18
SET_CHANNEL, GET_CONFIG, SET_STATE, CHECK_STATE, GET_SHMEM = 21, 24, 42, 43, 44
PACKED = 1 << 34
FEATURES = 1 << 30 | 1 << 32 | PACKED
PROTOCOL = 1 << 3 | 1 << 5 | 1 << 9 | 1 << 10 | 1 << 19 | 1 << 22
NEED_REPLY, ANSWER = 8, 5
NEXT, WRITE, AVAIL, USED = 1, 2, 1 << 7, 1 << 15
SIZE = 64
STATE = b"state"


class Memory:
    """One region of the guest."""

    def __init__(self):
        self.map, self.guest, self.user = None, 0, 0

    def set(self, payload, fds):
        self.guest, size, self.user, offset = struct.unpack_from("=4Q", payload, 8)
        self.map = mmap.mmap(fds[0], size, offset=offset)

    def get(self, form, at):
        return struct.unpack_from(form, self.map, at)

    def put(self, form, at, *values):
        struct.pack_into(form, self.map, at, *values)


class Ring:
    """A ring: the buffers of a chain are (offset, length, flags)."""

    def __init__(self, memory, fault):
        self.memory, self.fault = memory, fault
        self.addr, self.kick, self.call = (0, 0, 0), None, None
        self.packed, self.next, self.wrap = False, 0, 1

    def close(self):
        for fd in (self.kick, self.call):
            if fd is not None:
                os.close(fd)

    def set_base(self, num):
        self.next = num & (0x7FFF if self.packed else 0xFFFF)
        self.wrap = num >> 15 & 1

    def base(self):
        half = self.next | self.wrap << 15
        return half | half << 16 if self.packed else self.next

    def read_descriptor(self, index):
        addr, size, third, fourth = self.memory.get("<QIHH", self.addr[0] + 16 * index)
        return addr - self.memory.guest, size, third, fourth

    def split_chain(self):
        if self.memory.get("<H", self.addr[2] + 2)[0] == self.next:
            return None
        (head,) = self.memory.get("<H", self.addr[2] + 4 + 2 * (self.next % SIZE))
        buffers, flags, index = [], NEXT, head
        while flags & NEXT:
            at, size, flags, index = self.read_descriptor(index)
            buffers.append((at, size, flags))
        return head, buffers

    def packed_chain(self):
        index, buffers = self.next, []
        while True:
            at, size, name, flags = self.read_descriptor(index)
            if not buffers and (bool(flags & AVAIL) != self.wrap or bool(flags & USED) == self.wrap):
                return None
            buffers.append((at, size, flags))
            index = (index + 1) % SIZE
            if not flags & NEXT:
                return name, buffers

    def pop(self):
        return self.packed_chain() if self.packed else self.split_chain()

    def push(self, name, buffers, written):
        if self.packed:
            flags = (AVAIL | USED) * self.wrap | (WRITE if written else 0)
            at = self.addr[0] + 16 * self.next
            self.memory.put("<IH", at + 8, written, name + (self.fault == "id"))
            self.memory.put("<H", at + 14, flags)
            if self.next + len(buffers) >= SIZE and self.fault != "wrap":
                self.wrap ^= 1
            self.next = (self.next + len(buffers)) % SIZE
        else:
            used = self.memory.get("<H", self.addr[1] + 2)[0]
            self.memory.put("<II", self.addr[1] + 4 + 8 * (used % SIZE), name, written)
            self.memory.put("<H", self.addr[1] + 2, used + 1 & 0xFFFF)
            self.next = self.next + 1 & 0xFFFF

    def signal(self):
        if self.call is not None:
            os.write(self.call, struct.pack("=Q", 1))


class Session:
    def __init__(self, sock, device, fault):
        self.sock, self.device, self.fault = sock, device, fault
        self.memory = Memory()
        self.rings = [Ring(self.memory, fault) for _ in range(2)]
        self.state, self.kept = None, []

    # ------------------------------------------------------------- the device

    def reset(self, packet):
        """Answers a packet of vsock in ring 0."""
        source, target, port, to = struct.unpack_from("<QQII", packet)
        if self.fault != "ports":
            port, to = to, port
        found = self.rings[0].pop()
        if found:
            name, buffers = found
            self.memory.put("<QQIIIHHIII", buffers[0][0], target, source, port, to, 0, 1, 3, 0, 0, 0)
            self.rings[0].push(name, buffers, 44)
            self.rings[0].signal()

    def serve_chain(self, buffers):
        """Returns the number of bytes that are reported as written."""
        readable = [(at, size) for at, size, flags in buffers if not flags & WRITE]
        writable = [(at, size) for at, size, flags in buffers if flags & WRITE]
        data = b"".join(self.memory.map[at:at + size] for at, size in readable)
        if self.device == "console":
            return len(data) if self.fault == "written" else 0
        if self.device == "vsock":
            if len(data) >= 44 and struct.unpack_from("<H", data, 30)[0] != 3:
                self.reset(data)
            return 0
        if self.fault == "empty":
            return 0
        for at, size in writable:
            self.memory.map[at:at + size] = b"\x5a" * size
        return sum(size for _, size in writable)

    def run(self, ring):
        os.read(ring.kick, 8)
        if ring is self.rings[0] and self.device != "rng":
            return
        if self.fault == "sleeps":
            self.memory.put("<H", ring.addr[1] + 2 * ring.packed, 1)
        found = ring.pop()
        while found:
            name, buffers = found
            ring.push(name, buffers, self.serve_chain(buffers))
            found = ring.pop()
        ring.signal()

    # ----------------------------------------------------------- the protocol

    def set_fd(self, number, payload, fds):
        ring = self.rings[payload[0] % 2]
        name = "kick" if number == SET_KICK else "call"
        if getattr(ring, name) is not None:
            os.close(getattr(ring, name))
        setattr(ring, name, os.dup(fds[0]) if fds else None)

    def move_state(self, payload, fds):
        if struct.unpack_from("=I", payload)[0] == 0:
            os.write(fds[0], STATE)
            if self.fault == "endless":
                self.kept.append(os.dup(fds[0]))
        else:
            self.state = os.dup(fds[0])
        return 0x100

    def check_state(self):
        if self.state is None:
            return 0
        loaded = os.read(self.state, 4096)
        os.close(self.state)
        self.state = None
        return int(loaded != STATE or self.fault == "rejects")

    def effect(self, number, payload, fds):
        ring = self.rings[payload[0] % 2] if payload else None
        if number == SET_FEATURES:
            for each in self.rings:
                each.packed = bool(struct.unpack("=Q", payload)[0] & PACKED)
        elif number == SET_TABLE:
            if self.fault != "keeps" or not self.memory.map:
                self.memory.set(payload, fds)
        elif number == SET_ADDR:
            ring.addr = [a - self.memory.user for a in struct.unpack_from("=3Q", payload, 8)]
        elif number == SET_BASE:
            ring.set_base(struct.unpack("=2I", payload)[1])
        elif number in (SET_KICK, SET_CALL):
            self.set_fd(number, payload, fds)
        elif number == SET_STATE:
            return struct.pack("=Q", self.move_state(payload, fds))
        elif number == CHECK_STATE:
            return struct.pack("=Q", self.check_state())
        elif number == GET_BASE:
            return struct.pack("=2I", payload[0], ring.base())
        return None

    def reply_to(self, number, payload, flags):
        words = {GET_FEATURES: FEATURES, GET_PROTOCOL: PROTOCOL, GET_QUEUES: 2}
        if number == GET_CONFIG:
            return payload[:12] + struct.pack("<Q", 3)
        if number == GET_SHMEM:
            regions = 2 if self.fault == "count" else 1
            return struct.pack("=II256Q", regions, 0, 1 << 20, *[0] * 255)
        if number in words or flags & NEED_REPLY:
            return struct.pack("=Q", words.get(number, 0))
        return None

    def receive(self, n, fds):
        data = b""
        while len(data) < n:
            part, more = socket.recv_fds(self.sock, n - len(data), 8)[:2]
            fds.extend(more)
            if not part:
                raise EOFError
            data += part
        return data

    def request(self):
        fds = []
        try:
            number, flags, size = struct.unpack("=III", self.receive(12, fds))
            payload = self.receive(size, fds)
            reply = self.effect(number, payload, fds)
            if reply is None:
                reply = self.reply_to(number, payload, flags)
        finally:
            for fd in fds:
                os.close(fd)
        if reply is not None:
            self.sock.sendall(struct.pack("=III", number, ANSWER, len(reply)) + reply)

    def serve(self):
        while True:
            with selectors.DefaultSelector() as selector:
                selector.register(self.sock, selectors.EVENT_READ)
                for ring in self.rings:
                    if ring.kick is not None:
                        selector.register(ring.kick, selectors.EVENT_READ, ring)
                ready = [key.data for key, _ in selector.select()]
            if None in ready:
                self.request()
            else:
                for ring in ready:
                    self.run(ring)

    def close(self):
        for ring in self.rings:
            ring.close()
        for fd in self.kept:
            os.close(fd)
        self.sock.close()


def main(path, device, fault):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4)
    while True:
        session = Session(listener.accept()[0], device, fault)
        try:
            session.serve()
        except (EOFError, OSError):
            session.close()


main(*sys.argv[1:])
