/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The files of a container, below one folder that its machine shares:
 *
 *	rootfs		the root folder
 *	m0, m1, ...	the source of each bind, a folder or a file
 *
 * The folder is in the mount namespace of the monitor, so that the end of the monitor removes all
 * mounts. The guest mounts these sources in its container, in the order of the configuration.
 * Nothing is mounted or followed in the root folder here, whose links may lead anywhere.
 *
 * A read-only source is read-only on the host, whatever the guest does with its own mounts. The
 * mount points within such a source are made in advance, without following a link out of it.
 *
 * A member of a pod has such a folder in that of the pod's machine. Its name is no other member's, also no
 * earlier one's of the same id, because the guest may know old names for a while.
 *
 * Threads: before any thread is started.
 */
#ifndef OCI_LAYOUT_H
#define OCI_LAYOUT_H

#include <vm-agent/guest.h>

#include "oci/spec.h"

/* The guest's agent mounts the folder here. */
#define OCI_LAYOUT_SHARE "/share"
#define OCI_LAYOUT_NAME 255
/* Names in the folder; the second one is that of a mount, by its index. */
#define OCI_LAYOUT_ROOT "rootfs"
#define OCI_LAYOUT_MOUNT "m%u"

/* Bytes of the name of a member's folder, although the file system refuses those above OCI_LAYOUT_NAME. */
#define OCI_LAYOUT_MEMBER (OCI_LAYOUT_NAME + 24)

/* Mounts of a container in the guest. */
struct oci_layout {
	char root[sizeof(OCI_LAYOUT_SHARE) + OCI_LAYOUT_NAME + 16];	/* folder of the container's files */
	struct vagent_mount *mounts;	/* for the guest */
	unsigned int nmounts;
	char **texts;		/* to which the mounts refer */
	unsigned int ntexts;
};

/* Names the folder of a pod's member, by its id and when its process began. No id begins as the name does. */
void oci_layout_name_member(char name[OCI_LAYOUT_MEMBER], const char *id, uint64_t begun);

/* Checks all mounts of a configuration, without an effect. -EOPNOTSUPP, -EINVAL: one is not supported. */
int oci_layout_check(const struct oci_spec *spec, struct vsu_error *err);

/* Moves this process into a namespace of mounts, which receives mounts of the host, and returns none. */
int oci_layout_enter(struct vsu_error *err);

/*
 * After enter: mounts a file system in memory over folder, and all sources in it. The root folder and the
 * sources are relative to bundle. -ENOENT: a source does not exist.
 */
int oci_layout_make(const struct oci_spec *spec, const char *bundle, const char *folder, struct vsu_error *err);

/*
 * Describes the mounts of the guest, without an effect. name: the folder of a pod's member below the shared
 * one; NULL: the shared one itself. The result is freed by oci_layout_free(), also after a failure.
 */
int oci_layout_describe(struct oci_layout *l, const struct oci_spec *spec, const char *name, struct vsu_error *err);
void oci_layout_free(struct oci_layout *l);

#endif
