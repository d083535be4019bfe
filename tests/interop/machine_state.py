# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""A reader of docs/state-format.md, written from that page alone, which can also
damage a state.

    machine_state.py list FILE                  prints a line per section: name, instance, length
    machine_state.py regions FILE               prints a line per region: address, length, offset
    machine_state.py cut FILE N TO              writes the first N sections without an end
    machine_state.py without FILE NAME TO       writes all sections except those of that name
    machine_state.py noise FILE NAME SEED TO    replaces the content of the first one by random bytes with a valid checksum
    machine_state.py byte FILE AT TO            changes one byte of the file
"""
import random
import struct
import sys

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


def required(name):
    return int(name not in ("origin", "checksums"))


def parse(data):
    assert data[:8] == b"CVMMSTAT" and struct.unpack_from("<II", data, 8) == (1, 0)
    at, sections = 16, []
    while not sections or sections[-1][0] != "end":
        name, version, instance, flags, checksum, length = struct.unpack_from("<16sIIIIQ", data, at)
        content = data[at + 40:at + 40 + length]
        assert len(content) == length and version == 1
        assert crc32c(data[at:at + 28] + bytes(4) + data[at + 32:at + 40] + content) == checksum
        sections.append((name.rstrip(b"\0").decode(), instance, content))
        assert flags == required(sections[-1][0])
        at += 40 + length
    assert at == len(data)
    return sections


def section(name, instance, content):
    head = struct.pack("<16sIII", name.encode(), 1, instance, required(name))
    length = struct.pack("<Q", len(content))
    return head + struct.pack("<I", crc32c(head + bytes(4) + length + content)) + length + content


def build(sections):
    return b"CVMMSTAT" + struct.pack("<II", 1, 0) + b"".join(section(*s) for s in sections)


def noise(sections, name, seed):
    rng = random.Random(seed)
    i = [s[0] for s in sections].index(name)
    content = bytearray(sections[i][2])
    for _ in range(rng.randrange(1, 64)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    sections[i] = (name, sections[i][1], bytes(content))
    return build(sections)


def main(what, path, *words):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    sections = parse(bytes(data))
    if what == "list":
        for name, instance, content in sections:
            print(name, instance, len(content))
        return
    if what == "regions":
        content = next(s[2] for s in sections if s[0] == "memory")
        for region in struct.iter_unpack("<QQQ", content):
            print(*region)
        return
    if what == "cut":
        data = build(sections[:int(words[0])])
    elif what == "without":
        data = build([s for s in sections if s[0] != words[0]])
    elif what == "noise":
        data = noise(sections, words[0], words[1])
    elif what == "byte":
        data[int(words[0])] ^= 0x55
    with open(words[-1], "wb") as file:
        file.write(data)


main(*sys.argv[1:])
