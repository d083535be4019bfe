/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The FUSE session: its begin and end, its saved state, and its recovery after a crash. */
#ifndef VIRTIO_DEVICES_FS_SESSION_SESSION_H
#define VIRTIO_DEVICES_FS_SESSION_SESSION_H

#include <virtio-devices/state.h>

#include "fs/data/data.h"
#include "fs/names/names.h"

/*
 * session.c: end drops everything except window mappings. end_turn does it in turns,
 * while no queue runs; it returns true if some remains.
 */
void virtdev_priv_fs_session_begin(struct fs *fs, uint64_t agreed);
void virtdev_priv_fs_session_end(struct fs *fs);
bool virtdev_priv_fs_session_end_turn(struct fs *fs);
/* A driver uses the session: FS_KEEP_RESTORED ends. */
void virtdev_priv_fs_session_used(struct fs *fs);
/* FUSE_INIT flags to offer to a driver with those flags. */
uint64_t virtdev_priv_fs_offered(const struct fs *fs, uint32_t driver);
fs_handler virtdev_priv_fs_init, virtdev_priv_fs_destroy;

/*
 * restore.c: restores inodes and handles from records of another process, under their
 * nodeids and fh. Records are untrusted input: FUSE_ROOT_ID is not valid in one.
 */
bool virtdev_priv_fs_file_record_is_valid(const struct fs_file_record *f);
bool virtdev_priv_fs_open_record_is_valid(const struct fs_open_record *o);

/* -EBADMSG: the previous process negotiated flags that this device does not offer. */
int virtdev_priv_fs_agreed_check(const struct fs *fs, uint64_t agreed,
				 struct vsu_error *err);

/*
 * For valid records. 0: restored; 1: lost, and its number is never reused; -EEXIST:
 * the number is in use.
 */
int virtdev_priv_fs_restore_file(struct fs *fs, const struct fs_file_record *f);
/* Called after the last of them: closes the folder that they share. */
void virtdev_priv_fs_restore_end(struct fs *fs);
int virtdev_priv_fs_restore_open(struct fs *fs, struct fs_open_record *o);

/* state.c */
void virtdev_priv_fs_state_save(void *self, struct virtdev_state_writer *w);
int virtdev_priv_fs_state_load(void *self, uint32_t version,
			       struct virtdev_state_reader *r,
			       struct vsu_error *err);
int virtdev_priv_fs_state_load_turn(void *self, struct virtdev_state_reader *r,
				    struct vsu_error *err);

/*
 * recovery.c: opens and locks the recovery file, and loads its session, if it contains
 * one, into a new device. -EBUSY: another process holds the lock; -EINVAL: not a recovery
 * file, or one of another directory or other limits; or the host's error.
 */
int virtdev_priv_fs_recover_load(struct fs *fs, const char *path,
				 struct vsu_error *err);
void virtdev_priv_fs_recover_close(struct fs *fs);

#endif
