/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the dirty log: which pages are marked, when, and which logs are
 * accepted.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../rig.h"

#define PAGE VHOST_USER_LOG_PAGE

struct log {
	struct rig r;
	int fd;
	unsigned char *bits;
	size_t size;
};

static void make(struct log *l)
{
	l->size = (size_t)sysconf(_SC_PAGESIZE);
	l->fd = memfd_create("log", MFD_CLOEXEC);
	ck_assert_int_ge(l->fd, 0);
	ck_assert_int_eq(ftruncate(l->fd, (off_t)l->size), 0);
	l->bits = mmap(NULL, l->size, PROT_READ | PROT_WRITE, MAP_SHARED, l->fd,
		       0);
	ck_assert(l->bits != MAP_FAILED);
}

static void init(struct log *l)
{
	make(l);
	rig_init(&l->r);
	rig_up(&l->r);
}

static void fini(struct log *l)
{
	munmap(l->bits, l->size);
	vsu_fd_close(&l->fd);
	rig_fini(&l->r);
}

/*
 * Sends SET_LOG_BASE; returns the size of the reply: 16 bytes if accepted, else
 * 0.
 */
static uint32_t set_log(struct log *l, uint64_t size, uint64_t offset, int fd)
{
	struct vhost_user_log m = { size, offset };
	struct rig_reply reply;

	rig_send(&l->r, VHOST_USER_SET_LOG_BASE, 1, &m, sizeof(m), &fd,
		 fd >= 0);
	ck_assert_int_ge(rig_dispatch(&l->r), 0);
	ck_assert(rig_reply(&l->r, &reply));
	ck_assert_uint_eq(reply.hdr.flags, 5);
	if (reply.hdr.size)
		ck_assert_mem_eq(reply.payload, &m, sizeof(m));
	return reply.hdr.size;
}

static uint64_t log_all(struct log *l, bool on)
{
	uint64_t features = vhost_user_backend_features(l->r.b) &
			    ~VHOST_USER_F_LOG_ALL;

	return rig_ack_u64(&l->r, VHOST_USER_SET_FEATURES,
			   on ? features | VHOST_USER_F_LOG_ALL : features);
}

static uint64_t ring_log(struct log *l, uint32_t flags, uint64_t at)
{
	struct vhost_user_vring_addr addr = rig_addr(0);

	addr.flags = flags;
	addr.log_guest_addr = at;
	return rig_ack(&l->r, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr),
		       NULL, 0);
}

/* Serves one request of ring 0: a page is written through a cursor. */
static void serve(struct log *l, uint16_t head)
{
	struct vq *q = vhost_user_backend_vq(l->r.b, 0);
	struct iovec iov[2];
	struct vq_chain chain = { .iov = iov, .iov_max = 2 };

	ck_assert(l->r.running[0]);
	rig_offer(&l->r, 0, head);
	ck_assert_int_eq(vq_pop(q, &chain), 1);
	vq_chain_written(q, &chain, 0, chain.writable_len);
	vq_push(q, &chain, chain.writable_len);
	vq_publish(q);
}

/* The number of the only marked page, or -1 if none is; clears the log. */
static int only_page(struct log *l)
{
	int page = -1, i;

	for (i = 0; i < (int)l->size * 8; i++)
		if (l->bits[i / 8] & 1 << i % 8) {
			ck_assert_int_eq(page, -1);
			page = i;
		}
	memset(l->bits, 0, l->size);
	return page;
}

/* Page of guest address 0x7000, where the rig's buffers of ring 0 begin. */
#define BUFFER_PAGE 7

static struct log logged;

/* Some tests make none, or one of their own. */
static void end(void)
{
	if (logged.r.mem)
		fini(&logged);
	memset(&logged, 0, sizeof(logged));
}

START_TEST(buffers_are_logged_while_log_all_is_set)
{
	init(&logged);
	serve(&logged, 1);
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, logged.fd), 16);
	serve(&logged, 2);
	ck_assert_int_eq(only_page(&logged), -1);
	ck_assert_uint_eq(log_all(&logged, true), 0);
	ck_assert(logged.r.running[0] && logged.r.running[1]);
	ck_assert_uint_eq(logged.r.runs[0], 2);
	serve(&logged, 3);
	ck_assert_int_eq(only_page(&logged), BUFFER_PAGE);
	ck_assert_uint_eq(log_all(&logged, false), 0);
	serve(&logged, 4);
	ck_assert_int_eq(only_page(&logged), -1);
}
END_TEST

