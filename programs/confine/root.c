/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The later root: a folder, or an empty file system with files and folders. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine/mounts.h"
#include "confine/root.h"

/* a file system for the folders on the paths of names */
#define SIZE "mode=0755,size=1m,nr_inodes=8192"
#define FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

struct entry {
	char path[PATH_MAX];	/* absolute */
	struct landlock_rule rule;
	unsigned int depth;	/* depth_of() of the path */
};

/* ------------------------------------------------------------------- the names */

static bool is_writable(const struct landlock_rule *rule)
{
	return rule->use != LANDLOCK_READ && rule->use != LANDLOCK_READ_FILE &&
	       rule->use != LANDLOCK_NAMES;
}

/*
 * A folder precedes what is inside it, so that neither hides the other; the widest right is
 * last.
 */
static int entry_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return (int)is_writable(&x->rule) - (int)is_writable(&y->rule);
}

/* Counts components, in whatever way the path is written: "/a/./b/../c" has two. */
static unsigned int depth_of(const char *path)
{
	unsigned int depth = 0;
	size_t len;

	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		len = strcspn(path, "/");
		if (len == 2 && !strncmp(path, "..", 2))
			depth -= depth > 0;
		else
			depth += len > 1 || *path != '.';
		path += len;
	}
	return depth;
}

static int entry_set(struct entry *e, const struct confine_plan *p, const char *folder,
		     const struct confine_file *file, struct vsu_error *err)
{
	const bool absolute = file->name[0] == '/';
	int len = snprintf(e->path, sizeof(e->path), "%s%s%s", absolute ? "" : folder,
			   absolute ? "" : "/", file->name);

	if (len < 0 || len >= (int)sizeof(e->path))
		return vsu_error_set(err, -ENAMETOOLONG, "%s: '%s' is too long", p->option, file->name);
	e->rule = file->rule;
	e->depth = depth_of(e->path);
	return 0;
}

static int entries_sort(struct entry *entries, const struct confine_plan *p, const char *folder,
			struct vsu_error *err)
{
	unsigned int i, n = 0;
	int rc = 0;

	for (i = 0; !rc && i < p->nfiles; i++)
		if (p->files[i].name)
			rc = entry_set(&entries[n++], p, folder, &p->files[i], err);
	if (rc < 0)
		return rc;
	qsort(entries, n, sizeof(*entries), entry_compare);
	return (int)n;
}

/* ------------------------------------------------------------- the way to a name */

