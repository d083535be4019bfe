/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The window of a file system: what is mapped, and who waits for that. */
#ifndef VIRTIO_DEVICES_FS_WINDOW_H
#define VIRTIO_DEVICES_FS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <virtio-devices/fs.h>
#include <virtio-queue/queue.h>

#include "fs/protocol.h"

struct fs;
struct fs_call;
struct fs_queue;

/* The window's region, and what of it is mapped at once: a driver's bound. */
#define FS_WINDOW_REGION 0u
#define FS_CHUNK VIRTDEV_FS_WINDOW_ALIGN
#define FS_CHUNK_BITS 21u

/* Mappings that one chunk consists of, at most: of a file that grew. */
#define FS_PIECES 8u

/*
 * A chunk of the window: what the driver asked for, and what is there, as the
 * file has pages. More than one piece only where the server maps later.
 */
struct fs_chunk {
	uint64_t node;		/* 0: nothing was asked for */
	uint64_t file_pos;
	uint16_t ends[FS_PIECES]; /* of pieces, in pages of the chunk */
	uint8_t npieces;
	uint8_t missing;	/* bits of pieces that were refused */
	bool writable;
	uint32_t round;		/* how often it was emptied */
	uint64_t until;		/* behind its last change that comes later */
};

/* A file that is mapped: its descriptor, until the last change was asked for. */
struct fs_window_file {
	int fd;
	struct vsu_closer *closer; /* if closing it waits for a server */
	uint32_t users;
};

/* A file in chunks of the window, from the first one on. */
struct fs_piece {
	uint64_t node, file_pos, size;	/* size: of the whole file */
	struct fs_window_file *file;	/* NULL: nothing is to be there */
	struct fs_queue *queue;		/* whose request it is, or NULL */
	bool writable;
};

/* A change of the window that the server makes later. */
struct fs_change {
	uint64_t offset, fd_offset;
	struct fs_window_file *file;	/* NULL: it is unmapped */
	struct fs_queue *queue;		/* is told when it is refused, or NULL */
	uint64_t len;			/* of neighbouring chunks */
	uint32_t round;			/* of its chunk */
	uint8_t piece;
	bool writable, done;
	bool replaces;			/* as in struct virtdev_mapping */
};

/*
 * Changes by their numbers, which are their cookies: [first, next) were asked
 * for, [next, last) are to be.
 */
struct fs_deferred_map {
	struct fs_change *ring;
	uint64_t size;		/* a power of two */
	uint64_t first, next, last;
	bool in_pieces;			/* atomic: no replacement */
};

/* Requests of a queue that wait for the window, at most. */
#define FS_MAX_WAITING 16u

/*
 * One that waits for all changes before until, if it has to; its own begin at
 * from. The rest is of a queue's own: a job has its chain.
 */
struct fs_waiting {
	uint64_t from, until;
	uint64_t unique;
	struct vq_chain chain;	/* with the header's pieces alone */
	struct iovec head[sizeof(struct fuse_out_header)];
	uint32_t nhead, written;
	int refused;		/* of its own changes, one */
};

/*
 * deferred_map.c: with window_lock but for region_done. ask after add, from where the
 * server may be asked; threads of a pool leave that to their queue's.
 */
int virtdev_priv_fs_deferred_map_init(struct fs *fs);
void virtdev_priv_fs_deferred_map_fini(struct fs *fs);
/* All that is under way belongs to nobody any more. */
void virtdev_priv_fs_deferred_map_forget(struct fs *fs);
/* For all that a chunk may need. */
bool virtdev_priv_fs_deferred_map_has_room(const struct fs *fs);
void virtdev_priv_fs_deferred_map_add(struct fs *fs, const struct fs_change *change);
void virtdev_priv_fs_deferred_map_send(struct fs *fs);
/* Jobs of that queue, which asked for some, hear of none of them any more. */
void virtdev_priv_fs_deferred_map_disown(struct fs *fs, uint32_t queue);
void virtdev_priv_fs_region_done(void *self, uint64_t cookie, int result);
/* Owns fd in any case; NULL: no memory. */
struct fs_window_file *virtdev_priv_fs_window_file_take_fd(
		int fd, struct vsu_closer *closer);
void virtdev_priv_fs_window_file_put(struct fs_window_file *file);

/*
 * waiting.c: around a request, on whatever thread it is served. push rewrites the
 * header of one that was refused in the end, on its queue's.
 */
void virtdev_priv_fs_waiting_begin(struct fs_queue *q, struct fs_waiting *p);
/* With window_lock. False: it waits for changes that are under way. */
bool virtdev_priv_fs_waiting_end(struct fs_queue *q, struct fs_waiting *p);
void virtdev_priv_fs_waiting_push(const struct fs_queue *q,
				  const struct fs_waiting *p,
				  struct vq_chain *chain, uint32_t written);

/* queue_turn.c: queue_serve and queue_drain of a queue that has an event. */
int virtdev_priv_fs_queue_turn(struct fs_queue *q);
int virtdev_priv_fs_queue_drain(struct fs_queue *q);
void virtdev_priv_fs_waiting_fini(struct fs_queue *q);

/* window.c: forget knows that what was mapped is gone. */
int virtdev_priv_fs_window_init(struct fs *fs);
void virtdev_priv_fs_window_fini(struct fs *fs);
void virtdev_priv_fs_window_forget(struct fs *fs);
/* Whether the server maps later, by pieces. Look: on a queue's thread. */
void virtdev_priv_fs_check_server(struct fs *fs);
bool virtdev_priv_fs_is_deferred(const struct fs *fs);
/* With window_lock: the chunk that begins where the piece does. */
int virtdev_priv_fs_chunk_change(struct fs *fs, uint32_t i,
				 const struct fs_piece *p);
/* A file may have got another size: that one, or the one that fd has. */
void virtdev_priv_fs_window_fit(const struct fs_call *c, uint64_t node,
				uint64_t size);
void virtdev_priv_fs_window_fit_fd(const struct fs_call *c, uint64_t node,
				   int fd);

/* dax.c: takes away what is mapped. */
void virtdev_priv_fs_window_clear(const struct fs_call *c);

#endif
