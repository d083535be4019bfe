/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Kinds of machines of containers: on KVM in this process, and emulated by QEMU.
 *
 * Threads: the main thread.
 */
#ifndef OCI_MACHINE_KIND_H
#define OCI_MACHINE_KIND_H

#include <stdbool.h>

struct oci_machine;
struct oci_machine_config;
struct vagent_guest;
struct vsu_error;

/* Functions of <oci/machine.h> for a kind. */
struct oci_machine_kind {
	int (*start)(struct oci_machine *m, struct vsu_error *err);
	int (*get_fd)(const struct oci_machine *m);
	bool (*dispatch)(struct oci_machine *m, struct vsu_error *why);
	struct vagent_guest *(*get_agent)(struct oci_machine *m);
	int (*pause)(struct oci_machine *m, bool paused, struct vsu_error *err);
	void (*free)(struct oci_machine *m);
};

/* The first member of each machine. */
struct oci_machine {
	const struct oci_machine_kind *kind;
};

int oci_machine_new_emulated(const struct oci_machine_config *c, struct oci_machine **out, struct vsu_error *err);
int oci_machine_new_kvm(const struct oci_machine_config *c, struct oci_machine **out, struct vsu_error *err);

#endif
