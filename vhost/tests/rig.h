/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A back-end session, a front-end that sends raw bytes (sharing no code with
 * the library), and an owner that records its callbacks. Descriptors, mappings
 * and heap are compared before and after each test.
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
#define RIG_NEED	(VHOST_USER_HDR_VERSION | VHOST_USER_HDR_NEED_REPLY)

struct rig {
	int sock;			/* the front-end's end, or -1 */
	struct vhost_user_backend *b;	/* NULL after the session has ended */
	struct vhost_user_backend_config config;
	struct vhost_user_backend_ops ops;

	int memfd;
	unsigned char *mem;		/* the front-end's mapping of memfd */
	int kick[RIG_RINGS], call[RIG_RINGS]; /* or -1 */

	/* what was reported to the owner */
	unsigned int runs[RIG_RINGS], quiesces, resets, gones;
	bool running[RIG_RINGS];
	uint64_t features;
	unsigned int features_set;
	uint8_t status;
	uint32_t asked_ring;
	bool asked_drain;
	uint64_t token;			/* of the last quiesce */
	struct vsu_error why;
	unsigned char space[RIG_CONFIG];
	bool migration;
	uint64_t cookies[256];		/* of shmem_result, in order */
	int results[256];
	unsigned int nresults;
	unsigned int nrefused;		/* number of refusals; the last one follows */
	uint32_t refused_request, refused_ring;
	struct vsu_error refusal;

	/* how the owner behaves */
	bool holds_answers;		/* the test calls done() */
	int refuses;			/* the result of set_features and config */
};

/* A reply that was received. */
struct rig_reply {
	struct vhost_user_header hdr;
	unsigned char payload[4096];
};

/*
 * Exactly one refusal was reported since the last call, and its text contains
 * these words.
 */
void rig_expect_refused(struct rig *r, uint32_t request, uint32_t ring,
			const char *words);
/* Dispatches only while the session's descriptor is readable. */
void rig_poll(struct rig *r);

/* A test case whose fixture counts descriptors and mappings. */
TCase *rig_case(Suite *s, const char *name);
/* The same for tests that share a rig: its session ends behind each that began one. */
TCase *rig_case_of(Suite *s, const char *name, struct rig *of);
bool rig_under_valgrind(void);
/* Limits the further descriptors that this process can open. */
void rig_limit_descriptors(unsigned int more);
/*
 * Whether userfaultfd is available; otherwise prints the reason as a skip. Call
 * it before Check starts.
 */
bool rig_has_userfaultfd(void);

/*
 * Creates everything except the session; rig_start() creates that from r's ops
 * and config.
 */
void rig_prepare(struct rig *r);
void rig_start(struct rig *r);
void rig_init(struct rig *r);
/* Hangs up, waits until the session has ended, and frees everything. */
void rig_fini(struct rig *r);

/* front-end */

/* Sends these bytes with these descriptors, in one piece. */
void rig_send_raw(struct rig *r, const void *bytes, size_t len, const int *fds,
		  unsigned int nfds);
void rig_send(struct rig *r, uint32_t request, uint32_t flags,
	      const void *payload, uint32_t size, const int *fds,
	      unsigned int nfds);
/* Dispatches until nothing is readable; returns the last result. */
int rig_dispatch(struct rig *r);
/* True if a whole reply was received. */
bool rig_reply(struct rig *r, struct rig_reply *reply);
/* No reply is waiting, and the session is open. */
void rig_expect_silence(struct rig *r);
/* The session has ended with this code. */
void rig_expect_gone(struct rig *r, int code);

/* Sends with NEED_REPLY, and returns the acknowledgement: 0 is success. */
uint64_t rig_ack(struct rig *r, uint32_t request, const void *payload,
		 uint32_t size, const int *fds, unsigned int nfds);
uint64_t rig_ack_u64(struct rig *r, uint32_t request, uint64_t value);
uint64_t rig_ack_fd(struct rig *r, uint32_t request, uint64_t value, int fd);
uint64_t rig_ack_state(struct rig *r, uint32_t request, uint32_t index,
		       uint32_t num);
/* Requests a u64. */
uint64_t rig_get_u64(struct rig *r, uint32_t request);
/* Requests something else; returns the payload size of the reply. */
uint32_t rig_get(struct rig *r, uint32_t request, const void *payload,
		 uint32_t size, struct rig_reply *reply);

/* Negotiates virtio and protocol features. */
void rig_negotiate(struct rig *r);
struct vhost_user_mem_region rig_region(uint64_t gpa, uint64_t size,
					uint64_t offset);
/* Sends one region of RIG_MEMORY bytes at guest address 0. */
uint64_t rig_set_memory(struct rig *r);
struct vhost_user_vring_addr rig_addr(uint32_t ring);
/* Sends NUM, BASE, ADDR, KICK, CALL and ENABLE. */
void rig_set_ring(struct rig *r, uint32_t ring);
/* Negotiates, sets memory and starts rings 0 and 1. */
void rig_up(struct rig *r);
/* Stops the ring; returns its base. */
uint32_t rig_stop_ring(struct rig *r, uint32_t ring);

/* Makes one buffer available in the ring. */
void rig_offer(struct rig *r, uint32_t ring, uint16_t head);
uint16_t rig_used(const struct rig *r, uint32_t ring);

/* owner */

/* Serves all available chains; returns their number. */
unsigned int rig_serve(struct rig *r, uint32_t ring);
uint64_t rig_drain(int fd);

#endif
