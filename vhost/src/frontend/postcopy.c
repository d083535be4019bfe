/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Postcopy: the back-end blocks on pages that have not arrived, and the owner
 * copies them. Replies to memory tables contain the back-end's addresses. After
 * the confirmation the back-end may access the pages.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "frontend/priv.h"
#include <vmm-sys-util/checked.h>

/*
 * The confirmation has the number of a table, but no acknowledgement and no
 * reply.
 */
int vhost_user_priv_fe_confirm_memory(struct vhost_user_frontend *f,
				      unsigned int item, struct vsu_error *err)
{
	const uint64_t word = 0;
	const struct fe_request r = {
		.number = VHOST_USER_SET_MEM_TABLE,
		.head = &word,
		.head_len = sizeof(word),
		.unanswered = true,
		.note = { .in_sequence = true, .ring = FE_NO_ITEM },
	};
	int rc;

	(void)item;
	if (f->postcopy.asked)
		return -EAGAIN;
	if (!f->postcopy.placed)
		return 0;
	rc = vhost_user_priv_fe_request(f, &r, err);
	if (rc == 0)
		f->postcopy.placed = false;
	return rc;
}

/* Checks that the reply equals the sent table except for the addresses. */
static int check_region(const struct vhost_user_mem_region *r,
			const struct vmem_region *sent, struct vsu_error *err)
{
	uint64_t end;

	if (r->guest_addr != vmem_region_gpa(sent) ||
	    r->size != vmem_region_len(sent))
		return vsu_error_set(err, -EBADMSG,
				     "the reply to SET_MEM_TABLE has %#" PRIx64 " bytes at guest address %#" PRIx64 ", which were not sent",
				     r->size, r->guest_addr);
	if (!vsu_u64_add_overflow(r->user_addr, r->size - 1, &end))
		return 0;
	return vsu_error_set(err, -EBADMSG,
			     "the reply to SET_MEM_TABLE: %#" PRIx64 " bytes from %#" PRIx64 " wrap",
			     r->size, r->user_addr);
}

static int accept_placed(struct vhost_user_frontend *f,
			 const struct fe_pending *p,
			 const struct vhost_user_priv_msg *msg,
			 struct vsu_error *err)
{
	struct vhost_user_placed_region placed[VHOST_USER_MAX_REGIONS];
	const struct vhost_user_mem_table *t = &msg->payload.table;
	struct vmem_region *sent;
	unsigned int i = 0, n = 0;
	int rc = 0;

	if (!p->placing)
		return 0;
	while (rc == 0 && n < t->nregions &&
	       (sent = vhost_user_priv_fe_next_ram(f->mem.wanted, &i))) {
		rc = check_region(&t->regions[n], sent, err);
		placed[n].gpa = t->regions[n].guest_addr;
		placed[n].size = t->regions[n].size;
		placed[n].address = t->regions[n].user_addr;
		n++;
	}
	if (rc == 0 && (n != t->nregions ||
			vhost_user_priv_fe_next_ram(f->mem.wanted, &i)))
		rc = vsu_error_set(err, -EBADMSG,
				   "the reply to SET_MEM_TABLE has %u regions, which is not what was sent",
				   t->nregions);
	if (rc < 0)
		return rc;
	f->device.postcopy_placed(f->opaque, placed, n);
	f->postcopy.placed = true;
	return 0;
}

/* ----------------------------------------------------------------- answers */

static int result_of(const struct vhost_user_priv_msg *msg)
{
	if (!msg)
		return -ECONNRESET;
	return msg->hdr.size && msg->payload.u64 ? -EREMOTEIO : 0;
}

static int accept_advised(struct vhost_user_frontend *f,
			  const struct fe_pending *p,
			  const struct vhost_user_priv_msg *msg,
			  struct vsu_error *err)
{
	int result = msg && !msg->nfds ? -EREMOTEIO : result_of(msg);

	(void)p;
	(void)err;
	f->device.postcopy_advised(f->opaque, result,
				   result ? -1 : msg->fds[0]);
	return 0;
}

/* LISTEN and END. A failed END leaves the back-end listening. */
static int accept_phase(struct vhost_user_frontend *f,
			const struct fe_pending *p,
			const struct vhost_user_priv_msg *msg,
			struct vsu_error *err)
{
	const bool begins = p->request == VHOST_USER_POSTCOPY_LISTEN;
	const int result = result_of(msg);

	(void)err;
	if (begins || result == 0)
		f->postcopy.listening = begins && result == 0;
	(begins ? f->device.postcopy_listening : f->device.postcopy_ended)
		(f->opaque, result);
	return 0;
}

static const struct fe_handler rows[] = {
	{ FE_SENT(SET_MEM_TABLE), .accept = accept_placed },
	{ FE_SENT(POSTCOPY_ADVISE), .accept = accept_advised, .reports = true,
	  .ops = { FE_OP(device.postcopy_advised),
		   FE_OP(device.postcopy_placed) } },
	{ FE_SENT(POSTCOPY_LISTEN), .accept = accept_phase, .reports = true,
	  .ops = { FE_OP(device.postcopy_listening) } },
	{ FE_SENT(POSTCOPY_END), .accept = accept_phase, .reports = true,
	  .ops = { FE_OP(device.postcopy_ended) } },
};
FE_HANDLERS(postcopy, rows);
