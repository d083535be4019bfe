/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An image file or block device. Translates requests to system calls, which the engines
 * execute.
 *
 * A request is a sequence of steps: virtdev_priv_file_step() returns the next system
 * call, virtdev_priv_file_outcome() processes its result and returns whether the request
 * is complete. They handle short transfers, EINTR and unsupported operations for all
 * engines.
 *
 * Threads: a file is shareable (its mutable fields are atomic); a request is confined
 * to the thread of its channel.
 */
#ifndef VIRTIO_DEVICES_DISK_FILE_H
#define VIRTIO_DEVICES_DISK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio-devices/disk.h"

struct virtdev_priv_file {
	char *path;		/* for messages */
	int fd;
	int direct;		/* descriptor with O_DIRECT, or -1 */
	uint32_t direct_mask;	/* alignment of direct I/O minus 1 */
	struct virtdev_disk_info info;
	void *zeros;		/* VIRTDEV_PRIV_ZEROS zero bytes */
	int flush_error;	/* atomic; negative errno of a failed flush */
	bool no_punch;		/* atomic; the file system cannot punch holes */
	bool no_zero_range;	/* atomic; the file system cannot zero ranges without writing */
	bool waits;		/* may block even in non-blocking mode */
};

/* Bytes of zeros written in one step. */
#define VIRTDEV_PRIV_ZEROS (1u << 20)

/*
 * Maximum bytes of one step: the page cache copies within the system call, and a
 * request may have nearly 4 GiB.
 */
#define VIRTDEV_PRIV_STEP_MAX (1u << 20)

/*
 * Maximum bytes of one hole punch. Steps end at multiples of it, so that they do not
 * divide blocks. Memory-backed files free page by page, at a fraction of the cost of
 * copying.
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
 * One system call. The pieces are those of the request: niov whole pieces, or the first
 * len bytes of one.
 */
struct virtdev_priv_step {
	uint32_t kind;		/* enum virtdev_priv_step_kind */
	int fd;			/* fd or direct of the file */
	int mode;		/* of fallocate */
	uint64_t pos, len;
	uint32_t niov;		/* pieces */
	uint32_t cost;		/* bytes charged to the turn's budget */
};

/* step.c */

void virtdev_priv_file_free(struct virtdev_priv_file *file);

/* False: the request is complete, its result is set. */
bool virtdev_priv_file_begin(const struct virtdev_priv_file *file,
			     struct virtdev_disk_request *request);

void virtdev_priv_file_step(const struct virtdev_priv_file *file,
			    const struct virtdev_disk_request *request,
			    struct virtdev_priv_step *step);

/* answer: result of the system call, or a negative errno. True: complete. */
bool virtdev_priv_file_outcome(struct virtdev_priv_file *file,
			       struct virtdev_disk_request *request,
			       int64_t answer);

/* Bytes that are complete; the pieces are those of the rest. */
static inline uint64_t virtdev_priv_done(const struct virtdev_disk_request *request)
{
	return request->private_[0];
}

/* Removes the first n bytes from the pieces of a request. */
void virtdev_priv_advance_pieces(struct virtdev_disk_request *request, uint64_t n);

/* image.c */

/* Opens, checks and locks a file or block device of any size; returns a descriptor. */
int virtdev_priv_file_open_fd(const struct virtdev_disk_file *how, struct vsu_error *err);

/* Opens a file as virtdev_priv_file_open_fd() does, and reads its properties; no engine yet. */
int virtdev_priv_file_open(const struct virtdev_disk_file *how,
			   struct virtdev_priv_file **out, struct vsu_error *err);

/* direct.c */

/* Opens the file again with O_DIRECT; -EOPNOTSUPP: not supported. */
int virtdev_priv_file_open_direct(struct virtdev_priv_file *file,
				  const struct virtdev_disk_file *how,
				  struct vsu_error *err);

/* Whether the step is aligned for direct I/O. */
bool virtdev_priv_file_is_direct(const struct virtdev_priv_file *file,
				 const struct virtdev_disk_request *request,
				 const struct virtdev_priv_step *step);

/* resize.c */

/* The resize operation of engines; self is the file. */
int virtdev_priv_file_resize(const struct virtdev_priv_file *file,
			     uint64_t bytes, uint64_t *capacity,
			     struct vsu_error *err);

/* lock.c */

/*
 * Locks an opened image for one writer or any number of readers. -EBUSY: another
 * process holds a conflicting lock. The open file description owns the lock.
 */
int virtdev_priv_file_lock(int fd, bool read_only, const char *path,
			   struct vsu_error *err);
void virtdev_priv_file_unlock(int fd);

/*
 * Constructors of the engines; on success the disk owns file. -EOPNOTSUPP: the host or
 * the file does not support the engine.
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

/* A FIFO of requests. */
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

/* Charges a step to the budget of a turn. */
static inline void virtdev_priv_spend(uint64_t *budget, uint64_t cost)
{
	*budget -= cost < *budget ? cost : *budget;
}

#endif
