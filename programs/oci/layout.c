/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Lays out the files of a container below one folder. */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
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
#include "oci/mount_options.h"
#include "oci/target.h"

#define NAME_BYTES 32

/* ----------------------------------------------------------------------- checks */

/* File systems that the guest's kernel makes. */
static const char *const guest_types[] = {
	"cgroup", "cgroup2", "devpts", "mqueue", "proc", "sysfs", "tmpfs", NULL,
};

static bool is_guest_type(const char *type)
{
	unsigned int i;

	for (i = 0; guest_types[i]; i++)
		if (type && !strcmp(type, guest_types[i]))
			return true;
	return false;
}

/* File systems whose files are the host's. */
static bool is_host_type(const char *type)
{
	return type && !strcmp(type, "overlay");
}

static int check_mount(const struct oci_mount *m, struct oci_mount_options *o, struct vsu_error *err)
{
	const int rc = oci_mount_options_read(m, o, err);

	if (rc < 0)
		return rc;
	if (o->binds)
		return m->source && *m->source ? 0 : vsu_error_set(err, -EINVAL, "mount of '%s': a bind has no source", m->destination);
	if (is_guest_type(m->type) || is_host_type(m->type))
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "mount of '%s': type '%s' is not supported", m->destination, m->type ? m->type : "");
}

int oci_layout_check(const struct oci_spec *spec, struct vsu_error *err)
{
	struct oci_mount_options o;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < spec->nmounts; i++)
		rc = check_mount(&spec->mounts[i], &o, err);
	return rc;
}

/* ----------------------------------------------------------------------- sources */

/* A mount while it is laid out. */
struct draft {
	struct oci_mount_options options;
	int tree;		/* a detached copy of the source, or a new file system; -1: the guest makes it */
	bool is_file;
};

