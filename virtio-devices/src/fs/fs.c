/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The file system device: its configuration, queues, configuration space, reset and creation. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <virtio-devices/ids.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "core/device_priv.h"
#include "core/kept.h"
#include "fs/device/recover.h"
#include "fs/serve/serve.h"

/* Additional pieces per chain: buffers that cross memory regions are split. */
#define MORE_PIECES 64u

#define DAY UINT64_C(86400)

#define DEFAULT_QUEUE_MAX 1024u

/*
 * RLIMIT_NOFILE: OWN_FILES are reserved for the process, 1 / HANDLES_SHARE is the
 * default number of handles.
 */
#define OWN_FILES 64u
#define HANDLES_SHARE 8u
#define MAX_FILES (UINT32_C(1) << 20)

/* At least 1 / REST_SHARE of the limit is reserved for the rest of the process. */
#define REST_SHARE 16u

/* Each chunk costs memory, and a check when the driver reads the size of a mapped file. */
#define MAX_WINDOW (UINT64_C(1) << 40)

/* ------------------------------------------------------------- configuration */

/* At least OWN_FILES: divide_files() requires twice as many. */
static uint64_t fd_limit(void)
{
	struct rlimit limit = { .rlim_cur = 2 * OWN_FILES };
	uint64_t rest;

	getrlimit(RLIMIT_NOFILE, &limit);
	rest = limit.rlim_cur / REST_SHARE;
	return limit.rlim_cur - (rest > OWN_FILES ? rest : OWN_FILES);
}

static int check_strings(const struct virtdev_fs_config *c,
			 struct vsu_error *err)
{
	if (!c->path || !*c->path)
		return vsu_error_set(err, -EINVAL, "fs: no path; name the folder to share");
	if (!c->tag || !*c->tag)
		return vsu_error_set(err, -EINVAL, "fs: no tag; the guest mounts the folder by it");
	if (strlen(c->tag) > VIRTDEV_FS_TAG_MAX)
		return vsu_error_set(err, -ENAMETOOLONG,
				     "fs: tag '%s' has %zu bytes, at most %u are possible",
				     c->tag, strlen(c->tag), VIRTDEV_FS_TAG_MAX);
	return 0;
}

/* ACLs and labels are extended attributes, so they require xattr. */
static int check_lists(const struct virtdev_fs_config *c, struct vsu_error *err)
{
	if (c->posix_acl && !c->xattr)
		return vsu_error_set(err, -EINVAL,
				     "fs: access control lists are extended attributes; enable these, too (xattr)");
	if (c->security_label && !c->xattr)
		return vsu_error_set(err, -EINVAL,
				     "fs: labels are extended attributes; enable these, too (xattr)");
	if (c->hide_private && !c->read_only)
		return vsu_error_set(err, -EINVAL,
				     "fs: files that others may not read are hidden in read-only folders only, as the guest would lose those that it makes; add readonly, or omit hide-private");
	return c->posix_acl && (c->nuid_rules || c->ngid_rules) ?
	       vsu_error_set(err, -EINVAL,
			     "fs: access control lists contain IDs, which rules for users and groups do not translate; omit one of the two options") : 0;
}

