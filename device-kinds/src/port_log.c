/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Appends to a file, and moves its content to a second one. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <device-kinds/port_log.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>

/*
 * Per PIECE that is written, STEP bytes are copied, the first of them before the first byte. A
 * file is copied from its size less a sixteenth on, in which all that is written meanwhile fits:
 * (STEP - PIECE) / PIECE is 15. A caller that adds single bytes copies no more per byte.
 */
#define PIECE 4096u
#define STEP (16 * PIECE)
#define RESERVE 16u

struct devkind_port_log {
	struct devkind_port_log_config config;
	char *path;
	int fd, former;		/* FILE, and FILE.1 */
	uint64_t len;		/* of FILE */
	bool held;		/* the locks; else the files are another machine's */
	bool moves;		/* FILE is being copied */
	uint64_t copied;	/* position up to which */
	size_t since;		/* bytes added since the last step; PIECE: a step is due */
	uint64_t lost;		/* bytes since the failure that was reported */
	uint64_t all_lost;
	unsigned char step[STEP];
};

/* --------------------------------------------------------------- the two files */

char *devkind_port_log_former(const char *path)
{
	char *name;

	return asprintf(&name, "%s.1", path) < 0 ? NULL : name;
}

static int check_file(int fd, const char *path, struct vsu_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return vsu_error_sys(err, -errno, "log '%s'", path);
	return S_ISREG(st.st_mode) ? 0 :
	       vsu_error_set(err, -EINVAL, "log '%s' is not a regular file, which a limited size requires; name another", path);
}

