/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Checks of a message's size, counts and descriptors by its row of the table.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "wire/messages.h"
#include <vmm-sys-util/foreign.h>

#define K(kind) VHOST_USER_PAYLOAD_##kind
#define FDS(rule) VHOST_USER_FDS_##rule
#define REPLY(rule) VHOST_USER_REPLY_##rule

static bool size_fits(uint8_t kind, uint32_t size)
{
	const struct vhost_user_payload *p = vhost_user_payload(kind);

	if (!p->unit)
		return size == p->size || size == p->alt;
	return size >= p->size && size <= p->max &&
	       (size - p->size) % p->unit == 0;
}

/* The payload contains the announced regions, or space for the maximum. */
static bool table_fits(const struct vhost_user_priv_msg *msg)
{
	const struct vhost_user_payload *p = vhost_user_payload(K(TABLE));
	uint32_t room = (msg->hdr.size - p->size) / p->unit;
	uint32_t n = msg->payload.table.nregions;

	return n == room ||
	       (n < room && room == VHOST_USER_MAX_REGIONS);
}

static uint32_t config_room(const struct vhost_user_priv_msg *msg)
{
	return msg->hdr.size - vhost_user_payload(K(CONFIG))->size;
}

/*
 * get: a GET_CONFIG whose payload is too short for the reply is valid. SPDK sends each
 * request with room for the maximum.
 */
static bool config_request_fits(const struct vhost_user_priv_msg *msg, bool get)
{
	const uint32_t room = config_room(msg), size = msg->payload.config.size;

	return size == room || (get && room == 0) ||
	       (size < room && room == VHOST_USER_MAX_CONFIG);
}

static int bad_size(const struct vhost_user_message *row,
		    const char *what, uint8_t kind, uint32_t size,
		    struct vsu_error *err)
{
	const struct vhost_user_payload *p = vhost_user_payload(kind);

	vsu_error_set(err, -EBADMSG,
		      "%s %s has %u bytes of payload, expected %s%u",
		      row->name, what, size, p->unit ? "at least " : "",
		      p->size);
	vsu_error_operands(err, row->number, size, p->size);
	return -EBADMSG;
}

static int bad_count(const struct vhost_user_message *row,
		     const char *what, uint32_t count, uint32_t size,
		     struct vsu_error *err)
{
	vsu_error_set(err, -EBADMSG,
		      "%s announces %u %s, which %u bytes of payload cannot hold",
		      row->name, count, what, size);
	vsu_error_operands(err, row->number, count, size);
	return -EBADMSG;
}

/*
 * The offset of the first region in a payload of Xen's format; 0: another
 * format.
 */
static uint32_t xen_regions_at(const struct vhost_user_message *row,
			       const struct vhost_user_priv_msg *msg)
{
	const uint32_t head = sizeof(uint64_t);
	uint32_t n = row->kind == K(TABLE) ? msg->payload.table.nregions : 1;

	if ((row->kind != K(TABLE) && row->kind != K(REGION)) || !n ||
	    n > VHOST_USER_MAX_REGIONS)
		return 0;
	return msg->hdr.size ==
	       head + n * sizeof(struct vhost_user_xen_mem_region) ? head : 0;
}

bool vhost_user_priv_xen_region(const struct vhost_user_message *row,
				const struct vhost_user_priv_msg *msg,
				struct vhost_user_xen_mem_region *first)
{
	uint32_t at = xen_regions_at(row, msg);

	if (at)
		memcpy(first, msg->payload.bytes + at, sizeof(*first));
	return at;
}

static int refuse_xen(const struct vhost_user_message *row,
		      const struct vhost_user_xen_mem_region *x,
		      struct vsu_error *err)
{
	return vsu_error_set(err, -EOPNOTSUPP,
			     "%s describes memory of the Xen domain %u at guest address %#" PRIx64 " (%s, flags %#x), as with XEN_MMAP, which is not supported",
			     row->name, x->domid, x->region.guest_addr,
			     x->mmap_flags & VHOST_USER_XEN_GRANT ? "a grant" :
			     "foreign", x->mmap_flags);
}

int vhost_user_priv_check_request(const struct vhost_user_message *row,
				  const struct vhost_user_priv_msg *msg,
				  struct vsu_error *err)
{
	struct vhost_user_xen_mem_region xen;
	uint32_t size = msg->hdr.size;

	if (vhost_user_priv_xen_region(row, msg, &xen))
		return refuse_xen(row, &xen, err);
	if (!size_fits(row->kind, size))
		return bad_size(row, "request", row->kind, size, err);
	if (row->kind == K(TABLE) && !table_fits(msg))
		return bad_count(row, "regions", msg->payload.table.nregions,
				 size, err);
	if (row->kind == K(CONFIG) &&
	    !config_request_fits(msg, row->reply == REPLY(VALUE)))
		return bad_count(row, "bytes", msg->payload.config.size, size,
				 err);
	return 0;
}

/*
 * SET_LOG_BASE replies of 0, 8 and 16 bytes exist, and their content is unused.
 * An empty reply refuses a GET_ request.
 */
int vhost_user_priv_check_reply(const struct vhost_user_message *row,
				const struct vhost_user_priv_msg *msg,
				struct vsu_error *err)
{
	uint32_t size = msg->hdr.size;

	if (row->reply == REPLY(VALUE) && size == 0)
		return 0;
	if (row->reply_kind == K(LOG) && size <= vhost_user_payload(K(LOG))->size)
		return 0;
	if (!size_fits(row->reply_kind, size))
		return bad_size(row, "reply", row->reply_kind, size, err);
	if (row->reply_kind == K(TABLE) && !table_fits(msg))
		return bad_count(row, "regions", msg->payload.table.nregions,
				 size, err);
	if (row->reply_kind == K(CONFIG) &&
	    msg->payload.config.size != config_room(msg))
		return bad_count(row, "bytes", msg->payload.config.size, size,
				 err);
	return 0;
}