static int check_numbers(const struct virtdev_fs_config *c,
			 struct vsu_error *err)
{
	if (!vsu_is_aligned(c->window, VIRTDEV_FS_WINDOW_ALIGN) ||
	    c->window > MAX_WINDOW)
		return vsu_error_set(err, -EINVAL,
				     "fs: a window of %" PRIu64 " bytes; it must be a multiple of 2 MiB, at most 1 TiB",
				     c->window);
	if (c->queues > VIRTDEV_FS_QUEUES_MAX)
		return vsu_error_set(err, -EINVAL,
				     "fs: %" PRIu32 " queues; at most %u are possible",
				     c->queues, VIRTDEV_FS_QUEUES_MAX);
	if (c->queue_size_max > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL,
				     "fs: a queue of %" PRIu32 " entries; at most %u are possible",
				     c->queue_size_max, VQ_MAX_SIZE);
	if (c->nuid_rules > VIRTDEV_FS_RULES_MAX || c->ngid_rules > VIRTDEV_FS_RULES_MAX)
		return vsu_error_set(err, -EINVAL,
				     "fs: %" PRIu32 " rules for users and %" PRIu32 " for groups; at most %u of each are possible",
				     c->nuid_rules, c->ngid_rules, VIRTDEV_FS_RULES_MAX);
	if (c->file_handles > VIRTDEV_FS_HANDLES_MANDATORY)
		return vsu_error_set(err, -EINVAL, "fs: invalid use of file handles: %" PRIu32,
				     c->file_handles);
	if (c->workers > VIRTDEV_FS_WORKERS_MAX)
		return vsu_error_set(err, -EINVAL, "fs: %" PRIu32 " threads for requests; at most %u are possible",
				     c->workers, VIRTDEV_FS_WORKERS_MAX);
	if (c->recover && c->window)
		return vsu_error_set(err, -EINVAL, "fs: a DAX window does not survive the process, so that a guest would find it empty; omit the window or the recovery file (recover)");
	if (c->lost > VIRTDEV_FS_LOST_ERROR)
		return vsu_error_set(err, -EINVAL, "fs: invalid treatment of lost files: %" PRIu32,
				     c->lost);
	if (c->cache > VIRTDEV_FS_CACHE_METADATA)
		return vsu_error_set(err, -EINVAL, "fs: invalid cache mode: %" PRIu32,
				     c->cache);
	return 0;
}

static uint32_t at_most(uint64_t n, uint32_t most)
{
	return n < most ? (uint32_t)n : most;
}

/* Divides RLIMIT_NOFILE between inodes and handles. */
static int divide_files(struct virtdev_fs_config *c, struct vsu_error *err)
{
	struct rlimit limit;
	uint64_t files, handles;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return vsu_error_sys(err, -errno, "fs: cannot read the limit of open files");
	files = limit.rlim_cur;
	if (files < 2 * OWN_FILES)
		return vsu_error_set(err, -ENFILE,
				     "fs: at most %" PRIu64 " open files; %u are needed (ulimit -n)",
				     files, 2 * OWN_FILES);
	handles = c->handles ? c->handles : files / HANDLES_SHARE;
	c->handles = at_most(handles, MAX_FILES);
	files -= OWN_FILES;
	files = files > handles ? files - handles : 1;
	if (c->file_handles != VIRTDEV_FS_HANDLES_NEVER)
		files = MAX_FILES;
	if (c->inodes)
		files = c->inodes;
	c->inodes = at_most(files, MAX_FILES);
	return 0;
}

static int check_values(const struct virtdev_fs_config *c, struct vsu_error *err)
{
	int rc = check_strings(c, err);

	if (rc >= 0)
		rc = check_numbers(c, err);
	return rc < 0 ? rc : check_lists(c, err);
}

static int add_rules(struct fs_idmap *map, const char *const *rules,
			      uint32_t n, struct vsu_error *err)
{
	uint32_t i;
	int rc = vsu_check_array(rules, n, "fs: config->uid_rules or gid_rules", err);

	for (i = 0; rc >= 0 && i < n; i++)
		rc = rules[i] ? virtdev_priv_fs_idmap_add(map, rules[i], err) :
				vsu_error_set(err, -EINVAL, "fs: rule %u of config->uid_rules or gid_rules is NULL", i);
	return rc;
}

static int check_hidden(const char *text, struct vsu_error *err)
{
	struct fs_hidden_rules rules;
	int rc = virtdev_priv_fs_hidden_parse(&rules, text, err);

	virtdev_priv_fs_hidden_free(&rules);
	return rc;
}

int virtdev_fs_config_check(const struct virtdev_fs_config *config,
			    struct vsu_error *err)
{
	struct fs_idmap uids = { .to_host.n = 0 }, gids = { .to_host.n = 0 };
	struct virtdev_fs_config c = { 0 };
	int rc = vsu_copy_sized(&c, sizeof(c), config,
				"struct virtdev_fs_config", err);

