/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the postcopy messages, from a front-end that sends raw bytes. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vhost/postcopy.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>
#include <vm-memory/sigbus.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/fd.h>

#include "../rig.h"

static struct rig rig;
static int on;

static int own_postcopy(void *opaque, bool begins)
{
	(void)opaque;
	on += begins ? 1 : -1;
	return 0;
}

static void prepare(void)
{
	on = 0;
	rig_prepare(&rig);
	rig.ops.postcopy = own_postcopy;
	rig_start(&rig);
	rig_negotiate(&rig);
}

/* Sends POSTCOPY_ADVISE; returns the userfaultfd of the reply, or -1. */
static int advise(void)
{
	struct vhost_user_header hdr;
	struct iovec iov = { &hdr, sizeof(hdr) };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd = -1;

	rig_send(&rig, VHOST_USER_POSTCOPY_ADVISE, VHOST_USER_HDR_VERSION, NULL,
		 0, NULL, 0);
	ck_assert_int_ge(rig_dispatch(&rig), 0);
	ck_assert_int_eq(recvmsg(rig.sock, &msg, MSG_CMSG_CLOEXEC),
			 sizeof(hdr));
	ck_assert_uint_eq(hdr.request, VHOST_USER_POSTCOPY_ADVISE);
	ck_assert_uint_eq(hdr.flags, 5);
	ck_assert_uint_eq(hdr.size, 0);
	if (msg.msg_controllen)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* Both requests are answered with and without NEED_REPLY. */
static uint64_t ask(uint32_t request)
{
	struct rig_reply reply;
	uint64_t value;

	ck_assert_uint_eq(rig_get(&rig, request, NULL, 0, &reply), 8);
	memcpy(&value, reply.payload, sizeof(value));
	return value;
}

static void begin_listening(void)
{
	int fd;

	prepare();
	fd = advise();
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_uint_eq(ask(VHOST_USER_POSTCOPY_LISTEN), 0);
}

/* Returns the reply's size for a table of one region. */
static uint32_t send_table(int fd, uint32_t size,
			   struct vhost_user_mem_table *answer)
{
	struct vhost_user_mem_table t = {
		.nregions = 1,
		.regions = { rig_region(0, RIG_MEMORY, 0) },
	};
	struct rig_reply reply;

	rig_send(&rig, VHOST_USER_SET_MEM_TABLE, VHOST_USER_HDR_VERSION, &t,
		 size, &fd, 1);
	ck_assert_int_ge(rig_dispatch(&rig), 0);
	ck_assert(rig_reply(&rig, &reply));
	ck_assert_uint_eq(reply.hdr.request, VHOST_USER_SET_MEM_TABLE);
	ck_assert_uint_eq(reply.hdr.flags, 5);
	memcpy(answer, reply.payload, sizeof(*answer));
	return reply.hdr.size;
}

static void confirm(void)
{
	const uint64_t word = 0;

	rig_send(&rig, VHOST_USER_SET_MEM_TABLE, VHOST_USER_HDR_VERSION, &word,
		 sizeof(word), NULL, 0);
	rig_expect_silence(&rig);
}

/* Number of regions that devices see. */
static unsigned int regions(void)
{
	const struct vmem_map *map =
		vmem_space_current(vhost_user_priv_space(rig.b));

	return map ? vmem_map_count(map) : 0;
}

static void finish(void)
{
	rig_fini(&rig);
	ck_assert_int_eq(on, 0);
}

START_TEST(postcopy_table_is_effective_after_its_confirmation)
{
	uint32_t size = _i ? 8 + 8 * 32 : 8 + 32;	/* with and without padding */
	struct vhost_user_mem_region sent = rig_region(0, RIG_MEMORY, 0);
	struct vhost_user_mem_table t;

	begin_listening();
	ck_assert_uint_eq(send_table(rig.memfd, size, &t), size);
	ck_assert_uint_eq(t.nregions, 1);
	ck_assert_uint_eq(t.regions[0].guest_addr, sent.guest_addr);
	ck_assert_uint_eq(t.regions[0].size, sent.size);
	ck_assert_uint_ne(t.regions[0].user_addr, sent.user_addr);
	ck_assert_uint_eq(regions(), 0);
	memset(rig.mem, 0, RIG_MEMORY);	/* places the pages */
	confirm();
	ck_assert_uint_eq(regions(), 1);
	rig_set_ring(&rig, 0);
	ck_assert_uint_eq(rig.runs[0], 1);
	ck_assert_uint_eq(ask(VHOST_USER_POSTCOPY_END), 0);
	ck_assert_int_eq(on, 0);
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	finish();
}
END_TEST

/* a front-end that disconnects */

/*
 * The thread touches one byte of a page that never arrives, itself or by a
 * system call.
 */
static struct {
	unsigned char *page;
	int pipe[2], result;
	bool by_call;
} waiter;

/*
 * ThreadSanitizer reports the new mapping as a store that races with this load.
 */
__attribute__((no_sanitize_thread))
static void *touch(void *opaque)
{
	(void)opaque;
	if (!waiter.by_call)
		waiter.result = *(volatile unsigned char *)waiter.page;
	else
		waiter.result = write(waiter.pipe[1], waiter.page, 1) < 0 ?
				-errno : 0;
	return NULL;
}

static struct vmem_sigbus *sigbus;

static void repair(int number, siginfo_t *si, void *context)
{
	(void)context;
	if (!vmem_sigbus_fix(sigbus, si))
		signal(number, SIG_DFL);
}

static void prepare_guarded(struct vhost_user_postcopy_guard **guard, bool fails)
{
	const struct sigaction action = {
		.sa_sigaction = repair, .sa_flags = SA_SIGINFO,
	};
	struct vhost_user_mem_table t;
	struct vsu_error err;

	on = 0;
	rig_prepare(&rig);
	ck_assert_int_eq(vhost_user_postcopy_guard_new(guard, &err), 0);
	if (fails) {
		ck_assert_int_eq(vmem_sigbus_new(16, &sigbus, &err), 0);
		sigaction(SIGBUS, &action, NULL);
		rig.config.sigbus = sigbus;
	}
	rig.config.postcopy_guard = *guard;
	rig.ops.postcopy = own_postcopy;
	rig_start(&rig);
	rig_negotiate(&rig);
	close(advise());
	ck_assert_uint_eq(ask(VHOST_USER_POSTCOPY_LISTEN), 0);
	send_table(rig.memfd, 40, &t);
	confirm();
	waiter.page = vmem_region_hva(vmem_map_region(
		vmem_space_current(vhost_user_priv_space(rig.b)), 0));
	ck_assert_int_eq(pipe2(waiter.pipe, O_CLOEXEC), 0);
}

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) > 0;
}

