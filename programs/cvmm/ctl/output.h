/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Replies of the control socket for people.
 *
 * Threads: no state.
 */
#ifndef VMM_CTL_OUTPUT_H
#define VMM_CTL_OUTPUT_H

#include <stdio.h>

#include <vmm-sys-util/error.h>

/*
 * A row for each member and each element of an array: its name, and its values. Lines have the
 * width of the terminal, or else 80 columns: values that do not fit continue on the next line,
 * and a value that is longer than a line is shortened in its middle.
 * reply is modified. -EBADMSG: not a reply.
 */
int vmm_control_print_rows(char *reply, FILE *to, struct vsu_error *err);

/*
 * Replaces what a terminal shows by the title and by as many lines of the rows as fit below it;
 * the last line has the number of others. reply is modified. -EBADMSG: not a reply.
 */
int vmm_control_print_screen(char *reply, const char *title, FILE *to, struct vsu_error *err);

#endif
