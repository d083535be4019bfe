/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A line of a client, and the command that it names.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_LINE_H
#define VMM_CONTROL_LINE_H

#include "control/control.h"

/*
 * Carries out what the line asks for, which is changed on the way; as
 * vmm_control_fn, with a sentence for a line that is no command, too.
 */
int vmm_control_obey(const struct vmm_control_command *commands, void *opaque,
		     char *line, FILE *answer, struct vsu_error *err);

#endif