	if (rc >= 0)
		rc = check_values(&c, err);
	if (rc >= 0)
		rc = add_rules(&uids, c.uid_rules, c.nuid_rules, err);
	if (rc >= 0)
		rc = add_rules(&gids, c.gid_rules, c.ngid_rules, err);
	return rc < 0 ? rc : check_hidden(c.hidden, err);
}

static int config_fill(struct virtdev_fs_config *c, struct vsu_error *err)
{
	int rc = check_values(c, err);

	if (rc >= 0)
		rc = divide_files(c, err);
	c->queues = c->queues ? c->queues : 1;
	if (!c->queue_size_max)
		c->queue_size_max = DEFAULT_QUEUE_MAX;
	return rc;
}

/* -------------------------------------------------------------------- queues */

static uint32_t serve_measured(void *opaque, struct vq *q, struct vq_chain *chain)
{
	struct fs_queue *queue = opaque;
	const uint64_t popped = virtdev_priv_fs_measure_begin(queue);
	const uint32_t written = virtdev_priv_fs_serve(queue, q, chain);

	virtdev_priv_fs_measure_end(queue, queue->kind, popped);
	return written;
}

static int fs_serve(void *self, uint32_t queue)
{
	struct fs *fs = self;
	struct fs_queue *q = &fs->queues[queue];
	struct vq_turn turn = {
		.size = sizeof(turn), .serve = serve_measured,
		.opaque = q, .iov = q->pieces, .clock_chains = 1,
	};

	if (!q->q)
		return 0;
	if (q->event >= 0)
		return virtdev_priv_fs_queue_turn(q);
	turn.iov_max = q->npieces;
	return virtdev_queue_turn(fs->dev, queue, q->q, &turn);
}

static int fs_drain(void *self, uint32_t queue)
{
	struct fs_queue *q = &((struct fs *)self)->queues[queue];

	return q->event >= 0 ? virtdev_priv_fs_queue_drain(q) : 0;
}

static int fs_host_fd(void *self, uint32_t queue)
{
	return ((const struct fs *)self)->queues[queue].event;
}

static void queue_fini(struct fs_queue *q)
{
	virtdev_priv_fs_jobs_fini(q);
	free(q->pieces);
	free(q->text);
	vsu_fd_close(&q->event);
	q->pieces = NULL;
	q->text = NULL;
	q->q = NULL;
}

/* A queue with an event continues while some of its requests are pending. */
static int make_room(struct fs_queue *q, uint32_t size)
{
	q->npieces = size + MORE_PIECES;
	if (!q->fs->nchunks && !virtdev_priv_fs_has_workers(q))
		return virtdev_priv_fs_buffers_init(q);
	q->event = vsu_event_new();
	return q->event < 0 ? q->event : virtdev_priv_fs_jobs_init(q);
}

static int fs_start(void *self, uint32_t queue, struct vq *vq,
		    struct vsu_error *err)
{
	struct fs_queue *q = &((struct fs *)self)->queues[queue];
	int rc = make_room(q, vq_size(vq));

	if (rc < 0) {
		queue_fini(q);
		return vsu_error_sys(err, rc, "fs: cannot allocate the buffers of a queue");
	}
	q->measured = virtdev_queue_measured(q->fs->dev, queue);
	q->q = vq;
	virtdev_priv_fs_session_used(q->fs);
	q->fs->recover.unmounted = false;
	return 0;
}

static void fs_stop(void *self, uint32_t queue)
{
	queue_fini(&((struct fs *)self)->queues[queue]);
}

static bool fs_blocks(void *self)
{
	(void)self;
	return true;
}

/* -------------------------------------------------------------------- device */

static void fs_config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	memcpy(buf, (const char *)&((const struct fs *)self)->space + off, len);
}

static bool keeps_session(const struct fs *fs)
{
	return __atomic_load_n(&fs->keep, __ATOMIC_RELAXED) != FS_KEEP_NOTHING;
}

/* Each inode is a descriptor, and there may be hundreds of thousands. */
static int fs_reset_turn(void *self)
{
	struct fs *fs = self;

	return !keeps_session(fs) && virtdev_priv_fs_session_end_turn(fs);
}

