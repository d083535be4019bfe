/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine of a container, on KVM or emulated by QEMU.
 *
 * Waiting: oci_machine_fd() never changes; when it is readable, call oci_machine_dispatch().
 *
 * Threads: the main thread.
 */
#ifndef OCI_MACHINE_H
#define OCI_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-agent/guest.h>
#include <vmm-sys-util/error.h>

#include "oci/network.h"
#include "oci/report.h"
#include "oci/settings.h"

struct oci_machine;

struct oci_machine_config {
	const struct oci_settings *settings;
	const char *share;	/* folder of the host, which the agent mounts at OCI_LAYOUT_SHARE */
	const struct oci_network *network; /* its cards */
	const struct oci_report *report;
	uint64_t memory;
	unsigned int cpus;
};

/* Makes a machine; the caller confines itself before the start, by which it boots. */
int oci_machine_new(const struct oci_machine_config *c, struct oci_machine **out, struct vsu_error *err);
int oci_machine_start(struct oci_machine *m, struct vsu_error *err);
int oci_machine_fd(const struct oci_machine *m);

/* One turn. False: the machine has ended, for the reason in *why. */
bool oci_machine_dispatch(struct oci_machine *m, struct vsu_error *why);

/* The connection to its agent; of the machine. */
struct vagent_guest *oci_machine_agent(struct oci_machine *m);

/* Stops its CPUs, or continues them. */
int oci_machine_pause(struct oci_machine *m, bool paused, struct vsu_error *err);

/* Called in any state, after the processes of its agent; m may be NULL. */
void oci_machine_free(struct oci_machine *m);

#endif
