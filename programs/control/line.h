/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A client's line, and the command that it names.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_LINE_H
#define VMM_CONTROL_LINE_H

#include "control/control.h"

/* Beside the words of a line. The command and its time are results. */
struct vmm_line_terms {
	unsigned int npassed;	/* number of its descriptors */
	const char *command;	/* its row's name */
	uint64_t timeout_ms;	/* of its reply; 0: without a limit */
};

/*
 * Divides the line in place: the number of its words, at most one more than permitted, which
 * a NULL follows.
 */
unsigned int vmm_control_divide(char *line, char *words[VMM_CONTROL_WORDS + 2]);

/*
 * Executes a line, which is divided in place, by the commands of config. Result as vmm_control_fn;
 * an unknown command is an error with a sentence, too.
 */
int vmm_control_execute(const struct vmm_control_config *config, char *line,
			struct vmm_line_terms *terms, FILE *answer, struct vsu_error *err);

#endif
