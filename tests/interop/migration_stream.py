# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""Stands between the two ends of a migration, and disturbs them. Written from
docs/migration-stream.md.

    migration_stream.py begin WORD...             prints the begin of a stream, with these arguments of a machine
    migration_stream.py list FILE                 a line for each section of a recorded stream: name, length
    migration_stream.py through LISTEN CONNECT RECORD       passes everything on, and records the source
    migration_stream.py cut LISTEN CONNECT NAME [N]         the connection ends in front of the N-th section of that
                                                            name, from either side, in the middle of its header
    migration_stream.py hold LISTEN CONNECT NAME HELD FIFO  makes the file HELD in front of that section, and passes
                                                            it on when the pipe has been written
    migration_stream.py damage LISTEN CONNECT NAME          one bit of the first such section is another one
    migration_stream.py join CONNECT                        passes standard input and output on, without descriptors
    migration_stream.py give CONNECT FILE MEMORY            sends its begin, and a descriptor of MEMORY as 64 MiB
    migration_stream.py channels CONNECT FILE N NAME HEX    sends its begin with N more connections, after two of other
                                                            programs; the last sends that section
    migration_stream.py send CONNECT FILE                   sends a recorded stream, prints the answers
    migration_stream.py forge FILE NAME HEX [HEX] TO        the first section of that name has other content, and
                                                            perhaps another length in its header
    migration_stream.py plugged FILE HEX TO       "head" has a section "plugged" with this content
    migration_stream.py reorder FILE NAME BEFORE TO         the first section NAME is in front of the first BEFORE
    migration_stream.py version FILE NAME TO                the first section of that name has version 2; NAME can
                                                            be "stream"
