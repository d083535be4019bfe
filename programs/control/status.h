/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of the machine for the control socket.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_STATUS_H
#define VMM_CONTROL_STATUS_H

#include <vmm-sys-util/json.h>

#include <cvmm/status.h>

/* The commands "status" and "memory". */
int vmm_status_command(void *commands, char *const *words, FILE *answer, struct vsu_error *err);
int vmm_memory_report_command(void *commands, char *const *words, FILE *answer,
			      struct vsu_error *err);

/* Writes memory and windows as two members. */
void vmm_memory_report(struct cvmm_machine *m, struct vsu_json *to);

/* Writes the counters of a device as a member, and requests newer ones of the guest. */
void vmm_status_write_numbers(struct cvmm_machine *machine, unsigned int number,
			      struct vsu_json *to);

#endif
