/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Mappings that the owner requires, and the state of each. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "shmem-table.h"

enum step { STEP_NONE, STEP_MAP, STEP_UNMAP };

struct entry {
	struct vhost_user_shmem_request request; /* duplicate owned by the entry */
	uint64_t cookie;	/* chosen by the owner */
	enum step asked;	/* the unanswered request */
	bool used;
	bool wanted;		/* false: removed, to be unmapped */
	bool refused;		/* since the last start of the rings */
	bool there;		/* mapped, to our knowledge */
	bool doubtful;		/* a stop or a lost reply makes there uncertain */
};

struct shmem_table {
	struct shmem_table_config config;
	uint64_t sizes[VHOST_USER_SHMEM_REGIONS];
	struct vhost_user_backend *b;
	bool started;
	uint32_t epoch;		/* replies of an older epoch are ignored */
	struct entry entries[];
};

static struct entry *entries_end(struct shmem_table *t)
{
	return t->entries + t->config.max;
}

static void entry_drop(struct entry *e)
{
	if (e->used)
		vsu_fd_close(&e->request.fd);
	memset(e, 0, sizeof(*e));
}

static void drop_removed(struct entry *e)
{
	if (!e->wanted && !e->there && e->asked == STEP_NONE)
		entry_drop(e);
}

/* Both are inside their regions, so no sum overflows. */
static bool entries_overlap(const struct vhost_user_shmem_request *a,
			    const struct vhost_user_shmem_request *b)
{
	return a->shmid == b->shmid && a->offset < b->offset + b->len &&
	       b->offset < a->offset + a->len;
}

/* life */

static int check_config(const struct shmem_table_config *c,
			struct vsu_error *err)
{
	if (c->max == 0 || c->max > SHMEM_TABLE_MAX)
		return vsu_error_set(err, -EINVAL,
				     "a table of %u mappings, the limits are 1 and %u",
				     c->max, SHMEM_TABLE_MAX);
	if (c->nshmem > VHOST_USER_SHMEM_REGIONS)
		return vsu_error_set(err, -EINVAL,
				     "%u shared memory regions, the limit is %u",
				     c->nshmem, VHOST_USER_SHMEM_REGIONS);
	return 0;
}

int shmem_table_new(
		const struct shmem_table_config *config,
		struct shmem_table **out, struct vsu_error *err)
{
	const struct shmem_table_config *c = config;
	struct shmem_table *t;
	uint32_t i;
	int rc = check_config(c, err);

	if (rc < 0)
		return rc;
	t = calloc(1, sizeof(*t) + c->max * sizeof(t->entries[0]));
	if (!t)
		return vsu_error_sys(err, -ENOMEM, "cannot make a table of mappings");
	t->config = *c;
	for (i = 0; i < c->nshmem; i++)
		t->sizes[i] = c->shmem_sizes[i];
	t->config.shmem_sizes = t->sizes;
	*out = t;
	return 0;
}

void shmem_table_free(struct shmem_table *t)
{
	struct entry *e;

	if (!t)
		return;
	for (e = t->entries; e < entries_end(t); e++)
		entry_drop(e);
	free(t);
}

/* requests */

static bool place_is_free(struct shmem_table *t,
			  const struct entry *entry)
{
	const struct entry *e;

	for (e = t->entries; e < entries_end(t); e++)
		if (e->used && !e->wanted &&
		    entries_overlap(&e->request, &entry->request))
			return false;
	return true;
}

static enum step next_step(struct shmem_table *t,
			   const struct entry *e)
{
	if (!e->used || e->asked != STEP_NONE)
		return STEP_NONE;
	if (e->there)
		return e->doubtful || !e->wanted ? STEP_UNMAP : STEP_NONE;
	return e->wanted && !e->refused && place_is_free(t, e) ? STEP_MAP :
								 STEP_NONE;
}

/* A refused unmap means that the mapping no longer exists. */
static void entry_finish(struct shmem_table *t, struct entry *e,
			 int result)
{
	bool was_map = e->asked == STEP_MAP, lost = result == -ECANCELED;
	uint64_t cookie = e->cookie;

	e->asked = STEP_NONE;
	e->there = lost || (was_map && result == 0);
	e->doubtful = e->there && (lost || !t->started);
	e->refused = was_map && result < 0 && !lost;
	drop_removed(e);
	if (t->config.result)
		t->config.result(t->config.opaque, cookie, was_map, result);
}

/*
 * Sets asked first, because the reply may be handled inside. Returns whether
 * the session accepts further requests.
 */
static bool send_step(struct shmem_table *t, struct entry *e,
		      enum step step)
{
	uint64_t cookie = (uint64_t)t->epoch << 32 |
			  (uint64_t)(e - t->entries);
	int rc;

	e->asked = step;
	rc = step == STEP_MAP ?
	     vhost_user_backend_shmem_map(t->b, &e->request, cookie, NULL) :
	     vhost_user_backend_shmem_unmap(t->b, &e->request, cookie, NULL);
	if (rc == -EAGAIN || rc == -EPROTO || rc == -EOPNOTSUPP) {
		e->asked = STEP_NONE;
		drop_removed(e);
		return false;
	}
	if (rc != 0)		/* no reply follows: assume success */
		entry_finish(t, e, rc > 0 ? 0 : rc);
	return true;
}

static bool send_all(struct shmem_table *t, enum step step)
{
	struct entry *e;

	for (e = t->entries; e < entries_end(t); e++)
		if (next_step(t, e) == step && !send_step(t, e, step))
			return false;
	return true;
}

/* Unmaps first: they make room for mappings. */
static void table_pump(struct shmem_table *t)
{
	if (t->b && t->started && send_all(t, STEP_UNMAP))
		send_all(t, STEP_MAP);
}

