/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A client's line, and the command that it names.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_LINE_H
#define VMM_CONTROL_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <vmm-sys-util/error.h>

struct cvmm_machine;

#define VMM_CONTROL_LINE 8192u	/* maximum length of a request, including its end */
#define VMM_CONTROL_WORDS 64u	/* as long as an address exec: with a command */

/*
 * Executes a command; words[0] is its name. Text written to answer is appended
 * to the JSON object as further members, each with a comma before it. On a
 * negative errno nothing was changed, and the text is dropped. A positive result
 * is that of vmm_deferred_begin(): the reply follows later, and the text is
 * dropped, too.
 */
typedef int (*vmm_control_fn)(void *opaque, char *const *words, FILE *answer,
			      struct vsu_error *err);

struct vmm_control_command {
	const char *name;
	const char *args;	/* "DEVICE SIZE"; NULL: no arguments */
	unsigned int nargs, nargs_max;	/* minimum and maximum */
	vmm_control_fn fn;	/* NULL: request does all */
	const char *help;	/* one line for people */
	bool passes;		/* descriptors may come with its line */
	bool moves;		/* for machines that are saved or move: help pages list it there, too */
	bool waits;		/* its reply may be deferred; timeout= before the arguments limits it */
	int (*request)(struct cvmm_machine *m, struct vsu_error *err);
};

struct vmm_command_table {
	const struct vmm_control_command *rows;	/* ends with a row without a name */
	void *opaque;		/* the argument of their functions */
	struct cvmm_machine *const *machine; /* for their requests */
};

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
 * Executes a line, which is divided in place, by a table of commands. Result as vmm_control_fn;
 * an unknown command is an error with a sentence, too.
 */
int vmm_control_execute(const struct vmm_command_table *commands, char *line,
			struct vmm_line_terms *terms, FILE *answer, struct vsu_error *err);

#endif
