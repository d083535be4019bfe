/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of the machine for the control socket.
 *
 * Threads: the main thread.
 */
#ifndef VMM_COMMANDS_STATUS_H
#define VMM_COMMANDS_STATUS_H

#include <vmm-sys-util/json.h>

#include "cvmm/status.h"
#include "machine/machine.h"

/* The numbers of the status; in any state of a machine that was made. */
void vmm_status_read(struct vmm_machine *m, struct cvmm_statistics *out);
/* -ENOENT: no device. */
int vmm_status_device(const struct vmm_machine *m, unsigned int number,
		      struct cvmm_device *out, struct vsu_error *err);

/* The command "status". */
int vmm_status_command(void *machine, char *const *words, FILE *answer,
		       struct vsu_error *err);

/* True unless the entry is free. */
bool vmm_status_is_present(const struct vmm_device *d);

/* Writes the device's counters as a member. */
void vmm_status_write_numbers(const struct vmm_device *d, struct vsu_json *to);

/* Requests new counters of the guest, which a later report contains. */
void vmm_status_refresh(struct vmm_device *d);

#endif
