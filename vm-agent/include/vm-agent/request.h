/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The request of a session: records of a command, and of the file systems and the network of its
 * guest, as <vm-agent/protocol.h> lists them.
 *
 * Threads: confined.
 */
#ifndef VM_AGENT_REQUEST_H
#define VM_AGENT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-agent/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* A command and its surroundings in the guest. Members other than size and words may be zero; all is borrowed. */
struct vagent_command {
	size_t size;		/* sizeof(struct vagent_command); not 0 */
	const char *const *words; /* looked up in PATH; a NULL ends them; not empty */
	/*
	 * Settings NAME=VALUE, of which the last one with a name counts; a NULL ends them. NULL: none.
	 * PATH, HOME, USER and LOGNAME have presets, and TERM without a terminal.
	 */
	const char *const *environment;
	const char *folder;	/* absolute path of the working folder; NULL: "/" */
	const char *hostname;	/* 1 to 64 bytes; NULL: unchanged */
	bool terminal;		/* input and output are a terminal of the guest, errors are its output */
	unsigned int rows, columns; /* of the terminal; 0: 24 and 80 */
	/* USER or USER:GROUP, names or numbers of the guest, which finds the supplementary groups of a user without GROUP; NULL: root */
	const char *user;
};

/* Fixed layout. All zero: empty. */
struct vagent_request {
	char *records;
	uint32_t len;
	int rc;			/* of the first record that failed */
};

/* Adds a record of a letter and a text. Sets rc on a failure; later calls do nothing then. */
VAGENT_API void vagent_request_add(struct vagent_request *r, char letter, const char *fmt, ...)
	VSU_PRINTF(3, 4);

/* Checks a command; a pure function. -EINVAL: no words, or a member that the guest would refuse. */
VAGENT_API int vagent_request_check_command(const struct vagent_command *c, struct vsu_error *err) VSU_NODISCARD;

/* Adds the records of a command. -EINVAL: see above. */
VAGENT_API int vagent_request_add_command(struct vagent_request *r, const struct vagent_command *c,
			    struct vsu_error *err) VSU_NODISCARD;
/* Adds the records of another request. */
VAGENT_API void vagent_request_add_all(struct vagent_request *r, const struct vagent_request *others);

/* Returns the first failure of adding. -E2BIG: the request exceeds VAGENT_MAX_REQUEST; -ENOMEM. */
VAGENT_API int vagent_request_check(const struct vagent_request *r, struct vsu_error *err) VSU_NODISCARD;
VAGENT_API void vagent_request_free(struct vagent_request *r);

VSU_END_DECLS

#endif
