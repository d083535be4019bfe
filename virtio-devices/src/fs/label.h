/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Security labels that the guest kernel assigns to new files. */
#ifndef VIRTIO_DEVICES_FS_LABEL_H
#define VIRTIO_DEVICES_FS_LABEL_H

#include <stdint.h>

struct fs_call;

/*
 * label.c: set assigns the request's label to the new file fd; 0 without a label. name
 * does so by c->name. undo removes c->name if it still names that file.
 */
int virtdev_priv_fs_label_set(const struct fs_call *c, int fd);
int virtdev_priv_fs_label_name(const struct fs_call *c);
void virtdev_priv_fs_label_undo(const struct fs_call *c, int fd);

#endif
