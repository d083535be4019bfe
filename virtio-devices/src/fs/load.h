/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The load of a state that another process saved, in turns. */
#ifndef VIRTIO_DEVICES_FS_LOAD_H
#define VIRTIO_DEVICES_FS_LOAD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/state.h>

#include "fs/window.h"

struct fs_load {
	uint64_t agreed;	/* flags of FUSE_INIT */
	int lost;		/* files and handles that this host lacks */
	enum { FS_LOAD_FILES, FS_LOAD_HANDLES, FS_LOAD_WINDOW } phase;
	bool has_window;	/* the state has the list of the window */
	struct fs_piece piece;	/* file of the last mapped chunk */
	unsigned int names;	/* opened in this turn */
	int parent;		/* folder of the last path, or -1 */
	char parent_path[PATH_MAX];
};

/* state_load_turn of struct virtdev_ops. */
int virtdev_priv_fs_state_load_turn(void *self, struct virtdev_state_reader *r,
				    struct vsu_error *err);
/* As virtdev_priv_fs_path_open(), below another folder, which the caller keeps. */
int virtdev_priv_fs_path_open_below(int parent, const char *path);

#endif
