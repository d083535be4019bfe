/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A FUSE file system with one file, "disk", which does not reply to reads and
 * writes until SIGUSR1: an unresponsive disk. Requires root.
 *
 *   deaf-fs FOLDER BYTES [mute [DEVICE] | file IMAGE]
 *
 * Prints "mounted" after the mount, and "asked" at the first read or write.
 * With "mute" it never replies to a read, write or close. With a block device it
 * is mounted as that device's file system ("fuseblk"). With "file" it replies to reads
 * at once, with the content of IMAGE.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NODE 2u
#define MAX_WAITING 64u
#define ROOM (1u << 20)

static struct {
	int fd;
	uint64_t size;
	bool asked, mute;
	int image;		/* -1: none */
	unsigned int nwaiting;
	struct fuse_in_header waiting[MAX_WAITING];
	uint32_t lens[MAX_WAITING];
} fs;

static volatile sig_atomic_t hears;
static unsigned char buffer[ROOM + 4096], zeros[ROOM], content[ROOM];

static void on_signal(int number)
{
	(void)number;
	hears = 1;
}

static void answer(const struct fuse_in_header *in, int error, const void *body,
		   size_t len)
{
	static unsigned char out[sizeof(struct fuse_out_header) + ROOM];
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + len), .error = -error,
		.unique = in->unique,
	};

	memcpy(out, &header, sizeof(header));
	memcpy(out + sizeof(header), body, len);
	/* an interrupted request no longer exists */
	if (write(fs.fd, out, header.len) < 0 && errno != ENOENT)
		exit(1);
}

static struct fuse_attr attr_of(uint64_t node)
{
	struct fuse_attr attr = { .ino = node, .nlink = 1, .blksize = 4096 };

	attr.mode = node == FILE_NODE ? S_IFREG | 0600 : S_IFDIR | 0700;
	attr.size = node == FILE_NODE ? fs.size : 0;
	return attr;
}

static void lookup(const struct fuse_in_header *in, const char *name)
{
	struct fuse_entry_out entry = {
		.nodeid = FILE_NODE, .attr_valid = 1000, .entry_valid = 1000,
		.attr = attr_of(FILE_NODE),
	};

	if (strcmp(name, "disk"))
		answer(in, ENOENT, NULL, 0);
	else
		answer(in, 0, &entry, sizeof(entry));
}

static void keep_waiting(const struct fuse_in_header *in, uint32_t len)
{
	if (!fs.asked) {
		printf("asked\n");
		fflush(stdout);
	}
	fs.asked = true;
	if (fs.mute)
		return;
	if (fs.nwaiting == MAX_WAITING)
		exit(1);
	fs.lens[fs.nwaiting] = len;
	fs.waiting[fs.nwaiting++] = *in;
}

static void answer_transfer(const struct fuse_in_header *in, uint32_t len)
{
	const struct fuse_write_out written = { .size = len };

	if (in->opcode == FUSE_READ)
		answer(in, 0, zeros, len < ROOM ? len : ROOM);
	else
		answer(in, 0, &written, sizeof(written));
}

static void answer_content(const struct fuse_in_header *in, const struct fuse_read_in *read)
{
	const size_t len = read->size < ROOM ? read->size : ROOM;
	ssize_t n = pread(fs.image, content, len, (off_t)read->offset);

	answer(in, n < 0 ? errno : 0, content, n < 0 ? 0 : (size_t)n);
}

static void transfer(const struct fuse_in_header *in, const struct fuse_read_in *body)
{
	if (fs.image < 0)
		keep_waiting(in, body->size);
	else if (in->opcode == FUSE_READ)
		answer_content(in, body);
	else
		answer(in, EROFS, NULL, 0);
}

static void take(const struct fuse_in_header *in, const void *body)
{
	const struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = 31,
		.max_readahead = 1 << 17, .max_background = 16,
		.max_write = 1 << 17,
	};
	const struct fuse_attr_out attr = { .attr_valid = 1000,
					    .attr = attr_of(in->nodeid) };
	const struct fuse_statfs_out statfs = { .st = { .bsize = 4096 } };
	const struct fuse_open_out opened = { .fh = 1 };

	switch (in->opcode) {
	case FUSE_INIT:
		answer(in, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		lookup(in, body);
		break;
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		answer(in, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		answer(in, 0, &opened, sizeof(opened));
		break;
	case FUSE_STATFS:
		answer(in, 0, &statfs, sizeof(statfs));
		break;
	case FUSE_READ:
	case FUSE_WRITE:
		/* fuse_write_in has size at the same offset */
		transfer(in, body);
		break;
	case FUSE_RELEASE:
	case FUSE_FSYNC:
		answer(in, 0, NULL, 0);
		break;
	case FUSE_FLUSH:
		if (!fs.mute)
			answer(in, ENOSYS, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(in, ENOSYS, NULL, 0);
	}
}

static int mount_at(const char *folder, const char *device)
{
	char options[100];

	fs.fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fs.fd < 0)
		return -errno;
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fs.fd,
		 geteuid(), getegid());
	return mount(device ? device : "deaf", folder,
		     device ? "fuseblk" : "fuse", MS_NOSUID | MS_NODEV,
		     options) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	struct pollfd p = { .events = POLLIN };
	const struct fuse_in_header *in = (const void *)buffer;
	sigset_t blocked, open_mask;
	ssize_t n;
	int rc;

	if (argc < 3 || argc > 5)
		return 64;
	fs.image = argc == 5 && !strcmp(argv[3], "file") ? open(argv[4], O_RDONLY | O_CLOEXEC) : -1;
	fs.mute = argc > 3 && fs.image < 0;
	fs.size = strtoull(argv[2], NULL, 10);
	signal(SIGUSR1, on_signal);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &open_mask);
	rc = mount_at(argv[1], argc == 5 && fs.mute ? argv[4] : NULL);
	if (rc < 0) {
		printf("no FUSE here: %s\n", strerror(-rc));
		return 77;
	}
	printf("mounted\n");
	fflush(stdout);
	p.fd = fs.fd;
	for (;;) {
		ppoll(&p, 1, NULL, &open_mask);
		while ((n = read(fs.fd, buffer, sizeof(buffer))) > 0)
			take(in, buffer + sizeof(*in));
		if (n < 0 && errno == ENODEV)
			return 0;	/* unmounted */
		while (hears && fs.nwaiting) {
			fs.nwaiting--;
			answer_transfer(&fs.waiting[fs.nwaiting],
					fs.lens[fs.nwaiting]);
		}
	}
}
