/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Opens the file of backend=file. An existing file is opened and checked
 * through its fd before anything is created or grown. Each step that a later
 * failure has to undo is recorded.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "backend.h"

#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#define F_SEAL_WRITE 0x8
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

/* Limit of attempts to open a file that is created and removed meanwhile. */
#define MAX_TRIES 4

static int open_mode(const struct vmem_backend *b)
{
	return vmem_priv_prop(b, PROP_READONLY) ? O_RDONLY : O_RDWR;
}

/*
 * Whether a hint is useful: the file can only be read, and would be accepted as a template,
 * whose stores do not reach it.
 */
static bool template_would_work(const struct vmem_backend *b)
{
	int fd;

	if (vmem_priv_prop(b, PROP_SHARE) || vmem_priv_prop(b, PROP_READONLY) || b->file_fd >= 0)
		return false;
	fd = open(b->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	vsu_fd_close(&fd);
	return true;
}

static int refuse_open(const struct vmem_backend *b, int code,
		       struct vsu_error *err)
{
	if ((code == -EACCES || code == -EROFS) && template_would_work(b))
		return vsu_error_set(err, code, "mem-path '%s' may not be written; to use it as a template, give readonly=on,rom=off",
			      b->path);
	return vsu_error_sys(err, code, "cannot open mem-path '%s'", b->path);
}

static enum vmem_file_state state_of(int kind)
{
	static const enum vmem_file_state states[] = {
		[VSU_FD_REGULAR] = VMEM_FILE_REGULAR,
		[VSU_FD_DIRECTORY] = VMEM_FILE_DIRECTORY,
		[VSU_FD_BLOCK] = VMEM_FILE_BLOCK,
		[VSU_FD_CHAR] = VMEM_FILE_CHAR,
		[VSU_FD_FIFO] = VMEM_FILE_FIFO,
		[VSU_FD_SOCKET] = VMEM_FILE_SOCKET,
		[VSU_FD_SYMLINK] = VMEM_FILE_OTHER,
		[VSU_FD_OTHER] = VMEM_FILE_OTHER,
	};

	return states[kind];
}

/* Reads the kind, size and page size of the open fd. */
static int file_look(int fd, struct vmem_backend_facts *f)
{
	int kind = vsu_fd_kind(fd), rc = 0;

	if (kind < 0)
		return kind;
	f->file = state_of(kind);
	f->file_size = 0;
	f->file_align = 0;
	if (f->file == VMEM_FILE_REGULAR || f->file == VMEM_FILE_BLOCK)
		rc = vsu_fd_size(fd, &f->file_size);
	else if (f->file == VMEM_FILE_CHAR)
		vmem_priv_dax_size(fd, &f->file_size, &f->file_align);
	if (!rc)
		rc = vmem_priv_fd_page_size(fd, 0, &f->page_size);
	return rc;
}

/* Returns a descriptor of the directory of a path, for attributes only. */
static int open_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int fd;

	if (!slash)
		return open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (slash == path)
		return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	dir = strndup(path, (size_t)(slash - path));
	if (!dir)
		return -1;
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	return fd;
}

/*
 * A missing name under /dev is an absent device: do not create a regular file
 * there. Exceptions are /dev/shm and the mounts /dev/hugepages*.
 */
static bool names_device(const char *path)
{
	return !strncmp(path, "/dev/", 5) && strncmp(path, "/dev/shm/", 9) &&
	       (strncmp(path, "/dev/hugepages", 14) || !strchr(path + 14, '/'));
}

/* A new file will have the page size of its file system. */
static int look_at_parent(const struct vmem_backend *b,
			  struct vmem_backend_facts *f, struct vsu_error *err)
{
	int fd, rc;

	if (names_device(b->path))
		return refuse_open(b, -ENOENT, err);
	fd = open_parent(b->path);
	rc = fd < 0 ? -errno : vmem_priv_fd_page_size(fd, 0, &f->page_size);
	vsu_fd_close(&fd);
	if (rc < 0)
		return refuse_open(b, rc, err);
	f->file = VMEM_FILE_MISSING;
	f->file_size = 0;
	return 0;
}