/* O_NONBLOCK: opening a FIFO would wait. */
static int open_one(const char *path, int flags, struct vsu_error *err)
{
	int fd = open(path, flags | O_RDWR | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
	int rc = fd < 0 ? -errno : check_file(fd, path, err);

	if (fd < 0 && rc == -ELOOP && flags & O_NOFOLLOW)
		vsu_error_set(err, rc, "log '%s' is a symbolic link, whose file would be truncated; remove the link, or name another log", path);
	else if (fd < 0)
		vsu_error_sys(err, rc, "cannot open log '%s'", path);
	if (rc < 0)
		vsu_fd_close(&fd);
	return rc < 0 ? rc : fd;
}

static int check_path(const char *path, struct vsu_error *err)
{
	if (!path || !*path)
		return vsu_error_set(err, -EINVAL, "the name of the log is empty; name a file");
	return vsu_file_value_is_fd(path) ?
	       vsu_error_set(err, -EINVAL, "log '%s' is a descriptor, but FILE.1 is beside the file; name it by its path", path) : 0;
}

static int open_both(const char *path, int flags, int fds[2], struct vsu_error *err)
{
	int rc = check_path(path, err);
	char *former = rc ? NULL : devkind_port_log_former(path);

	fds[0] = fds[1] = -1;
	if (!rc && !former)
		rc = vsu_error_sys(err, -ENOMEM, "log '%s'", path);
	if (!rc)
		rc = fds[0] = open_one(path, flags, err);
	if (rc >= 0)
		/* nobody named this file: another user of the folder may have made the link */
		rc = fds[1] = open_one(former, flags | O_NOFOLLOW, err);
	free(former);
	if (rc < 0)
		vsu_fd_close(&fds[0]);
	return rc < 0 ? rc : 0;
}

int devkind_port_log_create(const char *path, struct vsu_error *err)
{
	int fds[2];
	int rc = open_both(path, O_CREAT, fds, err);

	vsu_fd_close(&fds[0]);
	vsu_fd_close(&fds[1]);
	return rc;
}

static int change_lock(int fd, short type)
{
	struct flock whole = { .l_type = type, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &whole) < 0 ? -errno : 0;
}

static void unlock_files(struct devkind_port_log *log)
{
	(void)!change_lock(log->fd, F_UNLCK);
	(void)!change_lock(log->former, F_UNLCK);
	log->held = false;
}

/*
 * FILE.1 also, which can be the FILE of another log. On a file system without locks a second
 * writer is not detected.
 */
static int lock_files(struct devkind_port_log *log, struct vsu_error *err)
{
	int rc = change_lock(log->fd, F_WRLCK);

	if (rc != -EAGAIN && rc != -EACCES)
		rc = change_lock(log->former, F_WRLCK);
	if (rc == -EAGAIN || rc == -EACCES) {
		unlock_files(log);
		return vsu_error_set(err, -EBUSY, "log '%s' is in use; name another file", log->path);
	}
	log->held = true;
	return 0;
}

/* ---------------------------------------------------------------------- failures */

static void report_text(const struct devkind_port_log *log, const char *text)
{
	if (log->config.warn)
		log->config.warn(log->config.opaque, text);
}

static void note_lost(struct devkind_port_log *log, uint64_t n, int rc)
{
	char text[512];

	if (!log->lost && n) {
		snprintf(text, sizeof(text), "log '%.300s': cannot write (%s); output is lost until a write succeeds",
			 log->path, strerror(-rc));
		report_text(log, text);
	}
	log->lost += n;
	log->all_lost += n;
}

static void note_written(struct devkind_port_log *log)
{
	char text[512];

	if (!log->lost)
		return;
	snprintf(text, sizeof(text), "log '%.300s': written again; %" PRIu64 " bytes were lost",
		 log->path, log->lost);
	report_text(log, text);
	log->lost = 0;
}

/* ------------------------------------------------------------------------- moving */

static int truncate_file(int fd)
{
	int rc;

	do
		rc = ftruncate(fd, 0);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

/* A file that was longer before keeps its end. */
static int begin_move(struct devkind_port_log *log)
{
	const uint64_t size = log->config.size, keeps = size - size / RESERVE;
	const int rc = truncate_file(log->former);

	if (rc < 0)
		return rc;
	log->copied = log->len > size ? log->len - keeps : 0;
	log->moves = true;
	log->since = PIECE;
	return 0;
}

/* Returns the number of bytes; 0: the end, or another process truncated the file. */
static ssize_t copy_step(struct devkind_port_log *log)
{
	ssize_t n, done = 0, rc;

	if (lseek(log->fd, (off_t)log->copied, SEEK_SET) < 0)
		return -errno;
	n = read(log->fd, log->step, sizeof(log->step));
	if (n < 0)
		return -errno;
	for (; done < n; done += rc) {
		rc = write(log->former, log->step + done, (size_t)(n - done));
		if (rc <= 0)
			return rc ? -errno : -EIO;
	}
	return n;
}

/* Bytes that cannot be copied are lost, so that FILE does not grow. */
static int continue_move(struct devkind_port_log *log)
{
	const ssize_t n = copy_step(log);
	int rc;

	if (n > 0)
		log->copied += (uint64_t)n;
	if (n > 0 && log->copied < log->len)
		return 0;
	if (n < 0 && log->copied < log->len)
		note_lost(log, log->len - log->copied, (int)n);
	log->copied = log->len;
	rc = truncate_file(log->fd);
	if (rc < 0)
		return rc;
	log->len = 0;
	log->moves = false;
	return 0;
}

static int make_room(struct devkind_port_log *log, size_t n)
{
	const uint64_t size = log->config.size;
	int rc = 0;

	if (!log->moves && log->len + n > size - size / RESERVE)
		rc = begin_move(log);
	if (rc < 0 || !log->moves)
		return rc;
	log->since += n;
	if (log->since <= PIECE)
		return 0;
	log->since -= PIECE;
	return continue_move(log);
}

/* ------------------------------------------------------------------------ writing */

/* Writes at most PIECE bytes. Returns 0, or why the rest is lost. */
static int write_piece(struct devkind_port_log *log, const unsigned char *at, size_t n, size_t *done)
{
	ssize_t rc = make_room(log, n);

	*done = 0;
	if (rc < 0)
		return (int)rc;
	while (*done < n) {
		rc = write(log->fd, at + *done, n - *done);
		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
			return rc ? -errno : -EIO;
		*done += (size_t)rc;
		log->len += (size_t)rc;
	}
	return 0;
}

static uint64_t add_one(struct devkind_port_log *log, const struct iovec *iov)
{
	uint64_t at, written = 0;
	size_t n, done;
	int rc;

	for (at = 0; at < iov->iov_len; at += n) {
		n = iov->iov_len - at < PIECE ? iov->iov_len - at : PIECE;
		done = 0;
		rc = log->held ? write_piece(log, (const unsigned char *)iov->iov_base + at, n, &done) : -EBUSY;
		written += done;
		if (rc < 0)
			note_lost(log, n - done, rc);
		else
			note_written(log);
	}
	return written;
}

uint64_t devkind_port_log_add(struct devkind_port_log *log, const struct iovec *iov, int n)
{
	uint64_t written = 0;
	int i;

	for (i = 0; i < n; i++)
		written += add_one(log, &iov[i]);
	return written;
}

uint64_t devkind_port_log_lost(const struct devkind_port_log *log)
{
	return log->all_lost;
}

/* ------------------------------------------------------------------- its lifetime */

static bool folder_is_writable(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	const bool writable = folder && !faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS);

	free(folder);
	return writable;
}

/* FILE.1 may be missing too. */
static int open_trial(struct devkind_port_log *log, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	int fds[2];
	int rc = open_both(log->path, 0, fds, &why);

	if (rc == -ENOENT && folder_is_writable(log->path))
		return 0;
	if (rc < 0) {
		if (err)
			*err = why;
		return rc;
	}
	log->fd = fds[0];
	log->former = fds[1];
	return log->config.shared ? 0 : lock_files(log, err);
}

int devkind_port_log_hold(struct devkind_port_log *log, struct vsu_error *err)
{
	struct stat st;
	int rc = lock_files(log, err);

	if (!rc && fstat(log->fd, &st) < 0)
		rc = vsu_error_sys(err, -errno, "log '%s'", log->path);
	if (rc < 0) {
		unlock_files(log);
		return rc;
	}
	log->len = (uint64_t)st.st_size;
	log->moves = false;
	return 0;
}

void devkind_port_log_release(struct devkind_port_log *log)
{
	unlock_files(log);
}

static int open_files(struct devkind_port_log *log, struct vsu_error *err)
{
	int fds[2];
	int rc = open_both(log->path, O_CREAT, fds, err);

	if (rc < 0)
		return rc;
	log->fd = fds[0];
	log->former = fds[1];
	return log->config.shared ? 0 : devkind_port_log_hold(log, err);
}

static int check_config(const struct devkind_port_log_config *config, struct vsu_error *err)
{
	if (!config)
		return vsu_error_set(err, -EINVAL, "a log without a configuration");
	if (config->size && (config->size < DEVKIND_PORT_LOG_MIN || config->size > DEVKIND_PORT_LOG_MAX))
		return vsu_error_set(err, -EINVAL, "a log of %" PRIu64 " bytes; 64 KiB to 1 TiB are possible", config->size);
	return check_path(config->path, err);
}

int devkind_port_log_open(const struct devkind_port_log_config *config, struct devkind_port_log **out,
			  struct vsu_error *err)
{
	struct devkind_port_log *log;
	int rc = check_config(config, err);

	if (rc < 0)
		return rc;
	log = calloc(1, sizeof(*log));
	if (!log)
		return vsu_error_sys(err, -ENOMEM, "log");
	log->config = *config;
	log->config.path = NULL;
	log->config.size = config->size ? config->size : DEVKIND_PORT_LOG_SIZE;
	log->fd = log->former = -1;
	log->path = strdup(config->path);
	if (!log->path)
		rc = vsu_error_sys(err, -ENOMEM, "log");
	else
		rc = config->trial ? open_trial(log, err) : open_files(log, err);
	if (rc < 0) {
		devkind_port_log_close(log);
		return rc;
	}
	*out = log;
	return 0;
}

void devkind_port_log_close(struct devkind_port_log *log)
{
	if (!log)
		return;
	vsu_fd_close(&log->fd);
	vsu_fd_close(&log->former);
	free(log->path);
	free(log);
}
