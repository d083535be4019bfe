/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The words of the command "migrate". */
#ifndef VMM_CONTROL_MIGRATE_WORDS_H
#define VMM_CONTROL_MIGRATE_WORDS_H

#include "control/passed.h"
#include <cvmm/requests.h>

/* Options, then the address. */
struct vmm_migrate_words {
	struct cvmm_migration migration;
	char *address;		/* migration.address: the rest of the words, separated by spaces */
};

/*
 * passed: descriptors that came with the words, or NULL. -EINVAL, -ENOMEM, -EBADF. Free
 * the words in each case.
 */
int vmm_migrate_words_read(struct vmm_migrate_words *out, char *const *words,
			   struct vmm_passed *passed, struct vsu_error *err);
void vmm_migrate_words_free(struct vmm_migrate_words *w);

#endif
