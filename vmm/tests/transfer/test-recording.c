/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the command working-set of a machine that continues a saved one, on the fake KVM. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>

#include "../machine/plug_rig.h"
#include "transfer/recording.h"

#define FILE_NAME "saved/working-set"
#define INCOMPLETE FILE_NAME ".incomplete"

/* The host's disk. The function below replaces that of the C library. */
static struct {
	int error;		/* atomic; 0: fsync() succeeds */
	bool holds;		/* atomic: the next one waits */
	int held, go;		/* eventfds */
} host;

static void wait_for(int event)
{
	struct pollfd p = { .fd = event, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, -1), 1);
}

int fsync(int fd)
{
	if (__atomic_exchange_n(&host.holds, false, __ATOMIC_ACQ_REL)) {
		vsu_event_signal(host.held);
		wait_for(host.go);
	}
	errno = __atomic_load_n(&host.error, __ATOMIC_ACQUIRE);
	return errno ? -1 : (int)syscall(SYS_fsync, fd);
}

static void save(void)
{
	assert_told("save saved\n", DONE);
}

static void run(const char *from, const char *more, void (*what)(void))
{
	const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", "--cpus=2",
				      from ? from : more, from ? more : NULL, NULL };

	rig_free();
	fake_kvm_init();
	machine_run_words(words, what);
}

static int pagemap;

static void setup(void)
{
	rig_init();
	memset(&host, 0, sizeof(host));
	host.held = vsu_event_new();
	host.go = vsu_event_new();
	run(NULL, NULL, save);
	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	rig.owner.pagemap = &pagemap;
}

static void teardown(void)
{
	rig_free();
	close(pagemap);
	unlink("saved/memory");
	unlink("saved/state");
	unlink("saved/machine.json");
	unlink(FILE_NAME);
	unlink(INCOMPLETE);
	ck_assert_int_eq(rmdir("saved"), 0);
	rig_fini();
	close(host.held);
	close(host.go);
}

static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

/* ---------------------------------------------------------------------- a record */

static void record(void)
{
	struct vmm_working_set set = { 0 };
	char answer[64];

	user_says("working-set\n");
	ck_assert_msg(!vmm_recording_load("saved", &set, &rig.err), "%s: %s", said, rig.err.msg);
	snprintf(answer, sizeof(answer), "{\"ok\":true,\"bytes\":%" PRIu64 ",\"ranges\":%zu}\n",
		 (uint64_t)set.bytes, (size_t)set.n);
	ck_assert_str_eq(said, answer);
	vmm_working_set_free(&set);
	ck_assert(!exists(INCOMPLETE));
}

static void record_twice(void)
{
	record();
	record();
}

START_TEST(working_set_is_a_file_of_the_saved_machine)
{
	run("--from=saved", NULL, record_twice);
}
END_TEST

static void record_while_recording(void)
{
	const int first = user_connect();

	__atomic_store_n(&host.holds, true, __ATOMIC_RELEASE);
	user_sends(first, "working-set\n");
	wait_for(host.held);
	assert_refusal("working-set\n", "another recording is in progress");
	ck_assert(!exists(FILE_NAME) && exists(INCOMPLETE));
	vsu_event_signal(host.go);
	ck_assert_ptr_nonnull(strstr(user_hears(first), "{\"ok\":true,\"bytes\":"));
	close(first);
	record();
}

START_TEST(one_recording_runs_at_a_time)
{
	run("--from=saved", NULL, record_while_recording);
}
END_TEST

static void quit_while_recording(void)
{
	const int first = user_connect();

	__atomic_store_n(&host.holds, true, __ATOMIC_RELEASE);
	user_sends(first, "working-set\n");
	wait_for(host.held);
	assert_told("quit\n", DONE);
	vsu_event_signal(host.go);
	close(first);
}

START_TEST(machine_that_ends_completes_its_file)
{
	run("--from=saved", NULL, quit_while_recording);
	rig_free();
	ck_assert(exists(FILE_NAME) && !exists(INCOMPLETE));
}
END_TEST

/* ---------------------------------------------------------------- what is refused */

static void refuse_own(void)
{
	assert_refusal("working-set\n", "working-set: the memory of this machine is not mapped from a saved machine (--from)");
}

static void refuse_prefetched(void)
{
	assert_refusal("working-set\n", "--prefetch has loaded pages that the guest may not use");
}

