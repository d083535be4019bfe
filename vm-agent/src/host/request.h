/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Builds the records of a request (agent/agent_protocol.h). */
#ifndef VMM_EXEC_REQUEST_H
#define VMM_EXEC_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

/* A command and its surroundings in the guest. All members but words may be zero; all is borrowed. */
struct vagent_command {
	const char *const *words; /* looked up in PATH; a NULL ends them; not empty */
	/*
	 * NAME=VALUE, the last one of a name; a NULL ends them; or NULL. PATH, HOME, USER and LOGNAME
	 * have presets, and TERM without a terminal.
	 */
	const char *const *environment;
	const char *folder;	/* absolute, in which the command begins; NULL: "/" */
	const char *hostname;	/* 1 to 64 bytes; NULL: unchanged */
	bool terminal;		/* input and output are a terminal of the guest, errors are its output */
	unsigned int rows, columns; /* of the terminal; 0: 24 and 80 */
};

/* All zero: empty. */
struct vmm_request {
	char *records;
	uint32_t len;
	int rc;			/* of the first record that failed */
};

/* Adds a record of a letter and a text; a failure is kept in rc. */
void vmm_request_add(struct vmm_request *r, char letter, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A pure function. -EINVAL: no words, or a member that the guest would refuse. */
int vmm_request_check_command(const struct vagent_command *c, struct vsu_error *err);

/* The command: its words, environment, folder, host name and terminal. -EINVAL: see above. */
int vmm_request_add_command(struct vmm_request *r, const struct vagent_command *c,
			    struct vsu_error *err);
/* Adds the records of another request. */
void vmm_request_add_all(struct vmm_request *r, const struct vmm_request *others);

/*
 * The same of records that another process made with vmm_request_add_command(). -EBADMSG: they are
 * not those of a command.
 */
int vmm_request_add_records(struct vmm_request *r, const char *records, uint32_t len,
			    struct vsu_error *err);

/* -E2BIG: the request exceeds VMM_AGENT_MAX_REQUEST; -ENOMEM. */
int vmm_request_check(const struct vmm_request *r, struct vsu_error *err);
void vmm_request_free(struct vmm_request *r);

#endif
