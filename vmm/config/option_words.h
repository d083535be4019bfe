/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Options among the words of a command line whose other words may be wrong, for those that
 * are replaced before the line is parsed.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_OPTION_WORDS_H
#define VMM_CONFIG_OPTION_WORDS_H

#include "config/option_rows.h"

struct vmm_option_word {
	const struct vmm_option_row *row; /* NULL: an operand, or unknown */
	const char *value;	/* NULL: none */
	int used;		/* number of words: 2 for "--name VALUE" */
};

/* The option that begins at words[0] of n. */
struct vmm_option_word vmm_option_word_at(char *const *words, int n);

/* The index of the first option of this row before "--"; n: none, and *out is unchanged. */
int vmm_option_words_find(char *const *words, int n, const struct vmm_option_row *row,
			  struct vmm_option_word *out);

#endif
