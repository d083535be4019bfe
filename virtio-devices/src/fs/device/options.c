/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Checks the configuration, and computes defaults. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/sized.h>

#include "fs/device/priv.h"

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

/* Each chunk costs memory, and a check when a mapped file changes its size. */
#define MAX_WINDOW (UINT64_C(1) << 40)

/* At least OWN_FILES: divide_files() requires twice as many. */
uint64_t virtdev_priv_fs_fd_limit(void)
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

int virtdev_priv_fs_add_rules(struct fs_idmap *map, const char *const *rules,
			      uint32_t n, struct vsu_error *err)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; rc >= 0 && i < n; i++)
		rc = virtdev_priv_fs_idmap_add(map, rules[i], err);
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
		rc = virtdev_priv_fs_add_rules(&uids, c.uid_rules, c.nuid_rules, err);
	return rc < 0 ? rc : virtdev_priv_fs_add_rules(&gids, c.gid_rules,
						       c.ngid_rules, err);
}

int virtdev_priv_fs_config_fill(struct virtdev_fs_config *c,
				struct vsu_error *err)
{
	int rc = check_values(c, err);

	if (rc >= 0)
		rc = divide_files(c, err);
	c->queues = c->queues ? c->queues : 1;
	if (!c->queue_size_max)
		c->queue_size_max = DEFAULT_QUEUE_MAX;
	return rc;
}