/* The log address of a used ring may differ from its memory address. */
/* Otherwise a card would lose the settings of the control queue. */
START_TEST(device_receives_no_features_when_only_logging_changes)
{
	unsigned int before;

	init(&logged);
	before = logged.r.features_set;
	ck_assert_uint_ne(before, 0);
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, logged.fd), 16);
	ck_assert_uint_eq(log_all(&logged, true), 0);
	ck_assert_uint_eq(log_all(&logged, false), 0);
	ck_assert_uint_eq(logged.r.features_set, before);
}
END_TEST

START_TEST(used_ring_is_logged_at_its_log_address_if_requested)
{
	init(&logged);
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, logged.fd), 16);
	ck_assert_uint_eq(log_all(&logged, true), 0);
	ck_assert_uint_eq(ring_log(&logged, VHOST_USER_VRING_F_LOG, 900 * PAGE), 0);
	ck_assert(logged.r.running[0]);
	serve(&logged, 1);
	ck_assert_uint_ne(logged.bits[900 / 8] & 1 << 900 % 8, 0);
	logged.bits[900 / 8] = 0;
	ck_assert_int_eq(only_page(&logged), BUFFER_PAGE);
	ck_assert_uint_eq(ring_log(&logged, 0, 0), 0);
	serve(&logged, 2);
	ck_assert_int_eq(only_page(&logged), BUFFER_PAGE);
}
END_TEST

START_TEST(log_can_be_replaced_while_rings_run)
{
	struct log l, other;

	init(&l);
	make(&other);
	ck_assert_uint_eq(set_log(&l, l.size, 0, l.fd), 16);
	ck_assert_uint_eq(log_all(&l, true), 0);
	ck_assert_uint_eq(set_log(&l, l.size, 0, other.fd), 16);
	ck_assert_uint_eq(l.r.asked_ring, VHOST_USER_ALL_RINGS);
	serve(&l, 1);
	ck_assert_int_eq(only_page(&l), -1);
	ck_assert_int_eq(only_page(&other), BUFFER_PAGE);
	munmap(other.bits, other.size);
	vsu_fd_close(&other.fd);
	fini(&l);
}
END_TEST

static struct vmem_sigbus *table;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (!vmem_sigbus_fix(table, info))
		signal(number, SIG_DFL);
}

/*
 * ThreadSanitizer performs atomic stores in its runtime and receives the SIGBUS
 * again and again instead of passing it on.
 */
#define KEEPS_SIGNALS VSU_THREAD_SANITIZER

/* Like truncated memory: otherwise later stores would be missing in the log. */
START_TEST(e1_13_truncated_log_fails_like_memory)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };
	struct log l;

	action.sa_sigaction = on_sigbus;
	ck_assert_int_eq(sigaction(SIGBUS, &action, NULL), 0);
	ck_assert_int_eq(vmem_sigbus_new(8, &table, NULL), 0);
	make(&l);
	rig_prepare(&l.r);
	l.r.config.sigbus = table;
	rig_start(&l.r);
	rig_up(&l.r);
	ck_assert_uint_eq(set_log(&l, l.size, 0, l.fd), 16);
	ck_assert_uint_eq(log_all(&l, true), 0);
	serve(&l, 1);
	ck_assert(!vhost_user_backend_memory_failed(l.r.b));
	ck_assert_int_eq(ftruncate(l.fd, 0), 0);
	serve(&l, 2);
	ck_assert(vhost_user_backend_memory_failed(l.r.b));
	fini(&l);
	vmem_sigbus_free(table);
}
END_TEST

START_TEST(b4_01_log_that_wraps_is_refused)
{
	init(&logged);
	ck_assert_uint_eq(set_log(&logged, UINT64_MAX, 0, logged.fd), 0);
	ck_assert_uint_eq(set_log(&logged, logged.size, UINT64_MAX - logged.size + 1, logged.fd),
			  0);
	ck_assert_uint_eq(set_log(&logged, UINT64_MAX - 4095, 8192, logged.fd), 0);
	ck_assert(logged.r.running[0]);
}
END_TEST

