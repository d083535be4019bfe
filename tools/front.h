/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * "vhost-user-tool check-frontend": cases on a front-end, which a command starts and which
 * connects to a back-end that is played here.
 *
 *   script    what the back-end offers, and where it breaks the rules
 *   session   the command from its start to its end under one script
 *   record    each message of the session, in order, with facts about its descriptors
 *
 * A case judges the record of the last session, or runs one of its own.
 *
 * Threads: confined to one.
 */
#ifndef TOOLS_FRONT_H
#define TOOLS_FRONT_H

#include <sys/stat.h>

#include "check_case.h"

#define FRONT_RINGS		16u
#define FRONT_SLOTS		32u
#define FRONT_KEPT_BYTES	272u	/* of a payload */
#define FRONT_KEPT_FDS		8u
#define FRONT_MAX_RECORDS	2048u

struct vmem_block;
struct vmem_sigbus;

struct front_ring {
	uint32_t size, base;
	struct vhost_user_vring_addr addr;
	int kick, call;		/* -1: none */
	bool started, enabled;
};

struct front_disk {
	unsigned int n;			/* regions */
	struct vmem_block *blocks[FRONT_SLOTS];
	struct vhost_user_mem_region wire[FRONT_SLOTS];	/* as they were sent */
	struct front_ring rings[FRONT_RINGS];
	bool stalls;		/* completes no request */
	struct vmem_sigbus *sigbus;
	bool truncated;		/* a former region was shorter than its size */
};

struct front_record {
	struct vhost_user_header hdr;
	const struct vhost_user_message *row;	/* NULL: unknown */
	bool reply;		/* of the back-end; else a request of the front-end */
	bool channel;		/* on the back-end channel */
	unsigned int connection;	/* from 1 */
	unsigned int nfds;
	struct stat fds[FRONT_KEPT_FDS];
	uint64_t protocol;	/* acknowledged before the message */
	struct vsu_error problem;	/* of exchange_judge(); code 0: none */
	union {
		unsigned char payload[FRONT_KEPT_BYTES];
		uint64_t u64;
		struct vhost_user_vring_state state;
		struct vhost_user_vring_addr addr;
		struct vhost_user_mem_table table;
		struct vhost_user_mem_reg slot;
		struct vhost_user_config config;
		struct vhost_user_inflight inflight;
	};
};

/* How a message differs from the right one. All zero: in nothing. */
struct front_twist {
	const char *name, *rule;
	uint32_t flags;		/* are inverted */
	uint32_t number;	/* is added to the request's */
	int32_t size;		/* is added, in the header and in the payload */
	uint32_t claim;		/* the size in the header; 0: the true one */
	unsigned int nfds;	/* further descriptors */
	unsigned int copies;	/* are sent beside the first one */
	unsigned int keep;	/* bytes that are sent; 0: all */
	bool fill;		/* the payload is all ones */
	bool mute;		/* nothing is sent */
	bool close;		/* the connection ends then */
	bool judged;		/* the front-end must end the connection */
};

enum front_event {
	FRONT_NOTHING,
	FRONT_DISCONNECTS,	/* once the rings run */
	FRONT_SENDS,		/* a request on the back-end channel: number and payload */
};

struct front_script {
	uint64_t features, protocol;	/* offered */
	uint64_t later;			/* features of the second connection; 0: the same */
	bool stalls;			/* the first connection completes no request */
	enum front_event event;
	uint32_t number;		/* of FRONT_SENDS */
	bool answered;			/* its reply is judged */
	const void *payload;
	uint32_t size;
	uint32_t at;			/* request whose reply has the twist; 0: none */
	struct front_twist twist;	/* also of the request of FRONT_SENDS */
};

enum front_phase {
	FRONT_STARTS,		/* no ring runs */
	FRONT_RUNS,
	FRONT_STOPS,		/* SIGTERM was sent */
	FRONT_ENDED,
};

struct front {
	struct check c;		/* first: cases have its address */
	int listener, channel;
	const struct front_script *script;
	enum front_phase phase;
	uint64_t stop_ns;	/* SIGTERM was sent */
	uint64_t last_ns;	/* of the last message or change of the phase */
	uint64_t status;	/* of SET_STATUS */
	unsigned int connection;
	unsigned int happened;	/* connection of the twist or event of the script; 0: not yet */
	bool owes;		/* it must still answer, or end that connection */
	bool gone_on;		/* that connection existed at SIGTERM */
	bool killed;		/* it did not end by SIGTERM */
	unsigned int judged;	/* connection of the record that front_next() shows */
	unsigned int nrecords;
	struct front_record *records;
	bool recorded;		/* the last session was that of front_plain */
	struct front_disk disk;
};

static inline struct front *front_of(struct check *c)
{
	return (struct front *)c;
}

/* Runs the command under a script; false: it did not connect. */
bool front_session(struct front *f, const struct front_script *script);
/* Runs it under the row's script. */
check_step front_run;

/* The script of a back-end without faults. */
extern const struct front_script front_plain;

/* The next request of the front-end with this number (0: any) behind r (NULL: all). */
const struct front_record *front_next(const struct front *f, const struct front_record *r,
				      uint32_t number);
/* The last one before r. */
const struct front_record *front_before(const struct front *f, const struct front_record *r,
					uint32_t number);

/* Adds a region, or, with fd -1, removes it. False: it cannot. */
bool front_disk_region(struct front_disk *d, const struct vhost_user_mem_region *r, int fd);
void front_disk_forget(struct front_disk *d);	/* all regions */
void front_disk_serve(const struct front_disk *d, const struct front_ring *r);
/* Returns the base. */
uint32_t front_disk_stop(const struct front_disk *d, struct front_ring *r);
/* Resets, at the end of a connection, everything that it has set. */
void front_disk_reset(struct front_disk *d);

extern const struct check_case front_rules[];
extern const struct check_case front_cases[];

/* Replies with a twist: every twist is tried with every one of the requests. */
extern const struct front_twist front_twists[];
extern const uint32_t front_twisted[];		/* ended by 0 */

#endif