static int resolve_source(const char *bundle, const char *source, char path[PATH_MAX])
{
	const int n = *source == '/' ? snprintf(path, PATH_MAX, "%s", source) :
				       snprintf(path, PATH_MAX, "%s/%s", bundle, source);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Returns a detached copy of the mount at a path. */
static int copy_mount(const char *bundle, const char *source, bool all, bool *is_file, struct vsu_error *err)
{
	char path[PATH_MAX];
	struct stat st;
	int place, tree, rc = resolve_source(bundle, source, path);

	place = rc < 0 ? rc : open(path, O_PATH | O_CLOEXEC);
	if (place < 0)
		return vsu_error_sys(err, rc < 0 ? rc : -errno, "cannot open '%s'", source);
	*is_file = !fstat(place, &st) && !S_ISDIR(st.st_mode);
	tree = all ? prog_mount_copy(place) : prog_mount_copy_one(place);
	close(place);
	return tree < 0 ? vsu_error_sys(err, tree, "cannot copy the mount of '%s'", source) : tree;
}

/* Returns a detached file system, whose files have the label, which may contain commas. */
static int make_file_system(const struct draft *d, const struct oci_mount *m, const char *label, const char *folder, struct vsu_error *err)
{
	char *data = NULL;
	int tree = 0;

	if (label && *label && asprintf(&data, "%s%scontext=\"%s\"", d->options.data, *d->options.data ? "," : "", label) < 0)
		return vsu_error_set(err, -ENOMEM, "out of memory");
	tree = prog_mount_new(folder, m->type, data ? data : d->options.data);
	free(data);
	return tree < 0 ? vsu_error_sys(err, tree, "mount of '%s': cannot make the file system '%s'", m->destination, m->type) : tree;
}

static int make_tree(struct draft *d, const struct oci_spec *spec, const struct oci_mount *m, const char *bundle, const char *folder,
		     struct vsu_error *err)
{
	if (d->options.binds) {
		d->tree = copy_mount(bundle, m->source, d->options.flags & MS_REC, &d->is_file, err);
		return d->tree < 0 ? d->tree : 0;
	}
	if (!is_host_type(m->type))
		return 0;
	d->tree = make_file_system(d, m, spec->mount_label, folder, err);
	return d->tree < 0 ? d->tree : 0;
}

/* Returns the length without slashes at the end. */
static size_t target_length(const char *target)
{
	size_t len = strlen(target);

	while (len > 1 && target[len - 1] == '/')
		len--;
	return len;
}

/* Returns the bind whose source contains the target of a later mount, or -1. */
static int find_outer(const struct oci_spec *spec, const struct draft *drafts, unsigned int inner)
{
	const char *target = spec->mounts[inner].destination, *outer;
	size_t len, longest = 0;
	unsigned int i;
	int found = -1;

	for (i = 0; i < inner; i++) {
		outer = spec->mounts[i].destination;
		len = target_length(outer);
		if (strncmp(target, outer, len) != 0 || target[len] != '/' || len < longest)
			continue;
		longest = len;
		found = drafts[i].tree >= 0 && !drafts[i].is_file ? (int)i : -1;
	}
	return found;
}

/*
 * The guest makes other targets. A host's file system that is read-only has all targets, or the
 * guest reports what is missing.
 */
static int make_inner_targets(const struct oci_spec *spec, const struct draft *drafts, struct vsu_error *err)
{
	unsigned int i;
	int outer, rc = 0;

	for (i = 0; !rc && i < spec->nmounts; i++) {
		outer = find_outer(spec, drafts, i);
		if (outer < 0 || !(drafts[outer].options.flags & MS_RDONLY))
			continue;
		rc = oci_target_make(drafts[outer].tree, spec->mounts[i].destination + target_length(spec->mounts[outer].destination),
				 drafts[i].is_file);
		if (rc == -EROFS)
			rc = 0;
		if (rc < 0)
			vsu_error_sys(err, rc, "mount of '%s': cannot make its target", spec->mounts[i].destination);
	}
	return rc;
}

static uint64_t attributes_of(uint64_t flags)
{
	return (flags & MS_RDONLY ? PROG_MOUNT_READ_ONLY : 0) | (flags & MS_NOSUID ? PROG_MOUNT_NO_SUID : 0) |
	       (flags & MS_NOEXEC ? PROG_MOUNT_NO_PROGRAMS : 0);
}

/*
 * Attaches a copy under a name of the shared folder. The guest's kernel opens device nodes itself; the
 * monitor, which can make them, must not open the host's devices by them.
 */
static int attach_tree(int share, const char *name, int tree, uint64_t flags, bool is_file, struct vsu_error *err)
{
	int place, rc = prog_mount_restrict(tree, attributes_of(flags) | PROG_MOUNT_NO_DEVICES);

	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot restrict a mount");
	rc = oci_target_make_name(share, name, is_file);
	place = rc < 0 ? rc : openat(share, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0)
		return vsu_error_sys(err, rc < 0 ? rc : -errno, "cannot make '%s' in the shared folder", name);
	rc = prog_mount_attach(tree, place);
	close(place);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot mount '%s' in the shared folder", name) : 0;
}

static int attach_root(int share, const struct oci_spec *spec, const char *bundle, struct vsu_error *err)
{
	bool is_file;
	int tree = copy_mount(bundle, spec->root, true, &is_file, err);
	int rc = tree < 0 ? tree : 0;

	if (!rc && is_file)
		rc = vsu_error_set(err, -ENOTDIR, "root '%s' is not a folder", spec->root);
	rc = rc < 0 ? rc : attach_tree(share, OCI_LAYOUT_ROOT, tree, 0, false, err);
	vsu_fd_close(&tree);
	return rc;
}

/* ------------------------------------------------------------------------- guest */

static const char *keep_text(struct oci_layout *l, const char *text)
{
	char *copy = strdup(text);

	if (copy)
		l->texts[l->ntexts++] = copy;
	return copy;
}

/* The guest's kernel has control groups of version 2. */
static const char *type_in_guest(const char *type)
{
	return strcmp(type, "cgroup") ? type : "cgroup2";
}

static int describe_mount(struct oci_layout *l, const struct oci_mount *m, unsigned int i,
			  const struct oci_mount_options *o, struct vsu_error *err)
{
	struct vagent_mount *out = &l->mounts[l->nmounts++];
	char source[sizeof(l->root) + NAME_BYTES];

	*out = (struct vagent_mount){ .target = m->destination, .flags = o->flags | o->propagation,
		.copies_up = o->copies_up };
	if (o->binds || is_host_type(m->type)) {
		out->flags |= MS_BIND;
		snprintf(source, sizeof(source), "%.*s" OCI_LAYOUT_MOUNT, (int)(strlen(l->root) - strlen(OCI_LAYOUT_ROOT)), l->root, i);
		out->source = keep_text(l, source);
		return out->source ? 0 : vsu_error_set(err, -ENOMEM, "out of memory");
	}
	out->type = type_in_guest(m->type);
	out->source = m->source ? m->source : out->type;
	if (!*o->data && strcmp(out->type, "cgroup2"))
		return 0;
	/* as the agent's mount: each mount outside of namespaces decides for all */
	out->data = keep_text(l, *o->data ? o->data : "nsdelegate");
	return out->data ? 0 : vsu_error_set(err, -ENOMEM, "out of memory");
}

/* --------------------------------------------------------------------------- all */

static int lay_out_mounts(struct draft *drafts, int share, const struct oci_spec *spec, const char *bundle,
			  const char *folder, struct vsu_error *err)
{
	char name[NAME_BYTES];
	unsigned int i;
	int rc = 0;

	for (i = 0; i < spec->nmounts && !rc; i++)
		rc = make_tree(&drafts[i], spec, &spec->mounts[i], bundle, folder, err);
	rc = rc < 0 ? rc : make_inner_targets(spec, drafts, err);
	for (i = 0; i < spec->nmounts && !rc; i++) {
		if (drafts[i].tree < 0)
			continue;
		snprintf(name, sizeof(name), OCI_LAYOUT_MOUNT, i);
		rc = attach_tree(share, name, drafts[i].tree, drafts[i].options.flags, drafts[i].is_file, err);
	}
	return rc;
}

/* A file system in memory, which has names only. Its owner is the user of the process. */
static int open_share(const char *folder, struct vsu_error *err)
{
	int fd;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return vsu_error_sys(err, -errno, "cannot make the folder '%s'", folder);
	if (mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0711,size=1m") < 0)
		return vsu_error_sys(err, -errno, "cannot mount a file system in memory");
	fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? vsu_error_sys(err, -errno, "cannot open '%s'", folder) : fd;
}

static int read_drafts(struct draft *drafts, const struct oci_spec *spec, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < spec->nmounts; i++)
		drafts[i].tree = -1;
	for (i = 0; !rc && i < spec->nmounts; i++)
		rc = check_mount(&spec->mounts[i], &drafts[i].options, err);
	return rc;
}

static int lay_out(struct draft *drafts, const struct oci_spec *spec, const char *bundle, const char *folder,
		   struct vsu_error *err)
{
	int share, rc = read_drafts(drafts, spec, err);

	share = rc < 0 ? rc : open_share(folder, err);
	if (share < 0)
		return share;
	rc = attach_root(share, spec, bundle, err);
	rc = rc < 0 ? rc : lay_out_mounts(drafts, share, spec, bundle, folder, err);
	close(share);
	return rc;
}

int oci_layout_enter(struct vsu_error *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return vsu_error_sys(err, -errno, "cannot make a namespace of mounts; run as root, or as root of a user namespace");
	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return vsu_error_sys(err, -errno, "cannot separate the mounts from those of the host");
	return 0;
}

int oci_layout_make(const struct oci_spec *spec, const char *bundle, const char *folder, struct vsu_error *err)
{
	struct draft *drafts = calloc(spec->nmounts + 1, sizeof(*drafts));
	unsigned int i;
	int rc;

	if (!drafts)
		return vsu_error_set(err, -ENOMEM, "out of memory");
	rc = lay_out(drafts, spec, bundle, folder, err);
	for (i = 0; i < spec->nmounts; i++)
		vsu_fd_close(&drafts[i].tree);
	free(drafts);
	return rc;
}

void oci_layout_name_member(char name[OCI_LAYOUT_MEMBER], const char *id, uint64_t begun)
{
	snprintf(name, OCI_LAYOUT_MEMBER, ":%.*s.%" PRIu64, OCI_LAYOUT_NAME, id, begun);
}

int oci_layout_describe(struct oci_layout *l, const struct oci_spec *spec, const char *name, struct vsu_error *err)
{
	struct oci_mount_options o;
	unsigned int i;
	int rc = 0;

	*l = (struct oci_layout){ .mounts = calloc(spec->nmounts + 1, sizeof(*l->mounts)),
				  .texts = calloc(2 * spec->nmounts + 1, sizeof(*l->texts)) };
	if (!l->mounts || !l->texts)
		return vsu_error_set(err, -ENOMEM, "out of memory");
	snprintf(l->root, sizeof(l->root), OCI_LAYOUT_SHARE "/%.*s%s" OCI_LAYOUT_ROOT, OCI_LAYOUT_NAME, name ? name : "", name ? "/" : "");
	for (i = 0; !rc && i < spec->nmounts; i++) {
		rc = check_mount(&spec->mounts[i], &o, err);
		rc = rc < 0 ? rc : describe_mount(l, &spec->mounts[i], i, &o, err);
	}
	return rc;
}

void oci_layout_free(struct oci_layout *l)
{
	while (l->ntexts)
		free(l->texts[--l->ntexts]);
	free(l->texts);
	free(l->mounts);
	*l = (struct oci_layout){ .mounts = NULL };
}
