/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shows the files of a container to processes that enter its namespace of mounts. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine/mounts.h"
#include "oci/layout.h"
#include "oci/target.h"
#include "oci/view.h"

#define OWN_MOUNTS "/proc/self/ns/mnt"
#define NAME_BYTES 32

/* A mount of the container, detached until the root is that of the container. */
struct shown {
	int tree;
	bool is_file;
	bool is_of_guest;
};

/* Returns a detached copy of what the layout has by a name. */
static int copy_source(int folder, const char *name, bool *is_file)
{
	const int place = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int tree;

	if (place < 0)
		return -errno;
	*is_file = !fstat(place, &st) && !S_ISDIR(st.st_mode);
	tree = prog_mount_copy(place);
	close(place);
	return tree;
}

static int collect_mount(struct shown *s, int folder, const char *path, unsigned int i)
{
	char name[NAME_BYTES];

	snprintf(name, sizeof(name), OCI_LAYOUT_MOUNT, i);
	s->tree = copy_source(folder, name, &s->is_file);
	s->is_of_guest = s->tree == -ENOENT;
	if (s->is_of_guest)
		s->tree = prog_mount_new(path, "tmpfs", "mode=0755,size=64k");
	return s->tree < 0 ? s->tree : 0;
}

/* The guest reports targets that cannot be made. */
static int attach_mount(const struct shown *s, int root, const char *target)
{
	int place, rc;

	if (oci_target_make(root, target, s->is_file) < 0)
		return 0;
	place = oci_target_open(root, target);
	rc = place < 0 ? 0 : prog_mount_attach(s->tree, place);
	vsu_fd_close(&place);
	return rc == -ENOTDIR || rc == -EINVAL ? 0 : rc;
}

/* Later mounts have had their targets made in the file systems of the guest. */
static int close_guest_mounts(const struct shown *shown, unsigned int n)
{
	const uint64_t attributes = PROG_MOUNT_READ_ONLY | PROG_MOUNT_NO_SUID | PROG_MOUNT_NO_DEVICES | PROG_MOUNT_NO_PROGRAMS;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++)
		if (shown[i].is_of_guest)
			rc = prog_mount_restrict_one(shown[i].tree, attributes);
	return rc;
}

/* The root of an initrd cannot be left: the new one is mounted over it. */
static int cover_root(int tree)
{
	int own = open(OWN_MOUNTS, O_RDONLY | O_CLOEXEC), place, rc;

	rc = own < 0 || setns(own, CLONE_NEWNS) < 0 ? -errno : 0;
	vsu_fd_close(&own);
	place = rc < 0 ? rc : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	rc = place < 0 ? -errno : prog_mount_attach(tree, place);
	vsu_fd_close(&place);
	if (rc < 0)
		return rc;
	return fchdir(tree) < 0 || chroot(".") < 0 ? -errno : 0;
}

static int enter_root(int folder, int tree)
{
	char path[64];
	int place = openat(folder, OCI_LAYOUT_ROOT, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
	rc = place < 0 ? -errno : prog_mount_become_root(path);
	vsu_fd_close(&place);
	return rc == -EINVAL ? cover_root(tree) : rc;
}

/*
 * The processes of the guest are not there. "podman top" would print a list without any: it fails by a process
 * that is no folder.
 */
static int refuse_processes(const struct oci_mount *m, const struct shown *s)
{
	return s->is_of_guest && !strcmp(m->type, "proc") ? oci_target_make(s->tree, "1", true) : 0;
}

static int show_mounts(const struct oci_spec *spec, const struct shown *shown)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), rc = root < 0 ? -errno : 0;
	unsigned int i;

	for (i = 0; !rc && i < spec->nmounts; i++) {
		rc = attach_mount(&shown[i], root, spec->mounts[i].destination);
		rc = rc < 0 ? rc : refuse_processes(&spec->mounts[i], &shown[i]);
	}
	rc = rc < 0 ? rc : close_guest_mounts(shown, spec->nmounts);
	vsu_fd_close(&root);
	/* that of this process's root, which is a mount */
	root = rc < 0 || !spec->readonly_root ? -1 : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	rc = root < 0 ? rc : prog_mount_restrict_one(root, PROG_MOUNT_READ_ONLY);
	vsu_fd_close(&root);
	return rc;
}

static int collect_mounts(const struct oci_spec *spec, int folder, const char *path, struct shown *shown)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < spec->nmounts; i++)
		shown[i].tree = -1;
	for (i = 0; !rc && i < spec->nmounts; i++)
		rc = collect_mount(&shown[i], folder, path, i);
	return rc;
}

static int enter_view(const struct oci_spec *spec, const char *path, struct shown *shown)
{
	int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), tree, rc;
	bool is_file;

	rc = folder < 0 ? -errno : collect_mounts(spec, folder, path, shown);
	tree = rc < 0 ? rc : copy_source(folder, OCI_LAYOUT_ROOT, &is_file);
	rc = tree < 0 ? tree : enter_root(folder, tree);
	rc = rc < 0 ? rc : show_mounts(spec, shown);
	vsu_fd_close(&tree);
	vsu_fd_close(&folder);
	return rc;
}

int oci_view_enter(const struct oci_spec *spec, const char *folder, struct vsu_error *err)
{
	struct shown *shown = calloc(spec->nmounts + 1, sizeof(*shown));
	unsigned int i;
	int rc = shown ? 0 : -ENOMEM;

	if (!rc && (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0))
		rc = -errno;
	rc = rc < 0 ? rc : enter_view(spec, folder, shown);
	for (i = 0; shown && i < spec->nmounts; i++)
		vsu_fd_close(&shown[i].tree);
	free(shown);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot make the mounts that engines see") : 0;
}
