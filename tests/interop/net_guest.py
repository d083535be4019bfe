#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
A hostile guest on the network of cvmm exec --emulate, and the services of the host that it attacks.
As qemu-system-x86_64 of PATH it drives the vhost-user network card among QEMU's arguments. It uses
none of the libraries.

    net_guest.py serve PORT FILE    TCP and UDP on all addresses; FILE receives one word per
                                    connection or packet, and "end" at the last one
    qemu-system-x86_64 ...          FROM4, FROM6, PORT: own addresses and port; HOST4: an address of
                                    the host, which must answer; TARGETS: addresses to attack;
                                    RESULT: file for the addresses that answer an ICMP echo
"""
import ipaddress
import mmap
import os
import re
import select
import socket
import struct
import sys
import time

MAC = bytes.fromhex("525400123456")
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
SYN, ACK = 2, 16
ROOM, SLOTS, BASE = 2048, 64, 0x7f0000000000
DESC, AVAIL, USED, RING = 0, 0x1000, 0x2000, 0x3000     # offsets in a ring, and its size
BUFFERS, MEMORY = 2 * RING, 1 << 20
PATIENCE = 30


class Card:
    """A driver with two split rings: 0 receives, 1 sends."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        memfd = os.memfd_create("guest")
        os.ftruncate(memfd, MEMORY)
        self.memory = mmap.mmap(memfd, MEMORY)
        self.halves = memoryview(self.memory).cast("H")
        self.kicks, self.calls = [os.eventfd(0) for _ in "rs"], [os.eventfd(0) for _ in "rs"]
        self.added, self.seen = [0, 0], [0, 0]
        self.request(3)
        self.request(2, struct.pack("=Q", 1 << 32))
        self.request(5, struct.pack("=II4Q", 1, 0, 0, MEMORY, BASE, 0), [memfd])
        for ring in (0, 1):
            at = ring * RING
            self.request(8, struct.pack("=II", ring, SLOTS))
            self.request(10, struct.pack("=II", ring, 0))
            self.request(9, struct.pack("=II4Q", ring, 0, BASE + at + DESC, BASE + at + USED, BASE + at + AVAIL, 0))
            self.request(13, struct.pack("=Q", ring), [self.calls[ring]])
            self.request(12, struct.pack("=Q", ring), [self.kicks[ring]])
        for slot in range(SLOTS):
            self.add(0, slot, ROOM, 2)

    def request(self, number, payload=b"", fds=()):
        socket.send_fds(self.socket, [struct.pack("=III", number, 1, len(payload)) + payload], fds)

    @staticmethod
    def place(ring, slot):
        return BUFFERS + (ring * SLOTS + slot) * ROOM

    def add(self, ring, slot, length, flags):
        at = ring * RING
        struct.pack_into("<QIHH", self.memory, at + DESC + 16 * slot, self.place(ring, slot), length, flags, 0)
        struct.pack_into("<H", self.memory, at + AVAIL + 4 + self.added[ring] % SLOTS * 2, slot)
        self.added[ring] += 1
        self.halves[(at + AVAIL + 2) // 2] = self.added[ring] & 0xffff
        os.eventfd_write(self.kicks[ring], 1)

    def used(self, ring):
        """The slot and length of the next completed buffer, or None."""
        at = ring * RING
        if self.seen[ring] & 0xffff == self.halves[(at + USED + 2) // 2]:
            return None
        entry = struct.unpack_from("<II", self.memory, at + USED + 4 + self.seen[ring] % SLOTS * 8)
        self.seen[ring] += 1
        return entry

    def wait(self, ring, deadline):
        while True:
            entry = self.used(ring)
            if entry:
                return entry
            if not select.select([self.calls[ring]], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            os.eventfd_read(self.calls[ring])

    def send(self, frame):
        data = bytes(12) + frame
        at = self.place(1, 0)
        self.memory[at:at + len(data)] = data
        self.add(1, 0, len(data), 0)
        assert self.wait(1, time.monotonic() + PATIENCE), "the card does not send"

    def receive(self, deadline):
        entry = self.wait(0, deadline)
        if not entry:
            return None
        slot, length = entry
        at = self.place(0, slot)
        frame = self.memory[at + 12:at + length]
        self.add(0, slot, ROOM, 2)
        return frame


# ------------------------------------------------------------------- packets

def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packet(source, to, protocol, data, at):
    """An IP packet of that payload, whose checksum is at that offset."""
    source, to = ipaddress.ip_address(source), ipaddress.ip_address(to)
    six = to.version == 6
    pseudo = source.packed + to.packed + (struct.pack(">II", len(data), protocol) if six else struct.pack(">HH", protocol, len(data)))
    value = checksum((b"" if protocol == ICMP else pseudo) + data)
    data = data[:at] + struct.pack(">H", value) + data[at + 2:]
    if six:
        return b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(data), protocol, 64) + source.packed + to.packed + data
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), 1, 0, 64, protocol, 0) + source.packed + to.packed
    return b"\x08\0" + head[:10] + struct.pack(">H", checksum(head)) + head[12:] + data


