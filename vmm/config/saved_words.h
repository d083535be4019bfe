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
 * Whole arguments are replaced, so that the others stay as they were typed and in their order. A
 * value that changes (memory of a clone, a former descriptor) is read, changed and written.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_SAVED_WORDS_H
#define VMM_CONFIG_SAVED_WORDS_H

#include "config/arguments.h"

/* Number of options that may be reported as ignored; none may be repeated. */
#define VMM_WORDS_IGNORED 4

/* Former options that do not count and are not given again; the user may want them. */
struct vmm_ignored {
	struct vmm_argument list[VMM_WORDS_IGNORED];
	unsigned int n;
};

/* Whose command line it was. */
enum vmm_words_origin {
	VMM_WORDS_SAVED,
	VMM_WORDS_CLONE,	/* --clone is among the new options */
	VMM_WORDS_STREAM,	/* of another process, that of the source */
};

/*
 * *out is a copy, which the caller frees; ignored points into saved. -EINVAL: an option that
 * cannot change a saved machine.
 */
int vmm_saved_words_merge(struct vmm_arguments *out, struct vmm_ignored *ignored,
			  const struct vmm_arguments *saved, enum vmm_words_origin origin,
			  const struct vmm_arguments *given, struct vsu_error *err);

/* The same check of the options alone, before the saved command line is known. */
int vmm_saved_words_check(const struct vmm_arguments *given, struct vsu_error *err);

#endif
