# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""Headers of another version: other_sizes.py older|newer FROM INTO

Copies the public headers. Structs whose first member is their size have one
member less in older ones (none that the programs of the test name), and some
more in newer ones. Prints a program that says how long they are.
"""
import pathlib
import re
import sys

KEPT = {"virtdev_disk_file": "sigbus"}
SIZED = re.compile(r"(?s)\nstruct (\w+) \{\n\tsize_t size;(.*?)\n\};")


def changed(kind, match):
    name, body = match.groups()
    members = re.sub(r"(?s)/\*.*?\*/", "", body).strip().split(";")[:-1]
    if kind == "newer":
        members.append("\n\tunsigned char newer_[64]")
    elif name not in KEPT:
        members.pop()
    return f"\nstruct {name} {{\n\tsize_t size;{''.join(m + ';' for m in members)}\n}};"


kind, source, into = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
headers, structs = [], []
for path in sorted(source.glob("*/include/*/*.h")):
    text = path.read_text()
    to = into / path.parent.name / path.name
    to.parent.mkdir(parents=True, exist_ok=True)
    found = [m.group(1) for m in SIZED.finditer(text)]
    to.write_text(SIZED.sub(lambda m: changed(kind, m), text) if kind != "same" else text)
    if found:
        headers.append(f"{path.parent.name}/{path.name}")
        structs += found
print("#include <stdio.h>")
for header in headers:
    print(f"#include <{header}>")
print("int main(void)\n{")
for name in structs:
    print(f'\tprintf("{name} %zu\\n", sizeof(struct {name}));')
print("\treturn 0;\n}")
