/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests that are not idempotent: they create or remove names, attributes or handles.
 * If the process is killed before it replies, the replacement process receives the
 * request again. The records tell it whether the request was started or completed, and
 * with which result.
 *
 * FUSE unique numbers are not reused within a session. Records are hashed by them: a
 * collision overwrites the older record, and that request would be executed twice.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "fs/names/names.h"

/*
 * Birth time of a created file relative to its request; clock granularity. A thread of a
 * busy host creates the file late.
 */
#define MAKING_NS UINT64_C(1000000000)
#define TICK_NS UINT64_C(10000000)

static struct fs_replay_record *replay_record_of(const struct fs *fs, uint64_t unique)
{
	struct fs_replay_record *all = (struct fs_replay_record *)(void *)
				      (fs->recover.map + fs->recover.replay_at);

	return &all[unique % FS_REPLAY_RECORDS];
}

static uint32_t generation_of(const struct fs *fs)
{
	return fs_recover_head_of(&fs->recover)->generation;
}

static bool is_request(const struct fs_call *c,
		       const struct fs_replay_record *o)
{
	return o->unique == c->in.unique && o->opcode == c->in.opcode &&
	       o->node == c->in.nodeid;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) +
	       (uint64_t)now.tv_nsec;
}

bool virtdev_priv_fs_replay_was_started(const struct fs_call *c)
{
	struct fs *fs = c->fs;
	const struct fs_replay_record *o = replay_record_of(fs, c->in.unique);
	bool was_started;

	pthread_mutex_lock(&fs->lock);
	was_started = is_request(c, o) && o->generation != generation_of(fs);
	pthread_mutex_unlock(&fs->lock);
	return was_started;
}

/* Returns the record of the previous process; unique 0: none. */
static struct fs_replay_record replay_begin(struct fs_call *c)
{
	struct fs *fs = c->fs;
	struct fs_replay_record *o = replay_record_of(fs, c->in.unique), before;

