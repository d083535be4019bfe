/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Opening an image file or block device as a disk. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "disk/priv.h"
#include "disk/file.h"

#define SECTOR 512u
#define BLOCK_MAX 65536u

/* Error message of a failed open(), with the remedy. */
static int open_failed(const struct virtdev_disk_file *how, int code,
		       struct vsu_error *err)
{
	const char *path = how->path;

	switch (-code) {
	case ENOENT:
		return vsu_error_set(err, code,
				     "no such file: '%s'; create it first, for example with truncate -s SIZE",
				     path);
	case EACCES:
	case EPERM:
		return vsu_error_set(err, -EACCES,
				     "no permission to read%s '%s'; change its owner or mode%s",
				     how->read_only ? "" : " and write", path,
				     how->read_only ? "" : ", or serve it read-only");
	case EISDIR:
		return vsu_error_set(err, code,
				     "'%s' is a directory; name a raw image file or a block device",
				     path);
	case EROFS:
		return vsu_error_set(err, -EACCES,
				     "'%s' is on a read-only file system; serve it read-only",
				     path);
	case ETXTBSY:
		return vsu_error_set(err, -EBUSY,
				     "'%s' is in use as a program or for swapping",
				     path);
	case ENXIO:
		return vsu_error_set(err, -ENODEV,
				     "'%s' is a socket, or a device that does not exist; name a raw image file or a block device",
				     path);
	}
	return vsu_error_sys(err, code, "cannot open '%s'", path);
}

/* Duplicates the caller's descriptor, and checks that it permits the required access. */
static int dup_image(const struct virtdev_disk_file *how, struct vsu_error *err)
{
	const int flags = fcntl(how->fd, F_GETFL);
	const int access = flags & O_ACCMODE;
	int fd;

	if (flags < 0 || flags & O_PATH || access == O_WRONLY)
		return vsu_error_set(err, -EBADF, "descriptor %d ('%s') is not open for reading",
				     how->fd, how->path);
	if (!how->read_only && access != O_RDWR)
		return vsu_error_set(err, -EBADF,
				     "descriptor %d ('%s') is not open for writing; open it for both, or serve it read-only",
				     how->fd, how->path);
	fd = vsu_fd_dup(how->fd);
	return fd < 0 ? vsu_error_sys(err, fd, "cannot duplicate descriptor %d", how->fd) : fd;
}

/*
 * Opens with O_NONBLOCK, because opening a FIFO or device may block, and clears the flag
 * for regular files and block devices.
 */