START_TEST(b4_02_log_too_small_for_memory_or_for_its_file_is_refused)
{
	init(&logged);
	/* one bit for each of RIG_MEMORY's 256 pages */
	ck_assert_uint_eq(set_log(&logged, RIG_MEMORY / PAGE / 8 - 1, 0, logged.fd), 0);
	ck_assert_uint_eq(set_log(&logged, 0, 0, logged.fd), 0);
	ck_assert_uint_eq(set_log(&logged, logged.size + 1, 0, logged.fd), 0);
	ck_assert_uint_eq(set_log(&logged, logged.size, logged.size, logged.fd), 0);
	ck_assert_uint_eq(set_log(&logged, RIG_MEMORY / PAGE / 8, 0, logged.fd), 16);
}
END_TEST

/*
 * The write to a page beyond the log is not recorded, and nothing beyond the
 * log is modified.
 */
START_TEST(b4_02_mark_beyond_the_log_is_ignored)
{
	init(&logged);
	ck_assert_uint_eq(set_log(&logged, RIG_MEMORY / PAGE / 8, 0, logged.fd), 16);
	ck_assert_uint_eq(log_all(&logged, true), 0);
	ck_assert_uint_eq(ring_log(&logged, VHOST_USER_VRING_F_LOG,
				   UINT64_MAX - PAGE), 0);
	serve(&logged, 1);
	ck_assert_int_eq(only_page(&logged), BUFFER_PAGE);
	ck_assert_uint_eq(ring_log(&logged, VHOST_USER_VRING_F_LOG, RIG_MEMORY), 0);
	serve(&logged, 2);
	ck_assert_int_eq(only_page(&logged), BUFFER_PAGE);
}
END_TEST

static unsigned int marked(const struct log *l)
{
	unsigned int n = 0, i;

	for (i = 0; i < l->size * 8; i++)
		n += l->bits[i / 8] >> i % 8 & 1;
	return n;
}

/* Writes without a log are made up for: all memory is marked. */
static void expect_whole_memory(struct log *l)
{
	ck_assert_uint_eq(marked(l), RIG_MEMORY / PAGE);
	ck_assert_uint_eq(l->bits[0], 0xff);
	memset(l->bits, 0, l->size);
}

START_TEST(b4_03_writes_of_a_running_ring_without_a_log_are_marked_later)
{
	init(&logged);
	logged.r.nrefused = 0;
	ck_assert_uint_eq(log_all(&logged, true), 0);
	rig_expect_refused(&logged.r, VHOST_USER_NO_REQUEST, VHOST_USER_ALL_RINGS,
			   "LOG_ALL");
	ck_assert(logged.r.running[0]);
	serve(&logged, 1);
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, logged.fd), 16);
	expect_whole_memory(&logged);
	serve(&logged, 2);
	ck_assert_int_eq(only_page(&logged), BUFFER_PAGE);
}
END_TEST

/* A migration that was cancelled concerns no later one. */
START_TEST(b4_03_later_migration_begins_as_the_first)
{
	unsigned int reported;

	init(&logged);
	logged.r.nrefused = 0;
	ck_assert_uint_eq(log_all(&logged, true), 0);
	reported = logged.r.nrefused;
	ck_assert_uint_eq(reported, 1);
	ck_assert_uint_eq(log_all(&logged, false), 0);
	ck_assert_uint_eq(log_all(&logged, true), 0);
	ck_assert_uint_eq(logged.r.nrefused, reported + 1);
	ck_assert_uint_eq(log_all(&logged, false), 0);
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, logged.fd), 16);
	ck_assert_uint_eq(log_all(&logged, true), 0);
	ck_assert_int_eq(only_page(&logged), -1);
	ck_assert_uint_eq(logged.r.nrefused, reported + 1);
}
END_TEST

/* As a front-end that accepts every feature and never sends a log. */
START_TEST(b4_03_ring_that_starts_without_a_log_is_reported)
{
	make(&logged);
	rig_init(&logged.r);
	rig_negotiate(&logged.r);
	ck_assert_uint_eq(log_all(&logged, true), 0);
	ck_assert_uint_eq(rig_set_memory(&logged.r), 0);
	ck_assert_uint_eq(logged.r.nrefused, 0);
	rig_set_ring(&logged.r, 0);
	rig_set_ring(&logged.r, 1);
	rig_expect_refused(&logged.r, VHOST_USER_NO_REQUEST, VHOST_USER_ALL_RINGS,
			   "SET_LOG_BASE");
	ck_assert(logged.r.running[0] && logged.r.running[1]);
	serve(&logged, 1);
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, logged.fd), 16);
	ck_assert(logged.r.running[0] && logged.r.running[1]);
	expect_whole_memory(&logged);
}
END_TEST

/*
 * A front-end must send the longer log first; if it does not, no write is lost.
 */
