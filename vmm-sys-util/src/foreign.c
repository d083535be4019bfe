/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The kind of a descriptor that a peer sent. For a descriptor that may belong to a file
 * server, only calls are made that the kernel answers itself: flags, seals, the type that
 * was cached at open (AT_STATX_DONT_SYNC), the name of an object without a file, the mount,
 * and a read of no bytes.
 */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <vmm-sys-util/foreign.h>

#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#endif

#ifndef AT_STATX_DONT_SYNC
#define AT_STATX_DONT_SYNC 0x4000
#endif
#define CACHED_TYPE 1			/* STATX_TYPE */

/* from linux/magic.h */
#ifndef ANON_INODE_FS_MAGIC
#define ANON_INODE_FS_MAGIC 0x09041934
#endif
#ifndef GUEST_MEMFD_MAGIC
#define GUEST_MEMFD_MAGIC 0x474d454d
#endif
#ifndef DMA_BUF_MAGIC
#define DMA_BUF_MAGIC 0x444d4142
#endif

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

/* The kernel's struct statx, which musl has since 1.2.5 only. */
struct cached_stat {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	uint64_t times[8];
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t rest[14];
};

static_assert(offsetof(struct cached_stat, mode) == 28, "the mode is at 28");
static_assert(offsetof(struct cached_stat, dev_major) == 136, "the device is at 136");
static_assert(sizeof(struct cached_stat) == 256, "the kernel writes 256 bytes");

/*
 * Kinds of regular files by the type of their mount. A type that is not in the table may
 * have a server. Reading a file of procfs can wait for the pages of another process, and
 * thus for that process's file servers; reading files of sysfs and similar types executes
 * code of a driver.
 */
static const struct {
	const char *type;
	int kind;
} types[] = {
	{ "bcachefs", VSU_FOREIGN_FILE }, { "btrfs", VSU_FOREIGN_FILE },
	{ "devtmpfs", VSU_FOREIGN_FILE }, { "erofs", VSU_FOREIGN_FILE },
	{ "exfat", VSU_FOREIGN_FILE }, { "ext2", VSU_FOREIGN_FILE },
	{ "ext3", VSU_FOREIGN_FILE }, { "ext4", VSU_FOREIGN_FILE },
	{ "f2fs", VSU_FOREIGN_FILE }, { "hugetlbfs", VSU_FOREIGN_FILE },
	{ "iso9660", VSU_FOREIGN_FILE }, { "jfs", VSU_FOREIGN_FILE },
	{ "nilfs2", VSU_FOREIGN_FILE }, { "ntfs3", VSU_FOREIGN_FILE },
	{ "overlay", VSU_FOREIGN_FILE }, { "ramfs", VSU_FOREIGN_FILE },
	{ "rootfs", VSU_FOREIGN_FILE }, { "squashfs", VSU_FOREIGN_FILE },
	{ "tmpfs", VSU_FOREIGN_FILE }, { "udf", VSU_FOREIGN_FILE },
	{ "vfat", VSU_FOREIGN_FILE }, { "xfs", VSU_FOREIGN_FILE },
	{ "zfs", VSU_FOREIGN_FILE },

	{ "binder", VSU_FOREIGN_OTHER }, { "binfmt_misc", VSU_FOREIGN_OTHER },
	{ "bpf", VSU_FOREIGN_OTHER }, { "cgroup", VSU_FOREIGN_OTHER },
	{ "cgroup2", VSU_FOREIGN_OTHER }, { "configfs", VSU_FOREIGN_OTHER },
	{ "debugfs", VSU_FOREIGN_OTHER }, { "efivarfs", VSU_FOREIGN_OTHER },
	{ "functionfs", VSU_FOREIGN_OTHER }, { "fusectl", VSU_FOREIGN_OTHER },
	{ "mqueue", VSU_FOREIGN_OTHER }, { "nfsd", VSU_FOREIGN_OTHER },
	{ "proc", VSU_FOREIGN_OTHER }, { "pstore", VSU_FOREIGN_OTHER },
	{ "resctrl", VSU_FOREIGN_OTHER }, { "rpc_pipefs", VSU_FOREIGN_OTHER },
	{ "securityfs", VSU_FOREIGN_OTHER }, { "selinuxfs", VSU_FOREIGN_OTHER },
	{ "smackfs", VSU_FOREIGN_OTHER }, { "sysfs", VSU_FOREIGN_OTHER },
	{ "tracefs", VSU_FOREIGN_OTHER },
};

