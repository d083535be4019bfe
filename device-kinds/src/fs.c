/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kind "fs": a folder of the host that the guest mounts. */
#define _GNU_SOURCE
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>

#include <device-kinds/kind.h>
#include <virtio-devices/fs.h>
#include <vmm-sys-util/fd.h>

#define DEFAULT_TAG "host"

/* Default threads of a device that shares a main loop. */
#define LOOP_WORKERS 4u

/* Indexed by enum virtdev_fs_cache. */
static const char *const caches[] = { "auto", "always", "never", "metadata",
				      NULL };

/* Indexed by enum virtdev_fs_handles. */
static const char *const file_handles[] = { "never", "prefer", "mandatory",
					    NULL };

/* Indexed by enum virtdev_fs_lost. */
static const char *const lost_files[] = { "abort", "guest-error", NULL };

struct fs {
	const char *path, *tag, *hidden;
	uint64_t workers, file_handles, cache, read_only, window, xattr, posix_acl, label, nosuid, nodev, hide_private, submounts, posix_lock, flock, lost;
	const char *uid_rules[VIRTDEV_FS_RULES_MAX], *gid_rules[VIRTDEV_FS_RULES_MAX];
};
static_assert(sizeof(struct fs) <= DEVKIND_MAX_CONFIG, "a kind's config");
static_assert(VIRTDEV_FS_CACHE_ALWAYS == 1 && VIRTDEV_FS_CACHE_NEVER == 2 &&
	      VIRTDEV_FS_CACHE_METADATA == 3,
	      "the order of cache modes");
static_assert(VIRTDEV_FS_HANDLES_MANDATORY == 2, "the order of file handles");

static_assert(VIRTDEV_FS_LOST_ERROR == 1, "the order of what is done about lost files");

static const struct devkind_key keys[] = {
	{ .option = { .name = "path", .kind = VSU_OPTION_STRING,
		      .arg = "FOLDER", .help = "the folder to share" },
	  .daemon_name = "shared-dir",
	  .refers = DEVKIND_REFERS_FOLDER, .read_if = { "readonly" },
	  .offset = offsetof(struct fs, path), .required = true },
	{ .option = { .name = "tag", .kind = VSU_OPTION_STRING, .arg = "NAME",
		      .help = "name under which the guest mounts it",
		      .preset = DEFAULT_TAG },
	  .refers = DEVKIND_REFERS_TEXT,
	  .offset = offsetof(struct fs, tag),
	  .max_len = VIRTDEV_FS_TAG_MAX },
	{ .option = { .name = "cache", .kind = VSU_OPTION_CHOICE,
		      .choices = caches, .preset = "auto",
		      .help = "how long the guest caches; auto: a second" },
	  .offset = offsetof(struct fs, cache) },
	{ .option = { .name = "readonly", .kind = VSU_OPTION_FLAG,
		      .help = "the guest may not write" },
	  .daemon_name = "read-only",
	  .offset = offsetof(struct fs, read_only) },
	{ .option = { .name = "xattr", .kind = VSU_OPTION_FLAG,
		      .help = "pass extended attributes" },
	  .offset = offsetof(struct fs, xattr) },
	{ .option = { .name = "posix-acl", .kind = VSU_OPTION_FLAG,
		      .help = "pass access control lists and extended attributes" },
	  .offset = offsetof(struct fs, posix_acl) },
	{ .option = { .name = "security-label", .kind = VSU_OPTION_FLAG,
		      .help = "store security labels of the guest with new files" },
	  .offset = offsetof(struct fs, label) },
	{ .option = { .name = "nosuid", .kind = VSU_OPTION_FLAG,
		      .help = "the guest may not set set-user-ID bits, set-group-ID bits and file capabilities" },
	  .offset = offsetof(struct fs, nosuid) },
	{ .option = { .name = "nodev", .kind = VSU_OPTION_FLAG,
		      .help = "the guest may not make device nodes" },
	  .offset = offsetof(struct fs, nodev) },
	{ .option = { .name = "translate-uid", .kind = VSU_OPTION_STRING,
		      .arg = "RULE", .repeat = true,
		      .help = "translate user ids: map:GUEST:HOST:COUNT, guest:, host:, squash-guest:, squash-host: or forbid-guest:" },
	  .refers = DEVKIND_REFERS_IDS,
	  .offset = offsetof(struct fs, uid_rules),
	  .max_times = VIRTDEV_FS_RULES_MAX },
	{ .option = { .name = "translate-gid", .kind = VSU_OPTION_STRING,
		      .arg = "RULE", .repeat = true,
		      .help = "the same for group ids" },
	  .refers = DEVKIND_REFERS_IDS,
	  .offset = offsetof(struct fs, gid_rules),
	  .max_times = VIRTDEV_FS_RULES_MAX },
	{ .option = { .name = "hide", .kind = VSU_OPTION_STRING,
		      .arg = "PATH[:PATH...]",
		      .help = "names below the folder that do not exist for the guest, the last one a pattern; !PATH: an exception" },
	  .refers = DEVKIND_REFERS_TEXT,
	  .offset = offsetof(struct fs, hidden) },
	{ .option = { .name = "hide-private", .kind = VSU_OPTION_FLAG,
		      .help = "files that others may not read do not exist for the guest; with readonly" },
	  .offset = offsetof(struct fs, hide_private) },
	{ .option = { .name = "announce-submounts", .kind = VSU_OPTION_FLAG,
		      .help = "report mount points below the folder to the guest" },
	  .offset = offsetof(struct fs, submounts) },
	{ .option = { .name = "inode-file-handles", .kind = VSU_OPTION_CHOICE,
		      .choices = file_handles, .preset = "never",
		      .help = "reopen inodes by file handle instead of keeping them open" },
	  .offset = offsetof(struct fs, file_handles) },
	{ .option = { .name = "posix-lock", .kind = VSU_OPTION_FLAG,
		      .help = "record locks exclude the host and other guests as well" },
	  .offset = offsetof(struct fs, posix_lock) },
	{ .option = { .name = "flock", .kind = VSU_OPTION_FLAG,
		      .help = "flock() locks exclude the host and other guests as well" },
	  .offset = offsetof(struct fs, flock) },
	{ .option = { .name = "migration-on-error", .kind = VSU_OPTION_CHOICE,
		      .choices = lost_files, .preset = "abort",
		      .help = "a file of a migrated guest is missing: fail, or fail its requests" },
	  .not_inline = "it is for state that a vhost-user front-end migrates",
	  .offset = offsetof(struct fs, lost) },
	{ .option = { .name = "dax-window", .kind = VSU_OPTION_SIZE,
		      .arg = "BYTES",
		      .help = "shared memory window for mounts with -o dax, a multiple of 2M",
		      .preset = "none", .example = "1G" },
	  .offset = offsetof(struct fs, window) },
	{ .option = { .name = "thread-pool-size", .kind = VSU_OPTION_U64,
		      .arg = "N", .preset = "0, 4 in the VMM",
		      .max = VIRTDEV_FS_WORKERS_MAX,
		      .help = "threads that process requests; 0: the queue's own thread, not in the VMM" },
	  .zero_not_inline = "in the VMM the queue has no own thread, and a slow file would block all devices",
	  .offset = offsetof(struct fs, workers) },
	{ .option = { .name = NULL } },
};