/* Opens an existing file: a descriptor, or the reason. */
static int open_existing(const struct vmem_backend *b)
{
	int fd;

	if (b->file_fd >= 0)
		return vsu_fd_dup(b->file_fd);
	fd = open(b->path, open_mode(b) | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == EISDIR)
		fd = open(b->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Explains why open() failed: ENXIO means a socket, or a FIFO without a reader. */
static int refuse_unopened(const struct vmem_backend *b,
			   struct vmem_backend_facts *f, int code,
			   struct vsu_error *err)
{
	struct stat st;

	if (!stat(b->path, &st) && S_ISSOCK(st.st_mode)) {
		f->file = VMEM_FILE_SOCKET;
		return vmem_backend_check(b, f, err);
	}
	return refuse_open(b, code, err);
}

/* Creates a file without a name in a directory; old file systems require a name for a moment. */
static int make_nameless(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *name;

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR &&
			errno != ENOENT && errno != EINVAL))
		return fd < 0 ? -errno : fd;
	if (asprintf(&name, "%s/vm-memory.XXXXXX", dir) < 0)
		return -ENOMEM;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0) {
		fd = -errno;
		free(name);
		return fd;
	}
	unlink(name);
	free(name);
	return fd;
}

static int make_file(const struct vmem_backend *b,
		     const struct vmem_backend_facts *f,
		     struct vmem_priv_file *file)
{
	if (f->file == VMEM_FILE_DIRECTORY) {
		file->fd = make_nameless(b->path);
		return file->fd < 0 ? file->fd : 0;
	}
	file->fd = open(b->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file->fd < 0)
		return -errno;
	file->created = true;
	return 0;
}