static void fs_reset(void *self)
{
	struct fs *fs = self;

	/* reset by a reconnecting front-end or process exit, not the guest */
	if (keeps_session(fs))
		return;
	virtdev_priv_fs_session_end(fs);
	virtdev_priv_fs_window_forget(fs);
}

static void fs_free(void *self)
{
	struct fs *fs = self;

	virtdev_priv_fs_recover_close(fs);
	virtdev_priv_fs_owners_forget(fs, UINT64_MAX);
	virtdev_priv_fs_handles_fini(fs);
	virtdev_priv_fs_inodes_fini(fs);
	virtdev_priv_fs_mounts_fini(fs);
	virtdev_priv_fs_window_fini(fs);
	vsu_fd_close(&fs->load.parent);
	vsu_fd_close(&fs->folder);
	vsu_fd_close(&fs->proc);
	virtdev_priv_fs_job_queue_fini(&fs->job_queue);
	pthread_mutex_destroy(&fs->lock);
	pthread_mutex_destroy(&fs->window_lock);
	pthread_mutex_destroy(&fs->owners.lock);
	pthread_mutex_destroy(&fs->mounts.lock);
	virtdev_priv_fs_user_fini(fs);
	virtdev_priv_fs_hidden_free(&fs->hidden);
	free(fs);
}

static const struct virtdev_ops fs_ops = {
	.size = sizeof(fs_ops), .name = "fs",
	.config_read = fs_config_read,
	.queue_start = fs_start, .queue_serve = fs_serve,
	.queue_drain = fs_drain, .queue_stop = fs_stop,
	.queue_host_fd = fs_host_fd, .queue_blocks = fs_blocks,
	.stats = virtdev_priv_fs_stats, .reset = fs_reset,
	.reset_turn = fs_reset_turn, .free = fs_free,
	.region_done = virtdev_priv_fs_region_done,
	.state_version = 2, .state_save = virtdev_priv_fs_state_save,
	.state_load = virtdev_priv_fs_state_load,
	.state_load_turn = virtdev_priv_fs_state_load_turn,
	.latency_kinds = virtdev_priv_fs_kinds,
};

/* ------------------------------------------------------------------ creation */

/* EMFILE must not be reported as a missing /proc. */
static int open_proc(struct fs *fs, struct vsu_error *err)
{
	fs->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fs->proc >= 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return vsu_error_set(err, -ENOSYS,
				     "fs: /proc/self/fd does not exist, which is required to reopen files; mount /proc");
	return vsu_error_sys(err, -errno,
			     "fs: cannot open /proc/self/fd, which is required to reopen files");
}

static int open_folder(struct fs *fs, const char *path, struct vsu_error *err)
{
	fs->folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fs->folder < 0)
		return vsu_error_sys(err, -errno, "fs: cannot open the folder '%s'",
				     path);
	virtdev_priv_fs_automounts_init(fs);
	virtdev_priv_fs_spelling_init(fs);
	return open_proc(fs, err);
}

static struct fs *fs_new(const struct virtdev_fs_config *c)
{
	const uint32_t nqueues = c->queues + 1;
	struct fs *fs = calloc(1, sizeof(*fs) +
			       nqueues * sizeof(struct fs_queue));
	uint32_t i;

	if (!fs)
		return NULL;
	fs->folder = fs->proc = fs->recover.fd = fs->load.parent = -1;
	fs->nqueues = nqueues;
	for (i = 0; i < nqueues; i++)
		fs->queues[i] = (struct fs_queue){ .fs = fs, .index = i,
						     .event = -1 };
	fs->config = *c;
	memcpy(fs->space.tag, c->tag, strlen(c->tag));
	fs->space.queues[0] = (unsigned char)c->queues;
	fs->valid_s = virtdev_priv_fs_caches_names(c) ? DAY :
		      c->cache == VIRTDEV_FS_CACHE_AUTO;
	fs->fd_limit = fd_limit();
	virtdev_priv_fs_job_queue_init(&fs->job_queue);
	pthread_mutex_init(&fs->lock, NULL);
	pthread_mutex_init(&fs->window_lock, NULL);
	pthread_mutex_init(&fs->owners.lock, NULL);
	pthread_mutex_init(&fs->mounts.lock, NULL);
	return fs;
}

