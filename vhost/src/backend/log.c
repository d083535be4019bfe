/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The dirty log of a migration: memory of the front-end with one bit per 4 KiB
 * of guest memory.
 *
 * Rings write to the log while VHOST_USER_F_LOG_ALL is negotiated. A front-end
 * that starts a device during a migration negotiates it before it sends the
 * log. Others accept every feature and never send one. Rings run in both cases.
 * If rings ran without a log, or with memory beyond its end, all memory is
 * marked in the next log, so that no write is missing.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "backend/priv.h"
#include "wire/descriptor.h"
#include <vm-memory/block.h>
#include <vmm-sys-util/checked.h>

#define BITS_PER_BYTE 8u

static bool wants_log(const struct vhost_user_backend *b)
{
	return b->features & VHOST_USER_F_LOG_ALL;
}

/* The byte of the log that contains the bit of gpa. */
static uint64_t log_byte(uint64_t gpa)
{
	return gpa / VHOST_USER_LOG_PAGE / BITS_PER_BYTE;
}

static uint64_t last_gpa(const struct vhost_user_mem_region *r)
{
	return r->guest_addr + (r->size - 1);
}

/* The bytes of a log for all pages of the table. */
static uint64_t log_needed(const struct vhost_user_priv_table *t)
{
	uint64_t last = 0;
	uint32_t i;

	for (i = 0; i < t->n; i++)
		if (last_gpa(&t->slots[i].wire) > last)
			last = last_gpa(&t->slots[i].wire);
	return t->n ? log_byte(last) + 1 : 0;
}

static int map_log(const struct vhost_user_backend *b,
		   const struct vhost_user_log *log, int fd,
		   struct vmem_block **out, struct vsu_error *err)
{
	struct vmem_fd_desc desc = {
		.fd = fd,
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
		.fd_offset = log->mmap_offset,
		.len = log->mmap_size,
		.sigbus = b->config.sigbus,
		.closer = b->config.closer,
	};
	int rc = vhost_user_priv_check_file(fd, b->config.served_files,
					    "SET_LOG_BASE", err);

	if (rc < 0)
		return rc;
	rc = vhost_user_priv_of_peer(vmem_block_new_fd(&desc, out, err), err);
	return rc < 0 ? vsu_error_prefix(err, rc, "SET_LOG_BASE") : 0;
}

static int check_extent(const struct vhost_user_backend *b,
			const struct vhost_user_log *log, struct vsu_error *err)
{
	uint64_t need = log_needed(&b->mem.table), end;

	if (log->mmap_size == 0)
		return vsu_error_set(err, -EBADMSG,
				     "SET_LOG_BASE of an empty log");
	if (vsu_u64_add_overflow(log->mmap_offset, log->mmap_size - 1, &end))
		return vsu_error_set(err, -EBADMSG,
				     "SET_LOG_BASE of %#" PRIx64 " bytes from %#" PRIx64 ", which wraps",
				     log->mmap_size, log->mmap_offset);
	if (log->mmap_size >= need)
		return 0;
	vsu_error_set(err, -EBADMSG,
		      "SET_LOG_BASE of %#" PRIx64 " bytes, the memory needs %#" PRIx64,
		      log->mmap_size, need);
	vsu_error_operands(err, VHOST_USER_SET_LOG_BASE, log->mmap_size,
			   need);
	return -EBADMSG;
}

static int check_base(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_log *log = &msg->payload.log;
	int rc;

	if (msg->hdr.size != sizeof(*log) || msg->nfds != 1)
		return vsu_error_set(err, -EPROTO,
				     "SET_LOG_BASE needs a size, an offset and a descriptor");
	rc = check_extent(b, log, err);
	if (rc < 0)
		return rc;
	vhost_user_priv_unstage(b);
	rc = map_log(b, log, msg->fds[0], &b->mem.staged_block, err);
	if (rc < 0)
		return rc;
	return wants_log(b) ? VHOST_USER_PRIV_QUIET : VHOST_USER_PRIV_GO;
}

