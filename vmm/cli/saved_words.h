/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The command line of a saved machine, with the options that a continued machine may
 * have instead.
 *
 * Options of devices replace the saved ones in order: the second --disk replaces the
 * second disk. The value "saved" keeps the saved device. --clone drops --control and
 * --serial of the saved machine.
 *
 * Threads: the main thread.
 */
#ifndef VMM_SAVED_WORDS_H
#define VMM_SAVED_WORDS_H

#include <vmm-sys-util/error.h>

/* The words of a command line. They point into its sources, which must live as long. */
struct vmm_words {
	char **words;		/* words[0] is the command; NULL after the last */
	int n;
	char *text;		/* storage of some of them */
};

/* -EINVAL: an option that cannot change a saved machine, or a wrong command line. */
int vmm_saved_words_merge(struct vmm_words *out, const struct vmm_words *saved,
			  int argc, char *const *argv, struct vsu_error *err);

/* The same check of the options alone, before the saved command line is known. */
int vmm_saved_words_check(int argc, char *const *argv, struct vsu_error *err);

void vmm_words_free(struct vmm_words *words);

#endif
