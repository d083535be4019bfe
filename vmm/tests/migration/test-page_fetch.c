/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a destination that fetches missing pages. The test is the source, and
 * requires userfaultfd.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <linux/sockios.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vm-memory/userfault.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../disk.h"
#include "../memory.h"
#include "migration/page_fetch.h"

#define LEN (64 * KIB)
#define GPA MIB
#define PAGE VMM_SET_PAGE
#define PAGES ((unsigned int)(LEN / PAGE))
#define MISSING_PAGE 3u
#define OTHER_PAGE 9u

static const char *const kinds[] = {
	"size=64K", "size=64K,backend=memfd",
};

static struct vmm_memory memory;
static struct vmem_map *map;
static unsigned char *hva;
static struct vmm_stream here, there;
static struct vmm_page_fetch *fetch;
static int fd, lost_fd;
static struct vsu_error err;

/* Like that of the machine, it does not return before the process ends. */
static void on_lost(void *opaque, const struct vsu_error *why)
{
	(void)opaque;
	(void)why;
	vsu_event_signal(lost_fd);
	for (;;)
		pause();
}

static void setup(void)
{
	int pair[2];

	memset(&memory, 0, sizeof(memory));
	vsu_error_clear(&err);
	memory.blocks[memory.nblocks++] = make_block(kinds[0]);
	map = with_piece(empty_map(), memory.blocks[0], 0, GPA, LEN);
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	vmm_stream_init(&here);
	vmm_stream_init(&there);
	here.fd = pair[0];
	there.fd = pair[1];
	lost_fd = vsu_event_new();
	fd = vmem_userfault_open(&err);
	ck_assert_int_ge(fd, 0);
}

static void teardown(void)
{
	vmm_page_fetch_free(fetch);
	fetch = NULL;
	vmm_stream_close(&here);
	vmm_stream_close(&there);
	vsu_fd_close(&fd);
	vsu_fd_close(&lost_fd);
	vmem_map_unref(map);
	while (memory.nblocks > 0)
		vmem_block_unref(memory.blocks[--memory.nblocks]);
}

static void use_kind(const char *properties)
{
	vmem_map_unref(map);
	vmem_block_unref(memory.blocks[0]);
	memory.blocks[0] = make_block(properties);
	map = with_piece(empty_map(), memory.blocks[0], 0, GPA, LEN);
}

/* All pages have the content 7; two are missing. */
static void begin(void)
{
	struct vmm_page_set set;

	hva = vmem_block_hva(memory.blocks[0]);
	memset(hva, 7, LEN - 2 * PAGE);	/* the last two were never used */
	ck_assert_int_eq(vmm_page_set_init(&set, &memory, NULL, 0, map, &err), 0);
	vmm_page_set_clear(&set);
	vmm_page_set_add(&set, GPA + MISSING_PAGE * PAGE, PAGE);
	vmm_page_set_add(&set, GPA + OTHER_PAGE * PAGE, PAGE);
	ck_assert_int_eq(vmm_page_fetch_new(&(struct vmm_page_fetch_config){
		.stream = &here, .missing = &set, .map = map, .fd = &fd, .lost = on_lost,
	}, &fetch, &err), 0);
	vmm_page_set_free(&set);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(vmm_page_fetch_begin(fetch, &err), 0);
	ck_assert_uint_eq(vmm_page_fetch_left(fetch), 2 * PAGE);
}

static void expect(const char *name)
{
	struct vsu_state_section section;

	ck_assert_int_eq(vmm_stream_expect(&there, name, &section, &err), 0);
}

static uint64_t expect_want(void)
{
	struct vsu_state_section section;
	struct vsu_state_fields f;

	ck_assert_int_eq(vmm_stream_expect(&there, "want", &section, &err), 0);
	vmm_stream_fields(&section, &f);
	return vsu_state_get_u64(&f);
}

static void send_page(unsigned int page, int value, size_t len)
{
	unsigned char bytes[2 * PAGE];

	memset(bytes, value, len);
	vmm_stream_begin(&there, "pages");
	vsu_state_put_u64(&there.w, GPA + page * PAGE);
	vsu_state_put(&there.w, bytes, len);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
}

