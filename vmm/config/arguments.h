/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A parsed command line: the options and operands of "run", in their order, each with its row
 * and value. Words are parsed into it once; it is merged with those of a saved machine,
 * read into typed options, changed as devices come and go, and written as words again when
 * the machine is saved or moved.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_ARGUMENTS_H
#define VMM_CONFIG_ARGUMENTS_H

#include <stdio.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

struct vmm_option_row;

struct vmm_argument {
	const struct vmm_option_row *row;
	struct vsu_option_value value;
};

struct vmm_arguments {
	struct vmm_argument *list;
	unsigned int n;
	char *text;		/* storage of the values of a copy; else NULL */
};

struct vmm_words {
	char **words;		/* NULL after the last */
	int n;
	char *text;		/* storage of all of them, or NULL */
};

/* Copies all, and their values, so that the words may be freed. -ENOMEM. */
int vmm_arguments_copy(struct vmm_arguments *to, const struct vmm_arguments *from,
		       struct vsu_error *err);

/* The name of the option or operand. */
const char *vmm_argument_name(const struct vmm_argument *a);

/* The first one with that name, or NULL. */
struct vmm_argument *vmm_arguments_find(const struct vmm_arguments *in, const char *name);

/* The words, without a command, which the caller frees: "--cpus=2". -ENOMEM. */
int vmm_arguments_write(const struct vmm_arguments *a, struct vmm_words *out,
			struct vsu_error *err);

/* Writes a line with a JSON object whose member "arguments" has the n words. */
void vmm_words_write_json(char *const *words, int n, FILE *to);

void vmm_arguments_free(struct vmm_arguments *a);
void vmm_words_free(struct vmm_words *words);

#endif
