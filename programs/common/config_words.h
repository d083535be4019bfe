/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The words of a command line, in which --config FILE is replaced by the member "arguments" of a
 * JSON object, as --dry-run --json prints it.
 *
 * Threads: no state.
 */
#ifndef VMM_COMMON_CONFIG_WORDS_H
#define VMM_COMMON_CONFIG_WORDS_H

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

struct vmm_config_words {
	char **words;		/* words[0] is the command; NULL after the last */
	int n;
	char *text;		/* of the file; or NULL */
	char *replaced;		/* a word of vmm_config_words_set(); or NULL */
};

/*
 * Words point into argv and the file. With --incoming, --config stays: another machine names the
 * options. -ENOENT and the like: the file cannot be read; -EBADMSG, -E2BIG, -EINVAL: its content is
 * refused. Free the words in each case.
 */
int vmm_config_words_make(struct vmm_config_words *w, const struct vsu_option *table, int argc,
			  char *const *argv, struct vsu_error *err);

/* Replaces the value of the only option --NAME, if there is one. Once. -ENOMEM. */
int vmm_config_words_set(struct vmm_config_words *w, const struct vsu_option *table, const char *name,
			 const char *value, struct vsu_error *err);

void vmm_config_words_free(struct vmm_config_words *w);

#endif
