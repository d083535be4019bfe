/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about sessions on a host without free memory, descriptors or mappings: each call
 * of either end fails in turn. The failure is returned or reported, or ends the session,
 * and nothing is leaked.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-queue/features.h>
#include <vm-memory/block.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "pair_rig.h"

static int left = -1;		/* calls that succeed before one fails; negative: none fails */
static const char *failed;	/* the call that failed, or NULL */

static bool lacks(int code, const char *name)
{
	if (left < 0 || left--)
		return false;
	failed = name;
	errno = code;
	return true;
}

/* Wrapped functions must be visible: the runtime of a sanitizer refers to them. */
#pragma GCC visibility push(default)
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
int __real_vsu_event_new(void);
int __wrap_vsu_event_new(void);
int __real_vsu_timer_new(void);
int __wrap_vsu_timer_new(void);
int __real_vsu_fd_dup(int fd);
int __wrap_vsu_fd_dup(int fd);
#pragma GCC visibility pop

void *__wrap_calloc(size_t n, size_t size)
{
	return lacks(ENOMEM, "calloc") ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return lacks(ENOMEM, "malloc") ? NULL : __real_malloc(size);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return lacks(ENOMEM, "mmap") ? MAP_FAILED : __real_mmap(at, len, prot, flags, fd, off);
}

int __wrap_epoll_create1(int flags)
{
	return lacks(EMFILE, "epoll_create1") ? -1 : __real_epoll_create1(flags);
}

int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return op == EPOLL_CTL_ADD && lacks(ENOSPC, "epoll_ctl") ? -1 : __real_epoll_ctl(epfd, op, fd, event);
}

int __wrap_vsu_event_new(void)
{
	return lacks(EMFILE, "vsu_event_new") ? -EMFILE : __real_vsu_event_new();
}

int __wrap_vsu_timer_new(void)
{
	return lacks(EMFILE, "vsu_timer_new") ? -EMFILE : __real_vsu_timer_new();
}

int __wrap_vsu_fd_dup(int fd)
{
	return lacks(EMFILE, "vsu_fd_dup") ? -EMFILE : __real_vsu_fd_dup(fd);
}

/* ------------------------------------------------------------- a whole session */

static struct pair p;
static struct vsu_error err;
static struct vmem_map *map;

static void make_memory(void)
{
	struct vmem_region_desc desc = { .len = PAIR_MEMORY };
	struct vmem_fd_desc file = {
		.fd = memfd_create("guest", MFD_CLOEXEC),
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED, .len = PAIR_MEMORY,
	};
	struct vmem_map *empty;
	struct vmem_region *region;

	ck_assert_int_eq(ftruncate(file.fd, PAIR_MEMORY), 0);
	ck_assert_int_eq(vmem_block_new_fd(&file, &desc.block, NULL), 0);
	ck_assert_int_eq(vmem_region_new(&desc, &region, NULL), 0);
	ck_assert_int_eq(vmem_map_new(&empty), 0);
	ck_assert_int_eq(vmem_map_add(empty, region, &map, NULL), 0);
	vmem_map_unref(empty);
	vmem_region_unref(region);
	vmem_block_unref(desc.block);
	vsu_fd_close(&file.fd);
}

static int open_both(const int ends[2])
{
	int rc = vhost_user_backend_new_take_fd(ends[0], &p.back_config, &p.back_ops, &p, &p.b, &err);

	if (rc < 0) {
		close(ends[0]);
		close(ends[1]);
		return rc;
	}
	rc = vhost_user_frontend_new_take_fd(ends[1], &p.front_config, &p.front_ops, &p, &p.f, &err);
	if (rc < 0)
		close(ends[1]);
	pair_settle(&p);
	return rc;
}

/* Negative: a call failed with a sentence. */
static int run_session(const int ends[2])
{
	const struct vhost_user_ring ring = {
		.size = PAIR_SIZE, .desc_gpa = 0x1000, .driver_gpa = 0x2000, .device_gpa = 0x3000,
		.kick_fd = p.kick, .call_fd = p.call, .err_fd = p.err,
	};
	int rc = open_both(ends);

	if (rc == 0)
		rc = vhost_user_frontend_set_memory(p.f, map, &err);
	if (rc == 0)
		rc = vhost_user_frontend_set_ring(p.f, 0, &ring, &err);
	if (rc == 0)
		rc = vhost_user_frontend_start(p.f, VQ_F_VERSION_1, &err);
	if (rc == 0)
		pair_settle(&p);
	return rc;
}

static bool is_running(void)
{
	return p.b && p.f && vhost_user_frontend_state(p.f) == VHOST_USER_FRONTEND_RUNNING && p.runs == 1;
}

/*
 * The session whose n-th call fails; false: it has fewer calls. Memory that cannot be mapped is
 * mapped again, as if it were read-only, so that a session may run in spite of a failure.
 */
static bool survives(int n)
{
	int ends[2], rc;

	failed = NULL;
	pair_init(&p);
	vsu_error_clear(&err);
	ck_assert_int_eq(vsu_sock_pair(ends), 0);
	left = n;
	rc = run_session(ends);
	left = -1;
	if (rc < 0)
		ck_assert_msg(failed && err.code == rc && err.msg[0], "call %d, %s: %d without a sentence", n, failed, rc);
	else if (failed)
		ck_assert_msg(is_running() || p.back_refused, "call %d, %s: not reported", n, failed);
	else
		ck_assert(is_running() && !p.back_refused);
	pair_fini(&p);
	return failed;
}

START_TEST(any_failing_call_is_reported)
{
	int n = 0;

	make_memory();
	while (survives(n))
		n++;
	ck_assert_int_gt(n, 15);
	vmem_map_unref(map);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost");
	TCase *tc = tcase_create("lack");

	tcase_add_test(tc, any_failing_call_is_reported);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