bool vhost_user_priv_is_refusal(const struct vhost_user_message *row,
				const struct vhost_user_priv_msg *reply)
{
	if (row->reply != REPLY(VALUE))
		return row->number == VHOST_USER_SET_DEVICE_STATE_FD ?
		       (reply->payload.u64 & 0xff) != 0 :
		       reply->payload.u64 != 0;
	switch (row->reply_kind) {
	case K(EMPTY):
	case K(SHARED):
		return reply->nfds == 0;
	case K(LOG):
		return false;
	case K(INFLIGHT):
		return reply->payload.inflight.mmap_size == 0;
	case K(CONFIG):
		return reply->payload.config.size == 0;
	default:
		return reply->hdr.size == 0;
	}
}

static void count_fds(uint8_t rule, const struct vhost_user_priv_msg *msg,
		      unsigned int *min, unsigned int *max)
{
	*min = *max = 0;
	switch (rule) {
	case FDS(NONE):
		break;
	case FDS(ONE):
		*min = *max = 1;
		break;
	case FDS(UNLESS_NOFD):
		*min = *max = !(msg->payload.u64 & VHOST_USER_VRING_NOFD);
		break;
	case FDS(PER_REGION):
		*min = *max = msg->payload.table.nregions;
		break;
	default:
		*max = 1;
		break;
	}
}

void vhost_user_priv_request_fds(const struct vhost_user_message *row,
				 const struct vhost_user_priv_msg *msg,
				 unsigned int *min, unsigned int *max)
{
	count_fds(row->fds, msg, min, max);
}

void vhost_user_priv_reply_fds(const struct vhost_user_message *row,
			       const struct vhost_user_priv_msg *msg,
			       unsigned int *min, unsigned int *max)
{
	count_fds(row->reply_fds, msg, min, max);
}

bool vhost_user_priv_needs_fds(const struct vhost_user_message *row,
			       bool reply, const unsigned char *payload,
			       size_t len)
{
	uint8_t rule = reply ? row->reply_fds : row->fds;
	uint64_t word = 0;

	if (rule == FDS(ONE))
		return true;
	if (rule != FDS(UNLESS_NOFD) && rule != FDS(PER_REGION))
		return false;
	/* the NOFD bit, or the number of regions with its padding */
	memcpy(&word, payload, len < sizeof(word) ? len : sizeof(word));
	return rule == FDS(PER_REGION) ? word != 0 :
					 !(word & VHOST_USER_VRING_NOFD);
}

uint32_t vhost_user_priv_packed_base(uint32_t word)
{
	return word > UINT16_MAX ? word : word | word << 16;
}

int vhost_user_priv_msg_take_fd(struct vhost_user_priv_msg *msg,
				unsigned int i)
{
	int fd = i < msg->nfds ? msg->fds[i] : -1;

	if (fd >= 0)
		msg->fds[i] = -1;
	return fd;
}

void vhost_user_priv_msg_close_fds(struct vhost_user_priv_msg *msg)
{
	unsigned int i;

	for (i = 0; i < msg->nfds; i++)
		vsu_foreign_close(msg->closer, &msg->fds[i]);
	msg->nfds = 0;
}

/* The bits of the flags that a request or a reply may have, and those it must have. */
static int check_flags(const struct vhost_user_message *row, bool reply,
		       uint32_t flags, struct vsu_error *err)
{
	uint32_t required = VHOST_USER_HDR_VERSION |
			    (reply ? VHOST_USER_HDR_REPLY : 0);
	uint32_t optional = reply ? 0 : VHOST_USER_HDR_NEED_REPLY;

	if ((flags & ~optional) == required)
		return 0;
	return vsu_error_set(err, -EBADMSG,
			     "%s %s has the flags %#x instead of %#x",
			     row->name, reply ? "reply" : "request", flags,
			     required | (flags & optional));
}

static int check_fds(const struct vhost_user_message *row, bool reply,
		     const struct vhost_user_priv_msg *msg,
		     struct vsu_error *err)
{
	unsigned int min, max;

	count_fds(reply ? row->reply_fds : row->fds, msg, &min, &max);
	if (msg->nfds >= min && msg->nfds <= max)
		return 0;
	return vsu_error_set(err, -EBADMSG,
			     "%s %s has %u descriptors; expected %s%u",
			     row->name, reply ? "reply" : "request", msg->nfds,
			     min < max ? "at most " : "", max);
}

int vhost_user_message_check(const struct vhost_user_message *m, bool reply,
			     uint32_t flags, const void *payload, uint32_t size,
			     unsigned int nfds, struct vsu_error *err)
{
	struct vhost_user_priv_msg msg = {
		.hdr = { m->number, flags, size }, .nfds = nfds
	};
	int rc;

	if (size > VHOST_USER_PRIV_MAX_PAYLOAD)
		return vsu_error_set(err, -EMSGSIZE,
				     "%s has %u bytes of payload; the maximum is %u",
				     m->name, size, VHOST_USER_PRIV_MAX_PAYLOAD);
	if (size)
		memcpy(msg.payload.bytes, payload, size);
	rc = check_flags(m, reply, flags, err);
	if (rc == 0)
		rc = reply ? vhost_user_priv_check_reply(m, &msg, err) :
			     vhost_user_priv_check_request(m, &msg, err);
	return rc < 0 ? rc : check_fds(m, reply, &msg, err);
}
