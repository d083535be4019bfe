/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's memory and windows for the control socket.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_MEMORY_REPORT_H
#define VMM_CONTROL_MEMORY_REPORT_H

#include <vmm-sys-util/json.h>

#include <cvmm/status.h>

/* Writes memory and windows as two members. */
void vmm_memory_report(struct cvmm_machine *m, struct vsu_json *to);

/* The command "memory". */
int vmm_memory_report_command(void *commands, char *const *words, FILE *answer,
			      struct vsu_error *err);

#endif