/* A file with content is resized only if the caller permits it. */
static int file_grow(const struct vmem_backend *b, struct vmem_priv_file *file,
		     const struct vmem_backend_facts *f, struct vsu_error *err)
{
	uint64_t end = vmem_priv_prop(b, PROP_OFFSET) +
		       vmem_priv_prop(b, PROP_SIZE);
	int rc;

	if (f->file == VMEM_FILE_BLOCK || f->file == VMEM_FILE_CHAR ||
	    f->file_size >= end || (f->file_size && !vmem_priv_may_grow(b, f)))
		return 0;
	do {
		rc = ftruncate(file->fd, (off_t)end);
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return vsu_error_sys(err, -errno, "cannot resize mem-path '%s' to %s bytes",
				     b->path, vmem_priv_size_text(end).s);
	file->grown = true;
	file->old_size = f->file_size;
	return 0;
}

static int open_and_look(const struct vmem_backend *b,
			 struct vmem_backend_facts *f,
			 struct vmem_priv_file *file, struct vsu_error *err)
{
	int fd = open_existing(b), rc;

	if (fd == -ENOENT)
		return look_at_parent(b, f, err);
	if (fd < 0)
		return refuse_unopened(b, f, fd, err);
	file->fd = fd;
	rc = file_look(fd, f);
	return rc < 0 ? refuse_open(b, rc, err) : 0;
}

/*
 * A privileged process can open a read-only block device for writing; only
 * mmap() fails, without a reason. So check first.
 */
static int check_device(const struct vmem_backend *b,
			const struct vmem_backend_facts *f,
			const struct vmem_priv_file *file,
			struct vsu_error *err)
{
	int read_only = 0;

	if (f->file != VMEM_FILE_BLOCK || !vmem_priv_prop(b, PROP_SHARE) ||
	    vmem_priv_prop(b, PROP_READONLY) ||
	    ioctl(file->fd, BLKROGET, &read_only) < 0 || !read_only)
		return 0;
	return vsu_error_set(err, -EROFS, "mem-path '%s' is a read-only device; give readonly=on, or share=off to keep stores from it",
		      b->path);
}

int vmem_priv_check_access(int fd, bool stores, const char *name, struct vsu_error *err)
{
	const int mode = fcntl(fd, F_GETFL) & O_ACCMODE, seals = fcntl(fd, F_GET_SEALS);

	if (mode == O_WRONLY)
		return vsu_error_set(err, -EACCES, "%s is open for writing only; open it for reading, too", name);
	if (stores && mode == O_RDONLY)
		return vsu_error_set(err, -EACCES, "%s is open for reading only; open it for writing, too, or give readonly=on, or share=off to keep stores from it", name);
	if (stores && seals >= 0 && seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return vsu_error_set(err, -EPERM, "%s is sealed against writing; pass one without this seal, or give readonly=on, or share=off to keep stores from it", name);
	return 0;
}

static int check_access(const struct vmem_backend *b, const struct vmem_priv_file *file,
			struct vsu_error *err)
{
	const bool stores = vmem_priv_prop(b, PROP_SHARE) && !vmem_priv_prop(b, PROP_READONLY);
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = file->fd < 0 ? 0 : vmem_priv_check_access(file->fd, stores, "the file", &why);

	return rc < 0 ? vsu_error_set(err, rc, "mem-path '%s': %s", b->path, why.msg) : 0;
}

/* A directory that was passed by descriptor cannot be used to create a file. */
static int check_given(const struct vmem_backend *b, const struct vmem_backend_facts *f,
		       struct vsu_error *err)
{
	return b->file_fd >= 0 && f->file == VMEM_FILE_DIRECTORY ?
	       vsu_error_set(err, -EISDIR, "mem-path '%s' is the descriptor of a directory; pass that of a file",
			     b->path) : 0;
}

/* One attempt to open the path; -EAGAIN: the file changed meanwhile. */
static int try_open(const struct vmem_backend *b, struct vmem_backend_facts *f,
		    struct vmem_priv_file *file, struct vsu_error *err)
{
	int rc = open_and_look(b, f, file, err);

	if (!rc)
		rc = vmem_backend_check(b, f, err);
	if (!rc)
		rc = check_given(b, f, err);
	if (!rc)
		rc = check_device(b, f, file, err);
	if (!rc && f->file != VMEM_FILE_MISSING && f->file != VMEM_FILE_DIRECTORY)
		rc = check_access(b, file, err);
	if (rc < 0 || (f->file != VMEM_FILE_MISSING &&
		       f->file != VMEM_FILE_DIRECTORY))
		return rc;
	vsu_fd_close(&file->fd);
	rc = make_file(b, f, file);
	if (rc == -EEXIST)
		return -EAGAIN;
	return rc < 0 ? vsu_error_sys(err, rc, "cannot make a file at mem-path '%s'", b->path) : 0;
}

/* Refuses a file that can neither be opened nor created. */
static int refuse_both(const struct vmem_backend *b, struct vsu_error *err)
{
	struct stat st;

	if (!lstat(b->path, &st) && S_ISLNK(st.st_mode))
		return vsu_error_set(err, -ENOENT, "mem-path '%s' is a dangling symbolic link",
			      b->path);
	return vsu_error_set(err, -EAGAIN, "mem-path '%s' is created and removed repeatedly",
			     b->path);
}

int vmem_priv_file_open(const struct vmem_backend *b,
			struct vmem_backend_facts *facts,
			struct vmem_priv_file *file, struct vsu_error *err)
{
	int tries = 0, rc;

	file->fd = -1;
	file->created = false;
	file->grown = false;
	file->path = b->path;
	do {
		rc = try_open(b, facts, file, err);
	} while (rc == -EAGAIN && ++tries < MAX_TRIES);
	if (rc == -EAGAIN)
		rc = refuse_both(b, err);
	if (!rc)
		rc = file_grow(b, file, facts, err);
	if (rc < 0)
		vmem_priv_file_undo(file);
	return rc;
}

/*
 * Removes the file if this call created it, and restores its size if this call
 * grew it.
 */
void vmem_priv_file_undo(struct vmem_priv_file *file)
{
	if (file->created)
		unlink(file->path);
	else if (file->grown &&
		 ftruncate(file->fd, (off_t)file->old_size) < 0)
		errno = 0;	/* ignored: the file stays larger */
	vsu_fd_close(&file->fd);
}
