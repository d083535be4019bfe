/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "fake-kvm.h"
#include "faults.h"
#include "util.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

/* A sanitizer's runtime refers to them, from another object. */
#pragma GCC visibility push(default)

#define MAX_CALLS 200

bool faults_old_kernel;

static int countdown = -1;	/* calls until one fails; -1: none does */
static long heap_blocks;	/* allocated and not freed */
static int64_t mapped;		/* bytes of address space taken */

static bool fails(void)
{
	return countdown >= 0 && countdown-- == 0;
}

#define WRAP(type, name, params, args, failure, code)			\
type __real_##name params;						\
type __wrap_##name params;						\
type __wrap_##name params						\
{									\
	if (fails()) {							\
		errno = (code);						\
		return failure;						\
	}								\
	return __real_##name args;					\
}

#define WRAP_ALLOC(type, name, params, args)				\
type __real_##name params;						\
type __wrap_##name params;						\
type __wrap_##name params						\
{									\
	if (fails()) {							\
		errno = ENOMEM;						\
		return NULL;						\
	}								\
	heap_blocks++;							\
	return __real_##name args;					\
}

WRAP_ALLOC(void *, malloc, (size_t size), (size))
WRAP_ALLOC(void *, calloc, (size_t n, size_t size), (n, size))
WRAP_ALLOC(void *, aligned_alloc, (size_t align, size_t size), (align, size))
WRAP_ALLOC(char *, strdup, (const char *s), (s))
WRAP_ALLOC(char *, strndup, (const char *s, size_t n), (s, n))

int __wrap_asprintf(char **out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **out, const char *format, ...)
{
	va_list ap;
	int n;

	if (fails())
		return -1;
	heap_blocks++;
	va_start(ap, format);
	n = vasprintf(out, format, ap);
	va_end(ap);
	return n;
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	heap_blocks -= p != NULL;
	__real_free(p);
}

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t pos);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t pos);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t pos)
{
	void *p;

	if (fails()) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	p = __real_mmap(at, len, prot, flags, fd, pos);
	/* into what was reserved: takes nothing more */
	if (p != MAP_FAILED && !(flags & MAP_FIXED))
		mapped += (int64_t)len;
	return p;
}

int __real_munmap(void *at, size_t len);
int __wrap_munmap(void *at, size_t len);
int __wrap_munmap(void *at, size_t len)
{
	mapped -= (int64_t)len;
	return __real_munmap(at, len);
}

WRAP(int, mprotect, (void *at, size_t len, int prot), (at, len, prot), -1, ENOMEM)
WRAP(int, memfd_create, (const char *name, unsigned int flags), (name, flags),
     -1, EMFILE)
WRAP(int, shm_open, (const char *name, int flags, mode_t mode),
     (name, flags, mode), -1, EMFILE)
WRAP(int, mkostemp, (char *name, int flags), (name, flags), -1, EMFILE)
WRAP(int, ftruncate, (int fd, off_t size), (fd, size), -1, EFBIG)
WRAP(int, fallocate, (int fd, int mode, off_t at, off_t len),
     (fd, mode, at, len), -1, ENOSPC)
WRAP(int, fstatfs, (int fd, struct statfs *fs), (fd, fs), -1, EIO)
WRAP(ssize_t, readlink, (const char *path, char *buf, size_t size),
     (path, buf, size), -1, EIO)
WRAP(int, vsu_fd_dup, (int fd), (fd), -EMFILE, EMFILE)
WRAP(int, vsu_fd_kind, (int fd), (fd), -EIO, EIO)
WRAP(int, vsu_fd_size, (int fd, uint64_t *size), (fd, size), -EIO, EIO)
WRAP(int, vsu_fd_set_cloexec, (int fd), (fd), -EIO, EIO)
WRAP(ssize_t, vsu_fd_read_full, (int fd, void *buf, size_t len),
     (fd, buf, len), -EIO, EIO)
WRAP(int, vsu_event_new, (void), (), -EMFILE, EMFILE)

int __real_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice)
{
	bool populate = advice == MADV_POPULATE_READ ||
			advice == MADV_POPULATE_WRITE;

	if (populate && faults_old_kernel) {
		errno = EINVAL;
		return -1;
	}
	if (fails()) {
		errno = EFAULT;
		return -1;
	}
	return __real_madvise(at, len, advice);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if ((flags & O_TMPFILE) == O_TMPFILE && faults_old_kernel) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (fails()) {
		errno = EMFILE;
		return -1;
	}
	va_start(ap, flags);
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return __real_open(path, flags, mode);
}

int __real_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...)
{
	va_list ap;
	int arg;

	if (cmd == F_GET_SEALS)	/* a file without seals is not a failure */
		return __real_fcntl(fd, cmd);
	va_start(ap, cmd);
	arg = va_arg(ap, int);	/* of F_ADD_SEALS: the only other one made */
	va_end(ap);
	if (fails()) {
		errno = EPERM;
		return -1;
	}
	return __real_fcntl(fd, cmd, arg);
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fd != FAKE_VM)
		abort();
	if (fails()) {
		errno = EIO;
		return -1;
	}
	return fake_kvm_ioctl(request, arg);
}

/* Nothing but mbind(), which not every kernel has. */
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	if (number != SYS_mbind)
		abort();
	if (fails()) {
		errno = EIO;
		return -1;
	}
	return 0;
}

/* State that must be the same before and after a failure. */
struct state {
	int fds;
	int64_t mapped;
	long heap;
};

static struct state now(void)
{
	struct state s = { vsu_fd_count(), mapped, heap_blocks };

	return s;
}

int faults_one(faults_make_fn make, int n)
{
	int rc;

	countdown = n;
	rc = make();
	countdown = -1;
	return rc;
}

int faults_each(faults_make_fn make, int forgiven)
{
	struct state before, after;
	bool failed = true;
	int n, rc = 0;

	ck_assert_int_eq(make(), 0);
	before = now();
	for (n = 0; n < MAX_CALLS && failed; n++) {
		countdown = n;
		rc = make();
		failed = countdown < 0;
		countdown = -1;
		forgiven -= failed && !rc;
		after = now();
		ck_assert_int_eq(after.fds, before.fds);
		ck_assert_int_eq(after.mapped, before.mapped);
		ck_assert_int_eq(after.heap, before.heap);
	}
	ck_assert(!failed);
	ck_assert_int_eq(rc, 0);
	ck_assert_int_ge(forgiven, 0);
	return n - 1;
}