static void send_zeros(unsigned int page, unsigned int n)
{
	vmm_stream_begin(&there, "zeros");
	vsu_state_put_u64(&there.w, GPA + page * PAGE);
	vsu_state_put_u64(&there.w, n * PAGE);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
}

static void send_go(void)
{
	vmm_stream_begin(&there, "go");
	vsu_state_put_u32(&there.w, 1);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
}

static void wait_for(int event)
{
	struct pollfd p = { .fd = event, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, 30000), 1);
}

/* A thread that accesses a page, like a processor of the guest. */
static void *read_page(void *arg)
{
	const unsigned int page = *(unsigned int *)arg;

	return (void *)(uintptr_t)*(volatile unsigned char *)(hva + page * PAGE);
}

static void run_guest(void)
{
	uint32_t paused = 0;

	ck_assert_int_eq(vmm_page_fetch_send(fetch, "loaded", &err), 0);
	expect("loaded");
	send_go();
	ck_assert_int_eq(vmm_page_fetch_go(fetch, &paused, &err), 0);
	ck_assert_uint_eq(paused, 1);
	ck_assert_int_eq(vmm_page_fetch_send(fetch, "running", &err), 0);
	expect("running");
}

START_TEST(thread_waits_for_a_missing_page)
{
	unsigned int page = MISSING_PAGE;
	pthread_t cpu;
	void *value;

	use_kind(kinds[_i]);
	begin();
	ck_assert_int_eq(pthread_create(&cpu, NULL, read_page, &page), 0);
	ck_assert_uint_eq(expect_want(), GPA + MISSING_PAGE * PAGE);
	send_page(MISSING_PAGE, 5, PAGE);
	pthread_join(cpu, &value);
	ck_assert_uint_eq((uintptr_t)value, 5);
	ck_assert_uint_eq(vmm_page_fetch_requests(fetch), 1);
	run_guest();
	send_zeros(OTHER_PAGE, 1);
	wait_for(vmm_page_fetch_fd(fetch));
	expect("complete");
	ck_assert_uint_eq(hva[OTHER_PAGE * PAGE], 0);
	ck_assert_uint_eq(vmm_page_fetch_left(fetch), 0);
}
END_TEST

START_TEST(other_pages_stay)
{
	unsigned int i;

	use_kind(kinds[_i]);
	begin();
	for (i = 0; i < PAGES; i++)
		if (i != MISSING_PAGE && i != OTHER_PAGE)
			ck_assert_uint_eq(hva[i * PAGE], i < PAGES - 2 ? 7 : 0);
	ck_assert_uint_eq(vmm_page_fetch_requests(fetch), 0);
}
END_TEST

/* The guest may have written to them after they arrived. */
START_TEST(pages_that_are_not_missing_are_ignored)
{
	begin();
	send_page(MISSING_PAGE - 1, 5, 2 * PAGE);
	send_zeros(OTHER_PAGE - 2, 3);
	send_page(MISSING_PAGE, 9, PAGE);	/* again */
	run_guest();
	wait_for(vmm_page_fetch_fd(fetch));
	ck_assert_uint_eq(hva[(MISSING_PAGE - 1) * PAGE], 7);
	ck_assert_uint_eq(hva[MISSING_PAGE * PAGE], 5);
	ck_assert_uint_eq(hva[(OTHER_PAGE - 1) * PAGE], 7);
	ck_assert_uint_eq(hva[OTHER_PAGE * PAGE], 0);
}
END_TEST

START_TEST(failure_before_the_guest_runs_releases_its_threads)
{
	unsigned int page = MISSING_PAGE;
	uint32_t paused;
	pthread_t cpu;

	begin();
	ck_assert_int_eq(pthread_create(&cpu, NULL, read_page, &page), 0);
	expect_want();
	vmm_stream_close(&there);
	pthread_join(cpu, NULL);
	ck_assert_int_eq(vmm_page_fetch_go(fetch, &paused, &err), -ECONNRESET);
	ck_assert_int_eq(vmm_page_fetch_send(fetch, "running", &err), -ECONNRESET);
	ck_assert(err.msg[0]);
}
END_TEST

