/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An image file or block device, and how a request to it becomes system calls,
 * for the engines that make them.
 *
 * A request takes one step after the other: virtdev_priv_file_step() says what
 * to ask of the kernel, virtdev_priv_file_outcome() takes the answer and says
 * whether the request has finished. Short transfers, interruptions, and what a
 * file system does not offer are all handled there, once for all engines.
 *
 * Threads: a file is shareable (what changes in it is atomic); a request is
 * confined to the thread of its channel.
 */
#ifndef VIRTIO_DEVICES_DISK_FILE_H
#define VIRTIO_DEVICES_DISK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio-devices/disk.h"

struct virtdev_priv_file {
	int fd;
	int direct;		/* the same file around the page cache, or -1 */
	uint32_t direct_mask;	/* of bits that are 0 in what goes there */
	struct virtdev_disk_info info;
	void *zeros;		/* VIRTDEV_PRIV_ZEROS bytes of them */
	int flush_error;	/* atomic; what an earlier flush failed with */
	bool no_punch;		/* atomic; the file system cannot punch holes */
	bool no_zero_range;	/* atomic; nor make zeros without writing */
	bool waits;		/* a call that is told not to may wait for the
				   disk all the same */
};

/* Written in one step where zeros have to be written. */
#define VIRTDEV_PRIV_ZEROS (1u << 20)

/*
 * Bytes that one step moves at most: the page cache answers it by a copy
 * inside the call, and a request may be of nearly 4 GiB.
 */
#define VIRTDEV_PRIV_STEP_MAX (1u << 20)

/*
 * Bytes of which one step gives up the blocks: multiples of it end a step, so
 * that no block is divided. RAM is given back page by page, which takes about
 * as long as copying a small part of them.
 */
#define VIRTDEV_PRIV_PUNCH_MAX (UINT64_C(1) << 25)
#define VIRTDEV_PRIV_PUNCH_SHARE 32u

enum virtdev_priv_step_kind {
	VIRTDEV_PRIV_STEP_READV,
	VIRTDEV_PRIV_STEP_WRITEV,
	VIRTDEV_PRIV_STEP_WRITE,	/* zeros: file->zeros, len bytes */
	VIRTDEV_PRIV_STEP_FDATASYNC,
	VIRTDEV_PRIV_STEP_FALLOCATE,
};

/*
 * One system call. Pieces of a vector are the request's own: niov whole ones,
 * or the first len bytes of a single one.
 */
struct virtdev_priv_step {
	uint32_t kind;		/* enum virtdev_priv_step_kind */
	int fd;			/* one of the file's */
	int mode;		/* of fallocate */
	uint64_t pos, len;
	uint32_t niov;		/* of a vector */
	uint32_t cost;		/* bytes, as a turn counts them */
};

/* step.c */

void virtdev_priv_file_free(struct virtdev_priv_file *file);

/* False when the request has finished already, with its result set. */
bool virtdev_priv_file_begin(const struct virtdev_priv_file *file,
			     struct virtdev_disk_request *request);

void virtdev_priv_file_step(const struct virtdev_priv_file *file,
			    const struct virtdev_disk_request *request,
			    struct virtdev_priv_step *step);

/* answer is the call's: a count or a negative errno. True: finished. */
bool virtdev_priv_file_outcome(struct virtdev_priv_file *file,
			       struct virtdev_disk_request *request,
			       int64_t answer);

/* direct.c */

/*
 * Opens the file again, for access around the page cache; -EOPNOTSUPP where its
 * file system has none.
 */
int virtdev_priv_file_open_direct(struct virtdev_priv_file *file,
				  const struct virtdev_disk_file *how,
				  struct vsu_error *err);

/* May a step that is otherwise complete go there? */
bool virtdev_priv_file_is_direct(const struct virtdev_priv_file *file,
				 const struct virtdev_disk_request *request,
				 const struct virtdev_priv_step *step);

/* resize.c */

/* An engine's operation of that name; self is its file. */
int virtdev_priv_file_resize(const struct virtdev_priv_file *file,
			     uint64_t bytes, uint64_t *capacity,
			     struct vsu_error *err);

/* lock.c */

/*
 * Locks an image that was opened: one writer, or any number of readers.
 * -EBUSY when somebody else's lock says otherwise. The lock lives as long as
 * the open file description.
 */
int virtdev_priv_file_lock(int fd, bool read_only, const char *path,
			   struct vsu_error *err);

/*
 * The engines' own files: file is owned by the disk on success. -EOPNOTSUPP:
 * not on this host, or not with this file.
 */
int virtdev_priv_disk_sync_new(struct virtdev_priv_file *file,
			       struct virtdev_disk **out,
			       struct vsu_error *err);
int virtdev_priv_disk_uring_new(struct virtdev_priv_file *file,
				struct virtdev_disk **out,
				struct vsu_error *err);
int virtdev_priv_disk_mmap_new(struct virtdev_priv_file *file,
			       struct vmem_sigbus *sigbus,
			       struct virtdev_disk **out,
			       struct vsu_error *err);

/* A list of requests, first in first out, for engines. */
struct virtdev_priv_list {
	struct virtdev_disk_request *first, *last;
};

static inline void virtdev_priv_list_add(struct virtdev_priv_list *list,
					 struct virtdev_disk_request *request)
{
	request->next = NULL;
	if (list->first)
		list->last->next = request;
	else
		list->first = request;
	list->last = request;
}

static inline struct virtdev_disk_request *
virtdev_priv_list_take(struct virtdev_priv_list *list)
{
	struct virtdev_disk_request *request = list->first;

	if (request)
		list->first = request->next;
	return request;
}

/* The bytes of a step are taken from the budget of a turn. */
static inline void virtdev_priv_spend(uint64_t *budget, uint64_t cost)
{
	*budget -= cost < *budget ? cost : *budget;
}

#endif
