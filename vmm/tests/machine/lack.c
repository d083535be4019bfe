/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A host that lacks something. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "fake_kvm.h"
#include "lack.h"

struct lack lack = { .left = -1 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread bool is_first;
static struct {
	void *(*fn)(void *);
	void *arg;
} first;

static void *run_first(void *arg)
{
	(void)arg;
	is_first = true;
	return first.fn(first.arg);
}

static bool is_due(const char *name)
{
	if (lack.left < 0 || (!is_first && !pthread_equal(pthread_self(), lack.thread)))
		return false;
	if (lack.left) {
		lack.left--;
		return false;
	}
	lack.left = lack.for_good ? 0 : -1;
	lack.failures++;
	lack.failed = name;
	lack.request = fake_request;
	return true;
}

static bool lacks(int code, const char *name)
{
	bool due;

	pthread_mutex_lock(&lock);
	due = is_due(name);
	pthread_mutex_unlock(&lock);
	if (due)
		errno = code;
	return due;
}

static bool kvm_lacks(int code)
{
	return lacks(code, "ioctl");
}

void lack_begin(int n)
{
	lack.thread = pthread_self();
	lack.failures = 0;
	first.fn = NULL;
	lack.left = n;
	fake.lacks = kvm_lacks;
}

void lack_end(void)
{
	pthread_mutex_lock(&lock);
	lack.left = -1;
	pthread_mutex_unlock(&lock);
}

bool lack_is_optional(void)
{
	static const unsigned long requests[] = {
		KVM_X86_GET_MCE_CAP_SUPPORTED, KVM_X86_SETUP_MCE, KVM_ENABLE_CAP,
		KVM_GET_TSC_KHZ, KVM_SET_MSRS,
	};
	size_t i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (!strcmp(lack.failed, "ioctl") && lack.request == requests[i])
			return true;
	return false;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_realloc(void *at, size_t size);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_vsu_event_new(void);
int __wrap_vsu_event_new(void);
int __real_vsu_timer_new(void);
int __wrap_vsu_timer_new(void);
int __real_vsu_fd_dup(int fd);
int __wrap_vsu_fd_dup(int fd);
int __real_vsu_thread_start(const struct vsu_threads *threads, pthread_t *id,
			     void *(*fn)(void *), void *arg);
int __wrap_vsu_thread_start(const struct vsu_threads *threads, pthread_t *id,
			     void *(*fn)(void *), void *arg);

void *__wrap_calloc(size_t n, size_t size)
{
	return lacks(ENOMEM, __func__) ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return lacks(ENOMEM, __func__) ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *at, size_t size)
{
	return lacks(ENOMEM, __func__) ? NULL : __real_realloc(at, size);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return lacks(ENOMEM, __func__) ? MAP_FAILED :
	       __real_mmap(at, len, prot, flags, fd, off);
}

int __wrap_memfd_create(const char *name, unsigned int flags)
{
	return lacks(EMFILE, __func__) ? -1 : __real_memfd_create(name, flags);
}

int __wrap_epoll_create1(int flags)
{
	return lacks(EMFILE, __func__) ? -1 : __real_epoll_create1(flags);
}

int __wrap_vsu_event_new(void)
{
	return lacks(EMFILE, __func__) ? -EMFILE : __real_vsu_event_new();
}

int __wrap_vsu_timer_new(void)
{
	return lacks(EMFILE, __func__) ? -EMFILE : __real_vsu_timer_new();
}

int __wrap_vsu_fd_dup(int fd)
{
	return lacks(EMFILE, __func__) ? -EMFILE : __real_vsu_fd_dup(fd);
}

int __wrap_vsu_thread_start(const struct vsu_threads *threads, pthread_t *id,
			     void *(*fn)(void *), void *arg)
{
	if (lacks(EAGAIN, __func__))
		return -EAGAIN;
	if (!lack.in_first_thread || first.fn)
		return __real_vsu_thread_start(threads, id, fn, arg);
	first.fn = fn;
	first.arg = arg;
	return __real_vsu_thread_start(threads, id, run_first, NULL);
}

unsigned int lack_file_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned int n = 0;
	unsigned long inode;
	char line[512];

	while (fgets(line, sizeof(line), file))
		n += sscanf(line, "%*s %*s %*s %*s %lu", &inode) == 1 && inode;
	fclose(file);
	return n;
}