static bool is_same(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* True for a folder of the new root: nothing is created in folders of the host. */
static bool is_of_jail(int root, int dir)
{
	struct stat x, y;

	return !fstat(root, &x) && !fstat(dir, &y) && x.st_dev == y.st_dev;
}

/* Replaces *dir by its entry. The parent of the root is the root. */
static int step_into(int root, int *dir, const char *name)
{
	int next;

	if (!strcmp(name, "..") && is_same(root, *dir))
		return 0;
	if (is_of_jail(root, *dir) && mkdirat(*dir, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	next = openat(*dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0)
		return -errno;
	vsu_fd_close(dir);
	*dir = next;
	return 0;
}

/*
 * The last step of a path to a file: creates an empty file below the mount. An existing
 * file is not opened for use: it may be a FIFO or a device of the host, which another
 * option names, too.
 */
static int step_to_file(int root, int *dir, const char *name)
{
	struct stat st;
	int file;

	if (is_of_jail(root, *dir)) {
		file = openat(*dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		vsu_fd_close(&file);
	}
	file = openat(*dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0)
		return -errno;
	vsu_fd_close(dir);
	*dir = file;
	return fstat(file, &st) < 0 ? -errno : S_ISLNK(st.st_mode) ? -ELOOP : 0;
}

/* Returns a descriptor of the path below the root; creates missing parts of it. */
static int make_way(int root, const char *path, bool is_folder)
{
	char copy[PATH_MAX], *rest, *name, *next;
	int dir = vsu_fd_dup(root), rc = dir < 0 ? dir : 0;

	snprintf(copy, sizeof(copy), "%s", path);
	for (name = strtok_r(copy, "/", &rest); !rc && name; name = next) {
		next = strtok_r(NULL, "/", &rest);
		if (strcmp(name, "."))
			rc = next || is_folder ? step_into(root, &dir, name) :
						 step_to_file(root, &dir, name);
	}
	if (rc < 0)
		vsu_fd_close(&dir);
	return rc < 0 ? rc : dir;
}

/* ---------------------------------------------------------------------- mounts */

static uint64_t attributes_of(const struct landlock_rule *rule, bool is_folder)
{
	return PROG_MOUNT_NO_SUID | PROG_MOUNT_NO_PROGRAMS |
	       (is_folder ? PROG_MOUNT_NO_DEVICES : 0) |
	       (is_writable(rule) ? 0 : PROG_MOUNT_READ_ONLY);
}

static int refuse_root(const struct confine_plan *p, const struct entry *e, struct vsu_error *err)
{
	return vsu_error_set(err, -EINVAL, "%s: '%s' is the host's root; name a folder below it, also for a socket",
			     p->option, e->path);
}

static int refuse_mount(const struct confine_plan *p, const struct entry *e, int rc, struct vsu_error *err)
{
	if (rc == -ELOOP || rc == -ENOTDIR || rc == -ENOENT)
		return vsu_error_set(err, -EINVAL, "%s: '%s' leads through a symbolic link of a folder that another option names; give the file's own name",
				     p->option, e->path);
	if (rc == -ENOSYS)
		return vsu_error_set(err, rc, "%s: this kernel cannot restrict mounts; use Linux 5.12 or newer, or leave %s out",
				     p->option, p->option);
	return vsu_error_sys(err, rc, "%s: '%s' cannot be mounted", p->option, e->path);
}

static int copy_attach(const struct landlock_rule *rule, bool is_folder, int place)
{
	int tree = prog_mount_copy(rule->place), rc;

	if (tree < 0)
		return tree;
	rc = prog_mount_restrict(tree, attributes_of(rule, is_folder));
	rc = rc < 0 ? rc : prog_mount_attach(tree, place);
	vsu_fd_close(&tree);
	return rc;
}

static int entry_mount(const struct confine_plan *p, int root, const struct entry *e,
		       struct vsu_error *err)
{
	struct stat st;
	bool is_folder;
	int place, rc;

	if (fstat(e->rule.place, &st) < 0)
		return vsu_error_sys(err, -errno, "%s: '%s'", p->option, e->path);
	is_folder = S_ISDIR(st.st_mode);
	place = make_way(root, e->path, is_folder);
	if (place < 0)
		return refuse_mount(p, e, place, err);
	if (is_same(root, place))
		rc = refuse_root(p, e, err);
	else if ((rc = copy_attach(&e->rule, is_folder, place)) < 0)
		rc = refuse_mount(p, e, rc, err);
	vsu_fd_close(&place);
	return rc;
}

static int entries_mount(const struct confine_plan *p, int root, const char *folder,
			 struct vsu_error *err)
{
	struct entry *entries = calloc(CONFINE_FILES, sizeof(*entries));
	int i, n, rc;

	if (!entries)
		return vsu_error_set(err, -ENOMEM, "no memory for the files of a root");
	rc = n = entries_sort(entries, p, folder, err);
	for (i = 0; rc >= 0 && i < n; i++)
		rc = entry_mount(p, root, &entries[i], err);
	free(entries);
	return rc < 0 ? rc : 0;
}

static int root_fill(const struct confine_plan *p, int root, struct vsu_error *err)
{
	char folder[PATH_MAX];
	int rc, way;

	if (!getcwd(folder, sizeof(folder)))
		return vsu_error_sys(err, -errno, "%s: the working directory", p->option);
	rc = entries_mount(p, root, folder, err);
	if (rc < 0)
		return rc;
	/* also the working directory, if no file is in it */
	way = make_way(root, folder, true);
	vsu_fd_close(&way);
	return mount(NULL, CONFINE_STAGED, NULL, FLAGS | MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0 ?
	       vsu_error_sys(err, -errno, "%s: the root cannot be made read-only", p->option) : 0;
}

int confine_root_files(struct confine_plan *p, struct vsu_error *err)
{
	const mode_t mask = umask(022);
	int root = -1, rc;

	if (mount("cvmm-jail", CONFINE_STAGED, "tmpfs", FLAGS, SIZE) < 0)
		rc = vsu_error_sys(err, -errno, "%s: no file system can be mounted", p->option);
	else if ((root = open(CONFINE_STAGED, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		rc = vsu_error_sys(err, -errno, "%s: " CONFINE_STAGED, p->option);
	else
		rc = root_fill(p, root, err);
	vsu_fd_close(&root);
	umask(mask);
	return rc;
}

/* -------------------------------------------------------------------- a folder */

/*
 * Device files in the folder belong to the guest and cannot be opened on the host. Linux
 * before 5.12 lacks the call; the device itself enforces read_only.
 */
static int folder_attach(const struct confine_plan *p, int tree)
{
	int stage, rc = prog_mount_restrict(tree, PROG_MOUNT_NO_SUID | PROG_MOUNT_NO_DEVICES |
					    (p->read_only ? PROG_MOUNT_READ_ONLY : 0));

	if (rc < 0 && rc != -ENOSYS)
		return rc;
	stage = open(CONFINE_STAGED, O_PATH | O_DIRECTORY | O_CLOEXEC);
	rc = stage < 0 ? -errno : prog_mount_attach(tree, stage);
	vsu_fd_close(&stage);
	return rc;
}

int confine_root_folder(struct confine_plan *p, struct vsu_error *err)
{
	int dir = open(p->folder, O_PATH | O_DIRECTORY | O_CLOEXEC), tree, rc;

	if (dir < 0)
		return vsu_error_sys(err, -errno, "%s", p->folder);
	tree = rc = prog_mount_copy(dir);
	if (rc >= 0)
		rc = folder_attach(p, tree);
	vsu_fd_close(&tree);
	vsu_fd_close(&dir);
	if (rc >= 0)
		p->folder = CONFINE_STAGED;
	return rc;
}