void vhost_user_priv_note_unlogged(struct vhost_user_backend *b)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (b->log.incomplete || b->log.block || !wants_log(b))
		return;
	b->log.incomplete = true;
	vsu_error_set(&err, -EPROTO,
		      "LOG_ALL was negotiated without SET_LOG_BASE: rings run without a log until it arrives");
	vhost_user_priv_report(b, VHOST_USER_NO_REQUEST, VHOST_USER_ALL_RINGS,
			       &err);
}

void vhost_user_priv_note_short_log(struct vhost_user_backend *b)
{
	struct vsu_error err;
	uint64_t need;

	if (b->log.incomplete || !b->log.block || !wants_log(b))
		return;
	need = log_needed(&b->mem.table);
	if (need <= b->log.area.size)
		return;
	b->log.incomplete = true;
	vhost_user_priv_no_error(&err);
	vsu_error_set(&err, -EPROTO,
		      "memory extends beyond the log of %#" PRIx64 " bytes, which must have %#" PRIx64 ": rings write there unlogged until a longer log arrives",
		      (uint64_t)b->log.area.size, need);
	vsu_error_operands(&err, VHOST_USER_SET_LOG_BASE, b->log.area.size,
			   need);
	vhost_user_priv_report(b, VHOST_USER_NO_REQUEST, VHOST_USER_ALL_RINGS,
			       &err);
}

void vhost_user_priv_log_switch(struct vhost_user_backend *b)
{
	const struct vq_log *log = wants_log(b) && b->log.block ? &b->log.area : NULL;
	uint32_t i;

	for (i = 0; i < b->config.nrings; i++)
		vq_set_log(b->rings[i].vq, log);
	if (!wants_log(b))
		b->log.incomplete = false;
	else if (vhost_user_priv_any_active(b))
		vhost_user_priv_note_unlogged(b);
}

void vhost_user_priv_log_drop(struct vhost_user_backend *b)
{
	uint32_t i;

	for (i = 0; b->rings && i < b->config.nrings; i++)
		vq_set_log(b->rings[i].vq, NULL);
	b->log.block = vmem_block_unref(b->log.block);
	b->log.incomplete = b->log.refused = false;
}

/* The check ensured the log's length; marking unwritten pages is harmless. */
static void mark_memory(struct vhost_user_backend *b)
{
	unsigned char *bytes = b->log.area.base;
	const struct vhost_user_mem_region *r;
	uint64_t first;
	uint32_t i;

	for (i = 0; i < b->mem.table.n; i++) {
		r = &b->mem.table.slots[i].wire;
		first = log_byte(r->guest_addr);
		memset(bytes + first, 0xff, log_byte(last_gpa(r)) - first + 1);
	}
	b->log.incomplete = false;
}

/*
 * Unmaps the previous log before the reply, which echoes the payload. Without
 * LOG_ALL no ring uses a log, and rings may be running.
 */
static int set_base(struct vhost_user_backend *b,
		    struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	struct vmem_block *old = b->log.block;

	(void)msg;
	(void)err;
	b->log.block = b->mem.staged_block;
	b->log.refused = false;
	b->mem.staged_block = NULL;
	b->log.area.base = vmem_block_hva(b->log.block);
	b->log.area.size = vmem_block_len(b->log.block);
	if (b->log.incomplete)
		mark_memory(b);
	if (wants_log(b))
		vhost_user_priv_log_switch(b);
	vmem_block_unref(old);
	return 0;
}

/*
 * The specification has no reply that refuses a log: front-ends accept an empty
 * one. The refusal of LOG_ALL, which follows, is visible to them.
 */
static void note_refused(struct vhost_user_backend *b, uint32_t ring,
			 uint32_t request)
{
	(void)ring;
	(void)request;
	b->log.refused = true;
}

/* Ignored: the front-end reads the log at times of its own. */
static int set_event(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)b;
	(void)msg;
	(void)err;
	return 0;
}

bool vhost_user_priv_log_failed(const struct vhost_user_backend *b)
{
	return b->log.block && vmem_block_failed(b->log.block);
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_SET_LOG_BASE, VHOST_USER_PRIV_ALL_RINGS,
	  VHOST_USER_PRIV_GO, check_base, set_base, note_refused },
	{ VHOST_USER_SET_LOG_FD, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  NULL, set_event, NULL },
};

VHOST_USER_PRIV_HANDLERS(log_handlers, handlers);