static int open_image(const struct virtdev_disk_file *how,
		      struct vsu_error *err)
{
	int flags = (how->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC |
		    O_NONBLOCK | O_NOCTTY;
	int fd;

	do {
		fd = open(how->path, flags);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? open_failed(how, -errno, err) : fd;
}

/* Check it here: open() for writing succeeds on a read-only device, and each write then fails. */
static bool is_read_only_device(int fd)
{
	int read_only = 0;

	return !ioctl(fd, BLKROGET, &read_only) && read_only;
}

static int check_kind(int fd, const struct virtdev_disk_file *how,
		      struct vsu_error *err)
{
	const char *path = how->path;
	int kind = vsu_fd_kind(fd);

	if (kind < 0)
		return vsu_error_sys(err, kind, "cannot inspect '%s'", path);
	if (kind != VSU_FD_REGULAR && kind != VSU_FD_BLOCK)
		return vsu_error_set(err, kind == VSU_FD_DIRECTORY ? -EISDIR :
				     -ENODEV,
				     "'%s' is %s; name a raw image file or a block device",
				     path, vsu_fd_kind_name(kind));
	if (kind == VSU_FD_BLOCK && !how->read_only && is_read_only_device(fd))
		return vsu_error_set(err, -EACCES,
				     "'%s' is a read-only device; serve it read-only",
				     path);
	if (fcntl(fd, F_SETFL, 0) < 0)
		return vsu_error_sys(err, -errno, "cannot use '%s'", path);
	return kind;
}

static int check_size(int fd, const char *path, uint64_t *size,
		      struct vsu_error *err)
{
	int rc = vsu_fd_size(fd, size);

	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot determine the size of '%s'",
				     path);
	if (!*size)
		return vsu_error_set(err, -EINVAL,
				     "'%s' is empty; a disk has at least 512 bytes: truncate -s SIZE",
				     path);
	if (*size % SECTOR)
		return vsu_error_set(err, -EINVAL,
				     "'%s' has %" PRIu64 " bytes, not a multiple of 512: it is damaged, compressed or of another format; use a raw image of whole sectors",
				     path, *size);
	return 0;
}

/* The host's preferred block size, if it is a plausible power of two. */
static uint32_t sane_block_size(uint64_t size, uint32_t at_least)
{
	bool sane = size >= at_least && size <= BLOCK_MAX && !(size & (size - 1));

	return sane ? (uint32_t)size : at_least;
}

static void ask_block_sizes(int fd, int kind, struct virtdev_disk_info *info)
{
	unsigned int physical = 0;
	int logical = 0;
	struct stat st;

	if (kind == VSU_FD_BLOCK) {
		if (ioctl(fd, BLKSSZGET, &logical) < 0)
			logical = 0;
		if (ioctl(fd, BLKPBSZGET, &physical) < 0)
			physical = 0;
	} else if (!fstat(fd, &st)) {
		physical = (unsigned int)st.st_blksize;
	}
	info->block_size = sane_block_size((uint64_t)logical, SECTOR);
	info->physical_block_size = sane_block_size(physical, info->block_size);
}

/* The configured size may exceed the host's, to match other users of the image. */
static int choose_block_size(const struct virtdev_disk_file *how,
			     struct virtdev_disk_info *info,
			     struct vsu_error *err)
{
	const uint32_t wanted = how->block_size;