/* Before a queue has run: with the session of the recovery file, or that there is none. */
static bool fs_continues(void *self)
{
	const struct fs *fs = self;

	return fs->recover.unmounted || keeps_session(fs);
}

static int make_device(struct fs *fs, struct vsu_error *err)
{
	const struct virtdev_fs_config *c = &fs->config;
	const struct virtdev_info info = {
		.id = VIRTDEV_ID_FS, .nqueues = fs->nqueues,
		.queue_size_max = c->queue_size_max,
		.config_size = sizeof(struct fs_space),
		.nregions = c->window ? 1 : 0,
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    VQ_F_EVENT_IDX | VQ_F_RING_PACKED,
		.regions = { { .id = FS_WINDOW_REGION, .len = c->window } },
	};
	int rc = virtdev_priv_fs_user_init(fs);

	fs->owners.max = 1 + c->handles / FS_OWNERS_SHARE;
	if (rc >= 0)
		rc = virtdev_priv_fs_inodes_init(fs);
	if (rc >= 0)
		rc = virtdev_priv_fs_handles_init(fs);
	if (rc >= 0)
		rc = virtdev_priv_fs_window_init(fs);
	if (rc >= 0) {
		rc = virtdev_new(&fs_ops, &info, fs, &fs->dev, err);
		if (!rc)
			virtdev_priv_set_keeps_apart(fs->dev, fs_continues);
		return rc;
	}
	if (rc == -EPERM || rc == -EOPNOTSUPP)
		return vsu_error_sys(err, rc, "fs: file handles are mandatory but not available; they require CAP_DAC_READ_SEARCH and the support of the file system");
	return vsu_error_sys(err, rc, "fs");
}

static int make_fs(const struct virtdev_fs_config *c, struct virtdev **out,
		   struct vsu_error *err)
{
	struct fs *fs = fs_new(c);
	int rc;

	if (!fs)
		return vsu_error_sys(err, -ENOMEM, "fs");
	rc = add_rules(&fs->uids, c->uid_rules, c->nuid_rules, err);
	if (rc >= 0)
		rc = add_rules(&fs->gids, c->gid_rules, c->ngid_rules, err);
	if (rc >= 0)
		rc = open_folder(fs, c->path, err);
	if (rc >= 0)
		rc = virtdev_priv_fs_hidden_init(fs, c->hidden, err);
	if (rc >= 0)
		rc = virtdev_priv_fs_acl_check(fs, c->path, err);
	if (rc >= 0)
		rc = make_device(fs, err);
	if (rc >= 0 && c->recover)
		rc = virtdev_priv_fs_recover_load(fs, c->recover, err);
	if (rc < 0) {
		if (fs->dev)
			virtdev_free(fs->dev);	/* frees fs as well */
		else
			fs_free(fs);
		return rc;
	}
	*out = fs->dev;
	return 0;
}

int virtdev_fs_new(const struct virtdev_fs_config *config,
		   struct virtdev **out, struct vsu_error *err)
{
	struct virtdev_fs_config c = { 0 };
	int rc = vsu_copy_sized(&c, sizeof(c), config,
				"struct virtdev_fs_config", err);

	if (rc >= 0)
		rc = config_fill(&c, err);
	return rc < 0 ? rc : make_fs(&c, out, err);
}

void virtdev_fs_keep(struct virtdev *dev)
{
	struct fs *fs = virtdev_priv_self(dev, virtdev_priv_fs_stats);

	if (fs && fs_recover_map(&fs->recover))
		__atomic_store_n(&fs->keep, FS_KEEP_ALWAYS, __ATOMIC_RELAXED);
}

int virtdev_fs_check(struct virtdev *dev, struct vsu_error *err)
{
	const struct fs *fs = virtdev_priv_self(dev, virtdev_priv_fs_stats);

	if (!fs || !fs->recover.map || fs_recover_map(&fs->recover))
		return 0;
	return vsu_error_set(err, -EIO,
			     "fs: the recovery file (recover) was truncated by another process; the guest continues, but loses its mount when this process ends");
}
