/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A scripted back-end for tests of the front-end. It reads raw messages from
 * its end of a socketpair, records them, and replies to each like a correct
 * back-end, except for one deviation at one message. It shares no code with the
 * library, so that a fault there cannot hide here.
 */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/protocol.h>

#define PEER_LOG	512u
#define PEER_FDS	64u
/* In postcopy: the address at which the back-end has mapped guest address 0. */
#define PEER_BASE	UINT64_C(0x7e0000000000)

/* A message that was received. */
struct peer_msg {
	struct vhost_user_header hdr;
	unsigned char payload[4096];
	unsigned int nfds;
	int access;		/* O_ACCMODE of the first descriptor */
};

/* Deviations of one reply. */
enum peer_deviation {
	PEER_CORRECT,
	PEER_HANG_UP,		/* instead of the reply */
	PEER_ACCEPT_AND_LEAVE,	/* reply, then hang up at the next message */
	PEER_SILENT,
	PEER_WRONG_NUMBER,
	PEER_NO_REPLY_BIT,
	PEER_EXTRA_FLAG,	/* flags 0xd: NEED_REPLY is still set */
	PEER_WRONG_VERSION,
	PEER_SHORT,		/* 4 bytes of payload too few */
	PEER_LONG,		/* 8 bytes too many */
	PEER_EMPTY,		/* no payload */
	PEER_HUGE,		/* the header announces 64 KiB */
	PEER_WITH_FD,
	PEER_TWICE,
	PEER_REFUSE,		/* non-zero acknowledgement */
	PEER_VALUE,		/* value replaces the 8 bytes at value_at */
	PEER_HALF_HEADER,	/* 6 bytes of header, then nothing */
};

struct peer {
	int sock;
	int back;			/* its end of the back-end channel, or -1 */
	/* a descriptor to attach where the test requests it */
	int extra;
	/* the in-flight area, attached to its reply, or -1 */
	int inflight;
	uint64_t features, protocol;	/* what the back-end offers */
	uint64_t queue_num, max_slots;
	uint8_t status;
	uint64_t acked;			/* SET_PROTOCOL_FEATURES */
	uint64_t set_features;		/* SET_FEATURES */
	uint32_t base;			/* the reply to GET_VRING_BASE */
	struct vhost_user_shmem_config shmem;

	uint32_t deviation_at;		/* request number; 0: by count */
	unsigned int deviation_count;	/* the n-th message, from 1 */
	enum peer_deviation deviation;
	uint64_t value;
	uint32_t value_at;
	bool leaving;
	bool listening;			/* postcopy: replies to memory tables */

	struct peer_msg last;
	uint32_t log[PEER_LOG];		/* request numbers */
	uint32_t flags[PEER_LOG];	/* flags of their headers */
	unsigned int n;
};

/* Offers the features of a common back-end. */
void peer_init(struct peer *p, int sock);
void peer_fini(struct peer *p);

/*
 * Reads one message and replies to it; false if none is waiting or the peer has
 * hung up.
 */
bool peer_step(struct peer *p);

/* Sends these bytes unchanged. */
void peer_send(struct peer *p, uint32_t request, uint32_t flags,
	       const void *payload, uint32_t size, int fd);

/*
 * How often a request was received, and the index of its first occurrence
 * (PEER_LOG: never).
 */
unsigned int peer_count(const struct peer *p, uint32_t request);
unsigned int peer_first(const struct peer *p, uint32_t request);

/*
 * Sends a request over the back-end channel, and returns its reply (-1: none
 * was received).
 */
void peer_ask(struct peer *p, uint32_t request, uint32_t flags,
	      const void *payload, uint32_t size, int fd);
void peer_ask_fds(struct peer *p, uint32_t request, uint32_t flags,
		  const void *payload, uint32_t size, const int *fds,
		  unsigned int nfds);
int64_t peer_answer(struct peer *p);

#endif