/* The process ends while the thread is in on_lost(). */
START_TEST(failure_while_the_guest_runs_loses_it)
{
	begin();
	run_guest();
	vmm_stream_close(&there);
	wait_for(lost_fd);
	fetch = NULL;
	_exit(0);
}
END_TEST

START_TEST(end_of_the_machine_releases_the_source)
{
	begin();
	run_guest();
	vmm_page_fetch_free(fetch);
	fetch = NULL;
	expect("complete");
}
END_TEST

static bool is_complete(void)
{
	struct pollfd p = { .fd = there.fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* Sends pages all the time, and closes the connection as a source does. */
static void *send_until_complete(void *arg)
{
	while (!is_complete())
		send_page(MISSING_PAGE + 1, 9, PAGE);
	expect("complete");
	vmm_stream_close(&there);
	return arg;
}

START_TEST(end_of_the_machine_releases_a_source_that_sends)
{
	pthread_t source;

	begin();
	run_guest();
	ck_assert_int_eq(pthread_create(&source, NULL, send_until_complete, NULL), 0);
	vmm_page_fetch_free(fetch);
	fetch = NULL;
	ck_assert_int_eq(pthread_join(source, NULL), 0);
}
END_TEST

/* Until the thread has read all that was sent. */
static void wait_until_read(void)
{
	int unread;

	do
		ck_assert_int_eq(ioctl(there.fd, SIOCOUTQ, &unread), 0);
	while (unread);
}

START_TEST(e2_51_source_that_stalls_within_a_section_does_not_keep_the_machine)
{
	begin();
	if (_i)
		run_guest();
	vmm_stream_begin(&there, "pages");
	vsu_state_put_u64(&there.w, GPA + MISSING_PAGE * PAGE);
	vsu_state_section_end(&there.w);
	ck_assert_int_eq(send(there.fd, there.w.out.bytes, VSU_STATE_HEADER + 3, 0),
			 VSU_STATE_HEADER + 3);
	wait_until_read();
	vmm_page_fetch_free(fetch);
	fetch = NULL;
	if (_i)
		expect("complete");
}
END_TEST

/* The last one is on a disk. shared: if only a back-end waits for its pages. */
static const struct {
	const char *properties;
	int rc, shared;
} checked[] = {
	{ "size=64K", 0, 0 }, { "size=64K,backend=memfd", 0, 0 },
	{ "size=64K,backend=memfd,share=off", -EOPNOTSUPP, 0 },
	{ "size=64K,backend=file,mem-path=test-page_fetch.memory,share=on", -EOPNOTSUPP, -EOPNOTSUPP },
};

START_TEST(memory_that_cannot_report_missing_pages_is_refused)
{
	struct vmm_page_set set;
	struct vsu_error why = VSU_ERROR_INIT;
	uint64_t granule;

	use_kind(checked[_i].properties);
	unlink("test-page_fetch.memory");
	ck_assert_int_eq(vmm_page_set_init(&set, &memory, NULL, 0, map, &err), 0);
	ck_assert_int_eq(vmm_placer_check(&set, fd, &granule, &why), checked[_i].rc);
	ck_assert(!checked[_i].rc == !why.msg[0]);
	ck_assert_int_eq(vmm_placer_check_shared(map, fd, &why), checked[_i].shared);
	vmm_page_set_free(&set);
}
END_TEST

static const struct {
	const char *name;
	uint64_t gpa, len;
} hostile[] = {
	{ "zeros", 0, PAGE }, { "zeros", GPA + LEN, PAGE }, { "zeros", GPA, LEN + PAGE },
	{ "zeros", GPA, 0 }, { "zeros", GPA + 8, PAGE }, { "zeros", GPA, 8 },
	{ "zeros", GPA, UINT64_MAX - PAGE + 1 }, { "state", 0, 0 }, { "missing", 0, 0 },
};

START_TEST(rejects_what_is_no_missing_page)
{
	uint32_t paused;

	begin();
	vmm_stream_begin(&there, hostile[_i].name);
	vsu_state_put_u64(&there.w, hostile[_i].gpa);
	vsu_state_put_u64(&there.w, hostile[_i].len);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
	ck_assert_int_eq(vmm_page_fetch_go(fetch, &paused, &err), -EBADMSG);
	ck_assert(err.msg[0]);
}
END_TEST

/* A second source: as if it were another process that maps the memory. */
START_TEST(other_process_waits_as_well)
{
	unsigned int page = MISSING_PAGE, number;
	const struct vmm_fault_range range = { GPA, LEN, 0 };
	struct vmm_fault_range mapped = range;
	struct vmem_block *twin;
	pthread_t process;
	void *value;
	int twin_fd = vmem_userfault_open(&err);

	use_kind(kinds[1]);
	ck_assert_int_eq(vmem_block_new_fd(&(struct vmem_fd_desc){
		.fd = vmem_block_fd(memory.blocks[0]), .len = LEN,
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
	}, &twin, &err), 0);
	begin();
	hva = vmem_block_hva(twin);
	mapped.address = (uint64_t)(uintptr_t)hva;
	ck_assert_int_eq(vmem_userfault_register(twin_fd, mapped.address, LEN), 0);
	ck_assert_int_eq(vmm_page_fetch_add(fetch, twin_fd, &number), 0);
	ck_assert_int_eq(vmm_page_fetch_set_ranges(fetch, number, &mapped, 1), 0);
	ck_assert_int_eq(pthread_create(&process, NULL, read_page, &page), 0);
	ck_assert_uint_eq(expect_want(), GPA + MISSING_PAGE * PAGE);
	send_page(MISSING_PAGE, 5, PAGE);
	pthread_join(process, &value);
	ck_assert_uint_eq((uintptr_t)value, 5);
	ck_assert_uint_eq(vmm_page_fetch_requests(fetch), 1);
	ck_assert_uint_eq(vmm_page_fetch_foreign(fetch), 1);
	page = PAGES - 1;	/* never used: nothing is requested */
	ck_assert_int_eq(pthread_create(&process, NULL, read_page, &page), 0);
	pthread_join(process, &value);
	ck_assert_uint_eq((uintptr_t)value, 0);
	vmm_page_fetch_free(fetch);
	fetch = NULL;
	vmem_block_unref(twin);
}
END_TEST

/* Hostile: neither a message nor an end of it can be read. */
START_TEST(c1_04_broken_descriptor_of_another_process_is_dropped)
{
	unsigned int page = MISSING_PAGE, number;
	int event = vsu_event_new();
	pthread_t cpu;
	void *value;

	begin();
	vsu_event_signal(event);
	ck_assert_int_eq(vmm_page_fetch_add(fetch, event, &number), 0);
	ck_assert_int_eq(pthread_create(&cpu, NULL, read_page, &page), 0);
	ck_assert_uint_eq(expect_want(), GPA + MISSING_PAGE * PAGE);
	send_page(MISSING_PAGE, 5, PAGE);
	pthread_join(cpu, &value);
	ck_assert_uint_eq((uintptr_t)value, 5);
}
END_TEST

START_TEST(c1_04_only_a_userfaultfd_is_adopted)
{
	int event = vsu_event_new(), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int status = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK), 0);
	ck_assert_int_eq(vmem_userfault_adopt(fd), 0);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(vmem_userfault_adopt(event), -EINVAL);
	ck_assert_int_eq(vmem_userfault_adopt(null), -EINVAL);
	ck_assert_int_eq(vmem_userfault_adopt(status), -EINVAL);
	ck_assert_int_eq(vmem_userfault_adopt(here.fd), -EINVAL);
	vsu_fd_close(&event);
	vsu_fd_close(&null);
	vsu_fd_close(&status);
}
END_TEST

