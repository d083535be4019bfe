/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Locks that are shared with other guests and host processes, if configured. Otherwise
 * they are not negotiated, and the guest kernel manages its locks alone.
 *
 * A flock() lock belongs to the handle's open file description. A record lock belongs
 * to an owner, a process of the guest, which may use several handles. The device opens
 * the file once per owner and uses OFD locks. As POSIX requires, the first FUSE_FLUSH
 * of any handle by the owner releases all its record locks of that file.
 *
 * The guest chooses owner IDs, so owners are kept in a balanced tree (tsearch).
 *
 * Blocking locks are not supported: SETLKW fails with EAGAIN instead of waiting.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <sys/file.h>

#include <vmm-sys-util/event.h>

#include "fs/data/data.h"

/* --------------------- record locks of one owner, merged and split as the kernel does */

static bool records_overlap(const struct fs_record_lock *a, const struct fs_record_lock *b)
{
	return a->first <= b->last && b->first <= a->last;
}

static bool records_touch(const struct fs_record_lock *a, const struct fs_record_lock *b)
{
	return records_overlap(a, b) || a->last + 1 == b->first || b->last + 1 == a->first;
}

static void record_join(struct fs_record_lock *to, const struct fs_record_lock *r)
{
	if (r->first < to->first)
		to->first = r->first;
	if (r->last > to->last)
		to->last = r->last;
}

static void record_add(struct fs_record_locks *out, uint64_t first, uint64_t last, uint32_t type)
{
	out->list[out->n++] = (struct fs_record_lock){ first, last, type };
}

/* Adds the parts of r outside the changed range. */
static void add_rest(struct fs_record_locks *out, const struct fs_record_lock *r,
		     const struct fs_record_lock *change)
{
	if (r->first < change->first)
		record_add(out, r->first, change->first - 1, r->type);
	if (r->last > change->last)
		record_add(out, change->last + 1, r->last, r->type);
}

int virtdev_priv_fs_record_locks_after(const struct fs_record_locks *now,
				       const struct fs_record_lock *change,
				       struct fs_record_locks *out)
{
	struct fs_record_lock whole = *change;
	uint32_t i;

	*out = (struct fs_record_locks){ .n = 0 };
	/* a change splits at most one lock, and adds itself */
	out->list = malloc((now->n + 2) * sizeof(*out->list));
	if (!out->list)
		return -ENOMEM;
	for (i = 0; i < now->n; i++) {
		if (now->list[i].type == change->type && records_touch(&now->list[i], change))
			record_join(&whole, &now->list[i]);
		else if (records_overlap(&now->list[i], change))
			add_rest(out, &now->list[i], change);
		else
			out->list[out->n++] = now->list[i];
	}
	if (change->type != F_UNLCK)
		record_add(out, whole.first, whole.last, whole.type);
	if (out->n <= FS_MAX_OWNER_RECORD_LOCKS || out->n <= now->n)
		return 0;
	free(out->list);
	*out = (struct fs_record_locks){ .n = 0 };
	return -ENOLCK;
}

/* -------------------------------------------------------------------- owners */

static int compare_owners(const void *left, const void *right)
{
	const struct fs_owner *a = left, *b = right;

	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	return a->name < b->name ? -1 : a->name > b->name;
}

static struct fs_owner *owner_find(struct fs *fs, uint64_t node, uint64_t name)
{
	const struct fs_owner sought = { .node = node, .name = name };
	struct fs_owner *const *found = tfind(&sought, &fs->owners.tree,
					      compare_owners);

	return found ? *found : NULL;
}

/* F_WRLCK requires a writable descriptor, F_RDLCK a readable one. */
static int owner_open(const struct fs_call *c)
{
	int fd = c->fs->config.read_only ? -1 :
		 virtdev_priv_fs_reopen(c->fs, c->inode, O_RDWR | O_NONBLOCK);

	return fd >= 0 ? fd : virtdev_priv_fs_reopen(c->fs, c->inode,
						    O_RDONLY | O_NONBLOCK);
}

static int owner_add(struct fs *fs, const struct fs_owner *new,
		     struct fs_owner **out)
{
	struct fs_owner *owner = malloc(sizeof(*owner));

	if (!owner)
		return -ENOMEM;
	*owner = *new;
	if (!tsearch(owner, &fs->owners.tree, compare_owners)) {
		free(owner);
		return -ENOMEM;
	}
	fs->owners.n++;
	*out = owner;
	return 0;
}

static int owner_new(const struct fs_call *c, struct fs_owner **out)
{
	struct fs_owner new = { .node = c->in.nodeid, .name = c->arg.lk.owner };
	struct fs *fs = c->fs;
	int rc;

	if (fs->owners.n == fs->owners.max)
		return -ENOLCK;
	new.fd = owner_open(c);
	if (new.fd < 0)
		return new.fd;
	new.closer = virtdev_priv_fs_closer(fs, c->inode, new.fd);
	if (virtdev_priv_fs_check_kept(fs, &new.fd, new.closer, 0) < 0)
		return -ENOLCK;
	rc = owner_add(fs, &new, out);
	if (rc < 0)
		virtdev_priv_fs_close(new.closer, &new.fd);
	return rc;
}

static void owner_drop(struct fs *fs, struct fs_owner *owner)
{
	tdelete(owner, &fs->owners.tree, compare_owners);
	virtdev_priv_fs_close(owner->closer, &owner->fd);
	fs->owners.nrecords -= owner->records.n;
	free(owner->records.list);
	free(owner);
	fs->owners.n--;
}

static bool is_lock_type(uint32_t type)
{
	return type == F_RDLCK || type == F_WRLCK || type == F_UNLCK;
}

