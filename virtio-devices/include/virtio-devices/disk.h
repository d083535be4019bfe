/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A disk: the host storage of a block device.
 *
 *   disk     capacity, block sizes, what it can do
 *   channel  one stream of requests to it, for one queue on one thread
 *   request  one operation on it, in the caller's storage until it is reaped
 *
 * Requests of one channel finish in any order. A disk that finishes them
 * inside kick is synchronous: it blocks the thread of its queue. A long request
 * is moved in steps, as many in one kick as the caller's budget allows.
 *
 * Threads: a disk is shareable; a channel is confined to one thread at a time.
 */
#ifndef VIRTIO_DEVICES_DISK_H
#define VIRTIO_DEVICES_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <virtio-devices/attributes.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_disk;

enum virtdev_disk_op {
	VIRTDEV_DISK_READ,
	VIRTDEV_DISK_WRITE,
	VIRTDEV_DISK_FLUSH,
	VIRTDEV_DISK_DISCARD,
	VIRTDEV_DISK_ZERO,
};

/* Fixed layout. In the caller's storage from submit until it was reaped. */
struct virtdev_disk_request {
	uint32_t op;		/* enum virtdev_disk_op */
	uint32_t niov;
	struct iovec *iov;	/* read, write; may be changed by the disk */
	uint64_t offset;	/* bytes; within the capacity */
	uint64_t len;		/* bytes in all pieces, or of the range */
	uint32_t may_unmap;	/* zero: holes may stand for zeros */
	int32_t result;		/* 0 or a negative errno, when reaped */
	struct virtdev_disk_request *next; /* private to the disk */
	uint64_t private_[2];	/* as well */
};

/* Fixed layout. The properties of a disk. */
struct virtdev_disk_info {
	uint64_t capacity;	/* bytes, a multiple of 512; at first */
	uint32_t block_size;	/* best unit of addresses and lengths, >= 512 */
	uint32_t can_discard;	/* 0 or 1 */
	uint32_t can_zero;	/* 0 or 1 */
	uint32_t read_only;	/* 0 or 1 */
	uint32_t blocks;	/* kick may block (synchronous); 0 or 1 */
	uint32_t physical_block_size; /* writes of less cost a read; 0: unknown */
};

/* How a kind of disk works; self is its own object. */
struct virtdev_disk_ops {
	size_t size;		/* sizeof(struct virtdev_disk_ops) */
	const char *name;	/* "io_uring", "sync" */

	/* A channel for up to depth requests at once. */
	int (*channel_open)(void *self, uint32_t depth, void **channel,
			    struct vsu_error *err);
	/* Nothing may be outstanding. */
	void (*channel_close)(void *self, void *channel);
	/* Readable when reap can return a request; constant; or -1. */
	int (*channel_fd)(void *self, void *channel);
	/*
	 * Queues a request, which starts at the next kick. -EAGAIN: reap first.
	 */
	int (*submit)(void *self, void *channel,
		      struct virtdev_disk_request *request);
	/*
	 * Hands queued requests to the host, by one system call, and counts
	 * *budget down by the bytes that they move in it: how much the caller
	 * can wait for. 1: some were, or reap has something; 0: neither;
	 * -EAGAIN: the budget is used up or the host did not take all, reap
	 * may have something, and the others wait for the next kick. To be
	 * called after reap, too, which may have queued what a request still
	 * needs. Requests that no descriptor announces are there for reap at
	 * once.
	 */
	int (*kick)(void *self, void *channel, uint64_t *budget);
	/* The next finished request, or NULL. */
	struct virtdev_disk_request *(*reap)(void *self, void *channel);
	void (*free)(void *self);
	/*
	 * Sets the capacity to at least the present one, while channels run;
	 * grows the file behind the disk if it is smaller. bytes 0: the present
	 * size of the file. Stores the new capacity to *capacity. NULL: the
	 * size is fixed.
	 */
	int (*resize)(void *self, uint64_t bytes, uint64_t *capacity,
		      struct vsu_error *err);
};

/* For kinds of disks: makes a disk of self; ops and info are copied. */
VIRTDEV_API int virtdev_disk_new(const struct virtdev_disk_ops *ops,
				 const struct virtdev_disk_info *info,
				 void *self, struct virtdev_disk **out)
	VSU_NODISCARD;
VIRTDEV_API void virtdev_disk_free(struct virtdev_disk *disk);

enum virtdev_disk_engine {
	VIRTDEV_DISK_ENGINE_AUTO,	/* mmap where it can be, else io_uring,
					   or sync where that is refused */
	VIRTDEV_DISK_ENGINE_IO_URING,
	VIRTDEV_DISK_ENGINE_SYNC,
	VIRTDEV_DISK_ENGINE_MMAP,	/* files in RAM (tmpfs, memfd): reads
					   are copies; needs a sigbus table */
};

struct virtdev_disk_file {
	size_t size;		/* sizeof(struct virtdev_disk_file) */
	const char *path;	/* a regular file or a block device, raw */
	bool read_only;
	uint32_t engine;	/* enum virtdev_disk_engine */
	struct vmem_sigbus *sigbus; /* the table for its mapping, or NULL;
				   outlives the disk */
	bool unlocked;		/* neither acquires nor checks locks: the caller
				   ensures that only one disk writes to the
				   image, or calls virtdev_blk_set_locked() */
	bool direct;		/* direct I/O for aligned requests; excludes
				   MMAP, also from AUTO */
	uint32_t block_size;	/* 512..65536, a power of two; 0: the host's */
};

/*
 * Opens an image and, without unlocked, locks it for one writer or any number of readers,
 * including QEMU. Never creates, extends or truncates it. -ENOENT, -EACCES, -EISDIR;
 * -ENODEV: not a regular file or block device; -EINVAL: the size is 0 or not a multiple
 * of 512 or of block_size; -EBUSY: locked by another process; -EOPNOTSUPP: the engine or
 * direct I/O is not supported.
 */
VIRTDEV_API int virtdev_disk_file_open(const struct virtdev_disk_file *file,
				       struct virtdev_disk **out,
				       struct vsu_error *err) VSU_NODISCARD;

/*
 * A disk of this many bytes (a multiple of 512) without content: every request
 * succeeds at once and moves nothing. For measuring what is before it.
 */
VIRTDEV_API int virtdev_disk_null_new(uint64_t capacity,
				      struct virtdev_disk **out,
				      struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