static int kind_by_mount_type(const char *type)
{
	size_t len = strcspn(type, " \n"), i;

	for (i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strlen(types[i].type) == len &&
		    !strncmp(types[i].type, type, len))
			return types[i].kind;
	return VSU_FOREIGN_SERVED;
}

/* The number of the mount that fd was opened in, or -1. */
static int mount_of(int fd)
{
	static const char key[] = "mnt_id:";
	char path[40], line[80];
	int id = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (id < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, sizeof(key) - 1))
			id = atoi(line + sizeof(key) - 1);
	fclose(f);
	return id;
}

/* The kind of regular files on a mount, or -1 for a mount of another namespace. */
static int kind_by_mount(int id)
{
	const char *type;
	char *line = NULL;
	size_t size = 0;
	int kind = -1;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	if (!f)
		return -1;
	while (kind < 0 && getline(&line, &size, f) > 0) {
		type = strstr(line, " - ");
		if (type && atoi(line) == id)
			kind = kind_by_mount_type(type + 3);
	}
	free(line);
	fclose(f);
	return kind;
}

/* "anon_inode:[eventfd]"; a path, which begins with '/', for real files. */
static void read_name(int fd, char *name, size_t size)
{
	char path[40];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, name, size - 1);
	name[len < 0 ? 0 : len] = '\0';
}

/*
 * True if the file has no read method. A read of no bytes returns before the kernel calls
 * the file system: 0 if the file has such a method, else -EINVAL. Each file system with a
 * server has one; memory that can only be mapped has none.
 */
static bool lacks_read(int fd)
{
	return readv(fd, NULL, 0) < 0 && errno == EINVAL;
}

/*
 * Memory of the kernel that can be mapped: guest_memfd, whose files belong to a
 * file system of their own since Linux 6.19, and buffers of devices (dma-buf).
 * Names prove nothing, since a file on FUSE can be called "[kvm-gmem]", too.
 * fstatfs() returns the type of the file system; FUSE and NFS ask their server
 * for it, so that lacks_read() comes first.
 */
static bool is_kernel_memory(int fd, const struct cached_stat *st)
{
	struct statfs fs;

	if (!lacks_read(fd) || fstatfs(fd, &fs) < 0)
		return false;
	switch ((uint32_t)fs.f_type) {
	case ANON_INODE_FS_MAGIC:
		return S_ISREG(st->mode);	/* guest_memfd before Linux 6.19; no other
						   object of this type is a regular file */
	case GUEST_MEMFD_MAGIC:
	case DMA_BUF_MAGIC:
		return true;
	}
	return false;
}

/*
 * A mount that this process cannot see belongs to another namespace, where any
 * user may mount FUSE; only root can mount a file system with a device of its own.
 */
static int kind_of_file(int fd, const struct cached_stat *st)
{
	int kind;

	if (is_kernel_memory(fd, st))
		return VSU_FOREIGN_SHARED;
	kind = kind_by_mount(mount_of(fd));
	if (kind >= 0)
		return kind;
	return st->dev_major ? VSU_FOREIGN_FILE : VSU_FOREIGN_SERVED;
}

/*
 * Reading and writing do not involve a server, but opening the FIFO again by its name in
 * /proc may. Without a name, which requires /proc, it cannot be opened again.
 */
static int kind_of_fifo(int fd, const char *name, const struct cached_stat *st)
{
	return *name && kind_of_file(fd, st) == VSU_FOREIGN_SERVED ?
	       VSU_FOREIGN_SERVED : VSU_FOREIGN_PIPE;
}

/*
 * The type as the kernel cached it. Fails for a FUSE file that another user
 * mounted.
 */
static bool get_type(int fd, struct cached_stat *st)
{
	return syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		       CACHED_TYPE, st) == 0;
}

static int kind_by_type(int fd, const char *name, const struct cached_stat *st)
{
	switch (st->mode & S_IFMT) {
	case S_IFREG:
		return kind_of_file(fd, st);
	case S_IFIFO:
		return kind_of_fifo(fd, name, st);
	case S_IFDIR:
		return VSU_FOREIGN_DIRECTORY;
	case S_IFCHR:
		return VSU_FOREIGN_CHAR;
	case S_IFBLK:
		return VSU_FOREIGN_BLOCK;
	case 0:		/* dma-buf before Linux 6.16 */
		return is_kernel_memory(fd, st) ? VSU_FOREIGN_SHARED :
						  VSU_FOREIGN_OTHER;
	}
	return VSU_FOREIGN_OTHER;
}

