/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The status of a machine as metrics.
 *
 * Threads: no state.
 */
#ifndef VMM_CTL_METRICS_H
#define VMM_CTL_METRICS_H

#include <stdbool.h>
#include <stdio.h>

#include <vmm-sys-util/error.h>

/*
 * Prints a reply in the text format 0.0.4 of Prometheus. All samples have the label machine: the
 * name of the machine, or without one that of the file at path. Other characters than letters,
 * digits and "-._" become "_" in it. reply is modified. -EBADMSG: not a
 * reply; -ENOMEM. Then nothing was printed.
 */
int vmm_status_print_prometheus(char *reply, const char *path, FILE *to, struct vsu_error *err);

/* Whether the table has this number of a status, as a metric or as none: "cpus". */
bool vmm_status_knows(const char *path);

#endif
