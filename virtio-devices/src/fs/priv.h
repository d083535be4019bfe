/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Functions of the file system device. request.c parses a FUSE request and checks
 * it against its row of the table in operations.c; the handler gets an inode and
 * a handle that were looked up already.
 */
#ifndef VIRTIO_DEVICES_FS_PRIV_H
#define VIRTIO_DEVICES_FS_PRIV_H

#include <virtio-devices/state.h>

#include "fs/data/data.h"
#include "fs/jobs.h"
#include "fs/names/names.h"
#include "fs/operations.h"

/* request.c: the callback of vq_turn(); opaque is the struct fs_queue. */
uint32_t virtdev_priv_fs_serve(void *opaque, struct vq *q,
			       struct vq_chain *chain);

/* extensions.c: parses the extensions behind the texts. -EINVAL: malformed. */
int virtdev_priv_fs_extensions_read(struct fs_call *c);

/*
 * session.c: end drops everything except window mappings. end_turn does it in turns,
 * while no queue runs; it returns true if some remains.
 */
void virtdev_priv_fs_session_begin(struct fs *fs, uint64_t agreed);
void virtdev_priv_fs_session_end(struct fs *fs);
bool virtdev_priv_fs_session_end_turn(struct fs *fs);

/* state.c */
void virtdev_priv_fs_state_save(void *self, struct virtdev_state_writer *w);
int virtdev_priv_fs_state_load(void *self, uint32_t version,
			       struct virtdev_state_reader *r,
			       struct vsu_error *err);

/* lookup.c: FUSE_INIT flags to offer to a driver with those flags. */
uint64_t virtdev_priv_fs_offered(const struct fs *fs, uint32_t driver);

/*
 * recover_file.c: opens and locks the file. 1: the file contains a session, and h its
 * header; 0: the file contains no session. -EBUSY: another process holds the lock;
 * -EINVAL: not a recovery file, or one of another directory or other limits; or the host's
 * error.
 */
int virtdev_priv_fs_recover_file_open(struct fs *fs, const char *path,
				      struct fs_recover_head *h, struct vsu_error *err);
int virtdev_priv_fs_recover_file_error(const char *path, int rc, struct vsu_error *err);
/* Does not change the content. */
void virtdev_priv_fs_recover_close(struct fs *fs);

/* recover_load.c: loads the file's session into a new device. */
int virtdev_priv_fs_recover_load(struct fs *fs, const char *path,
				 struct vsu_error *err);

/* state_load_turn of struct virtdev_ops. */
int virtdev_priv_fs_state_load_turn(void *self, struct virtdev_state_reader *r,
				    struct vsu_error *err);
/*
 * window_state.c: saves the mapped chunks; checks a saved list before the device
 * changes; maps chunks after their inodes were restored. A load turn returns 1: more
 * remain; 0: done. stop releases what an aborted load holds.
 */
void virtdev_priv_fs_window_save(const struct fs *fs, struct virtdev_state_writer *w);
int virtdev_priv_fs_window_check(struct fs *fs, struct virtdev_state_reader *r,
				 struct vsu_error *err);
int virtdev_priv_fs_window_load_turn(struct fs *fs, struct virtdev_state_reader *r);
void virtdev_priv_fs_window_load_stop(struct fs *fs);

#endif
