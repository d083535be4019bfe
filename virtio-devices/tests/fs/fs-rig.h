/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Shared by the tests of the file system device: a folder of its own, the
 * device that shares it, and a driver that makes one request at a time.
 */
#ifndef VIRTIO_DEVICES_TESTS_FS_RIG_H
#define VIRTIO_DEVICES_TESTS_FS_RIG_H

#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <linux/fuse.h>

#include <virtio-devices/fs.h>

#include "../guest.h"

/* Addresses of a request and its answer, and room for each. */
#define RIG_ASK (GUEST_DATA + 0x1000)
#define RIG_ANSWER (GUEST_DATA + 0x40000)
#define RIG_ROOM 0x30000u

/* Threads for requests, at most. */
#define RIG_WORKERS 4u

#define RIG_URGENT 0u
#define RIG_REQUESTS 1u

struct fs_rig {
	struct guest g;
	struct virtdev *dev;
	uint32_t queue;
	char folder[64];
	int dir;		/* of the folder */
	struct virtdev_fs_config config;
	uint32_t uid, gid;	/* of the requests */
	uint32_t extensions;	/* behind their text: so many bytes of it */
	uint64_t unique;	/* of the last request */
	uint32_t len;		/* of the last request, as its header says */
	uint32_t room;		/* for its answer */
	uint32_t written;	/* what the device says it stored */
	struct baseline before;
	pthread_t workers[RIG_WORKERS];
	unsigned int nworkers;	/* that run */
};

/* A folder with "file", which has "content", and "sub"; no session yet. */
void fs_rig_folder(struct fs_rig *r);
void fs_rig_make(struct fs_rig *r, uint32_t queue);
/* The folder as it is made above, its device, and a session. */
void fs_rig_init(struct fs_rig *r);
/* Threads for requests, as many as the configuration has; fini ends them. */
void fs_rig_work(struct fs_rig *r);
/* The folder goes, with all in it; and no descriptor is left. */
void fs_rig_fini(struct fs_rig *r);

/* Until the queue has to be served. */
void fs_rig_wait_event(const struct fs_rig *r);

/* A request as it is: what the answer's header says, or 1 without one. */
int fs_rig_send(struct fs_rig *r, const void *bytes, uint32_t len);

/* A request: arguments and then len bytes of text. */
int fs_rig_ask(struct fs_rig *r, uint32_t opcode, uint64_t node,
	       const void *args, uint32_t args_len, const void *text,
	       uint32_t len);
/* The same with one name, its NUL with it; NULL: with none. */
int fs_rig_name(struct fs_rig *r, uint32_t opcode, uint64_t node,
		const void *args, uint32_t args_len, const char *name);
/* The answer behind its header. */
const void *fs_rig_answer(const struct fs_rig *r);
uint32_t fs_rig_answer_len(const struct fs_rig *r);

/* At most n descriptors for this process; says the limit that there was. */
struct rlimit fs_rig_limit_files(rlim_t n);

void fs_rig_put_file(const struct fs_rig *r, const char *name, const char *text);
int fs_rig_getattr(struct fs_rig *r, uint64_t node);
int fs_rig_begin(struct fs_rig *r);
/* The number of an entry; fails the test where there is none. */
uint64_t fs_rig_lookup(struct fs_rig *r, uint64_t folder, const char *name);
/* So many new files, until one of them is not told of: that is what it says. */
int fs_rig_lookup_new(struct fs_rig *r, unsigned int n);
/* As the host has it; a link is a link. */
struct stat fs_rig_stat(const struct fs_rig *r, const char *name);
uint64_t fs_rig_open(struct fs_rig *r, uint32_t opcode, uint64_t node,
		     uint32_t flags);
int fs_rig_read(struct fs_rig *r, uint32_t opcode, uint64_t node, uint64_t fh,
		uint64_t offset, uint32_t size);
int fs_rig_write(struct fs_rig *r, uint64_t node, uint64_t fh, uint64_t offset,
		 const void *bytes, uint32_t len);
int fs_rig_release(struct fs_rig *r, uint32_t opcode, uint64_t node,
		   uint64_t fh);

#endif
