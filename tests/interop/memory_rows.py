# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""The table of memory-pairs: each kind and property of memory, and what happens to it in each column.

A new property of --memory needs a row whose lists contain it, and so does a new value of a choice. A cell is True
(the guest continues with its content and the properties) or the sentence of a refusal, in which * stands for any
text; cvmm prints it before it has changed anything. Cells that do not hold yet are in KNOWN, (row, column) to the
fault: they run only with --known, and the page names them as faults."""
import memory_moves as moves
from memory_host import DAEMONS, OnDisk
from memory_machine import PASSED, PASSED_FD

COLUMNS = {
    # name: (heading, function, options of the machine, what is compared afterwards)
    "save": ("`save`", moves.save, (), "same"),
    "from": ("`--from`", moves.from_folder, (), "image"),
    "incremental": ("`incremental`", moves.incremental, (), "image"),
    "clone": ("`--clone`", moves.clone, (), "image"),
    "clone-moves": ("a clone moves", moves.clone_moves, (), "image"),
    "clone-reboots": ("a clone reboots", moves.clone_reboots, ("--reboot=restart",), "image"),
    "hand-over": ("`migrate unix:`", moves.hand_over, (), "same"),
    "copy": ("`migrate exec:`", moves.copy, (), "same"),
    "tcp": ("`migrate tcp:`", moves.tcp, (), "same"),
    "post-copy": ("`postcopy`", moves.postcopy, (), "same"),
    "reboot": ("`--reboot=` `restart`", moves.reboots, ("--reboot=restart",), "same"),
    "jail": ("`--jail`", moves.stays, ("--jail",), "same"),
    "spawn": ("`spawn`", moves.drives_disk, (f"--daemon-path={DAEMONS}", "--disk=path=disk,backend=spawn,locking=off"), "same"),
    "plug": ("hot plug", moves.plug, ("--transport=pci", "--sandbox=on,folder=.."), "same"),
    "balloon": ("balloon", moves.balloon, ("--balloon=size=0",), "same"),
}


class Row:
    """lists: of --memory, after the first piece; the last one is compared, and found by its {size}. alike: the
    lists of a second machine beside this one. files: name to size of files that exist. needs: what a host may
    lack. alone: not with the pieces of other rows in one machine."""

    count = 0

    def __init__(self, name, heading, *lists, alike=(), files=None, cells=None, needs=None, first="size=18M", size=None,
                 append="", rom=False, populated=False, merges=True, alone=False):
        Row.count += 1
        self.name, self.heading, self.first = name, heading, first
        self.size = size or (2 << 20) + (Row.count << 16)
        self.sizes = (self.size, self.size - (3 << 30) + (18 << 20)) if self.size > 3 << 30 else (self.size,)
        self.lists = [text.format(size=self.size) for text in lists]
        self.alike = [text.format(size=self.size) for text in alike]
        self.files, self.needs, self.append = files or {}, needs, append
        self.rom, self.populated, self.merges, self.alone = rom, populated, merges, alone or bool(alike)
        self.cells = {column: True for column in COLUMNS}
        self.cells.update(cells or {})


NOT_SHARED = "* needs memory that can be shared: * has share=off; use share=on"
NO_FAULTS = "* is a file that cannot report missing pages; *"
ON_DISK = {"post-copy": OnDisk(NO_FAULTS)}
BOUND = "KVM does not log writes to a guest_memfd that is bound to its slot; * slot=plain"
FORMER = "'fd:former' was a descriptor of the process from which the guest came; only a file that is named by its path can be opened again"
MOVES = ("save", "from", "incremental", "clone", "clone-moves", "clone-reboots", "hand-over", "copy", "tcp", "post-copy")

ROWS = [
    Row("anon", "`backend=anon`", "size={size},backend=anon,policy=default",
        cells={"spawn": "* needs memory that can be shared: * has no file behind it; use backend=memfd"}),
    Row("anon-shared", "`share=on`", "size={size},share=on"),
    Row("memfd", "`backend=memfd`", "size={size},backend=memfd"),
    Row("unsealed", "`seal=off`", "size={size},backend=memfd,seal=off"),
    Row("shm", "`backend=shm`", "size={size},backend=shm"),
    Row("file", "`backend=file`, `share=on`, `offset`, `align`",
        "size={size},backend=file,share=on,mem-path=file,offset=4M,align=4M,rom=auto", cells=ON_DISK),
    Row("passed", "`mem-path=fd:`", f"size={{size}},backend=file,share=on,mem-path=fd:{PASSED_FD}", files={PASSED: 8 << 20},
        cells={"copy": FORMER, "tcp": FORMER, "post-copy": FORMER}),
    Row("two", "two machines in one file", "size={size},backend=file,share=on,mem-path=both,offset=4M",
        alike=("size={size},backend=file,share=on,mem-path=both,offset=32M",), files={"both": 64 << 20}, cells=ON_DISK),
    Row("file-private", "`backend=file`, `share=off`", "size={size},backend=file,mem-path=private,offset=4M",
        files={"private": 8 << 20}, cells={"spawn": NOT_SHARED, **ON_DISK}),
    Row("template", "`readonly=on,rom=off`", "size={size},backend=file,mem-path=template,readonly=on,rom=off",
        files={"template": 8 << 20}, cells={"spawn": NOT_SHARED, **ON_DISK}),
    Row("rom", "`readonly=on` (ROM)", "size={size},backend=file,mem-path=rom,readonly=on", files={"rom": 8 << 20},
        rom=True),
    Row("rom-shared", "`readonly=on,share=on`", "size={size},backend=file,mem-path=rom2,readonly=on,share=on,rom=on",
        files={"rom2": 8 << 20}, rom=True),
    Row("discard", "`discard-data=on`", "size={size},backend=file,share=on,mem-path=discard,discard-data=on",
        files={"discard": 8 << 20}, cells=ON_DISK),
    Row("pmem", "`pmem=on`", "size={size},backend=file,share=on,mem-path=pmem,pmem=on", files={"pmem": 8 << 20},
        cells=ON_DISK),
    Row("prealloc", "`prealloc`, `prealloc-threads`", "size={size},backend=memfd,prealloc=on,prealloc-threads=2",
        populated=True),
    Row("policy", "`policy`, `host-nodes`", "size={size},share=on,policy=bind,host-nodes=0"),
    Row("preferred", "`policy=preferred`", "size={size},backend=memfd,policy=preferred,host-nodes=0"),
    Row("interleave", "`policy=interleave`", "size={size},backend=memfd,policy=interleave,host-nodes=0"),
    Row("marks", "`merge=off`, `dump=off`", "size={size},merge=off,dump=off", merges=False),
    Row("reserve", "`reserve=off`", "size={size},backend=memfd,reserve=off"),
    Row("at", "`at`", "size={size},backend=memfd,at=0x10001000"),
    Row("hugetlb", "`hugetlb`, `hugetlbsize`", "size=10M,backend=memfd,hugetlb=on,hugetlbsize=2M", size=10 << 20,
        needs="huge pages"),
    Row("guest-memfd", "`backend=guest-memfd`", "size={size},backend=guest-memfd,slot=plain", needs="guest_memfd",
        cells={"post-copy": NO_FAULTS}),
    Row("guest-memfd-on", "`guest-memfd=on`", "size={size},backend=memfd,guest-memfd=on", needs="guest_memfd",
        cells={"post-copy": NO_FAULTS}),
    Row("bound", "`slot=bound`", "size={size},backend=guest-memfd,slot=bound,private=off", needs="guest_memfd",
        cells={"clone-moves": BOUND, "hand-over": BOUND, "copy": BOUND, "tcp": BOUND, "post-copy": NO_FAULTS}),
    Row("private", "`private=on`", "size={size},private=on", needs="private memory", cells={
        column: "the guest has private memory (--memory private=on), which its host cannot read; *" for column in MOVES}),
    Row("dev-mem", "`mem-path=/dev/mem`", "size={size},backend=file,mem-path=/dev/mem,share=on", needs="/dev/mem", cells={
        column: "'/dev/mem' requires CAP_SYS_RAWIO, which --* drops" for column in COLUMNS}),
    Row("sixteen", "16 pieces", *["size=2M"] * 13, "size=2M,at=1G", "size={size}", alone=True),
    Row("across", "a piece across 3 GiB", "size={size},backend=memfd,reserve=off", size=3100 << 20,
        append="edges", alone=True),
]

KNOWN = {}