/* Hostile: its process makes the descriptor blocking again, and takes the message first. */
START_TEST(c1_04_blocking_descriptor_of_another_process_is_read_without_waiting)
{
	uint64_t at;

	ck_assert_int_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK), 0);
	ck_assert_int_eq(vmem_userfault_next(fd, &at), 0);
}
END_TEST

/* As a process with CAP_SYS_PTRACE opens it, or a negative errno. */
static int open_with_forks(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int own = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), rc;

	if (own < 0 || ioctl(own, UFFDIO_API, &api) == 0)
		return own < 0 ? -errno : own;
	rc = -errno;
	close(own);
	return rc;
}

/* A process whose memory a child has, unlike that of a guest. Its fork waits until the message of it is read. */
static pid_t start_forking(int to)
{
	const struct iovec byte = { (char[1]){ 0 }, 1 };
	const pid_t pid = fork();
	void *at_fork;
	int own;

	if (pid)
		return pid;
	at_fork = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	own = open_with_forks();
	if (own < 0 || at_fork == MAP_FAILED ||
	    vmem_userfault_register(own, (uint64_t)(uintptr_t)at_fork, LEN) < 0 ||
	    vsu_sock_send(to, &byte, 1, &own, 1) != 1 || fork() < 0)
		_exit(1);
	_exit(0);
}

