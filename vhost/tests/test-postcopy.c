/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about postcopy, with the library at both ends: guest memory is empty
 * where the back-end maps it, and a child process supplies the pages that the
 * back-end touches.
 */
#include <config.h>

#include <endian.h>
#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <virtio-queue/queue.h>
#include <vm-memory/access.h>
#include <vm-memory/map.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/fd.h>

#include "pair_rig.h"
#include "rig.h"
#include "suite.h"

#define DESC	0x1000u
#define AVAIL	0x2000u
#define DATA	0x10000u
#define LEN	0x40000u
#define PAGES	(PAIR_MEMORY / 4096)

static struct pair pair;
static unsigned char *source;	/* guest memory on the source host */
static unsigned int *served;	/* number of faults; shared with the child process */
static int uffd, stop_end;	/* closing stop_end ends the child process */
static pid_t server;
static int advised, listening, ended;
static unsigned int nplaced;
static struct vhost_user_placed_region placed;
static int postcopy, refuses;	/* callbacks of the back-end's owner */

/* ------------------------------------------------------------- the server */

static void serve_fault(const struct uffd_msg *m)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t at = m->arg.pagefault.address & ~(page - 1);
	struct uffdio_copy copy = {
		.dst = at, .len = page,
		.src = (uintptr_t)(source + (at - placed.address)),
	};
	struct uffdio_range range = { .start = at, .len = page };

	if (ioctl(uffd, UFFDIO_COPY, &copy) < 0)
		ioctl(uffd, UFFDIO_WAKE, &range);	/* the page is already present */
	__atomic_fetch_add(served, 1, __ATOMIC_RELAXED);
}

static void serve_faults(int stop)
{
	struct pollfd fds[] = {
		{ .fd = uffd, .events = POLLIN }, { .fd = stop },
	};
	struct uffd_msg m;

	while (poll(fds, 2, -1) > 0 && !fds[1].revents)
		if (read(uffd, &m, sizeof(m)) == (ssize_t)sizeof(m) &&
		    m.event == UFFD_EVENT_PAGEFAULT)
			serve_fault(&m);
	_exit(0);
}

static void start_server(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0) {
		close(ends[1]);
		serve_faults(ends[0]);
	}
	close(ends[0]);
	stop_end = ends[1];
}

static void stop_server(void)
{
	if (server <= 0)
		return;
	vsu_fd_close(&stop_end);
	ck_assert_int_eq(waitpid(server, NULL, 0), server);
	server = 0;
}

/* ------------------------------------------------------------- the owners */

static void on_advised(void *opaque, int result, int fd)
{
	(void)opaque;
	advised = result;
	if (result == 0)
		uffd = vsu_fd_dup(fd);
}

static void on_listening(void *opaque, int result)
{
	(void)opaque;
	listening = result;
}

static void on_placed(void *opaque, const struct vhost_user_placed_region *r,
		      unsigned int n)
{
	(void)opaque;
	ck_assert_uint_eq(n, 1);
	nplaced++;
	placed = *r;
	if (server == 0)
		start_server();
}

static void on_ended(void *opaque, int result)
{
	(void)opaque;
	ended = result;
}

static int on_postcopy(void *opaque, bool on)
{
	(void)opaque;
	if (on && refuses)
		return refuses;
	postcopy += on ? 1 : -1;
	return 0;
}