/* FUSE's end is inclusive. */
static int read_record(const struct fuse_file_lock *in, struct flock *out)
{
	if (in->start > in->end || in->start > INT64_MAX ||
	    !is_lock_type(in->type))
		return -EINVAL;
	*out = (struct flock){
		.l_type = (short)in->type, .l_whence = SEEK_SET,
		.l_start = (off_t)in->start,
		/* 0: to the maximum offset */
		.l_len = in->end >= INT64_MAX ? 0
					: (off_t)(in->end - in->start + 1),
	};
	return 0;
}

/* Length 0 extends to the maximum offset. */
static struct fs_record_lock record_of(const struct flock *l)
{
	return (struct fs_record_lock){
		.first = (uint64_t)l->l_start,
		.last = l->l_len ? (uint64_t)(l->l_start + l->l_len - 1) : INT64_MAX,
		.type = (uint32_t)l->l_type,
	};
}

static bool is_over_limit(const struct fs *fs, const struct fs_owner *owner,
			  const struct fs_record_locks *after)
{
	return after->n > owner->records.n &&
	       fs->owners.nrecords - owner->records.n + after->n > FS_MAX_RECORD_LOCKS;
}

static int change_records(struct fs *fs, struct fs_owner *owner, struct flock *lock)
{
	const struct fs_record_lock change = record_of(lock);
	struct fs_record_locks after;
	int rc = virtdev_priv_fs_record_locks_after(&owner->records, &change, &after);

	if (rc < 0)
		return rc;
	if (is_over_limit(fs, owner, &after))
		rc = -ENOLCK;
	else if (fcntl(owner->fd, F_OFD_SETLK, lock) < 0)
		rc = errno == EACCES ? -EAGAIN : -errno;
	if (rc < 0) {
		free(after.list);
		return rc;
	}
	fs->owners.nrecords = fs->owners.nrecords - owner->records.n + after.n;
	free(owner->records.list);
	owner->records = after;
	return 0;
}

static int set_record(const struct fs_call *c, struct flock *record)
{
	struct fs *fs = c->fs;
	struct fs_owner *owner = owner_find(fs, c->in.nodeid, c->arg.lk.owner);
	int rc = 0;

	if (!owner && record->l_type == F_UNLCK)
		return 0;
	if (!owner)
		rc = owner_new(c, &owner);
	return rc < 0 ? rc : change_records(fs, owner, record);
}

static int set_flock(const struct fs_call *c)
{
	const uint32_t type = c->arg.lk.lk.type;
	const int op = type == F_UNLCK ? LOCK_UN :
		       type == F_WRLCK ? LOCK_EX : LOCK_SH;

	if (!is_lock_type(type))
		return -EINVAL;
	if (flock(c->handle->fd, op | LOCK_NB) < 0)
		return -errno;
	pthread_mutex_lock(&c->handle->position);
	c->handle->flocked = type != F_UNLCK;
	pthread_mutex_unlock(&c->handle->position);
	return 0;
}

int virtdev_priv_fs_setlk(struct fs_call *c)
{
	const bool whole = c->arg.lk.lk_flags & FUSE_LK_FLOCK;
	struct flock record;
	int rc;

	if (whole ? !c->fs->config.flock : !c->fs->config.posix_lock)
		return -ENOSYS;
	if (whole)
		return set_flock(c);
	rc = read_record(&c->arg.lk.lk, &record);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&c->fs->owners.lock);
	rc = set_record(c, &record);
	pthread_mutex_unlock(&c->fs->owners.lock);
	return rc;
}

/* An owner without locks queries through the handle, which holds no OFD lock. */
static int get_record(const struct fs_call *c, struct flock *record)
{
	const struct fs_owner *owner = owner_find(c->fs, c->in.nodeid,
						  c->arg.lk.owner);
	const int fd = owner ? owner->fd : c->handle->fd;

	return fcntl(fd, F_OFD_GETLK, record) < 0 ? -errno : 0;
}

int virtdev_priv_fs_getlk(struct fs_call *c)
{
	struct fuse_lk_out out = { 0 };
	struct flock record;
	int rc = c->fs->config.posix_lock ? read_record(&c->arg.lk.lk, &record)
					  : -ENOSYS;

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&c->fs->owners.lock);
	rc = get_record(c, &record);
	pthread_mutex_unlock(&c->fs->owners.lock);
	if (rc < 0)
		return rc;
	out.lk.type = (uint32_t)record.l_type;
	out.lk.start = (uint64_t)record.l_start;
	out.lk.end = record.l_len ? out.lk.start + (uint64_t)record.l_len - 1
				  : INT64_MAX;
	/* the host cannot report PIDs of the guest */
	return virtdev_priv_fs_reply(c, &out, sizeof(out));
}

void virtdev_priv_fs_owner_forget(struct fs *fs, uint64_t node, uint64_t name)
{
	struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
	struct fs_owner *owner;

	if (!fs->config.posix_lock)
		return;
	pthread_mutex_lock(&fs->owners.lock);
	owner = owner_find(fs, node, name);
	/* the closer may be late: unlock before the reply */
	if (owner && owner->closer)
		fcntl(owner->fd, F_OFD_SETLK, &all);
	if (owner)
		owner_drop(fs, owner);
	pthread_mutex_unlock(&fs->owners.lock);
}

bool virtdev_priv_fs_owners_forget(struct fs *fs, uint64_t until)
{
	struct fs_owner *owner;
	bool more;

	pthread_mutex_lock(&fs->owners.lock);
	do {
		more = fs->owners.tree;
		if (!more)
			break;
		owner = *(struct fs_owner **)fs->owners.tree; /* root node of the tree */
		owner_drop(fs, owner);
	} while (vsu_now_ns() < until);
	pthread_mutex_unlock(&fs->owners.lock);
	return more;
}
