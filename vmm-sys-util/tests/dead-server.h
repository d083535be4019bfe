/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A file on FUSE whose server answers what opening a file needs and nothing
 * else: not its attributes, not a read, not the flush of a close. Needs root;
 * the mount is in a namespace of the calling process.
 */
#ifndef VSU_TESTS_DEAD_SERVER_H
#define VSU_TESTS_DEAD_SERVER_H

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct dead_server {
	pid_t pid;
	char dir[64];
};

static inline void dead_reply(int dev, uint64_t unique, int error,
			      const void *data, size_t len)
{
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + len),
		.error = error,
		.unique = unique,
	};
	struct iovec iov[2] = {
		{ &head, sizeof(head) }, { (void *)(uintptr_t)data, len },
	};

	(void)!writev(dev, iov, len ? 2 : 1);
}

/* Attributes are never valid for longer than the answer that has them. */
static inline void dead_serve_one(int dev, const struct fuse_in_header *in)
{
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = 31,
		.max_readahead = 4096, .max_write = 4096,
	};
	struct fuse_entry_out entry = {
		.nodeid = 2, .entry_valid = 1000000,
		.attr = { .ino = 2, .mode = S_IFREG | 0666, .nlink = 1,
			  .size = 1 << 20, .blksize = 4096 },
	};
	struct fuse_entry_out fifo_entry = {
		.nodeid = 3, .entry_valid = 1000000,
		.attr = { .ino = 3, .mode = S_IFIFO | 0666, .nlink = 1 },
	};
	const bool fifo = !strcmp((const char *)(in + 1), "fifo");
	struct fuse_open_out opened = { .fh = 1 };
	struct fuse_attr_out root = {
		.attr_valid = 1000000,
		.attr = { .ino = 1, .mode = S_IFDIR | 0755, .nlink = 1 },
	};

	if (in->opcode == FUSE_INIT)
		dead_reply(dev, in->unique, 0, &init, sizeof(init));
	else if (in->opcode == FUSE_LOOKUP && fifo)
		dead_reply(dev, in->unique, 0, &fifo_entry, sizeof(fifo_entry));
	else if (in->opcode == FUSE_LOOKUP)
		dead_reply(dev, in->unique, 0, &entry, sizeof(entry));
	else if (in->opcode == FUSE_OPEN)
		dead_reply(dev, in->unique, 0, &opened, sizeof(opened));
	else if (in->opcode == FUSE_GETATTR && in->nodeid == 1)
		dead_reply(dev, in->unique, 0, &root, sizeof(root));
}

static inline void dead_serve(int dev)
{
	static char buf[1 << 16];

	while (read(dev, buf, sizeof(buf)) > 0)
		dead_serve_one(dev, (const struct fuse_in_header *)buf);
}

/* False where FUSE cannot be mounted here. */
static inline bool dead_server_start(struct dead_server *s)
{
	int dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[80];

	strcpy(s->dir, "/tmp/vsu-dead-XXXXXX");
	if (dev < 0 || !mkdtemp(s->dir))
		return false;
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0", dev);
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("dead", s->dir, "fuse", 0, options)) {
		close(dev);
		rmdir(s->dir);
		return false;
	}
	s->pid = fork();
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dead_serve(dev);
		_exit(0);
	}
	close(dev);
	return s->pid > 0;
}

static inline int dead_server_open_name(const struct dead_server *s,
					const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	return open(path, O_RDWR | O_CLOEXEC);
}

static inline int dead_server_open(const struct dead_server *s)
{
	return dead_server_open_name(s, "file");
}

static inline int dead_server_open_fifo(const struct dead_server *s)
{
	return dead_server_open_name(s, "fifo");
}

/* Ends the server; callers that wait for it fail now. */
static inline void dead_server_end(struct dead_server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	umount2(s->dir, MNT_DETACH);
	rmdir(s->dir);
}

#endif
