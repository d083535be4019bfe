/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The status of a machine as metrics.
 *
 * Threads: no state.
 */
#ifndef VMM_CLI_STATUS_METRICS_H
#define VMM_CLI_STATUS_METRICS_H

#include <stdbool.h>
#include <stdio.h>

#include <vmm-sys-util/error.h>

/*
 * Prints a reply in the text format 0.0.4 of Prometheus. reply is modified. -EBADMSG: not a
 * reply; -ENOMEM. Then nothing was printed.
 */
int vmm_status_print_prometheus(char *reply, FILE *to, struct vsu_error *err);

/* Whether the table has this number of a status, as a metric or as none: "cpus". */
bool vmm_status_knows(const char *path);

#endif
