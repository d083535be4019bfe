/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Options among the words of a command line whose other words may be wrong, for those that
 * are replaced before the line is parsed.
 *
 * Threads: no state.
 */
#ifndef VMM_COMMON_OPTION_WORDS_H
#define VMM_COMMON_OPTION_WORDS_H

#include <stddef.h>

#include <vmm-sys-util/option.h>

struct vmm_option_word {
	const struct vsu_option *row; /* NULL: an operand, or unknown */
	const char *value;	/* NULL: none */
	int used;		/* number of words: 2 for "--name VALUE" */
};

/* The row of --NAME; NULL: none. */
const struct vsu_option *vmm_option_row(const struct vsu_option *table, const char *name, size_t len);

/* The option that begins at words[0] of n. */
struct vmm_option_word vmm_option_word_at(const struct vsu_option *table, char *const *words, int n);

/* The index of the first option --NAME before "--"; n: none, and *out is unchanged. */
int vmm_option_words_find(const struct vsu_option *table, char *const *words, int n,
			  const char *name, struct vmm_option_word *out);

#endif
