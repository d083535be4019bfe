/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A disk: the host storage of a block device.
 *
 *   disk     capacity, block sizes and supported operations
 *   channel  one stream of requests to it, for one queue on one thread
 *   request  one operation on it, in the caller's storage until it is reaped
 *
 * Requests of one channel complete in any order. A synchronous disk executes them
 * inside kick and blocks the queue's thread. A long request is divided into steps;
 * one kick submits or executes steps until the caller's budget is used up.
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

/* Fixed layout. The caller keeps it from submit until reap returns it. */
struct virtdev_disk_request {
	uint32_t op;		/* enum virtdev_disk_op */
	uint32_t niov;
	struct iovec *iov;	/* read, write; may be changed by the disk */
	uint64_t offset;	/* bytes; within the capacity */
	uint64_t len;		/* bytes in all pieces, or of the range */
	uint32_t may_unmap;	/* ZERO: the disk may punch holes */
	int32_t result;		/* 0 or a negative errno, when reaped */
	struct virtdev_disk_request *next; /* private to the disk */
	uint64_t private_[2];	/* private to the disk */
};

/* Fixed layout. The properties of a disk. */
struct virtdev_disk_info {
	uint64_t capacity;	/* initial bytes, a multiple of 512 */
	uint32_t block_size;	/* best unit of addresses and lengths, >= 512 */
	uint32_t can_discard;	/* 0 or 1 */
	uint32_t can_zero;	/* 0 or 1 */
	uint32_t read_only;	/* 0 or 1 */
	uint32_t blocks;	/* kick may block (synchronous); 0 or 1 */
	uint32_t physical_block_size; /* the host reads a block before it stores
				   less; 0: unknown */
};

/* Operations of a kind of disk; self is the disk's object. */
struct virtdev_disk_ops {
	size_t size;		/* sizeof(struct virtdev_disk_ops) */
	const char *name;	/* "io_uring", "sync" */

	/* Opens a channel for up to depth requests in flight. */
	int (*channel_open)(void *self, uint32_t depth, void **channel,
			    struct vsu_error *err);
	/* No request may be in flight. */
	void (*channel_close)(void *self, void *channel);
	/* A constant descriptor, readable when reap can return a request; or -1. */
	int (*channel_fd)(void *self, void *channel);
	/*
	 * Queues a request for the next kick. -EAGAIN: the channel is full; reap
	 * first.
	 */
	int (*submit)(void *self, void *channel,
		      struct virtdev_disk_request *request);
	/*
	 * Submits queued requests to the host. Subtracts from *budget the bytes
	 * that this call may copy, because the caller's thread is busy
	 * meanwhile. Call it also after reap, which can queue the next step of a
	 * request.
	 *
	 *   1        requests were submitted, or some are complete: call reap
	 *   0        nothing was submitted and nothing is complete
	 *   -EAGAIN  the budget is used up, or the host accepted only some
	 *            requests; call reap, then kick again
	 *
	 * If no descriptor signals a completed request, reap returns it
	 * immediately after the kick.
	 */
	int (*kick)(void *self, void *channel, uint64_t *budget);
	/* Returns the next completed request, or NULL. */
	struct virtdev_disk_request *(*reap)(void *self, void *channel);
	void (*free)(void *self);
	/*
	 * Increases the capacity, also while channels run; it cannot shrink. A smaller
	 * file is extended. bytes 0: the current size of the file, or -EINVAL if the
	 * disk is not a file. Stores the new capacity in *capacity. NULL: the size is fixed.
	 */
	int (*resize)(void *self, uint64_t bytes, uint64_t *capacity,
		      struct vsu_error *err);
	/*
	 * For a disk whose flush covers only writes of the same channel: flushes
	 * completed writes before the channel is closed. No request is in flight.
	 *
	 *   0  complete; flush_result returns an error of it
	 *   1  in progress: when the descriptor is readable, call reap and this
	 *      again, or submit further requests
	 *
	 * NULL: a flush of any channel, or of the file, covers all writes.
	 */
	int (*channel_flush)(void *self, void *channel);
	/*
	 * With channel_flush. 0, or a negative errno if writes of closed channels
	 * are possibly not on stable storage. Any thread.
	 */
	int (*flush_result)(void *self, struct vsu_error *err);
};