/* Hostile: each fork of its process would leave a descriptor here. */
START_TEST(c1_04_descriptor_of_a_child_of_another_process_is_closed)
{
	const struct iovec byte = { (char[1]){ 0 }, 1 };
	int pair[2], own[VSU_SOCK_MAX_FDS], before, after, status;
	unsigned int n = 0;
	uint64_t at;
	pid_t process;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	process = start_forking(pair[1]);
	ck_assert_int_eq(vsu_sock_recv_wait(pair[0], &byte, 1, own, &n), 1);
	ck_assert_uint_eq(n, 1);
	before = dup(own[0]);
	close(before);
	wait_for(own[0]);
	ck_assert_int_eq(vmem_userfault_next(own[0], &at), 0);
	ck_assert_int_eq(waitpid(process, &status, 0), process);
	ck_assert_int_eq(status, 0);
	after = dup(own[0]);
	close(after);
	ck_assert_int_eq(after, before);
	close(own[0]);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

static const char *no_forks(void)
{
	const int own = open_with_forks();

	if (own < 0)
		return "userfaultfd does not report forks to this user";
	close(own);
	return NULL;
}

/* Linux 6.10 has it. */
static bool may_read_without_waiting(void)
{
	char message[32];
	struct iovec iov = { message, sizeof(message) };

	return preadv2(fd, &iov, 1, -1, RWF_NOWAIT) < 0 && errno == EAGAIN;
}

int main(void)
{
	Suite *s;
	TCase *tc;

	fd = vmem_userfault_open(NULL);
	if (fd < 0) {
		printf("1..0 # SKIP userfaultfd is not permitted: %s\n",
		       strerror(-fd));
		return 0;
	}
	s = suite_create("page_fetch");
	tc = tcase_create("fetch");
	tcase_add_test_unless(tc, may_read_without_waiting() ? NULL : "Linux is older than 6.10",
			      c1_04_blocking_descriptor_of_another_process_is_read_without_waiting);
	vsu_fd_close(&fd);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, thread_waits_for_a_missing_page, 0, COUNT(kinds));
	tcase_add_loop_test(tc, other_pages_stay, 0, COUNT(kinds));
	tcase_add_test(tc, pages_that_are_not_missing_are_ignored);
	tcase_add_test(tc, failure_before_the_guest_runs_releases_its_threads);
	tcase_add_test(tc, failure_while_the_guest_runs_loses_it);
	tcase_add_test(tc, end_of_the_machine_releases_the_source);
	tcase_add_test(tc, end_of_the_machine_releases_a_source_that_sends);
	tcase_add_loop_test(tc, e2_51_source_that_stalls_within_a_section_does_not_keep_the_machine,
			    0, 2);
	tcase_add_loop_test(tc, memory_that_cannot_report_missing_pages_is_refused, 0,
			    COUNT(checked) - 1);
	tcase_add_loop_test_unless(tc, no_disk("."), memory_that_cannot_report_missing_pages_is_refused,
				   COUNT(checked) - 1, COUNT(checked));
	tcase_add_loop_test(tc, rejects_what_is_no_missing_page, 0, COUNT(hostile));
	tcase_add_test(tc, other_process_waits_as_well);
	tcase_add_test(tc, c1_04_broken_descriptor_of_another_process_is_dropped);
	tcase_add_test(tc, c1_04_only_a_userfaultfd_is_adopted);
	tcase_add_test_unless(tc, no_forks(), c1_04_descriptor_of_a_child_of_another_process_is_closed);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
