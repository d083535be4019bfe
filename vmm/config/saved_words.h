/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The former command line of a machine that was saved or arrives by a migration, with the
 * options that the continued machine may have instead.
 *
 * Options of devices replace the saved ones in order: the second --disk replaces the
 * second disk. The value "saved" keeps the saved device. Some former options do not count, by their origin; each
 * ignored --sandbox and --daemon-path that is not given again is listed. Memory of a clone
 * is not in the shared files of the saved machine.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_SAVED_WORDS_H
#define VMM_CONFIG_SAVED_WORDS_H

#include <vmm-sys-util/error.h>

/* An option and its value. */
struct vmm_word {
	const char *name, *value;
};

/* Number of options that may be reported as ignored; none may be repeated. */
#define VMM_WORDS_IGNORED 4

/* The words of a command line. They point into its sources, which must live as long. */
struct vmm_words {
	char **words;		/* words[0] is the command; NULL after the last */
	int n;
	char *text;		/* storage of some of them */
	/* former options that do not count and are not given again; the user may want them */
	struct vmm_word ignored[VMM_WORDS_IGNORED];
	unsigned int nignored;
};

/* Whose command line it was. */
enum vmm_words_origin {
	VMM_WORDS_SAVED,
	VMM_WORDS_CLONE,	/* --clone is among the new options */
	VMM_WORDS_STREAM,	/* of another process, that of the source */
};

/* -EINVAL: an option that cannot change a saved machine, or a wrong command line. */
int vmm_saved_words_merge(struct vmm_words *out, const struct vmm_words *saved,
			  enum vmm_words_origin origin, int argc, char *const *argv, struct vsu_error *err);

/* The same check of the options alone, before the saved command line is known. */
int vmm_saved_words_check(int argc, char *const *argv, struct vsu_error *err);

void vmm_words_free(struct vmm_words *words);

#endif