/* For implementers of a kind: creates a disk from self; ops and info are copied. */
VIRTDEV_API int virtdev_disk_new(const struct virtdev_disk_ops *ops,
				 const struct virtdev_disk_info *info,
				 void *self, struct virtdev_disk **out)
	VSU_NODISCARD;
VIRTDEV_API void virtdev_disk_free(struct virtdev_disk *disk);

enum virtdev_disk_engine {
	VIRTDEV_DISK_ENGINE_AUTO,	/* MMAP if possible, else IO_URING, or
					   SYNC if the host refuses io_uring */
	VIRTDEV_DISK_ENGINE_IO_URING,
	VIRTDEV_DISK_ENGINE_SYNC,
	VIRTDEV_DISK_ENGINE_MMAP,	/* files in RAM (tmpfs, memfd): reads, and
					   writes to allocated pages, are copies;
					   requires sigbus */
};

/*
 * Fixed layout. Distinguishes the content of a disk's file from an earlier one without
 * reading all of it. A block device has no time: only its size and its ends are compared.
 */
struct virtdev_disk_identity {
	uint64_t bytes;		/* size of the file */
	uint64_t sum;		/* of its first and last 64 KiB (FNV-1a) */
	int64_t seconds;	/* time of the last change, since 1970; 0: unknown */
	uint32_t ns;
	uint32_t pad;		/* 0 */
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
	bool has_fd;		/* fd is the file, which is duplicated; path is its
				   name in messages */
	int fd;			/* open for reading, and for writing unless
				   read_only; direct opens it again in /proc */
};

/*
 * Opens an image and, without unlocked, locks it for one writer or any number of readers,
 * including QEMU. Never creates, extends or truncates it. -ENOENT, -EACCES, -EISDIR;
 * -ENODEV: not a regular file or block device; -EINVAL: the size is 0 or not a multiple
 * of 512 or of block_size, an unknown engine, or mmap with direct I/O; -EBUSY: locked by
 * another process; -EOPNOTSUPP: the host or the file does not support the engine or direct
 * I/O. With has_fd, flags of the open file description are cleared, and the lock belongs to
 * that description: close other descriptors of it. -EBADF: fd is not open for the required
 * access.
 */
VIRTDEV_API int virtdev_disk_file_open(const struct virtdev_disk_file *file,
				       struct virtdev_disk **out,
				       struct vsu_error *err) VSU_NODISCARD;

struct virtdev_disk_overlay {
	size_t size;		/* sizeof(struct virtdev_disk_overlay) */
	const char *base;	/* a raw image or a block device, which is only read */
	const char *path;	/* the overlay, a regular file, or NULL */
	const char *folder;	/* without path: for a temporary file without a name */
	bool may_init;		/* an empty file at path becomes an overlay */
	bool unlocked;		/* neither file is locked, as in struct virtdev_disk_file */
	uint32_t block_size;	/* as there */
	bool has_base_fd, has_fd; /* the files are base_fd and fd, as there */
	int base_fd, fd;
};

/*
 * Opens a disk that reads from base and writes to an overlay, so that many disks can share
 * a base. The overlay is sparse; docs/overlay-format.md describes it. Requests
 * are executed inside kick. Locks the base for readers and the overlay for one writer.
 * Errors are those of virtdev_disk_file_open(); -EINVAL also: the overlay is damaged, or was
 * made for another base. A temporary overlay cannot be handed over: virtdev_blk_flush()
 * returns -EOPNOTSUPP.
 */
VIRTDEV_API int virtdev_disk_overlay_open(const struct virtdev_disk_overlay *overlay,
					  struct virtdev_disk **out,
					  struct vsu_error *err) VSU_NODISCARD;

/*
 * A disk of capacity bytes (a multiple of 512) without storage: every request succeeds
 * immediately and copies no data. For benchmarks of the device.
 */
VIRTDEV_API int virtdev_disk_null_new(uint64_t capacity,
				      struct virtdev_disk **out,
				      struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
