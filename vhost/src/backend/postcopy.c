/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Postcopy: the guest runs here before its memory has arrived. The front-end
 * receives a userfaultfd of this process. A thread that accesses a missing page
 * blocks until the front-end has copied the page.
 *
 *   advised    the front-end has received the userfaultfd
 *   listening  the reply to a memory table contains the addresses of our
 *              mappings. The table takes effect when the front-end has
 *              confirmed, by a table without regions, that it serves faults
 *
 * At the end every page is unregistered before the descriptor is closed. The
 * front-end may keep a duplicate of the userfaultfd, so close() alone would not
 * wake blocked threads.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/priv.h"
#include "backend/postcopy.h"
#include "backend/postcopy_guard.h"
#include <vm-memory/block.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>
#include <vm-memory/userfault.h>
#include <vmm-sys-util/fd.h>

#define PLACE VHOST_USER_PRIV_PLACE
#define PLACE_ARGS VHOST_USER_PRIV_PLACE_ARGS

/* pages */

/* The region, rounded out to whole pages. */
static struct uffdio_range pages_of(const struct vhost_user_priv_slot *s)
{
	uint64_t page = vmem_block_page_size(vmem_region_block(s->region));
	uint64_t from = (uintptr_t)vmem_region_hva(s->region);
	uint64_t end = from + s->wire.size;
	struct uffdio_range r;

	r.start = from & ~(page - 1);
	r.len = ((end + page - 1) & ~(page - 1)) - r.start;
	return r;
}

/* Copying one small page into a huge page would fill the rest with zeros. */
static int register_slot(const struct vhost_user_backend *b,
			 const struct vhost_user_priv_slot *s,
			 struct vsu_error *err)
{
	const struct uffdio_range r = pages_of(s);
	int rc;

	madvise((void *)(uintptr_t)r.start, r.len, MADV_NOHUGEPAGE);
	rc = vmem_userfault_register(b->postcopy.faults, r.start, r.len);
	return rc < 0 ? vsu_error_sys(err, rc, PLACE
			     ": cannot wait for its pages; that requires a writable file on tmpfs or hugetlbfs",
			     PLACE_ARGS(&s->wire)) : 0;
}

static void unregister_slot(const struct vhost_user_backend *b,
			    const struct vhost_user_priv_slot *s)
{
	const struct uffdio_range r = pages_of(s);

	(void)!vmem_userfault_unregister(b->postcopy.faults, r.start, r.len);
}

/* Passes the registered memory of two tables to the guard; the second may be NULL. */
static int guard_tables(const struct vhost_user_backend *b,
			const struct vhost_user_priv_table *one,
			const struct vhost_user_priv_table *two)
{
	struct vhost_user_priv_guarded list[VHOST_USER_PRIV_MAX_GUARDED];
	const struct vhost_user_priv_table *t = one;
	uint32_t i, n = 0;

	for (; t; t = t == one ? two : NULL)
		for (i = 0; i < t->n && n < VHOST_USER_PRIV_MAX_GUARDED; i++) {
			list[n].pages = pages_of(&t->slots[i]);
			list[n++].block = vmem_region_block(t->slots[i].region);
		}
	return vhost_user_priv_guard_set(b->config.postcopy_guard, list, n);
}

static bool table_has(const struct vhost_user_priv_table *t,
		      const struct vmem_block *block)
{
	uint32_t i;

	for (i = 0; i < t->n; i++)
		if (vmem_region_block(t->slots[i].region) == block)
			return true;
	return false;
}

void vhost_user_priv_postcopy_let_go(const struct vhost_user_backend *b,
				     const struct vhost_user_priv_table *former,
				     const struct vhost_user_priv_table *next)
{
	uint32_t i;

	if (b->postcopy.faults < 0)
		return;
	for (i = 0; i < former->n; i++)
		if (!table_has(next, vmem_region_block(former->slots[i].region)))
			unregister_slot(b, &former->slots[i]);
	guard_tables(b, next, NULL);
}

/* tables */

static void drop_waiting(struct vhost_user_priv_postcopy *p)
{
	vhost_user_priv_table_free(&p->table);
	vmem_map_unref(p->map);
	p->map = NULL;
}

int vhost_user_priv_postcopy_hold(struct vhost_user_backend *b,
				  struct vhost_user_priv_msg *msg,
				  struct vsu_error *err)
{
	struct vhost_user_mem_table *t = &msg->payload.table;
	struct vhost_user_priv_postcopy *p = &b->postcopy;
	uint32_t i;
	int rc = guard_tables(b, &b->mem.table, &b->mem.staged);