void shmem_table_result(struct shmem_table *t,
				   uint64_t cookie, int result)
{
	uint32_t index = (uint32_t)cookie;

	if (cookie >> 32 != t->epoch || index >= t->config.max ||
	    t->entries[index].asked == STEP_NONE)
		return;
	entry_finish(t, &t->entries[index], result);
	/* the rings are stopping, or the channel is closed */
	if (result != -ECANCELED)
		table_pump(t);
}

/* the mappings that the owner requires */

static struct entry *entry_find(struct shmem_table *t,
				uint64_t cookie)
{
	struct entry *e;

	for (e = t->entries; e < entries_end(t); e++)
		if (e->used && e->wanted && e->cookie == cookie)
			return e;
	return NULL;
}

static struct entry *entry_unused(struct shmem_table *t)
{
	struct entry *e;

	for (e = t->entries; e < entries_end(t); e++)
		if (!e->used)
			return e;
	return NULL;
}

static int check_bytes(struct shmem_table *t, uint64_t len,
		       struct vsu_error *err)
{
	uint64_t sum = len, limit = t->config.max_bytes;
	const struct entry *e;

	/* removed entries may overlap others, and the sum may overflow */
	for (e = t->entries; limit && e < entries_end(t); e++)
		if (e->used && vsu_u64_add_overflow(sum, e->request.len, &sum))
			sum = UINT64_MAX;
	if (!limit || sum <= limit)
		return 0;
	return vsu_error_set(err, -ENOSPC,
			     "%#" PRIx64 " bytes would be mapped, including those waiting to be unmapped; the limit is %#" PRIx64,
			     sum, limit);
}

static int check_range(const struct shmem_table *t,
		       const struct vhost_user_shmem_request *r,
		       struct vsu_error *err)
{
	const uint64_t size = t->sizes[r->shmid];
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (r->fd < 0)
		return vsu_error_set(err, -EINVAL,
				     "a mapping needs a descriptor");
	if (!r->len || (r->offset | r->len | r->fd_offset) % page)
		return vsu_error_set(err, -EINVAL,
				     "%#" PRIx64 " bytes at %#" PRIx64 " of the file, at %#" PRIx64 " of region %u, are not whole pages",
				     r->len, r->fd_offset, r->offset, r->shmid);
	if (r->offset > size || r->len > size - r->offset)
		return vsu_error_set(err, -EINVAL,
				     "%#" PRIx64 " bytes at %#" PRIx64 " are not in region %u, which has %#" PRIx64,
				     r->len, r->offset, r->shmid, size);
	return 0;
}

static int check_new(struct shmem_table *t,
		     const struct vhost_user_shmem_request *r, uint64_t cookie,
		     struct vsu_error *err)
{
	int rc = check_range(t, r, err);
	const struct entry *e;

	if (rc < 0)
		return rc;
	if (entry_find(t, cookie))
		return vsu_error_set(err, -EEXIST,
				     "the table has a mapping %" PRIu64
				     " already", cookie);
	for (e = t->entries; e < entries_end(t); e++)
		if (e->used && e->wanted && entries_overlap(&e->request, r))
			return vsu_error_set(err, -EEXIST,
					     "%#" PRIx64 " bytes at %#" PRIx64
					     " of region %u overlap mapping %" PRIu64,
					     r->len, r->offset, r->shmid,
					     e->cookie);
	return 0;
}

int shmem_table_add(struct shmem_table *t,
		const struct vhost_user_shmem_request *request,
		uint64_t cookie, struct vsu_error *err)
{
	int rc = check_new(t, request, cookie, err), fd;
	struct entry *e;

	if (rc < 0)
		return rc;
	rc = check_bytes(t, request->len, err);
	if (rc < 0)
		return rc;
	e = entry_unused(t);
	if (!e)
		return vsu_error_set(err, -ENOSPC,
				     "the table is full with %u mappings, including those waiting to be unmapped",
				     t->config.max);
	fd = vsu_fd_dup(request->fd);
	if (fd < 0)
		return vsu_error_sys(err, fd, "cannot keep descriptor %d",
				     request->fd);
	*e = (struct entry){ .request = *request, .cookie = cookie,
			     .used = true, .wanted = true };
	e->request.fd = fd;
	table_pump(t);
	return 0;
}

int shmem_table_remove(struct shmem_table *t,
				  uint64_t cookie)
{
	struct entry *e = entry_find(t, cookie);

	if (!e)
		return -ENOENT;
	vsu_fd_close(&e->request.fd);
	e->wanted = false;
	drop_removed(e);
	table_pump(t);
	return 0;
}

static void forget_refusals(struct shmem_table *t)
{
	struct entry *e;

	for (e = t->entries; e < entries_end(t); e++)
		e->refused = false;
}

void shmem_table_ask_again(struct shmem_table *t)
{
	forget_refusals(t);
	table_pump(t);
}

/* events of the session */

void shmem_table_start(struct shmem_table *t)
{
	if (!t->started)
		forget_refusals(t);
	t->started = true;
	table_pump(t);
}

void shmem_table_stop(struct shmem_table *t)
{
	struct entry *e;

	t->started = false;
	for (e = t->entries; e < entries_end(t); e++)
		e->doubtful = e->there;
}

void shmem_table_reset(struct shmem_table *t)
{
	struct entry *e;

	t->started = false;
	t->epoch++;
	for (e = t->entries; e < entries_end(t); e++) {
		e->there = e->doubtful = false;
		e->asked = STEP_NONE;
		drop_removed(e);
	}
}

void shmem_table_attach(struct shmem_table *t,
				   struct vhost_user_backend *b)
{
	shmem_table_reset(t);
	t->b = b;
}
