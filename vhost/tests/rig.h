/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A back-end session and both who deal with it: a front-end that sends raw
 * bytes (sharing no code with the library) and an owner that notes what it is
 * told. Descriptors, mappings and heap are counted around every test.
 */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include <vhost/backend.h>
#include <vhost/protocol.h>
#include <virtio-queue/features.h>

#include "backend/priv.h"
#include "suite.h"

#define RIG_RINGS	3u
#define RIG_MEMORY	(1u << 20)	/* bytes, at guest address 0 */
#define RIG_UADDR	UINT64_C(0x7f1200000000)
#define RIG_CONFIG	60u
#define RIG_SIZE	16u		/* entries of a ring */
#define RIG_FEATURES	(VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC | VQ_F_EVENT_IDX)
#define RIG_PROTOCOL	UINT64_MAX	/* whatever is offered */
#define RIG_NEED	(VHOST_USER_HDR_VERSION | VHOST_USER_HDR_NEED_REPLY)

struct rig {
	int sock;			/* the front-end's end, or -1 */
	struct vhost_user_backend *b;	/* NULL when it is gone */
	struct vhost_user_backend_config config;
	struct vhost_user_backend_ops ops;

	int memfd;
	unsigned char *mem;		/* the front-end's view of it */
	int kick[RIG_RINGS], call[RIG_RINGS]; /* or -1 */

	/* what the owner was told */
	unsigned int runs[RIG_RINGS], quiesces, resets, gones;
	bool running[RIG_RINGS];
	uint64_t features;
	unsigned int features_set;
	uint8_t status;
	uint32_t asked_ring;
	bool asked_drain;
	uint64_t token;			/* of the last question */
	struct vsu_error why;
	unsigned char space[RIG_CONFIG];
	bool migration;
	uint64_t cookies[256];		/* of shmem_result, in order */
	int results[256];
	unsigned int nresults;
	unsigned int nrefused;		/* refusals, and the last of them */
	uint32_t refused_request, refused_ring;
	struct vsu_error refusal;

	/* how it behaves */
	bool holds_answers;		/* the test calls done() */
	int refuses;			/* what set_features and config answer */
};

/* A reply as it was read. */
struct rig_reply {
	struct vhost_user_header hdr;
	unsigned char payload[4096];
};

/* The owner was told of one refusal since the last time, with these words. */
void rig_expect_refused(struct rig *r, uint32_t request, uint32_t ring,
			const char *words);
/* Dispatches only while the session's descriptor is readable. */
void rig_poll(struct rig *r);

/* A suite of cases with the counting fixture. */
TCase *rig_case(Suite *s, const char *name);
bool rig_under_valgrind(void);
/* Whether postcopy can be tested; says why not, before Check runs anything. */
bool rig_has_userfaultfd(void);

/* Everything but the session; then the session, with r's ops and config. */
void rig_prepare(struct rig *r);
void rig_start(struct rig *r);
void rig_init(struct rig *r);
/* Hangs up, sees the session go, and puts all away. */
void rig_fini(struct rig *r);

/* front-end */

/* Sends these bytes with these descriptors, in one piece. */
void rig_send_raw(struct rig *r, const void *bytes, size_t len, const int *fds,
		  unsigned int nfds);
void rig_send(struct rig *r, uint32_t request, uint32_t flags,
	      const void *payload, uint32_t size, const int *fds,
	      unsigned int nfds);
/* Dispatches until nothing is ready; the last answer of dispatch. */
int rig_dispatch(struct rig *r);
/* True when a whole reply was there. */
bool rig_reply(struct rig *r, struct rig_reply *reply);
/* No reply is there, and the session lives. */
void rig_expect_silence(struct rig *r);
/* The session has ended with this code. */
void rig_expect_gone(struct rig *r, int code);

/* Sends with NEED_REPLY, and gives the acknowledgement: 0 is success. */
uint64_t rig_ack(struct rig *r, uint32_t request, const void *payload,
		 uint32_t size, const int *fds, unsigned int nfds);
uint64_t rig_ack_u64(struct rig *r, uint32_t request, uint64_t value);
uint64_t rig_ack_fd(struct rig *r, uint32_t request, uint64_t value, int fd);
uint64_t rig_ack_state(struct rig *r, uint32_t request, uint32_t index,
		       uint32_t num);
/* Asks for a u64. */
uint64_t rig_get_u64(struct rig *r, uint32_t request);
/* Asks for something else; size of the payload of the answer. */
uint32_t rig_get(struct rig *r, uint32_t request, const void *payload,
		 uint32_t size, struct rig_reply *reply);

/* Features of both kinds. */
void rig_negotiate(struct rig *r);
struct vhost_user_mem_region rig_region(uint64_t gpa, uint64_t size,
					uint64_t offset);
/* One region of RIG_MEMORY bytes at 0. */
uint64_t rig_set_memory(struct rig *r);
struct vhost_user_vring_addr rig_addr(uint32_t ring);
/* NUM, BASE, ADDR, KICK, CALL, ENABLE. */
void rig_set_ring(struct rig *r, uint32_t ring);
/* All of it, rings 0 and 1 running. */
void rig_up(struct rig *r);
/* Stops the ring; its base. */
uint32_t rig_stop_ring(struct rig *r, uint32_t ring);

/* Puts one buffer of len bytes into the ring's available ring. */
void rig_offer(struct rig *r, uint32_t ring, uint16_t head);
uint16_t rig_used(const struct rig *r, uint32_t ring);

/* owner */

/* Serves all that is available; the number of chains. */
unsigned int rig_serve(struct rig *r, uint32_t ring);
uint64_t rig_drain(int fd);

#endif
