/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Memory and time that the processes of a container use on the host: those of its control group, or
 * without one the monitor and its children.
 *
 * Threads: no state.
 */
#ifndef OCI_HOST_USAGE_H
#define OCI_HOST_USAGE_H

#include <stdint.h>
#include <sys/types.h>

/* 0: unknown to the host. */
struct oci_host_usage {
	uint64_t memory;	/* bytes */
	uint64_t cpu_ns;
};

/* cgroup: folder of the control group; empty: none. */
struct oci_host_usage oci_host_usage(const char *cgroup, pid_t monitor);

#endif
