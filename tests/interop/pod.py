# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""The commands of the containers of a Kubernetes pod.

pod.py FILE CONTAINER command|startupProbe|livenessProbe prints a word per line.
"""
import sys

import yaml


def main():
    name, what = sys.argv[2:]
    with open(sys.argv[1], encoding="utf-8") as file:
        spec = yaml.safe_load(file)["spec"]
    # podman runs one of initContainers to its end before it starts the next.
    assert "initContainers" not in spec, "podman starts no daemon among initContainers"
    containers = {c["name"]: c for c in spec["containers"]}
    for container in containers.values():
        assert container["image"] == "localhost/cvmm:latest", "Containerfile does not make the image"
        mounted = {m["name"] for m in container["volumeMounts"]}
        assert mounted <= {v["name"] for v in spec["volumes"]}, "a volume is missing"
    found = containers[name][what]
    print("\n".join(found if what == "command" else found["exec"]["command"]))


main()