	if (rc < 0)
		return vsu_error_set(err, rc,
				     "SET_MEM_TABLE: the front-end has disconnected, so that its pages cannot arrive");
	for (i = 0; rc == 0 && i < b->mem.staged.n; i++)
		rc = register_slot(b, &b->mem.staged.slots[i], err);
	if (rc < 0)
		return rc;
	for (i = 0; i < b->mem.staged.n; i++)
		t->regions[i].user_addr = (uintptr_t)vmem_region_hva(
						b->mem.staged.slots[i].region);
	drop_waiting(p);
	p->table = b->mem.staged;
	p->map = b->mem.staged_map;
	memset(&b->mem.staged, 0, sizeof(b->mem.staged));
	b->mem.staged_map = NULL;
	return 0;
}

int vhost_user_priv_postcopy_restage(struct vhost_user_backend *b,
				     struct vsu_error *err)
{
	struct vhost_user_priv_postcopy *p = &b->postcopy;

	if (!p->map)
		return vsu_error_set(err, -EPROTO,
				     "SET_MEM_TABLE has no regions, and no previous table waits for it");
	b->mem.staged = p->table;
	b->mem.staged_map = p->map;
	memset(&p->table, 0, sizeof(p->table));
	p->map = NULL;
	return 0;
}

/* the end */

void vhost_user_priv_postcopy_end(struct vhost_user_backend *b)
{
	const struct vhost_user_priv_table none = { .slots = NULL };
	struct vhost_user_priv_postcopy *p = &b->postcopy;

	if (p->faults < 0)
		return;
	vhost_user_priv_guard_end(b->config.postcopy_guard);
	vhost_user_priv_postcopy_let_go(b, &b->mem.table, &none);
	drop_waiting(p);
	p->listening = false;
	vsu_fd_close(&p->faults);
	b->ops.postcopy(b->opaque, false);
}

/* messages */

static int check_advise(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)msg;
	if (b->postcopy.listening)
		return vsu_error_set(err, -EPROTO,
				     "POSTCOPY_ADVISE after POSTCOPY_LISTEN");
	return VHOST_USER_PRIV_GO;
}

/*
 * A repeated request gets a new userfaultfd. The former one is in use until the
 * new one and its duplicate exist, because a refused request changes nothing.
 */
static int give_advice(struct vhost_user_backend *b,
		       struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	int fd = vmem_userfault_open(err), rc;

	(void)msg;
	if (fd < 0)
		return vsu_error_prefix(err, fd, "POSTCOPY_ADVISE");
	rc = vsu_fd_dup(fd);
	if (rc < 0) {
		vsu_fd_close(&fd);
		return vsu_error_sys(err, rc, "POSTCOPY_ADVISE");
	}
	b->reply_fd = rc;
	vhost_user_priv_postcopy_end(b);
	rc = vhost_user_priv_guard_begin(b->config.postcopy_guard, b->main.fd,
					 fd, b->config.sigbus);
	if (rc < 0)
		vsu_error_sys(err, rc, "POSTCOPY_ADVISE");
	else if ((rc = b->ops.postcopy(b->opaque, true)) < 0)
		vsu_error_sys(err, rc, "the device refuses POSTCOPY_ADVISE");
	if (rc < 0) {
		vhost_user_priv_guard_end(b->config.postcopy_guard);
		vsu_fd_close(&b->reply_fd);
		vsu_fd_close(&fd);
		return rc;
	}
	b->postcopy.faults = fd;
	return 0;
}

static int check_advised(const struct vhost_user_backend *b, const char *name,
			 struct vsu_error *err)
{
	if (b->postcopy.faults >= 0)
		return VHOST_USER_PRIV_GO;
	return vsu_error_set(err, -EPROTO, "%s without a POSTCOPY_ADVISE",
			     name);
}

static int check_listen(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)msg;
	if (b->mem.table.n)
		return vsu_error_set(err, -EPROTO,
				     "POSTCOPY_LISTEN after the memory table, which has %u regions",
				     b->mem.table.n);
	return check_advised(b, "POSTCOPY_LISTEN", err);
}

static int begin_listening(struct vhost_user_backend *b,
			   struct vhost_user_priv_msg *msg,
			   struct vsu_error *err)
{
	(void)msg;
	(void)err;
	b->postcopy.listening = true;
	return 0;
}

static int check_end(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)msg;
	return check_advised(b, "POSTCOPY_END", err);
}

static int end_postcopy(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)msg;
	(void)err;
	vhost_user_priv_postcopy_end(b);
	return 0;
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_POSTCOPY_ADVISE, VHOST_USER_PRIV_NO_RING,
	  VHOST_USER_PRIV_GO, check_advise, give_advice, NULL },
	{ VHOST_USER_POSTCOPY_LISTEN, VHOST_USER_PRIV_NO_RING,
	  VHOST_USER_PRIV_GO, check_listen, begin_listening, NULL },
	{ VHOST_USER_POSTCOPY_END, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  check_end, end_postcopy, NULL },
};

VHOST_USER_PRIV_HANDLERS(postcopy_handlers, handlers);