	if (!wanted)
		return 0;
	if (wanted < info->block_size || wanted > BLOCK_MAX ||
	    (wanted & (wanted - 1)))
		return vsu_error_set(err, -EINVAL,
				     "blocks of %u bytes: '%s' supports powers of two from %u to %u",
				     wanted, how->path, info->block_size,
				     BLOCK_MAX);
	if (info->capacity % wanted)
		return vsu_error_set(err, -EINVAL,
				     "'%s' has %" PRIu64 " bytes, not a multiple of its blocks of %u; use blocks of %u",
				     how->path, info->capacity, wanted, info->block_size);
	info->block_size = wanted;
	info->physical_block_size = sane_block_size(info->physical_block_size,
						    wanted);
	return 0;
}

/* Anonymous memory that is only read maps the shared zero page. */
static int map_zeros(struct virtdev_priv_file *file)
{
	void *zeros = mmap(NULL, VIRTDEV_PRIV_ZEROS, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (zeros == MAP_FAILED)
		return -errno;
	file->zeros = zeros;
	return 0;
}

int virtdev_priv_file_open_fd(const struct virtdev_disk_file *how, struct vsu_error *err)
{
	int fd = how->has_fd ? dup_image(how, err) : open_image(how, err), rc;

	if (fd < 0)
		return fd;
	rc = check_kind(fd, how, err);
	if (rc >= 0 && !how->unlocked)
		rc = virtdev_priv_file_lock(fd, how->read_only, how->path, err);
	if (rc < 0)
		vsu_fd_close(&fd);
	return rc < 0 ? rc : fd;
}

/* Initializes an opened image; file owns fd. */
static int init_image(struct virtdev_priv_file *file,
		      const struct virtdev_disk_file *how,
		      struct vsu_error *err)
{
	int rc = check_size(file->fd, how->path, &file->info.capacity, err);

	if (rc < 0)
		return rc;
	ask_block_sizes(file->fd, vsu_fd_kind(file->fd), &file->info);
	rc = how->direct ? virtdev_priv_file_open_direct(file, how, err) : 0;
	if (rc == 0)
		rc = choose_block_size(how, &file->info, err);
	if (rc < 0)
		return rc;
	file->info.read_only = how->read_only;
	file->info.can_discard = !how->read_only;
	file->info.can_zero = !how->read_only;
	rc = map_zeros(file);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot serve '%s'", how->path) :
	       0;
}

/* AUTO: the first engine that the host and the file support. */
static int start_any(struct virtdev_priv_file *file,
		     const struct virtdev_disk_file *how,
		     struct virtdev_disk **out, struct vsu_error *err)
{
	int rc = -EOPNOTSUPP;

	if (how->sigbus && !how->direct)
		rc = virtdev_priv_disk_mmap_new(file, how->sigbus, out, err);
	if (rc == -EOPNOTSUPP) {
		vsu_error_clear(err);
		rc = virtdev_priv_disk_uring_new(file, out, err);
	}
	if (rc == -EOPNOTSUPP)
		rc = virtdev_priv_disk_sync_new(file, out, err);
	if (rc == 0)
		vsu_error_clear(err);	/* drops the errors of unsupported engines */
	return rc;
}

static int start_engine(struct virtdev_priv_file *file,
			const struct virtdev_disk_file *how,
			struct virtdev_disk **out, struct vsu_error *err)
{
	switch ((enum virtdev_disk_engine)how->engine) {
	case VIRTDEV_DISK_ENGINE_AUTO:
		return start_any(file, how, out, err);
	case VIRTDEV_DISK_ENGINE_IO_URING:
		return virtdev_priv_disk_uring_new(file, out, err);
	case VIRTDEV_DISK_ENGINE_SYNC:
		return virtdev_priv_disk_sync_new(file, out, err);
	case VIRTDEV_DISK_ENGINE_MMAP:
		if (how->direct)
			break;
		return virtdev_priv_disk_mmap_new(file, how->sigbus, out, err);
	}
	if (how->engine == VIRTDEV_DISK_ENGINE_MMAP)
		return vsu_error_set(err, -EINVAL,
				     "a mapped image cannot bypass the page cache; use another engine, or the cache");
	return vsu_error_set(err, -EINVAL, "disk engine %u does not exist",
			     how->engine);
}

int virtdev_priv_file_open(const struct virtdev_disk_file *how,
			   struct virtdev_priv_file **out, struct vsu_error *err)
{
	struct virtdev_priv_file *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return vsu_error_sys(err, -ENOMEM, "cannot open '%s'", how->path);
	f->direct = -1;
	f->path = strdup(how->path);
	f->fd = rc = f->path ? virtdev_priv_file_open_fd(how, err) :
		     vsu_error_sys(err, -ENOMEM, "cannot open '%s'", how->path);
	if (rc >= 0)
		rc = init_image(f, how, err);
	if (rc < 0) {
		virtdev_priv_file_free(f);
		return rc;
	}
	*out = f;
	return 0;
}

int virtdev_disk_file_open(const struct virtdev_disk_file *file,
			   struct virtdev_disk **out, struct vsu_error *err)
{
	struct virtdev_disk_file how = { 0 };
	struct virtdev_priv_file *f;
	int rc;

	rc = vsu_copy_sized(&how, sizeof(how), file,
			    "struct virtdev_disk_file", err);
	if (rc < 0)
		return rc;
	if (!how.path)
		return vsu_error_set(err, -EINVAL, "disk: no path");
	rc = virtdev_priv_file_open(&how, &f, err);
	if (rc < 0)
		return rc;
	rc = start_engine(f, &how, out, err);
	if (rc < 0) {
		virtdev_priv_file_free(f);
		return rc;
	}
	(*out)->fd = f->fd;
	(*out)->file = f;
	return 0;
}