START_TEST(b4_02_memory_above_the_log_is_marked_in_a_longer_one)
{
	struct vhost_user_mem_region gpa[2] = {
		rig_region(0, RIG_MEMORY, 0),
		rig_region(4 * RIG_MEMORY, RIG_MEMORY, 0),
	};
	struct vhost_user_mem_table t = { .nregions = 2 };
	int fds[2];

	init(&logged);
	ck_assert_uint_eq(set_log(&logged, RIG_MEMORY / PAGE / 8, 0, logged.fd), 16);
	ck_assert_uint_eq(log_all(&logged, true), 0);
	logged.r.nrefused = 0;
	memcpy(t.regions, gpa, sizeof(gpa));
	fds[0] = fds[1] = logged.r.memfd;
	ck_assert_uint_eq(rig_ack(&logged.r, VHOST_USER_SET_MEM_TABLE, &t,
				  8 + sizeof(gpa), fds, 2), 0);
	rig_expect_refused(&logged.r, VHOST_USER_NO_REQUEST, VHOST_USER_ALL_RINGS,
			   "beyond the log");
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, logged.fd), 16);
	ck_assert_uint_eq(marked(&logged), 2 * RIG_MEMORY / PAGE);
}
END_TEST

/* A log that is set before the first ring starts begins empty. */
START_TEST(b4_03_log_set_before_the_rings_begins_empty)
{
	make(&logged);
	rig_init(&logged.r);
	rig_negotiate(&logged.r);
	ck_assert_uint_eq(log_all(&logged, true), 0);
	ck_assert_uint_eq(rig_set_memory(&logged.r), 0);
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, logged.fd), 16);
	rig_set_ring(&logged.r, 0);
	ck_assert_uint_eq(logged.r.nrefused, 0);
	ck_assert_int_eq(only_page(&logged), -1);
	serve(&logged, 1);
	ck_assert_int_eq(only_page(&logged), BUFFER_PAGE);
}
END_TEST

START_TEST(b4_20_empty_log_or_log_without_a_descriptor_is_refused)
{
	int empty = memfd_create("empty", MFD_CLOEXEC);
	int ends[2];

	make(&logged);
	rig_init(&logged.r);	/* without memory no log is too small */
	rig_negotiate(&logged.r);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_uint_eq(set_log(&logged, 0, 0, logged.fd), 0);
	rig_expect_refused(&logged.r, VHOST_USER_SET_LOG_BASE, VHOST_USER_ALL_RINGS,
			   "an empty log");
	ck_assert_uint_eq(set_log(&logged, UINT64_MAX, logged.size, logged.fd), 0);
	rig_expect_refused(&logged.r, VHOST_USER_SET_LOG_BASE, VHOST_USER_ALL_RINGS,
			   "wraps");
	ck_assert_uint_eq(set_log(&logged, 4096, 0, empty), 0);
	ck_assert_uint_eq(set_log(&logged, 0, 0, empty), 0);
	ck_assert_uint_eq(set_log(&logged, logged.size * 2, 0, logged.fd), 0);
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, ends[0]), 0);
	ck_assert_uint_eq(logged.r.nrefused, 4);
	logged.r.nrefused = 0;
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, -1), 0);
	rig_expect_refused(&logged.r, VHOST_USER_SET_LOG_BASE, VHOST_USER_ALL_RINGS,
			   "a descriptor");
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, logged.fd), 16);
	vsu_fd_close(&ends[0]);
	vsu_fd_close(&ends[1]);
	vsu_fd_close(&empty);
}
END_TEST

/* The reply cannot show the refusal: an empty one accepts the log, too. */
START_TEST(log_all_is_refused_after_a_refused_log)
{
	int pair[2];

	init(&logged);
	pair[0] = pair[1] = logged.fd;
	if (_i)		/* refused before its fields are read */
		rig_send(&logged.r, VHOST_USER_SET_LOG_BASE, 1, &logged.size, 8, pair, 2);
	else
		ck_assert_uint_eq(set_log(&logged, 0, 0, logged.fd), 0);
	ck_assert_int_ge(rig_dispatch(&logged.r), 0);
	if (_i)
		ck_assert(rig_reply(&logged.r, &(struct rig_reply){ 0 }));
	logged.r.nrefused = 0;
	ck_assert_uint_ne(log_all(&logged, true), 0);
	rig_expect_refused(&logged.r, VHOST_USER_SET_FEATURES, VHOST_USER_ALL_RINGS,
			   "SET_LOG_BASE");
	ck_assert_uint_eq(vhost_user_backend_features(logged.r.b) &
			  VHOST_USER_F_LOG_ALL, 0);
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, logged.fd), 16);
	ck_assert_uint_eq(log_all(&logged, true), 0);
	serve(&logged, 1);
	ck_assert_int_eq(only_page(&logged), BUFFER_PAGE);
}
END_TEST

