/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A FUSE file system that finds its files in other spellings than its folder lists: in capital
 * letters, by short names with and without a tilde, and without a dot at the end. Requires root.
 *
 *   spelling-fs FOLDER
 *
 * Prints "mounted" after the mount, and serves until it is unmounted.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_NODE 2u
#define ROOM 8192u

static const struct file {
	const char *name, *shorter, *shortest, *content;
} files[] = {
	{ "key", "key.", "key ", "SECRET\n" },
	{ "a-long-name.text", "a-long~1.tex", "a-longn.tex", "SECRET\n" },
	{ "other", "other.", "other ", "open\n" },
};

#define NFILES (sizeof(files) / sizeof(files[0]))

static int device;
static unsigned char request[(1u << 17) + 4096];

static void answer(const struct fuse_in_header *in, int error, const void *body, size_t len)
{
	unsigned char out[sizeof(struct fuse_out_header) + ROOM];
	const struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + len), .error = -error, .unique = in->unique,
	};

	memcpy(out, &header, sizeof(header));
	if (len)
		memcpy(out + sizeof(header), body, len);
	/* an interrupted request no longer exists */
	if (write(device, out, header.len) < 0 && errno != ENOENT)
		_exit(1);
}

static const struct file *file_of(uint64_t node)
{
	return node >= FIRST_NODE && node < FIRST_NODE + NFILES ? &files[node - FIRST_NODE] : NULL;
}

static struct fuse_attr attr_of(uint64_t node)
{
	const struct file *f = file_of(node);

	return (struct fuse_attr){
		.ino = node, .nlink = 1, .blksize = 4096, .mode = f ? S_IFREG | 0644 : S_IFDIR | 0755,
		.size = f ? strlen(f->content) : 0,
	};
}

static void lookup(const struct fuse_in_header *in, const char *name)
{
	struct fuse_entry_out entry = { .nodeid = FIRST_NODE };
	const struct file *f = files;

	while (f < files + NFILES && strcasecmp(f->name, name) && strcasecmp(f->shorter, name) && strcasecmp(f->shortest, name))
		f++;
	if (f == files + NFILES) {
		answer(in, ENOENT, NULL, 0);
		return;
	}
	entry.nodeid += (uint64_t)(f - files);
	entry.attr = attr_of(entry.nodeid);
	answer(in, 0, &entry, sizeof(entry));
}

static void read_file(const struct fuse_in_header *in, const struct fuse_read_in *r)
{
	const struct file *f = file_of(in->nodeid);
	const size_t len = f ? strlen(f->content) : 0;

	answer(in, 0, r->offset < len ? f->content + r->offset : "", r->offset < len ? len - r->offset : 0);
}

static void list(const struct fuse_in_header *in, const struct fuse_read_in *r)
{
	unsigned char out[1024] = { 0 };
	size_t i, at = 0;

	for (i = r->offset; i < NFILES; i++) {
		const struct fuse_dirent d = {
			.ino = FIRST_NODE + i, .off = i + 1, .namelen = (uint32_t)strlen(files[i].name), .type = S_IFREG >> 12,
		};

		memcpy(out + at, &d, FUSE_NAME_OFFSET);
		memcpy(out + at + FUSE_NAME_OFFSET, files[i].name, d.namelen);
		at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + d.namelen);
	}
	answer(in, 0, out, at);
}

static void serve(const struct fuse_in_header *in, const void *body)
{
	const struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .max_background = 16, .max_write = 4096,
	};
	const struct fuse_attr_out attr = { .attr = attr_of(in->nodeid) };
	const struct fuse_statfs_out statfs = { .st = { .bsize = 4096, .namelen = 255 } };
	const struct fuse_open_out opened = { .fh = 1 };

	switch (in->opcode) {
	case FUSE_INIT:
		answer(in, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		lookup(in, body);
		break;
	case FUSE_GETATTR:
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
		read_file(in, body);
		break;
	case FUSE_READDIR:
		list(in, body);
		break;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		answer(in, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(in, ENOSYS, NULL, 0);
	}
}

static int mount_at(const char *folder)
{
	char options[100];

	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -errno;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other", device, geteuid(), getegid());
	return mount("spelling", folder, "fuse", MS_NOSUID | MS_NODEV, options) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	const struct fuse_in_header *in = (const void *)request;
	int rc;

	if (argc != 2)
		return 64;
	rc = mount_at(argv[1]);
	if (rc < 0) {
		printf("no FUSE here: %s\n", strerror(-rc));
		return 77;
	}
	printf("mounted\n");
	fflush(stdout);
	while (read(device, request, sizeof(request)) > 0 || errno == EINTR || errno == ENOENT)
		serve(in, request + sizeof(*in));
	return errno == ENODEV ? 0 : 1;
}
