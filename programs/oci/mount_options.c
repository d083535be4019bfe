/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the options of mounts. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "oci/mount_options.h"

#define SETS(word, bits) { .name = (word), .effect = OCI_MOUNT_SETS, .flags = (bits) }
#define CLEARS(word, bits) { .name = (word), .effect = OCI_MOUNT_CLEARS, .flags = (bits) }
#define BINDS(word, bits) { .name = (word), .effect = OCI_MOUNT_BINDS, .flags = (bits) }
#define PROPAGATES(word, bits) { .name = (word), .effect = OCI_MOUNT_PROPAGATES, .flags = (bits) }
#define NOTHING(word) { .name = (word), .effect = OCI_MOUNT_NOTHING }
#define REFUSED(word, reason) { .name = (word), .effect = OCI_MOUNT_REFUSED, .why = (reason) }

#define NO_SHARED "mounts of a container's guest do not propagate to the host"
#define NO_MAPPED "files have the numbers of their owners that they have on the host"
#define NO_RECURSION "a property of a mount is not set for the mounts below it"

const struct oci_mount_word oci_mount_words[] = {
	BINDS("bind", MS_BIND),
	BINDS("rbind", MS_BIND | MS_REC),
	SETS("ro", MS_RDONLY),
	CLEARS("rw", MS_RDONLY),
	SETS("nosuid", MS_NOSUID),
	CLEARS("suid", MS_NOSUID),
	SETS("nodev", MS_NODEV),
	CLEARS("dev", MS_NODEV),
	SETS("noexec", MS_NOEXEC),
	CLEARS("exec", MS_NOEXEC),
	SETS("sync", MS_SYNCHRONOUS),
	CLEARS("async", MS_SYNCHRONOUS),
	SETS("dirsync", MS_DIRSYNC),
	SETS("noatime", MS_NOATIME),
	CLEARS("atime", MS_NOATIME),
	SETS("nodiratime", MS_NODIRATIME),
	CLEARS("diratime", MS_NODIRATIME),
	SETS("relatime", MS_RELATIME),
	CLEARS("norelatime", MS_RELATIME),
	SETS("strictatime", MS_STRICTATIME),
	CLEARS("nostrictatime", MS_STRICTATIME),
	SETS("lazytime", MS_LAZYTIME),
	CLEARS("nolazytime", MS_LAZYTIME),
	SETS("iversion", MS_I_VERSION),
	CLEARS("noiversion", MS_I_VERSION),
	SETS("mand", MS_MANDLOCK),
	CLEARS("nomand", MS_MANDLOCK),
	SETS("silent", MS_SILENT),
	CLEARS("loud", MS_SILENT),
	PROPAGATES("private", MS_PRIVATE),
	PROPAGATES("rprivate", MS_PRIVATE | MS_REC),
	PROPAGATES("slave", MS_SLAVE),
	PROPAGATES("rslave", MS_SLAVE | MS_REC),
	PROPAGATES("unbindable", MS_UNBINDABLE),
	PROPAGATES("runbindable", MS_UNBINDABLE | MS_REC),
	{ .name = "tmpcopyup", .effect = OCI_MOUNT_COPIES_UP },
	NOTHING("defaults"),
	NOTHING("remount"),	/* all of an engine's options are read before the mount */
	REFUSED("shared", NO_SHARED),
	REFUSED("rshared", NO_SHARED),
	REFUSED("idmap", NO_MAPPED),
	REFUSED("ridmap", NO_MAPPED),
	REFUSED("rro", NO_RECURSION),
	REFUSED("rrw", NO_RECURSION),
	REFUSED("rnosuid", NO_RECURSION),
	REFUSED("rsuid", NO_RECURSION),
	REFUSED("rnodev", NO_RECURSION),
	REFUSED("rdev", NO_RECURSION),
	REFUSED("rnoexec", NO_RECURSION),
	REFUSED("rexec", NO_RECURSION),
	REFUSED("rnoatime", NO_RECURSION),
	REFUSED("ratime", NO_RECURSION),
	REFUSED("rnodiratime", NO_RECURSION),
	REFUSED("rdiratime", NO_RECURSION),
	REFUSED("rrelatime", NO_RECURSION),
	REFUSED("rnorelatime", NO_RECURSION),
	REFUSED("rstrictatime", NO_RECURSION),
	REFUSED("rnostrictatime", NO_RECURSION),
	REFUSED("nosymfollow", "the folder is served without it"),
	{ .name = NULL },
};

static const struct oci_mount_word *find_word(const char *name)
{
	const struct oci_mount_word *w;

	for (w = oci_mount_words; w->name; w++)
		if (!strcmp(w->name, name))
			return w;
	return NULL;
}

static int add_data(const char *word, struct oci_mount_options *o, struct vsu_error *err)
{
	const size_t had = strlen(o->data), len = strlen(word);

	if (had + len + 2 > sizeof(o->data))
		return vsu_error_set(err, -E2BIG, "more than %d bytes of options", OCI_MOUNT_DATA);
	if (had)
		o->data[had] = ',';
	memcpy(o->data + had + !!had, word, len + 1);
	return 0;
}

static int add_word(const char *name, struct oci_mount_options *o, struct vsu_error *err)
{
	const struct oci_mount_word *w = find_word(name);

	if (!w)
		return add_data(name, o, err);
	if (w->effect == OCI_MOUNT_REFUSED)
		return vsu_error_set(err, -EOPNOTSUPP, "option '%s' is not supported: %s", name, w->why);
	if (w->effect == OCI_MOUNT_PROPAGATES)
		o->propagation = w->flags;
	else if (w->effect == OCI_MOUNT_CLEARS)
		o->flags &= ~w->flags;
	else
		o->flags |= w->flags;
	o->binds |= w->effect == OCI_MOUNT_BINDS;
	o->copies_up |= w->effect == OCI_MOUNT_COPIES_UP;
	return 0;
}

int oci_mount_options_read(const struct oci_mount *m, struct oci_mount_options *o, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	memset(o, 0, sizeof(*o));
	if (m->type && !strcmp(m->type, "bind")) {
		o->binds = true;
		o->flags = MS_BIND;
	}
	for (i = 0; !rc && i < m->options.n; i++)
		rc = add_word(m->options.words[i], o, err);
	if (!rc && o->binds && o->data[0])
		rc = vsu_error_set(err, -EINVAL, "option '%s' has no meaning for a bind", o->data);
	return rc < 0 ? vsu_error_prefix(err, rc, "mount of '%s'", m->destination) : 0;
}