/* A front-end may negotiate LOG_ALL before it sends the log. */
START_TEST(next_migration_may_send_the_features_first)
{
	init(&logged);
	ck_assert_uint_eq(set_log(&logged, 0, 0, logged.fd), 0);
	logged.r.nrefused = 0;
	if (_i)
		ck_assert_uint_eq(rig_ack(&logged.r, VHOST_USER_RESET_DEVICE, NULL,
					  0, NULL, 0), 0);
	else
		ck_assert_uint_eq(log_all(&logged, false), 0);
	ck_assert_uint_eq(log_all(&logged, true), 0);
	logged.r.nrefused = 0;
}
END_TEST

START_TEST(b4_04_refused_descriptor_is_closed)
{
	int fds[3] = { eventfd(0, EFD_CLOEXEC),
		       open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		       open("/dev/null", O_RDONLY | O_CLOEXEC) };
	int i;

	init(&logged);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(set_log(&logged, logged.size, 0, fds[i]), 0);
		vsu_fd_close(&fds[i]);
	}
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, -1), 0);
}
END_TEST

START_TEST(reset_drops_the_log)
{
	init(&logged);
	ck_assert_uint_eq(set_log(&logged, logged.size, 0, logged.fd), 16);
	ck_assert_uint_eq(log_all(&logged, true), 0);
	ck_assert_uint_eq(rig_ack(&logged.r, VHOST_USER_RESET_DEVICE, NULL, 0, NULL,
				  0), 0);
	ck_assert_uint_eq(rig_ack_u64(&logged.r, VHOST_USER_SET_FEATURES,
				      VQ_F_VERSION_1 |
				      VHOST_USER_F_PROTOCOL_FEATURES), 0);
	rig_set_ring(&logged.r, 0);
	serve(&logged, 1);
	ck_assert_int_eq(only_page(&logged), -1);
}
END_TEST

START_TEST(log_eventfd_is_accepted_and_closed)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	init(&logged);
	ck_assert_uint_eq(rig_ack(&logged.r, VHOST_USER_SET_LOG_FD, NULL, 0, &fd, 1),
			  0);
	vsu_fd_close(&fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("backend-log");
	TCase *tc = rig_case(s, "log");

	tcase_add_checked_fixture(tc, NULL, end);
	tcase_add_test(tc, buffers_are_logged_while_log_all_is_set);
	tcase_add_test(tc, device_receives_no_features_when_only_logging_changes);
	tcase_add_test(tc, used_ring_is_logged_at_its_log_address_if_requested);
	tcase_add_test(tc, log_can_be_replaced_while_rings_run);
	if (!KEEPS_SIGNALS)
		tcase_add_test(tc, e1_13_truncated_log_fails_like_memory);
	tcase_add_test(tc, b4_01_log_that_wraps_is_refused);
	tcase_add_test(tc, b4_02_log_too_small_for_memory_or_for_its_file_is_refused);
	tcase_add_test(tc, b4_02_mark_beyond_the_log_is_ignored);
	tcase_add_test(tc, b4_03_writes_of_a_running_ring_without_a_log_are_marked_later);
	tcase_add_test(tc, b4_03_later_migration_begins_as_the_first);
	tcase_add_test(tc, b4_03_ring_that_starts_without_a_log_is_reported);
	tcase_add_test(tc, b4_02_memory_above_the_log_is_marked_in_a_longer_one);
	tcase_add_test(tc, b4_03_log_set_before_the_rings_begins_empty);
	tcase_add_test(tc, b4_20_empty_log_or_log_without_a_descriptor_is_refused);
	tcase_add_loop_test(tc, log_all_is_refused_after_a_refused_log, 0, 2);
	tcase_add_loop_test(tc, next_migration_may_send_the_features_first, 0, 2);
	tcase_add_test(tc, b4_04_refused_descriptor_is_closed);
	tcase_add_test(tc, reset_drops_the_log);
	tcase_add_test(tc, log_eventfd_is_accepted_and_closed);
	return run_suite(s);
}
