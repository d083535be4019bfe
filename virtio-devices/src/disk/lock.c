/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Image locks, compatible with QEMU's ("image locking"). A process holds a shared lock on
 * byte 100 + n if it uses permission n, and on byte 200 + n if it forbids others to use
 * permission n. It acquires its own locks first and then checks for conflicting locks.
 * OFD locks belong to the open file description: closing another descriptor of the file
 * does not release them.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "disk/file.h"

/* QEMU's permission numbers. */
enum {
	PERM_CONSISTENT_READ = 0,
	PERM_WRITE = 1,
	PERM_RESIZE = 3,
};

#define USES_BASE	100
#define FORBIDS_BASE	200

#define BIT(n)		(1u << (n))
#define NPERMS		4

/* Readers and writers both exclude writers and resizers. */
#define FORBIDS		(BIT(PERM_WRITE) | BIT(PERM_RESIZE))

static int lock_byte(int fd, int cmd, short type, int byte, struct flock *lock)
{
	int rc;

	*lock = (struct flock) {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1,
	};
	do {
		rc = fcntl(fd, cmd, lock);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

static int lock_take(int fd, unsigned int perms, int base)
{
	struct flock lock;
	int i, rc;

	for (i = 0; i < NPERMS; i++) {
		if (!(perms & BIT(i)))
			continue;
		rc = lock_byte(fd, F_OFD_SETLK, F_RDLCK, base + i, &lock);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* -EBUSY: another process holds one of these bytes. */
static int lock_look(int fd, unsigned int perms, int base)
{
	struct flock lock;
	int i, rc;

	for (i = 0; i < NPERMS; i++) {
		if (!(perms & BIT(i)))
			continue;
		rc = lock_byte(fd, F_OFD_GETLK, F_WRLCK, base + i, &lock);
		if (rc < 0)
			return rc;
		if (lock.l_type != F_UNLCK)
			return -EBUSY;
	}
	return 0;
}

static int lock_all(int fd, bool read_only)
{
	const unsigned int uses = BIT(PERM_CONSISTENT_READ) |
				  (read_only ? 0 : BIT(PERM_WRITE));
	int rc = lock_take(fd, uses, USES_BASE);

	if (!rc)
		rc = lock_take(fd, FORBIDS, FORBIDS_BASE);
	if (!rc)
		rc = lock_look(fd, uses, FORBIDS_BASE);
	if (!rc)
		rc = lock_look(fd, FORBIDS, USES_BASE);
	return rc;
}

int virtdev_priv_file_lock(int fd, bool read_only, const char *path,
			   struct vsu_error *err)
{
	const int rc = lock_all(fd, read_only);

	if (rc < 0)
		virtdev_priv_file_unlock(fd);
	if (rc == -EBUSY || rc == -EAGAIN || rc == -EACCES)
		return vsu_error_set(err, -EBUSY,
				     "'%s' is in use by another program%s",
				     path, read_only ? " that writes to it" :
				     "; end that one first");
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot lock '%s'", path);
	return 0;
}

/* All bytes of these two ranges, whether this process holds them or not. */
void virtdev_priv_file_unlock(int fd)
{
	struct flock lock;
	int i;

	for (i = 0; i < NPERMS; i++) {
		lock_byte(fd, F_OFD_SETLK, F_UNLCK, USES_BASE + i, &lock);
		lock_byte(fd, F_OFD_SETLK, F_UNLCK, FORBIDS_BASE + i, &lock);
	}
}
