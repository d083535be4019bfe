#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""partitions.py DISK gpt|mbr TYPE=FILE...

Writes a disk whose partitions have the contents of files. TYPE is root, boot, esp, linux or
other, and logical for partitions 5 and above of an MBR, after the others. Each partition begins
at a multiple of 1 MiB; holes of the files remain holes.
"""
import binascii
import os
import struct
import sys
import uuid

TYPES = {
    "root": ("4f68bce3-e8cd-4db1-96e7-fbcaf984b709", 0x83),
    "boot": ("bc13c2ff-59e6-4262-a352-b275fd6f7172", 0x83),
    "esp": ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", 0xEF),
    "linux": ("0fc63daf-8483-4772-8e79-3d69d8477de4", 0x83),
    "logical": ("0fc63daf-8483-4772-8e79-3d69d8477de4", 0x83),
    "other": ("21686148-6449-6e6f-744e-656564454649", 0xDA),
}
SECTOR = 512
MIB = 1 << 20
COUNT = 128


def place(parts):
    """(type, file, first sector, number of sectors) for each, and the sectors of the disk"""
    at, placed = MIB, []
    for kind, name in parts:
        at += MIB if kind == "logical" else 0   # for its table
        size = (os.path.getsize(name) + MIB - 1) // MIB * MIB
        placed.append((kind, name, at // SECTOR, size // SECTOR))
        at += size
    return placed, (at + MIB) // SECTOR


def copy(disk, placed):
    for _, name, first, _ in placed:
        with open(name, "rb") as f:
            at = first * SECTOR
            while chunk := f.read(65536):
                if chunk.strip(b"\0"):
                    disk.seek(at)
                    disk.write(chunk)
                at += len(chunk)


def table(entries):
    """A sector with (type, first sector, number of sectors) for each"""
    rows = b"".join(struct.pack("<8B2I", 0, 0, 2, 0, kind, 0xFF, 0xFF, 0xFF, first, n)
                    for kind, first, n in entries)
    return b"\0" * 440 + b"cvmm\0\0" + rows.ljust(64, b"\0") + b"\x55\xaa"


def mbr(disk, placed):
    primary = [(TYPES[kind][1], first, n) for kind, _, first, n in placed if kind != "logical"]
    logical = [(first - MIB // SECTOR, n + MIB // SECTOR) for kind, _, first, n in placed if kind == "logical"]
    if logical:
        start = logical[0][0]
        primary.append((0x05, start, logical[-1][0] + logical[-1][1] - start))
    disk.seek(0)
    disk.write(table(primary))
    # Each table has a partition relative to itself, and the next table relative to the first.
    for (at, n), after in zip(logical, logical[1:] + [None]):
        entries = [(0x83, MIB // SECTOR, n - MIB // SECTOR)]
        if after:
            entries.append((0x05, after[0] - start, after[1]))
        disk.seek(at * SECTOR)
        disk.write(table(entries))


def header(own, other, sectors, entries_at, entries):
    def pack(crc):
        return struct.pack("<8s4I4Q16sQ3I", b"EFI PART", 0x10000, 92, crc, 0, own, other, 34, sectors - 34,
                           uuid.UUID(int=1).bytes_le, entries_at, COUNT, 128, binascii.crc32(entries))
    return pack(binascii.crc32(pack(0)))


def gpt(disk, placed, sectors):
    entries = b""
    for number, (kind, _, first, n) in enumerate(placed, 1):
        entries += struct.pack("<16s16s3Q72s", uuid.UUID(TYPES[kind][0]).bytes_le, uuid.UUID(int=number).bytes_le,
                               first, first + n - 1, 0, kind.encode("utf-16-le"))
    entries = entries.ljust(COUNT * 128, b"\0")
    for at, bytes_ in ((0, table([(0xEE, 1, sectors - 1)])),
                       (1, header(1, sectors - 1, sectors, 2, entries)), (2, entries),
                       (sectors - 33, entries),
                       (sectors - 1, header(sectors - 1, 1, sectors, sectors - 33, entries))):
        disk.seek(at * SECTOR)
        disk.write(bytes_)


def main():
    parts = [word.split("=", 1) for word in sys.argv[3:]]
    placed, sectors = place(parts)
    with open(sys.argv[1], "wb") as disk:
        disk.truncate(sectors * SECTOR)
        copy(disk, placed)
        if sys.argv[2] == "gpt":
            gpt(disk, placed, sectors)
        else:
            mbr(disk, placed)


main()