static const struct {
	const char *from, *more;
	void (*what)(void);
} others[] = {
	{ NULL, NULL, refuse_own },
	{ "--from=saved", "--prefetch", refuse_prefetched },
};

START_TEST(machine_whose_pages_are_not_those_that_it_uses_is_refused)
{
	run(others[_i].from, others[_i].more, others[_i].what);
	ck_assert(!exists(FILE_NAME));
}
END_TEST

static void refuse_without_pagemap(void)
{
	assert_refusal("working-set\n", "working-set: cannot open /proc/self/pagemap");
	assert_refusal("working-set\n", "working-set: cannot open /proc/self/pagemap");
}

START_TEST(process_without_a_table_of_pages_is_refused)
{
	close(pagemap);
	pagemap = 1 << 20;	/* of no file */
	run("--from=saved", NULL, refuse_without_pagemap);
}
END_TEST

/* The former file stays. */
static void fail_to_write(void)
{
	struct stat before, after;

	record();
	ck_assert_int_eq(stat(FILE_NAME, &before), 0);
	__atomic_store_n(&host.error, EIO, __ATOMIC_RELEASE);
	assert_refusal("working-set\n", "cannot write 'saved/working-set': Input/output error");
	ck_assert_int_eq(stat(FILE_NAME, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert(!exists(INCOMPLETE));
	__atomic_store_n(&host.error, 0, __ATOMIC_RELEASE);
	record();
}

START_TEST(failed_write_leaves_the_former_file)
{
	run("--from=saved", NULL, fail_to_write);
}
END_TEST

/* A FIFO or a link in place of the file: the recording does not wait for a reader or write elsewhere. */
static void refuse_strangers(void)
{
	ck_assert_int_eq(mkfifo(INCOMPLETE, 0600), 0);
	assert_refusal("working-set\n", "cannot write 'saved/working-set'");
	unlink(INCOMPLETE);
	ck_assert_int_eq(symlink("../disk", INCOMPLETE), 0);
	assert_refusal("working-set\n", "cannot write 'saved/working-set'");
	unlink(INCOMPLETE);
	ck_assert(!exists(FILE_NAME));
	record();
}

START_TEST(fifo_or_link_in_place_of_the_file_is_refused)
{
	run("--from=saved", NULL, refuse_strangers);
}
END_TEST

/* ------------------------------------------------------------------------ a load */

static int load(void)
{
	struct vmm_working_set set = { 0 };
	const int rc = vmm_recording_load("saved", &set, &rig.err);

	vmm_working_set_free(&set);
	return rc;
}

START_TEST(e2_29_file_of_another_kind_is_refused_by_name)
{
	ck_assert_int_eq(load(), -ENOENT);
	ck_assert_int_eq(mkfifo(FILE_NAME, 0600), 0);
	ck_assert_int_eq(load(), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(rig.err.msg, "cannot read 'saved/working-set'"));
	unlink(FILE_NAME);
	rig_file(FILE_NAME, "", 0);
	ck_assert_int_eq(load(), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(rig.err.msg, "'saved/working-set'"));
}
END_TEST

START_TEST(working_set_without_the_saved_memory_is_refused)
{
	run("--from=saved", NULL, record);
	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(unlink("saved/memory"), 0);
	ck_assert_int_eq(load(), -ENOENT);
	ck_assert_ptr_nonnull(strstr(rig.err.msg, "'saved/working-set': file 'memory'"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("recording");
	TCase *tc = tcase_create("recording");
	const char *why = access("/proc/self/pagemap", R_OK) < 0 ?
			  "the kernel has no CONFIG_PROC_PAGE_MONITOR" : NULL;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test_unless(tc, why, working_set_is_a_file_of_the_saved_machine);
	tcase_add_test_unless(tc, why, one_recording_runs_at_a_time);
	tcase_add_test_unless(tc, why, machine_that_ends_completes_its_file);
	tcase_add_loop_test(tc, machine_whose_pages_are_not_those_that_it_uses_is_refused, 0, COUNT(others));
	tcase_add_test(tc, process_without_a_table_of_pages_is_refused);
	tcase_add_test_unless(tc, why, failed_write_leaves_the_former_file);
	tcase_add_test_unless(tc, why, fifo_or_link_in_place_of_the_file_is_refused);
	tcase_add_test(tc, e2_29_file_of_another_kind_is_refused_by_name);
	tcase_add_test_unless(tc, why, working_set_without_the_saved_memory_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
