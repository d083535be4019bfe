/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Received messages, and checks of them by the table of <vhost/message.h>, on which
 * encoder, dispatch and fuzz targets depend as well.
 *
 * Threads: the table is constant, the functions are pure.
 */
#ifndef VHOST_USER_PRIV_MESSAGES_H
#define VHOST_USER_PRIV_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vhost/message.h>
#include <vhost/protocol.h>
#include <vmm-sys-util/error.h>

/* Limits of received messages; ours are far shorter. */
#define VHOST_USER_PRIV_MAX_PAYLOAD	4096u
#define VHOST_USER_PRIV_MAX_FDS		32u
/* Requests of a front-end have numbers below this. */
#define VHOST_USER_PRIV_FRONTEND_ROWS (VHOST_USER_GET_VRING_BASE_SKIP_DRAIN + 1)
/* The payload of any message, aligned for each. */
union vhost_user_priv_payload {
	uint64_t u64;
	struct vhost_user_vring_state state;
	struct vhost_user_vring_addr addr;
	struct vhost_user_mem_table table;
	struct vhost_user_mem_reg region;
	struct vhost_user_log log;
	struct vhost_user_iotlb iotlb;
	struct vhost_user_config config;
	struct vhost_user_inflight inflight;
	struct vhost_user_vring_area area;
	struct vhost_user_shared shared;
	struct vhost_user_transfer transfer;
	struct vhost_user_shmem_mmap mmap;
	struct vhost_user_shmem_config shmem;
	struct vhost_user_crypto_session crypto;
	unsigned char bytes[VHOST_USER_PRIV_MAX_PAYLOAD];
};

/* A complete received message. Bytes beyond hdr.size are zero. */
struct vhost_user_priv_msg {
	struct vhost_user_header hdr;
	uint32_t nfds;
	int fds[VHOST_USER_PRIV_MAX_FDS];	/* -1: taken */
	struct vsu_closer *closer;	/* closes the descriptors; may be NULL */
	uint32_t used;			/* bytes of payload to clear, if more than hdr.size were
					 * written */
	union vhost_user_priv_payload payload;
};

/* messages.c */

/*
 * SET_MEM_TABLE between POSTCOPY_LISTEN and POSTCOPY_END: the reply is always
 * the same table with the back-end's addresses.
 */
extern const struct vhost_user_message vhost_user_priv_postcopy_table;

/*
 * Removes the bits whose required features are missing. For example, SHMEM
 * requires BACKEND_REQ and BACKEND_SEND_FD.
 */
uint64_t vhost_user_priv_without_orphans(uint64_t bits);

/*
 * Moves a feature to another bit and removes that bit's own feature. Peers of
 * older drafts have SHMEM at another bit.
 */
uint64_t vhost_user_priv_move_feature(uint64_t bits, unsigned int from,
				      unsigned int to);
/*
 * Resolves the bit of SHMEM in a configuration: 0 means the current one.
 * -EINVAL: not allowed.
 */
int vhost_user_priv_check_shmem_bit(uint32_t *bit, struct vsu_error *err);

/* payload.c */

/*
 * Checks that the size of the payload is allowed by its row and agrees with the
 * counts inside. -EBADMSG: it does not.
 */
int vhost_user_priv_check_request(const struct vhost_user_message *row,
				  const struct vhost_user_priv_msg *msg,
				  struct vsu_error *err);

/*
 * True if the size shows that the regions of a request have the format of
 * XEN_MMAP, which this library does not support: the checks refuse the request. *first
 * receives the first region.
 */
bool vhost_user_priv_xen_region(const struct vhost_user_message *row,
				const struct vhost_user_priv_msg *msg,
				struct vhost_user_xen_mem_region *first);

/*
 * As check_request, for the payload of a reply, successful or refused (see
 * vhost_user_priv_is_refusal()).
 */
int vhost_user_priv_check_reply(const struct vhost_user_message *row,
				const struct vhost_user_priv_msg *msg,
				struct vsu_error *err);

/* True if a checked reply refuses the request. */
bool vhost_user_priv_is_refusal(const struct vhost_user_message *row,
				const struct vhost_user_priv_msg *reply);

/*
 * The minimum and the maximum number of descriptors of a checked request or
 * reply.
 */
void vhost_user_priv_request_fds(const struct vhost_user_message *row,
				 const struct vhost_user_priv_msg *msg,
				 unsigned int *min, unsigned int *max);
void vhost_user_priv_reply_fds(const struct vhost_user_message *row,
			       const struct vhost_user_priv_msg *msg,
			       unsigned int *min, unsigned int *max);

/*
 * True if a request (reply: a reply to it) must have descriptors, judged from
 * the first len bytes of its payload.
 */
bool vhost_user_priv_needs_fds(const struct vhost_user_message *row,
			       bool reply, const unsigned char *payload,
			       size_t len);

/*
 * The positions of a packed ring from the word of SET_VRING_BASE or of the
 * reply to GET_VRING_BASE. Some peers (DPDK) use only its lower 16 bits, the
 * next available descriptor. No chain is in flight when a ring starts or was
 * drained, so this is also the next used descriptor.
 */
uint32_t vhost_user_priv_packed_base(uint32_t word);

/* Removes descriptor i from the message; the caller owns it. */
int vhost_user_priv_msg_take_fd(struct vhost_user_priv_msg *msg,
				unsigned int i);

/* Closes the descriptors that were not taken. */
void vhost_user_priv_msg_close_fds(struct vhost_user_priv_msg *msg);

#endif
