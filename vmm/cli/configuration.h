/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Command lines from a file: --config FILE is replaced by the member
 * "arguments" of a JSON object, as --dry-run --json prints it. --from FOLDER has
 * those of the saved machine, changed by the other options (saved_words.h).
 * --incoming ADDRESS waits for a machine, and has those of its source likewise.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONFIGURATION_H
#define VMM_CONFIGURATION_H

#include <stdbool.h>

#include "cli/saved_words.h"
#include "migration/stream.h"

/* A command line; its words live as long as argv and this. */
struct vmm_configuration {
	struct vmm_words all;
	struct vmm_words saved;	/* of the saved machine alone; n is 0 without --from */
	char *text;		/* of the file, or NULL */
	struct vmm_stream stream; /* of --incoming; its command line was read */
	bool incoming;
};

/*
 * -ENOENT and the like: the file cannot be read; -EBADMSG, -E2BIG, -EINVAL: its
 * content is refused. Freed in each case by vmm_configuration_free().
 */
int vmm_configuration_read(struct vmm_configuration *c, int argc,
			   char *const *argv, struct vsu_error *err);
void vmm_configuration_free(struct vmm_configuration *c);

#endif