static void finish_guarded(struct vhost_user_postcopy_guard *guard)
{
	rig_fini(&rig);
	vhost_user_postcopy_guard_free(guard);
	vmem_sigbus_free(sigbus);
	close(waiter.pipe[0]);
	close(waiter.pipe[1]);
}

/* 0 and 1: with a SIGBUS table, 2 and 3: without. */
START_TEST(guard_wakes_a_thread_whose_front_end_has_disconnected)
{
	static const int results[] = { 0, -EFAULT, 0, 0 };
	struct vhost_user_postcopy_guard *guard;
	pthread_t thread;
	int fd;

	prepare_guarded(&guard, _i < 2);
	fd = vhost_user_postcopy_guard_fd(guard);
	waiter.by_call = _i & 1;
	ck_assert_int_eq(pthread_create(&thread, NULL, touch, NULL), 0);
	ck_assert(!is_readable(fd, 0));
	vsu_fd_close(&rig.sock);
	ck_assert(is_readable(fd, -1));
	vhost_user_postcopy_guard_release(guard);
	ck_assert(!is_readable(fd, 0));
	pthread_join(thread, NULL);
	ck_assert_int_eq(waiter.result, results[_i]);
	finish_guarded(guard);
}
END_TEST

START_TEST(released_guard_refuses_further_memory)
{
	struct vhost_user_postcopy_guard *guard;
	struct vhost_user_mem_table t;

	prepare_guarded(&guard, true);
	vhost_user_postcopy_guard_release(guard);
	ck_assert_uint_eq(send_table(rig.memfd, 40, &t), 0);
	rig_expect_refused(&rig, VHOST_USER_SET_MEM_TABLE, VHOST_USER_ALL_RINGS,
			   "disconnected");
	finish_guarded(guard);
}
END_TEST

START_TEST(guard_ignores_a_front_end_whose_postcopy_is_over)
{
	struct vhost_user_postcopy_guard *guard;
	const uint64_t page = UINT64_C(0x1122334455667788);

	prepare_guarded(&guard, true);
	memcpy(rig.mem, &page, sizeof(page));
	ck_assert_uint_eq(ask(VHOST_USER_POSTCOPY_END), 0);
	vsu_fd_close(&rig.sock);
	ck_assert(!is_readable(vhost_user_postcopy_guard_fd(guard), 0));
	vhost_user_postcopy_guard_release(guard);
	ck_assert_int_eq(memcmp(waiter.page, &page, sizeof(page)), 0);
	finish_guarded(guard);
}
END_TEST

