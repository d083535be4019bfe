/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Labels that a guest's kernel gives to what it makes. */
#ifndef VIRTIO_DEVICES_FS_LABEL_H
#define VIRTIO_DEVICES_FS_LABEL_H

#include <stdint.h>

struct fs_call;

/* The guest's kernel says that of what it makes; in the queue's text. */
struct fs_label {
	const char *name;	/* of an attribute, or NULL: there is none */
	const char *value;
	uint32_t len;
};

/* Of the queue's text: the texts of what makes a file, and from there its label. */
#define FS_LABEL_AT (FS_TEXT - FS_VALUE_MAX)

/*
 * label.c: what was made has its label; 0 where there is none. Undo: what has the name
 * is gone, if it is that file.
 */
int virtdev_priv_fs_label_set(const struct fs_call *c, int fd);
int virtdev_priv_fs_label_name(const struct fs_call *c);
void virtdev_priv_fs_label_undo(const struct fs_call *c, int fd);

#endif