	pthread_mutex_lock(&fs->lock);
	before = *o;
	if (!is_request(c, &before) || before.generation == generation_of(fs))
		before.unique = 0;
	__atomic_store_n(&o->unique, 0, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	o->node = c->in.nodeid;
	o->moved = before.unique ? before.moved : 0;
	o->started = before.unique ? before.started : now_ns();
	o->opcode = c->in.opcode;
	o->generation = generation_of(fs);
	o->done = before.unique ? before.done : 0;
	o->result = before.unique ? before.result : 0;
	__atomic_store_n(&o->unique, c->in.unique, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&fs->lock);
	return before;
}

static void replay_end(const struct fs_call *c, int rc)
{
	struct fs *fs = c->fs;
	struct fs_replay_record *o = replay_record_of(fs, c->in.unique);

	if (virtdev_priv_fs_is_detached(c))
		return;	/* the record belongs to a new session */
	pthread_mutex_lock(&fs->lock);
	if (is_request(c, o)) {
		o->result = rc < 0 ? rc : 0;
		__atomic_store_n(&o->done, 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&fs->lock);
}

/* Changes a field of the record, unless another request overwrote it. */
static void record_set(const struct fs_call *c, struct fs_replay_record *o,
		       uint64_t *field, uint64_t value)
{
	pthread_mutex_lock(&c->fs->lock);
	if (is_request(c, o))
		__atomic_store_n(field, value, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&c->fs->lock);
}

void virtdev_priv_fs_replay_set_moved(const struct fs_call *c, uint64_t moved)
{
	struct fs_replay_record *o = replay_record_of(c->fs, c->in.unique);

	record_set(c, o, &o->moved, moved);
}

void virtdev_priv_fs_replay_clear(struct fs *fs)
{
	if (!fs_recover_map(&fs->recover))
		return;
	pthread_mutex_lock(&fs->lock);
	memset(fs->recover.map + fs->recover.replay_at, 0,
	       FS_REPLAY_RECORDS * sizeof(struct fs_replay_record));
	pthread_mutex_unlock(&fs->lock);
}

/* Replies as if the file had just been created; CREATE also opens it. */
static int reply_made(struct fs_call *c, const struct fs_operation *op)
{
	if (!(op->flags & FS_REPLIES_ENTRY))
		return 0;
	if (c->in.opcode != FUSE_CREATE)
		return virtdev_priv_fs_lookup(c);
	c->arg.create.flags &= ~(uint32_t)O_EXCL;
	return op->serve(c);
}

static uint32_t type_of(const struct fs_call *c)
{
	return c->in.opcode == FUSE_MKDIR ? S_IFDIR :
	       c->in.opcode == FUSE_SYMLINK ? S_IFLNK :
	       c->in.opcode == FUSE_CREATE ? S_IFREG :
	       c->arg.mknod.mode & S_IFMT;
}

/*
 * Whether the interrupted request created the file. LINK: the name is that of the source;
 * otherwise by type and birth time.
 */
static bool was_made(struct fs_call *c, uint64_t started)
{
	struct statx st;
	uint64_t btime;

	if (virtdev_priv_fs_stat_mount(c->fs, c->inode->fd, c->name, &st) < 0)
		return false;
	if (c->in.opcode == FUSE_LINK)
		return virtdev_priv_fs_inode_known(c->fs, &st) == c->arg.link.oldnodeid;
	btime = virtdev_priv_fs_btime_of(&st);
	return (st.stx_mode & S_IFMT) == type_of(c) &&
	       btime + TICK_NS >= started && btime <= started + MAKING_NS;
}

/*
 * Whether the interrupted rename gave the file its new name. moved: the nodeid of the file,
 * 0 if the request is not a rename of a known file.
 */
static bool was_moved(struct fs_call *c, uint64_t moved)
{
	struct fs_inode *to;
	struct statx st;
	int rc;

	if (!moved)
		return false;
	to = virtdev_priv_fs_inode_get(c->fs, c->arg.rename.newdir);
	if (!to)
		return false;
	rc = virtdev_priv_fs_stat_mount(c->fs, to->fd, c->other, &st);
	virtdev_priv_fs_inode_put(c->fs, to);
	return rc >= 0 && virtdev_priv_fs_inode_known(c->fs, &st) == moved;
}

/* The name or attribute is already removed: the request succeeded. */
static bool is_gone(uint32_t opcode, int rc)
{
	return opcode == FUSE_UNLINK || opcode == FUSE_RMDIR ? rc == -ENOENT :
	       opcode == FUSE_REMOVEXATTR && rc == -ENODATA;
}

/* The previous process was killed before it created the name: the request begins now. */
static void begin_unmade(struct fs_call *c)
{
	struct fs_replay_record *o = replay_record_of(c->fs, c->in.unique);
	struct statx st;

	if (virtdev_priv_fs_stat(c->inode->fd, c->name, &st) == -ENOENT)
		record_set(c, o, &o->started, now_ns());
}

static int serve_started(struct fs_call *c, const struct fs_operation *op,
			 const struct fs_replay_record *before)
{
	int rc;

	if (was_moved(c, before->moved))
		return 0;
	if (op->flags & FS_REPLIES_ENTRY)
		begin_unmade(c);
	rc = op->serve(c);
	if (is_gone(c->in.opcode, rc))
		return 0;
	if (rc != -EEXIST || !(op->flags & FS_REPLIES_ENTRY) ||
	    !was_made(c, before->started))
		return rc;
	rc = virtdev_priv_fs_label_name(c);
	return rc < 0 ? rc : reply_made(c, op);
}

int virtdev_priv_fs_replay_serve(struct fs_call *c, const struct fs_operation *op)
{
	const struct fs_replay_record before = replay_begin(c);
	int rc;

	if (!before.unique)
		rc = op->serve(c);
	else if (!before.done)
		rc = serve_started(c, op, &before);
	else
		rc = before.result < 0 ? before.result : reply_made(c, op);
	replay_end(c, rc);
	return rc;
}