/* _i descriptors are left: none for the epoll, or none for the empty file. */
START_TEST(guard_without_descriptors_is_an_error)
{
	struct vhost_user_postcopy_guard *guard = NULL;
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	rig_limit_descriptors((unsigned int)_i);
	rc = vhost_user_postcopy_guard_new(&guard, &err);
	rig_limit_descriptors(20);
	ck_assert_int_eq(rc, -EMFILE);
	ck_assert_ptr_null(guard);
	ck_assert_int_eq(err.code, -EMFILE);
	ck_assert_ptr_nonnull(strstr(err.msg, "guard of postcopy"));
}
END_TEST

START_TEST(confirmation_without_a_table_is_refused)
{
	struct vhost_user_mem_table t;

	begin_listening();
	if (_i) {
		send_table(rig.memfd, 40, &t);
		confirm();
	}
	rig.nrefused = 0;
	confirm();
	rig_expect_refused(&rig, VHOST_USER_SET_MEM_TABLE, VHOST_USER_ALL_RINGS,
			   "no previous table waits for it");
	finish();
}
END_TEST

START_TEST(table_of_memory_without_userfaultfd_support_is_refused)
{
	struct vhost_user_mem_table t;
	char path[40];
	int fd;

	begin_listening();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", rig.memfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(send_table(fd, 40, &t), 0);
	rig_expect_refused(&rig, VHOST_USER_SET_MEM_TABLE, VHOST_USER_ALL_RINGS,
			   "cannot wait for its pages");
	close(fd);
	/* the refused table left no state behind: later tables are accepted */
	ck_assert_uint_eq(send_table(rig.memfd, 40, &t), 40);
	ck_assert_uint_eq(send_table(rig.memfd, 40, &t), 40);
	confirm();
	finish();
}
END_TEST

START_TEST(b4_17_messages_out_of_order_are_refused)
{
	prepare();
	ck_assert_uint_ne(ask(VHOST_USER_POSTCOPY_LISTEN), 0);
	ck_assert_uint_ne(ask(VHOST_USER_POSTCOPY_END), 0);
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	close(advise());
	ck_assert_uint_ne(ask(VHOST_USER_POSTCOPY_LISTEN), 0);
	ck_assert_ptr_nonnull(strstr(rig.refusal.msg, "after the memory"));
	ck_assert_uint_eq(ask(VHOST_USER_POSTCOPY_END), 0);
	ck_assert_uint_ne(ask(VHOST_USER_POSTCOPY_END), 0);
	finish();
}
END_TEST

/* _i: the number of descriptors that can still be opened */
START_TEST(repeated_advice_without_descriptors_keeps_the_former)
{
	prepare();
	close(advise());
	rig_limit_descriptors((unsigned int)_i);
	ck_assert_int_eq(advise(), -1);
	rig_limit_descriptors(20);
	rig_expect_refused(&rig, VHOST_USER_POSTCOPY_ADVISE,
			   VHOST_USER_ALL_RINGS, "POSTCOPY_ADVISE");
	ck_assert_int_eq(on, 1);
	ck_assert_uint_eq(ask(VHOST_USER_POSTCOPY_LISTEN), 0);
	ck_assert_uint_eq(ask(VHOST_USER_POSTCOPY_END), 0);
	finish();
}
END_TEST

START_TEST(b4_17_advice_without_its_feature_is_refused)
{
	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_int_eq(advise(), -1);
	rig_expect_refused(&rig, VHOST_USER_POSTCOPY_ADVISE,
			   VHOST_USER_ALL_RINGS, "PAGEFAULT");
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *s;
	TCase *tc;

	if (!rig_has_userfaultfd())
		return 0;
	s = suite_create("vhost back-end postcopy");
	tc = rig_case(s, "postcopy");
	tcase_add_loop_test(tc, postcopy_table_is_effective_after_its_confirmation,
			    0, 2);
	tcase_add_loop_test(tc, guard_wakes_a_thread_whose_front_end_has_disconnected,
			    0, 4);
	tcase_add_test(tc, released_guard_refuses_further_memory);
	tcase_add_test(tc, guard_ignores_a_front_end_whose_postcopy_is_over);
	tcase_add_loop_test(tc, guard_without_descriptors_is_an_error, 0, 2);
	tcase_add_loop_test(tc, confirmation_without_a_table_is_refused, 0, 2);
	tcase_add_test(tc, table_of_memory_without_userfaultfd_support_is_refused);
	tcase_add_test(tc, b4_17_messages_out_of_order_are_refused);
	if (!rig_under_valgrind())	/* valgrind manages RLIMIT_NOFILE itself */
		tcase_add_loop_test(tc,
			repeated_advice_without_descriptors_keeps_the_former, 0, 2);
	tcase_add_test(tc, b4_17_advice_without_its_feature_is_refused);
	return run_suite(s);
}