"""
import json
import os
import socket
import struct
import sys
import threading

HEADER = 40

TABLE = []
for value in range(256):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    TABLE.append(value)


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ TABLE[(value ^ byte) & 255]
    return value ^ 0xFFFFFFFF


def section(name, content, version=1):
    head = struct.pack("<16sIII", name.encode(), version, 0, 1)
    length = struct.pack("<Q", len(content))
    return head + struct.pack("<I", crc32c(head + bytes(4) + length + content)) + length + content


def read_all(peer, length, fds=None):
    data = b""
    while len(data) < length:
        piece, came, _, _ = socket.recv_fds(peer, min(length - len(data), 1 << 20), 16)
        for fd in came:
            os.close(fd) if fds is None else fds.append(fd)
        if not piece:
            return None
        data += piece
    return data


def pass_on(peer, data, fds):
    """Descriptors accompany the first byte."""
    sent = socket.send_fds(peer, [data], fds) if fds else 0
    while fds:
        os.close(fds.pop())
    peer.sendall(data[sent:])


def sections(peer, fds):
    """Yields name, header and content."""
    while True:
        header = read_all(peer, HEADER, fds)
        if header is None:
            return
        length = struct.unpack_from("<Q", header, 32)[0]
        content = read_all(peer, length)
        if content is None:
            return
        yield header[:16].rstrip(b"\0").decode(), header, content


def connect(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    return peer


class Ends:
    def __init__(self, listen, target):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(listen)
        listener.listen()
        self.source = listener.accept()[0]
        self.destination = connect(target)

    def end(self):
        for peer in (self.source, self.destination):
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def pump(self, here, there, change):
        fds = []
        try:
            for name, header, content in sections(here, fds):
                for piece in change(name, header, content):
                    pass_on(there, piece, fds)
        except OSError:
            pass
        self.end()

    def run(self, change, record=None):
        start = read_all(self.source, 16)
        if start is None:
            return self.end()
        assert start == b"CVMMMIGR" + struct.pack("<II", 1, 0)
        self.destination.sendall(start)

        def keep(name, header, content):
            if record:
                record.write(header + content)
            return change(name, header, content)

        if record:
            record.write(start)
        back = threading.Thread(target=self.pump, args=(self.destination, self.source, change))
        back.start()
        self.pump(self.source, self.destination, keep)
        back.join()


def through(listen, target, path):
    with open(path, "wb") as record:
        Ends(listen, target).run(lambda name, header, content: [header + content], record)


def cut(listen, target, what, number="1"):
    ends, left = Ends(listen, target), [int(number)]

    def change(name, header, content):
        if name == what:
            left[0] -= 1
        if name == what and not left[0]:
            yield header[:17]
            ends.end()
            raise OSError
        yield header + content

    ends.run(change)


def hold(listen, target, what, held, fifo):
    def change(name, header, content):
        if name == what:
            with open(held, "w"):
                pass
            with open(fifo) as pipe:
                pipe.read()
        return [header + content]

    Ends(listen, target).run(change)


def damage(listen, target, what):
    done = []

    def change(name, header, content):
        if name == what and not done:
            done.append(name)
            if content:
                content = content[:-1] + bytes([content[-1] ^ 4])
            else:
                header = header[:28] + bytes([header[28] ^ 4]) + header[29:]
        return [header + content]

    Ends(listen, target).run(change)


def parse(path):
    with open(path, "rb") as file:
        data = file.read()
    at, found = 16, []
    while at < len(data):
        header = data[at:at + HEADER]
        length = struct.unpack_from("<Q", header, 32)[0]
        content = data[at + HEADER:at + HEADER + length]
        assert len(content) == length
        found.append((header[:16].rstrip(b"\0").decode(), content))
        at += HEADER + length
    return data[:16], found


def show(path):
    for name, content in parse(path)[1]:
        print(name, len(content))


def join(target):
    """A connection by its standard input and output, without descriptors: for exec:."""
    peer = connect(target)

    def back():
        try:
            while data := peer.recv(65536):
                while data:
                    data = data[os.write(1, data):]
        finally:
            os._exit(0)

    threading.Thread(target=back).start()
    while data := os.read(0, 65536):
        peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)
    threading.Event().wait()


def begin(*words):
    sys.stdout.buffer.write(b"CVMMMIGR" + struct.pack("<II", 1, 0))
    sys.stdout.buffer.write(section("arguments", json.dumps({"arguments": words}).encode()))


def send(target, path):
    peer = connect(target)
    try:
        with open(path, "rb") as file:
            peer.sendall(file.read())
        peer.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    try:
        for name, _, content in sections(peer, []):
            print(name, content.decode(errors="replace"))
    except OSError:
        pass


def forge(path, name, content, *words):
    start, found = parse(path)
    at = [s[0] for s in found].index(name)
    data = start + b"".join(section(*s) for s in found[:at])
    new = section(name, bytes.fromhex(content))
    if len(words) > 1:
        new = new[:32] + bytes.fromhex(words[0]) + new[40:]
    with open(words[-1], "wb") as file:
        file.write(data + new)


def plugged(path, content, to):
    start, found = parse(path)
    at = [s[0] for s in found].index("head")
    state, parts, pos = found[at][1], [], 16
    while pos < len(state):
        end = pos + HEADER + struct.unpack_from("<Q", state, pos + 32)[0]
        parts.append(state[pos:end])
        pos = end
    parts = [p for p in parts if p[:16].rstrip(b"\0") != b"plugged"]
    parts.insert(-1, section("plugged", bytes.fromhex(content)))
    found[at] = ("head", state[:16] + b"".join(parts))
    with open(to, "wb") as file:
        file.write(start + b"".join(section(*s) for s in found))


def reorder(path, name, before, to):
    start, found = parse(path)
    names = [s[0] for s in found]
    moved = found.pop(names.index(name))
    found.insert(names.index(before), moved)
    with open(to, "wb") as file:
        file.write(start + b"".join(section(*s) for s in found))


def other_version(path, name, to):
    start, found = parse(path)
    if name == "stream":
        start = start[:8] + struct.pack("<II", 2, 0)
    else:
        at = [s[0] for s in found].index(name)
        found = found[:at] + [found[at] + (2,)]
    with open(to, "wb") as file:
        file.write(start + b"".join(section(*s) for s in found))


def give(target, path, file):
    start, found = parse(path)
    given = os.open(file, os.O_RDWR if os.access(file, os.W_OK) and not os.path.isdir(file) else os.O_RDONLY)
    peer = connect(target)
    for name, content in ((name, content) for name, content, *_ in found if name in ("arguments", "head")):
        start += section(name, content)
    peer.sendall(start)
    socket.send_fds(peer, [section("shared", struct.pack("<QQQ", 0, 0, 64 << 20))], [given])
    read_all(peer, 1 << 20)


def channels(target, path, number, name, content):
    number, token = int(number), os.urandom(16)
    start, found = parse(path)
    peer, others = connect(target), []
    peer.sendall(start + section("channels", struct.pack("<I", number) + token))
    try:
        for data in (b"GET / HTTP/1.0" + bytes(99), start + section("join", bytes(16))):
            others.append(connect(target))
            others[-1].sendall(data)
        for _ in range(number if number < 16 else 0):
            others.append(connect(target))
            others[-1].sendall(start + section("join", token))
        peer.sendall(b"".join(section(name, content) for name, content in found if name in ("arguments", "head")))
        peer.sendall(section("shared", b""))
        others[-1].sendall(section(name, bytes.fromhex(content)) if name != "nothing" else b"")
        others[-1].shutdown(socket.SHUT_WR)
    except OSError:
        pass
    for name, _, content in sections(peer, []):
        print(name, content.decode(errors="replace"))


signal = {"begin": begin, "list": show, "through": through, "cut": cut, "hold": hold, "damage": damage, "send": send,
          "forge": forge, "plugged": plugged, "reorder": reorder, "give": give, "join": join, "channels": channels,
          "version": other_version}
signal[sys.argv[1]](*sys.argv[2:])
sys.stdout.flush()
os._exit(0)