static void setup(void)
{
	advised = listening = ended = 1;
	nplaced = 0;
	postcopy = refuses = 0;
	uffd = stop_end = -1;
	server = 0;
	source = mmap(NULL, PAIR_MEMORY, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	served = mmap(NULL, sizeof(*served), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pair_init(&pair);
	pair.back_ops.postcopy = on_postcopy;
	pair.device_ops.postcopy_advised = on_advised;
	pair.device_ops.postcopy_listening = on_listening;
	pair.device_ops.postcopy_placed = on_placed;
	pair.device_ops.postcopy_ended = on_ended;
}

static void teardown(void)
{
	stop_server();
	vsu_fd_close(&uffd);
	pair_fini(&pair);
	ck_assert_int_eq(postcopy, 0);
	munmap(source, PAIR_MEMORY);
	munmap(served, sizeof(*served));
}

/* ------------------------------------------------------------------- steps */

static void advise(void)
{
	ck_assert_int_eq(vhost_user_frontend_postcopy_advise(pair.f, NULL), 0);
	pair_settle(&pair);
}

static void begin_listening(void)
{
	pair_open(&pair);
	advise();
	ck_assert_int_eq(advised, 0);
	ck_assert_int_eq(vhost_user_frontend_postcopy_listen(pair.f, NULL), 0);
	pair_settle(&pair);
	ck_assert_int_eq(listening, 0);
}

static void end(void)
{
	ck_assert_int_eq(vhost_user_frontend_postcopy_end(pair.f, NULL), 0);
	pair_settle(&pair);
}

/* Before the migration the guest made a buffer of LEN bytes available. */
static void fill_source(void)
{
	const struct { uint64_t addr; uint32_t len; uint16_t flags, next; } d = {
		htole64(DATA), htole32(LEN), 0, 0
	};
	const uint16_t idx = htole16(1);
	uint32_t i;

	memcpy(source + DESC, &d, sizeof(d));
	memcpy(source + AVAIL + 2, &idx, sizeof(idx));
	for (i = 0; i < LEN; i++)
		source[DATA + i] = (unsigned char)(i * 7 + i / 4096);
}

/* ------------------------------------------------------------------- tests */

START_TEST(pages_arrive_when_the_ring_reads_them)
{
	struct vq *vq;
	struct iovec iov[4];
	struct vq_chain c = { .iov = iov, .iov_max = 4 };

	fill_source();
	begin_listening();
	pair_run(&pair);
	ck_assert_uint_eq(nplaced, 1);
	ck_assert_uint_eq(placed.size, PAIR_MEMORY);
	vq = vhost_user_backend_vq(pair.b, 0);
	ck_assert_int_eq(vq_pop(vq, &c), 1);
	ck_assert_uint_eq(iov[0].iov_len, LEN);
	ck_assert_mem_eq(iov[0].iov_base, source + DATA, LEN);
	ck_assert_uint_ge(*served, LEN / 4096);
	ck_assert_uint_lt(*served, PAGES);
	vq_push(vq, &c, 0);
	vq_publish(vq);
	end();
	ck_assert_int_eq(ended, 0);
	ck_assert_int_eq(postcopy, 0);
}
END_TEST

/* A page that was not supplied reads as zeros, like the hole in its file. */
START_TEST(pages_read_as_zeros_after_the_end_of_postcopy)
{
	const struct vmem_map *map;
	unsigned char byte = 1;

	begin_listening();
	pair_run(&pair);
	stop_server();		/* a fault on a missing page would hang */
	end();
	map = vmem_space_current(vhost_user_priv_space(pair.b));
	ck_assert_int_eq(vmem_read_exact(vmem_map_view(map), DATA, &byte, 1), 0);
	ck_assert_uint_eq(byte, 0);
}
END_TEST

static void *touch(void *arg)
{
	unsigned char byte = 1;

	ck_assert_int_eq(vmem_read_exact(vmem_map_view(arg), DATA, &byte, 1), 0);
	ck_assert_uint_eq(byte, 0);
	return NULL;
}

static pthread_t waiter;
static bool waits;

static void on_quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	(void)opaque;
	(void)ring;
	(void)drain;
	if (waits)
		ck_assert_int_eq(pthread_join(waiter, NULL), 0);
	waits = false;
	vhost_user_backend_done(pair.b, token);
}

/*
 * The front-end has disconnected and keeps the userfaultfd open, while a thread
 * of the back-end waits for a page.
 */
START_TEST(session_end_wakes_threads_that_wait_for_a_page)
{
	struct pollfd fault = { .events = POLLIN };

	pair.back_ops.quiesce = on_quiesce;
	begin_listening();
	pair_run(&pair);
	stop_server();
	ck_assert_int_eq(pthread_create(&waiter, NULL, touch,
			(void *)(uintptr_t)vmem_space_current(
				vhost_user_priv_space(pair.b))), 0);
	waits = true;
	fault.fd = uffd;
	ck_assert_int_eq(poll(&fault, 1, -1), 1);
	vhost_user_frontend_free(pair.f);
	pair.f = NULL;
	pair_settle(&pair);
	ck_assert_ptr_null(pair.b);
	ck_assert(!waits);
}
END_TEST

START_TEST(advice_may_be_repeated_until_listen)
{
	pair_open(&pair);
	advise();
	vsu_fd_close(&uffd);
	advise();
	ck_assert_int_eq(advised, 0);
	ck_assert_int_eq(postcopy, 1);
	ck_assert_int_eq(vhost_user_frontend_postcopy_listen(pair.f, NULL), 0);
	pair_settle(&pair);
	advise();
	ck_assert_int_eq(advised, -EREMOTEIO);
	ck_assert_ptr_nonnull(strstr(pair.refusal.msg, "after POSTCOPY_LISTEN"));
	ck_assert_int_eq(postcopy, 1);
}
END_TEST

START_TEST(b4_17_repeated_advice_leaks_nothing)
{
	int i, fds = 0;

	pair_open(&pair);
	for (i = 0; i < 100; i++) {
		vsu_fd_close(&uffd);
		advise();
		if (i == 0)
			fds = vsu_fd_count();
	}
	ck_assert_int_eq(vsu_fd_count(), fds);
}
END_TEST

START_TEST(owner_may_refuse_postcopy)
{
	refuses = -EBUSY;
	pair_open(&pair);
	advise();
	ck_assert_int_eq(advised, -EREMOTEIO);
	ck_assert_int_eq(pair.refusal.code, -EBUSY);
	ck_assert_int_eq(vhost_user_frontend_postcopy_listen(pair.f, NULL), 0);
	pair_settle(&pair);
	ck_assert_int_eq(listening, -EREMOTEIO);
	end();
	ck_assert_int_eq(ended, -EREMOTEIO);
	ck_assert_ptr_nonnull(strstr(pair.refusal.msg, "without a POSTCOPY_ADVISE"));
}
END_TEST

START_TEST(memory_may_be_sent_after_listen)
{
	pair_open(&pair);
	advise();
	pair_run(&pair);
	ck_assert_uint_eq(nplaced, 0);
	ck_assert_int_eq(vhost_user_frontend_postcopy_listen(pair.f, NULL),
			 -EBUSY);
}
END_TEST

START_TEST(postcopy_requires_its_operations)
{
	uint64_t bits;

	if (_i == 1)
		pair.back_ops.postcopy = NULL;
	if (_i == 2)
		pair.device_ops.postcopy_placed = NULL;
	pair_open(&pair);
	bits = vhost_user_frontend_protocol_features(pair.f);
	ck_assert_int_eq(bits & VHOST_USER_PROTOCOL_BIT(PAGEFAULT) ? 1 : 0,
			 _i == 0);
	/* QEMU agrees to both, and libvhost-user then cannot end postcopy */
	ck_assert(!(bits & VHOST_USER_PROTOCOL_BIT(PAGEFAULT)) ||
		  !(bits & VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS)));
	if (_i)
		ck_assert_int_eq(vhost_user_frontend_postcopy_advise(pair.f,
							NULL), -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	Suite *s;
	TCase *tc;

	if (!rig_has_userfaultfd())
		return 0;
	s = suite_create("vhost postcopy");
	tc = tcase_create("postcopy");
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, pages_arrive_when_the_ring_reads_them);
	tcase_add_test(tc, pages_read_as_zeros_after_the_end_of_postcopy);
	/*
	 * valgrind runs one thread at a time, also while that thread waits for
	 * a page
	 */
	if (!rig_under_valgrind())
		tcase_add_test(tc, session_end_wakes_threads_that_wait_for_a_page);
	tcase_add_test(tc, advice_may_be_repeated_until_listen);
	tcase_add_test(tc, b4_17_repeated_advice_leaks_nothing);
	tcase_add_test(tc, owner_may_refuse_postcopy);
	tcase_add_test(tc, memory_may_be_sent_after_listen);
	tcase_add_loop_test(tc, postcopy_requires_its_operations, 0, 3);
	return run_suite(s);
}