def segment(own, port, flags, seq, ack):
    return struct.pack(">HHIIBBHHH", own, port, seq, ack, 5 << 4, flags, 65535, 0, 0)


class Guest:
    def __init__(self, card):
        self.card, self.peer = card, b"\xff" * 6
        self.port = int(os.environ["PORT"])
        self.own = {4: os.environ["FROM4"], 6: os.environ["FROM6"]}
        self.echoes = set()

    def send(self, to, protocol, data, at, tags=b""):
        source = self.own[ipaddress.ip_address(to).version]
        self.card.send(self.peer + MAC + tags + packet(source, to, protocol, data, at))

    def connect(self, to, own):
        self.send(to, TCP, segment(own, self.port, SYN, 1000, 0), 16)

    def say(self, to, text, tags=b""):
        data = text.encode()
        self.send(to, UDP, struct.pack(">HHHH", 40000, self.port, 8 + len(data), 0) + data, 6, tags)

    def echo(self, to):
        six = ":" in to
        self.send(to, ICMPV6 if six else ICMP, struct.pack(">BBHHH", 128 if six else 8, 0, 0, 7, 7) + to.encode(), 2)

    def find_peer(self, host):
        ask = struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + MAC + ipaddress.ip_address(self.own[4]).packed + bytes(6)
        self.card.send(b"\xff" * 6 + MAC + b"\x08\x06" + ask + ipaddress.ip_address(host).packed)
        self.listen(lambda f: f[12:14] == b"\x08\x06" and f[20:22] == b"\0\2")

    def accept(self, frame):
        """Completes connections, and records echoes; the ports of a completed connection, or None."""
        kind, six = frame[12:14], frame[12:14] == b"\x86\xdd"
        if kind == b"\x08\x06":
            self.peer = frame[6:12]
        if kind not in (b"\x08\0", b"\x86\xdd"):
            return None
        protocol, data = (frame[20], frame[54:]) if six else (frame[23], frame[34:])
        source = str(ipaddress.ip_address(frame[22:38] if six else frame[26:30]))
        if protocol in (ICMP, ICMPV6) and data[0] in (0, 129):
            self.echoes.add(data[8:].decode())
        if protocol != TCP or data[13] & (SYN | ACK) != SYN | ACK:
            return None
        there, own, seq = struct.unpack(">HHI", data[:8])
        self.send(source, TCP, segment(own, there, ACK, 1001, seq + 1 & 0xffffffff), 16)
        return own

    def listen(self, done):
        deadline = time.monotonic() + PATIENCE
        while True:
            frame = self.card.receive(deadline)
            assert frame, "no answer"
            port = self.accept(frame)
            if done(frame) or (port and done(port)):
                return


def attack():
    card = Card(re.search(r"socket,id=card,path=(\S+)", " ".join(sys.argv)).group(1))
    guest, host = Guest(card), os.environ["HOST4"]
    guest.find_peer(os.environ["PEER4"])
    for number, to in enumerate(os.environ["TARGETS"].split()):
        guest.connect(to, 41000 + number)
        guest.say(to, "udp " + to)
        guest.say(to, "vlan " + to, b"\x81\0\0\0")
        guest.echo(to)
    guest.connect(host, 50000)      # behind all others
    guest.listen(lambda what: what == 50000)
    guest.say(host, "end")
    guest.echo(host)
    with open(os.environ["RESULT"], "w") as result:
        result.write("".join("icmp %s\n" % to for to in guest.echoes))


# -------------------------------------------------------------------- services

def serve(port, path):
    tcp, udp = socket.socket(socket.AF_INET6), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    for s in (tcp, udp):
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(("::", int(port)))
    tcp.listen(64)
    tcp.setblocking(False)
    with open(path, "w", buffering=1) as log:
        log.write("ready\n")
        while True:
            ready = select.select([tcp, udp], [], [])[0]
            try:
                while True:
                    name = tcp.accept()[0].getsockname()[0].split("%")[0]
                    log.write("tcp %s\n" % name)
            except BlockingIOError:
                pass
            if udp in ready:
                log.write(udp.recv(100).decode() + "\n")


serve(*sys.argv[2:]) if sys.argv[1:2] == ["serve"] else attack()
