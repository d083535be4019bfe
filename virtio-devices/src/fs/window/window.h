/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The DAX window: maps files, and sends the changes to the front-end. */
#ifndef VIRTIO_DEVICES_FS_WINDOW_WINDOW_H
#define VIRTIO_DEVICES_FS_WINDOW_WINDOW_H

#include "fs/files/files.h"

/*
 * deferred_map.c: under window_lock, except region_done. Call send after add, on a
 * queue's thread; worker threads must not call the front-end.
 */
int virtdev_priv_fs_deferred_map_init(struct fs *fs);
void virtdev_priv_fs_deferred_map_fini(struct fs *fs);
/* Drops all changes; late replies are ignored. */
void virtdev_priv_fs_deferred_map_forget(struct fs *fs);
/* Whether every change of one chunk fits. */
bool virtdev_priv_fs_deferred_map_has_room(const struct fs *fs);
void virtdev_priv_fs_deferred_map_add(struct fs *fs, const struct fs_change *change);
void virtdev_priv_fs_deferred_map_send(struct fs *fs);
void virtdev_priv_fs_deferred_map_disown(const struct fs_queue *q);
void virtdev_priv_fs_region_done(void *self, uint64_t cookie, int result);
/* Without window_lock: open() may block on the file's server. */
int virtdev_priv_fs_window_file_open(const struct fs *fs, struct fs_inode *inode,
				     bool writable, struct fs_window_file **out);
void virtdev_priv_fs_window_file_put(struct fs_window_file *file);
/* virtdev_priv_fs_window_file_put() for a caller that does not hold window_lock. */
void virtdev_priv_fs_window_file_close(struct fs *fs, struct fs_window_file *file);

/* window.c: forget only clears the tables: the region was emptied before. */
int virtdev_priv_fs_window_init(struct fs *fs);
void virtdev_priv_fs_window_fini(struct fs *fs);
void virtdev_priv_fs_window_forget(struct fs *fs);
/*
 * check_server, on a queue's thread, determines whether the front-end answers later
 * and cannot replace a mapping; is_deferred returns the result.
 */
void virtdev_priv_fs_check_server(struct fs *fs);
bool virtdev_priv_fs_is_deferred(const struct fs *fs);
/* Under window_lock: maps or unmaps chunk i as p requests. */
int virtdev_priv_fs_chunk_change(struct fs *fs, uint32_t i,
				 const struct fs_piece *p);
/*
 * Under window_lock: counts reports of sizes. A size is current if no other request
 * reported one since before it was read: an older size would unmap pages of a longer file,
 * and lose the driver's stores. Threads do not read a size under the lock, because the
 * file's server may hang.
 */
struct fs_files *virtdev_priv_fs_files_of(const struct fs *fs, uint64_t node);
uint32_t virtdev_priv_fs_size_reports(struct fs *fs, uint64_t node);	/* without the lock */
/* Reads of a size before others' reports are ignored. */
#define FS_SIZE_READS 16u

/* Adapts mappings to the file's new size, or to the size of fd. */
void virtdev_priv_fs_window_fit(const struct fs_call *c, uint64_t node,
				uint64_t size);
void virtdev_priv_fs_window_fit_fd(const struct fs_call *c, uint64_t node,
				   int fd);

/* dax.c */
fs_handler virtdev_priv_fs_setupmapping, virtdev_priv_fs_removemapping;
void virtdev_priv_fs_window_clear(const struct fs_call *c);

#endif
