/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Rig of the file system tests: a temporary directory, a device that shares it, and a
 * driver that sends one request at a time.
 */
#ifndef VIRTIO_DEVICES_TESTS_FS_RIG_H
#define VIRTIO_DEVICES_TESTS_FS_RIG_H

#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fuse.h>

#include <virtio-devices/fs.h>
#include <virtio-devices/latency.h>

#include "../guest.h"

/* Addresses and sizes of the request and reply buffers. */
#define RIG_ASK (GUEST_DATA + 0x1000)
#define RIG_ANSWER (GUEST_DATA + 0x40000)
#define RIG_ROOM 0x30000u

/* Maximum worker threads. */
#define RIG_WORKERS 4u

/* The reason why tests with other users cannot run, or NULL. */
static inline const char *not_root(void)
{
	return getuid() ? "only root acts as another user" : NULL;
}

#define RIG_URGENT 0u
#define RIG_REQUESTS 1u

struct fs_rig {
	struct guest g;
	struct virtdev *dev;
	uint32_t queue;
	char folder[64];
	int dir;		/* the shared directory */
	struct virtdev_fs_config config;
	struct virtdev_measured *measured; /* of all queues; NULL: not measured */
	uint32_t uid, gid;	/* of the requests */
	uint32_t extensions;	/* bytes of the text that are extensions */
	uint64_t unique;	/* of the last request */
	uint32_t len;		/* length field of the last request */
	uint32_t room;		/* bytes of the reply buffer */
	uint32_t written;	/* used length */
	struct baseline before;
	pthread_t workers[RIG_WORKERS];
	unsigned int nworkers;	/* running */
};

/* Creates the directory with "file" (content "content") and "sub"; no session. */
void fs_rig_folder(struct fs_rig *r);
void fs_rig_make(struct fs_rig *r, uint32_t queue);
/* Creates the directory, the device, and a session. */
void fs_rig_init(struct fs_rig *r);
/* Starts the configured worker threads; fini ends them. */
void fs_rig_work(struct fs_rig *r);
/* Removes the directory; asserts that no descriptor leaked. */
void fs_rig_fini(struct fs_rig *r);

/* Waits for the queue's event. */
void fs_rig_wait_event(const struct fs_rig *r);

/* Sends raw bytes; returns the error of the reply's header, or 1 without reply. */
int fs_rig_send(struct fs_rig *r, const void *bytes, uint32_t len);

/* Sends a request with arguments and len bytes of text. */
int fs_rig_ask(struct fs_rig *r, uint32_t opcode, uint64_t node,
	       const void *args, uint32_t args_len, const void *text,
	       uint32_t len);
/* Sends a request with arguments and a name including its NUL; NULL: no name. */
int fs_rig_name(struct fs_rig *r, uint32_t opcode, uint64_t node,
		const void *args, uint32_t args_len, const char *name);
/* The reply behind its header. */
const void *fs_rig_answer(const struct fs_rig *r);
uint32_t fs_rig_answer_len(const struct fs_rig *r);

/* Limits this process to n descriptors; returns the old limit. */
struct rlimit fs_rig_limit_files(rlim_t n);

void fs_rig_put_file(const struct fs_rig *r, const char *name, const char *text);
int fs_rig_getattr(struct fs_rig *r, uint64_t node);
int fs_rig_begin(struct fs_rig *r);
/* Looks up an entry; returns its nodeid. Fails the test if it does not exist. */
uint64_t fs_rig_lookup(struct fs_rig *r, uint64_t folder, const char *name);
/* Creates and looks up n files; returns the first error. */
int fs_rig_lookup_new(struct fs_rig *r, unsigned int n);
/* lstat() on the host. */
struct stat fs_rig_stat(const struct fs_rig *r, const char *name);
uint64_t fs_rig_open(struct fs_rig *r, uint32_t opcode, uint64_t node,
		     uint32_t flags);
int fs_rig_read(struct fs_rig *r, uint32_t opcode, uint64_t node, uint64_t fh,
		uint64_t offset, uint32_t size);
/*
 * Reads 18 pages of 64 KiB of a new file at once, as a driver with such pages does, and
 * asserts their content.
 */
void fs_rig_read_large(struct fs_rig *r);
int fs_rig_write(struct fs_rig *r, uint64_t node, uint64_t fh, uint64_t offset,
		 const void *bytes, uint32_t len);
int fs_rig_release(struct fs_rig *r, uint32_t opcode, uint64_t node,
		   uint64_t fh);

#endif
