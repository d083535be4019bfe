/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A machine on the fake KVM that migrates to the test: replies are sent before the migration
 * begins, and what the machine sends is kept.
 */
#ifndef VMM_TESTS_API_PEER_H
#define VMM_TESTS_API_PEER_H

#include "migration/stream.h"
#include "owner.h"

#define PEER_BYTES (4u << 20)

extern struct one one;
extern struct peer {
	struct vmm_stream stream;
	int sock;		/* the machine's end, which it duplicates */
	unsigned char bytes[PEER_BYTES]; /* received */
	size_t nbytes;
} peer;

/* In a new folder, which becomes the current one. */
void peer_setup(void);
void peer_teardown(void);
/* Closes both ends. */
void peer_close(void);

void peer_reply(const char *const *names);
#define REPLY(...) peer_reply((const char *const []){ __VA_ARGS__, NULL })

/* Starts the machine that MAKE() has made, and its migration. */
void peer_migrate(bool postcopy);

/* Takes turns until the machine has sent a section of this name, and reads no more. */
void peer_read_until(const char *name);

/* Receives all that the machine sends to its end, and closes both ends. */
void peer_record(bool postcopy);

bool peer_has_userfault(void);

#endif
