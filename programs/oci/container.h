/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Converts a configuration into what the guest's agent receives: a container, and its processes.
 *
 * Threads: no state.
 */
#ifndef OCI_CONTAINER_H
#define OCI_CONTAINER_H

#include <vm-agent/guest.h>
#include <vm-agent/process.h>

#include "oci/layout.h"
#include "oci/filter.h"
#include "oci/spec.h"

/*
 * Checks whether machines support all that a configuration requires, without an effect. -EOPNOTSUPP: the
 * sentence names the member.
 */
int oci_container_check(const struct oci_spec *spec, struct vsu_error *err);

/* Refuses descriptors that the caller of the program would pass: a number of them, or those of systemd(1). */
int oci_container_check_descriptors(uint64_t preserved, struct vsu_error *err);

/* Adds the container to a guest that is ready. */
int oci_container_add(struct vagent_guest *g, const struct oci_spec *spec, const struct oci_layout *layout,
		      unsigned int *number, struct vsu_error *err);

/* Prepares a process. streams: 3 descriptors. filter: of the container; empty: none. */
int oci_container_prepare(struct vagent_guest *g, unsigned int number, const struct oci_process *p,
			  const struct oci_filter *filter, const int *streams, struct vagent_process **out,
			  struct vsu_error *err);

/*
 * The exit status of a process that has finished, as engines expect it, and of one that was not executed
 * the sentence by which they recognize why.
 */
int oci_container_status(const struct vagent_process *p, const char *program, struct vsu_error *why);

/* Whether a process that has finished exited, or was ended by a signal: it could be started. */
bool oci_container_could_start(const struct vagent_process *p);

#endif
