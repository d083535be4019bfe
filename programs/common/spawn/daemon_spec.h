/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device that a daemon serves: its typed properties, in a form that another process can check.
 *
 * Threads: no state.
 */
#ifndef VMM_SPAWN_DAEMON_SPEC_H
#define VMM_SPAWN_DAEMON_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include <device-kinds/kind.h>

#include "cvmm/options.h"
#include "cvmm/servers.h"

/* The texts of a device are part of the list of its option, which is no longer. */
#define VMM_DAEMON_TEXT_MAX (CVMM_OPTION_MAX_LIST + 1)
/* An option of a daemon: a text with its name. */
#define VMM_DAEMON_OPTION_MAX (VMM_DAEMON_TEXT_MAX + 64)
/* Limit that no device reaches. */
#define VMM_DAEMON_MAX_FDS 16

/* Equal devices have equal bytes: those behind the texts are 0. */
struct vmm_daemon_spec {
	uint32_t kind;		/* number of devkind_get() */
	uint32_t queues, queue_size; /* 0: the default */
	uint32_t len;		/* of text */
	/* of the kind; instead of a text it has its position in text, beginning with 1 */
	_Alignas(8) unsigned char config[DEVKIND_MAX_CONFIG];
	char text[VMM_DAEMON_TEXT_MAX];	/* each ends with a zero byte */
};

/* -E2BIG: the texts do not fit. */
int vmm_daemon_spec_make(struct vmm_daemon_spec *spec, const struct cvmm_server *server);

/* Whether the functions below may read a spec of which the first size bytes were received. */
bool vmm_daemon_spec_is_valid(const struct vmm_daemon_spec *spec, size_t size);

/* The bytes of a spec up to the end of its texts. */
size_t vmm_daemon_spec_size(const struct vmm_daemon_spec *spec);

/* A property that was given; all zero before the first one. */
struct vmm_daemon_value {
	const struct devkind_key *key;
	struct vsu_option_value value;
	int fd;			/* descriptor to which it refers; -1: none */
	unsigned int next;	/* key of the next one */
	uint32_t next_time;	/* of a key that may be repeated */
};

/* The next property; false: there is none. */
bool vmm_daemon_next(const struct vmm_daemon_spec *spec, struct vmm_daemon_value *v);

/* The next property that refers to a descriptor. */
bool vmm_daemon_next_fd(const struct vmm_daemon_spec *spec, struct vmm_daemon_value *v);

unsigned int vmm_daemon_count_fds(const struct vmm_daemon_spec *spec);

/* The daemon's option of a property; fd replaces the number of its descriptor. */
const char *vmm_daemon_option(const struct vmm_daemon_value *v, int fd,
			      char option[VMM_DAEMON_OPTION_MAX]);

#endif
