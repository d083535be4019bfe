/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Command lines of other machines: --from FOLDER is replaced by the options of the saved machine,
 * changed by the other options (config/merge.h); --incoming ADDRESS by those of the source,
 * likewise. A file of --cpu is replaced by its content.
 *
 * Threads: the main thread, or the one that makes a machine which arrives.
 */
#ifndef VMM_API_CONFIGURATION_H
#define VMM_API_CONFIGURATION_H

#include <stdbool.h>

#include "config/merge.h"
#include "config/own_rows.h"
#include "cvmm/exit_status.h"
#include "migration/channels.h"

struct vmm_log;

struct vmm_configuration {
	const struct vmm_log *log;	/* or NULL */
	const struct vmm_peer_guard *guard; /* or NULL */
	struct vmm_own_rows *own;	/* of the owner; or NULL */
	struct vmm_arguments given;	/* a copy, without --incoming */
	struct vmm_arguments all;	/* if merged: of a machine that was saved or arrives */
	bool merged;
	struct vmm_arguments saved;	/* its own arguments, in text */
	char *text;		/* content of the saved file or of the stream, or NULL */
	char *cpu;		/* "list:..." in place of the file of --cpu, or NULL */
	struct vmm_stream stream; /* --incoming: after its command line was read */
	struct vmm_channels channels;
	bool incoming;
	enum cvmm_step stage;	/* of a failure to read */
};

/*
 * Confines this process before it reads a byte of another one (--incoming). given: its own
 * command line. source: connected already if its address names one peer (fd:, exec:); its
 * leash may be set. A failure, in *stage, ends the reading.
 */
struct vmm_peer_guard {
	int (*begin)(void *opaque, const char *address, const struct vmm_arguments *given,
		     struct vmm_stream *source, enum cvmm_step *stage, struct vsu_error *err);
	void *opaque;
};

/*
 * own, log and guard may be NULL. -ENOENT and the like: the file cannot be read; -EBADMSG, -E2BIG,
 * -EINVAL: its content is refused. Freed in each case by vmm_configuration_free().
 */
int vmm_configuration_read(struct vmm_configuration *c, struct vmm_own_rows *own,
			   const struct vmm_arguments *given, const struct vmm_log *log,
			   const struct vmm_peer_guard *guard, struct vsu_error *err);

/*
 * The options of all arguments, and with --clone those of the saved machine. 0, or an exit status
 * with its message. The options refer to the configuration.
 */
int vmm_configuration_parse(struct vmm_configuration *c, struct vmm_options *options,
			    struct vmm_options *saved, struct vsu_error *err);

void vmm_configuration_free(struct vmm_configuration *c);

#endif
