/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Checked options of a migration. */
#ifndef VMM_TRANSFER_MIGRATE_OPTIONS_H
#define VMM_TRANSFER_MIGRATE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "cvmm/requests.h"

struct vmm_migrate_options {
	char *address;		/* fd:N and unix:fd:N have the number of fd */
	uint64_t downtime_ms;
	uint64_t rate;		/* bytes per second; 0: no limit */
	unsigned int connections; /* for memory, 1 to VMM_CHANNELS_MAX */
	bool converge;
	int fd;			/* of the address fd:N or unix:fd:N, owned; -1: none */
	bool postcopy;		/* the guest moves before its memory, after so many rounds of copying: */
	unsigned int rounds;
};

/* -EINVAL, -ENOMEM, -ENOTSOCK and other errors of a socket. Free the options in each case. */
int vmm_migrate_options_init(struct vmm_migrate_options *o, const struct cvmm_migration *from,
			     struct vsu_error *err);
/* -ENOENT: the address is a socket that does not exist, for which the sentence has this end. */
int vmm_migrate_check_path(const struct vmm_migrate_options *o, const char *no_path, struct vsu_error *err);
void vmm_migrate_options_free(struct vmm_migrate_options *o);

#endif