/*
 * Among objects without a file, only an eventfd supports a non-blocking read
 * but refuses one byte (EINVAL), and does not support a non-blocking write
 * (EOPNOTSUPP). The two calls do not block, change nothing, and are several times
 * cheaper than reading the name. False is inconclusive: Linux before 5.8.
 */
static bool answers_as_event(int fd)
{
	char byte = 0;
	const struct iovec iov = { &byte, sizeof(byte) };

	if (syscall(SYS_preadv2, fd, &iov, 1, -1L, -1L, RWF_NOWAIT) >= 0 ||
	    errno != EINVAL)
		return false;
	return syscall(SYS_pwritev2, fd, &iov, 1, -1L, -1L, RWF_NOWAIT) < 0 &&
	       errno == EOPNOTSUPP;
}

/* The kind, if it can be determined without the name; else -1. */
static int kind_without_name(int fd, const struct cached_stat *st)
{
	switch (st->mode & S_IFMT) {
	case S_IFSOCK:
		return VSU_FOREIGN_SOCKET;
	case 0:
		return answers_as_event(fd) ? VSU_FOREIGN_EVENT : -1;
	}
	return -1;
}

/*
 * For processes without /proc: among objects without a file, only an eventfd accepts eight
 * bytes. Adding 0 changes nothing and cannot block, because there is always room for 0.
 */
static bool takes_nothing(int fd)
{
	const uint64_t nothing = 0;

	return write(fd, &nothing, sizeof(nothing)) == (ssize_t)sizeof(nothing);
}

/* Prefixes of the names of objects without a file; names of files begin with '/'. */
static const struct {
	const char *name;
	int kind;
} objects[] = {
	{ "anon_inode:[eventfd]", VSU_FOREIGN_EVENT },
	{ "anon_inode:[eventpoll]", VSU_FOREIGN_EPOLL },
	{ "socket:[", VSU_FOREIGN_SOCKET },
	{ "pipe:[", VSU_FOREIGN_PIPE },
};

static int kind_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(objects) / sizeof(*objects); i++)
		if (!strncmp(name, objects[i].name, strlen(objects[i].name)))
			return objects[i].kind;
	return -1;
}

bool vsu_foreign_is_event(int fd)
{
	struct cached_stat st;

	return get_type(fd, &st) && !(st.mode & S_IFMT) && answers_as_event(fd);
}

/* Peers mostly send memory and eventfds: an eventfd takes one system call, memory four. */
int vsu_foreign_kind(int fd)
{
	struct cached_stat st;
	char name[64];
	bool typed;
	int kind;

	if (fcntl(fd, F_GET_SEALS) >= 0)
		return VSU_FOREIGN_SHARED;
	/* The kernel also returns this for an O_PATH descriptor, which may name any object. */
	if (errno == EBADF)
		return fcntl(fd, F_GETFL) < 0 ? -EBADF : VSU_FOREIGN_PATH;
	typed = get_type(fd, &st);
	kind = typed ? kind_without_name(fd, &st) : -1;
	if (kind >= 0)
		return kind;
	read_name(fd, name, sizeof(name));
	kind = kind_by_name(name);
	if (kind >= 0)
		return kind;
	kind = typed ? kind_by_type(fd, name, &st) : VSU_FOREIGN_SERVED;
	return kind == VSU_FOREIGN_OTHER && !*name && takes_nothing(fd) ?
	       VSU_FOREIGN_EVENT : kind;
}

const char *vsu_foreign_name(int kind)
{
	static const char *const names[] = {
		[VSU_FOREIGN_EVENT] = "an eventfd",
		[VSU_FOREIGN_PIPE] = "a pipe",
		[VSU_FOREIGN_SHARED] = "shared memory",
		[VSU_FOREIGN_FILE] = "a regular file",
		[VSU_FOREIGN_SERVED] = "a file of a file server (FUSE, a network or an unknown file system)",
		[VSU_FOREIGN_BLOCK] = "a block device",
		[VSU_FOREIGN_CHAR] = "a character device",
		[VSU_FOREIGN_DIRECTORY] = "a directory",
		[VSU_FOREIGN_SOCKET] = "a socket",
		[VSU_FOREIGN_EPOLL] = "an epoll",
		[VSU_FOREIGN_PATH] = "only a path",
		[VSU_FOREIGN_OTHER] = "an object of the kernel",
	};

	if (kind < 0 || kind > VSU_FOREIGN_OTHER)
		return "unknown";
	return names[kind];
}