/* Rules are stored consecutively. */
static uint32_t count_rules(const char *const *rules)
{
	uint32_t n = 0;

	while (n < VIRTDEV_FS_RULES_MAX && rules[n])
		n++;
	return n;
}

static void fill_config(struct virtdev_fs_config *out, const struct fs *f,
			const struct devkind_common *common)
{
	const struct virtdev_fs_config fs = {
		.size = sizeof(fs), .path = f->path,
		.tag = f->tag ? f->tag : DEFAULT_TAG,
		.window = f->window, .cache = (uint32_t)f->cache,
		.queues = common->queues, .queue_size_max = common->queue_size,
		.read_only = f->read_only, .xattr = f->xattr || f->posix_acl || f->label,
		.posix_acl = f->posix_acl, .security_label = f->label,
		.nosuid = f->nosuid, .nodev = f->nodev,
		.uid_rules = f->uid_rules, .gid_rules = f->gid_rules,
		.nuid_rules = count_rules(f->uid_rules),
		.ngid_rules = count_rules(f->gid_rules),
		.hidden = f->hidden, .hide_private = f->hide_private, .submounts = f->submounts, .posix_lock = f->posix_lock,
		.flock = f->flock, .file_handles = (uint32_t)f->file_handles,
		.lost = (uint32_t)f->lost, .workers = (uint32_t)f->workers,
		.recover = common->recover, .sigbus = common->sigbus,
	};

	*out = fs;
}

static int judge_folder(const char *path, struct vsu_error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return vsu_error_sys(err, -errno, "cannot open the folder '%s'", path);
	vsu_fd_close(&fd);
	return 0;
}

static int fs_judge(const void *config, const struct devkind_common *common,
		    struct vsu_error *err)
{
	struct virtdev_fs_config fs;
	int rc;

	fill_config(&fs, config, common);
	rc = virtdev_fs_config_check(&fs, err);
	return rc < 0 ? rc : judge_folder(fs.path, err);
}

static int fs_open(const void *config, const struct devkind_common *common,
		   struct virtdev **out, struct vsu_error *err)
{
	const struct devkind_host *host = common->host;
	struct vsu_error why = VSU_ERROR_INIT;
	struct virtdev_fs_config fs;

	fill_config(&fs, config, common);
	if (host && host->file_closer)
		fs.closer = host->file_closer(host->opaque, &why);
	if (why.code && err)
		*err = why;
	return why.code ? why.code : virtdev_fs_new(&fs, out, err);
}

static void fs_describe(const void *config, struct devkind_facts *facts)
{
	const struct fs *f = config;

	facts->file = f->path;
	facts->writes = !f->read_only;
	facts->finds_files = f->file_handles;
	if (!f->read_only)
		facts->makes = (f->nodev ? 0 : DEVKIND_MAKES_NODES) | (f->nosuid ? 0 : DEVKIND_MAKES_CAPABILITIES);
	facts->sets_labels = f->label;
	facts->workers = (uint32_t)f->workers;
}

/* System calls on files can take long, and other devices share the loop. */
static void fs_share_loop(void *config)
{
	struct fs *f = config;

	if (!f->workers)
		f->workers = LOOP_WORKERS;
}

static const struct devkind_work fs_work = {
	.work = virtdev_fs_work, .work_end = virtdev_fs_work_end,
	.detach = virtdev_fs_detach, .detached_max = VIRTDEV_FS_DETACHED_MAX,
};

static const struct devkind kind = {
	.name = "fs", .summary = "a shared folder (virtiofs)",
	.id = VIRTDEV_ID_FS, .has_daemon = true, .max_queues = VIRTDEV_FS_QUEUES_MAX,
	.min_queue_size = 8, .queue_size = "1024", .keys = keys,
	.value = { .key = "path" },
	.open = fs_open, .judge = fs_judge, .describe = fs_describe,
	.keep = virtdev_fs_keep, .check = virtdev_fs_check, .work = &fs_work,
	.share_loop = fs_share_loop, .any_when_remote = true,
};

const struct devkind *devkind_fs(void)
{
	return &kind;
}
