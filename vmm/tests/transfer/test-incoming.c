/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the destination of a migration, on the fake KVM. The test is the source;
 * its machine is one that was saved. All it sends is in the socket before it is read.
 */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vm-memory/userfault.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "migration/channels.h"
#include "transfer/postcopy.h"
#include "../back_end.h"
#include "../disk.h"
#include "../machine/plug_rig.h"
#include "../turns.h"

#define CONTENT 0x300000u	/* address of a page that the source sends */

static struct vmm_stream here, there;
static struct vmm_channels channels;
static unsigned char state[65536];
static size_t state_len;

static void save(void)
{
	assert_told("save saved\n", DONE);
}

static void read_state(void)
{
	FILE *from = fopen("saved/state", "r");

	ck_assert_ptr_nonnull(from);
	state_len = fread(state, 1, sizeof(state), from);
	ck_assert(feof(from));
	fclose(from);
}

static void save_machine(const char *const *words)
{
	machine_run_words(words, save);
	read_state();
	rig_free();
	fake_kvm_init();
	fake.has_msi = true;
}

static void remove_saved(void)
{
	unlink("saved/memory");
	unlink("saved/state");
	unlink("saved/machine.json");
	ck_assert_int_eq(rmdir("saved"), 0);
}

/* A machine with 4 MiB and a device has been saved. */
static void setup(void)
{
	static const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", "--cpus=1",
					     "--device=rng", NULL };
	int pair[2];

	rig_init();
	save_machine(words);
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	vmm_stream_init(&here);
	vmm_stream_init(&there);
	here.fd = pair[0];
	there.fd = pair[1];
}

static void teardown(void)
{
	rig_free();
	vmm_stream_close(&here);
	vmm_stream_close(&there);
	remove_saved();
	rig_fini();
}

/* ------------------------------------------------------------------ the source */

static void put_section(const char *name, const void *bytes, size_t len)
{
	vmm_stream_begin(&there, name);
	vsu_state_put(&there.w, bytes, len);
	ck_assert_msg(!vmm_stream_send(&there, &rig.err), "%s", rig.err.msg);
}

static void put_page(int value)
{
	unsigned char bytes[8 + 4096];

	memset(bytes, value, sizeof(bytes));
	memcpy(bytes, (const uint64_t[]){ CONTENT }, 8);
	put_section("pages", bytes, sizeof(bytes));
}

/* paused: of the guest, by its user. */
static void put_machine(uint32_t paused)
{
	put_section("head", state, state_len);
	put_section("shared", "", 0);
	put_page(0x5a);
	put_section("state", state, state_len);
	put_section("go", &paused, sizeof(paused));
}

static void expect(const char *name)
{
	struct vsu_state_section section;

	ck_assert_msg(!vmm_stream_expect(&there, name, &section, &rig.err), "%s: %s", name,
		      rig.err.msg);
}

/* The reason that the source receives. */
static void expect_reason(const char *why)
{
	struct vsu_state_section section;
	int rc;

	do
		rc = vmm_stream_expect(&there, "failed", &section, &rig.err);
	while (rc == -EBADMSG);	/* a reply before it */
	ck_assert_int_eq(rc, 0);
	ck_assert_msg(memmem(section.bytes, section.len, why, strlen(why)) != NULL, "%.*s",
		      (int)section.len, (const char *)section.bytes);
}

/* -------------------------------------------------------------- the destination */

static int receive_for(const struct cvmm_host *owner, const char *memory, const char *more)
{
	const char *const words[] = { "kernel", "--serial=null", "--cpus=1", "--device=rng",
				      memory, more, NULL };

	rig_options(words);
	rig.options.start.stream = &here;
	rig.options.start.channels = &channels;
	return rig_try(owner);
}

static int receive(const char *memory, const char *more)
{
	return receive_for(NULL, memory, more);
}

START_TEST(guest_continues_with_the_memory_of_the_source)
{
	put_machine((uint32_t)_i);
	ck_assert_msg(receive(OWN_MEMORY, NULL) == VSU_EXIT_OK, "%s", rig.err.msg);
	expect("ready");
	expect("loaded");
	expect("running");
	ck_assert_uint_eq(rig_number(CONTENT, 4), 0x5a5a5a5a);
	ck_assert(fake.cpu[0].has_regs);
	ck_assert_int_eq(rig.machine.pause.life.guest, _i ? VMM_PAUSED : VMM_RUNS);
	ck_assert_int_eq(here.fd, -1);
}
END_TEST

static const struct {
	const char *memory, *more, *says;
} other_memories[] = {
	{ "--memory=size=2M", NULL,
	  "the source has 4194304 bytes of memory at 0, which this machine lacks" },
	{ "--memory=size=8M", NULL,
	  "the source has 4194304 bytes of memory at 0, which this machine lacks" },
	{ OWN_MEMORY, OWN_MEMORY, "this machine has more memory than the source" },
};

START_TEST(source_with_other_memory_is_refused_at_both_ends)
{
	put_machine(0);
	ck_assert_int_ne(receive(other_memories[_i].memory, other_memories[_i].more),
			 VSU_EXIT_OK);
	ck_assert_msg(strstr(rig.err.msg, other_memories[_i].says) != NULL, "%s", rig.err.msg);
	expect_reason(other_memories[_i].says);
	ck_assert(!fake.cpu[0].has_regs);
}
END_TEST

/* -------------------------------------------------------------------- post-copy */

#define MISSING (CONTENT + 4096u)	/* address of a page that follows later */

/* The source has switched: a guest address, and a bit for each missing page behind it. */
static void put_switch(uint64_t gpa, uint64_t pages)
{
	put_section("postcopy", "", 0);
	put_section("head", state, state_len);
	put_section("shared", "", 0);
	put_page(0x5a);
	put_section("missing", (const uint64_t[]){ gpa, pages }, 16);
	put_section("state", state, state_len);
}

static void put_go(uint32_t paused)
{
	put_section("go", &paused, sizeof(paused));
}

static void put_missing_page(int value)
{
	unsigned char bytes[8 + 4096];

	memset(bytes, value, sizeof(bytes));
	memcpy(bytes, (const uint64_t[]){ MISSING }, 8);
	put_section("pages", bytes, sizeof(bytes));
}

static void expect_arrival(void)
{
	expect("postcopy");
	expect("ready");
	expect("loaded");
	expect("running");
}

/* As a processor of the guest. */
static void *read_missing(void *value)
{
	*(uint64_t *)value = rig_number(MISSING, 4);
	return NULL;
}

START_TEST(guest_runs_before_its_memory_has_arrived)
{
	struct vsu_state_section want;
	uint64_t value = 0;
	pthread_t cpu;

	put_switch(MISSING, 1);
	put_go((uint32_t)_i);
	ck_assert_msg(receive(OWN_MEMORY, NULL) == VSU_EXIT_OK, "%s", rig.err.msg);
	expect_arrival();
	vmm_life_start(&rig.machine.pause.life, VMM_ARRIVES);
	ck_assert_int_eq(rig.machine.pause.life.guest, _i ? VMM_PAUSED : VMM_RUNS);
	ck_assert_uint_eq(vmm_postcopy_left(&rig.machine), 4096);
	ck_assert(vmm_postcopy_is_confirmed(&rig.machine));
	ck_assert_uint_eq(rig_number(CONTENT, 4), 0x5a5a5a5a);
	ck_assert_int_eq(pthread_create(&cpu, NULL, read_missing, &value), 0);
	ck_assert_int_eq(vmm_stream_expect(&there, "want", &want, &rig.err), 0);
	put_missing_page(0x66);
	ck_assert_int_eq(pthread_join(cpu, NULL), 0);
	ck_assert_uint_eq(value, 0x66666666);
	while (vmm_postcopy_is_active(&rig.machine))
		loop_once(rig.machine.loop);
	ck_assert_int_eq(rig.machine.pause.life.now, _i ? VMM_PAUSED : VMM_RUNS);
	ck_assert_uint_eq(vmm_postcopy_left(&rig.machine), 0);
	ck_assert_int_eq(here.fd, -1);
}
END_TEST

START_TEST(source_that_did_not_switch_has_sent_all_memory)
{
	put_section("postcopy", "", 0);
	put_machine(0);
	ck_assert_msg(receive(OWN_MEMORY, NULL) == VSU_EXIT_OK, "%s", rig.err.msg);
	expect_arrival();
	ck_assert(!vmm_postcopy_is_active(&rig.machine));
	ck_assert_uint_eq(rig_number(MISSING, 4), 0);
	ck_assert_int_eq(here.fd, -1);
}
END_TEST

START_TEST(additional_connection_has_the_closer_of_the_machine)
{
	put_section("tail", "", 0);
	channels.channel = calloc(1, sizeof(*channels.channel));
	ck_assert_ptr_nonnull(channels.channel);
	vmm_stream_init(&channels.channel[0].stream);
	channels.n = 1;
	here.has_fds = true;
	ck_assert_int_ne(receive_for(&rig.owner, OWN_MEMORY, NULL), VSU_EXIT_OK);
	ck_assert_ptr_nonnull(channels.channel[0].stream.closer);
	vmm_channels_close(&channels);
}
END_TEST

/* As after the removal of the first device. */
START_TEST(free_slot_of_the_bus_waits_for_no_page)
{
	static const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", "--cpus=1",
					     "--transport=pci", "--device=none",
					     "--device=rng", NULL };

	remove_saved();
	save_machine(words);
	put_section("postcopy", "", 0);
	put_machine(0);
	rig_options(words);
	rig.options.start.stream = &here;
	rig.options.start.channels = &channels;
	ck_assert_msg(rig_try(NULL) == VSU_EXIT_OK, "%s", rig.err.msg);
	expect_arrival();
}
END_TEST

/* The guest continues there: nothing here waits for its pages. */
START_TEST(e2_33_source_that_ends_before_the_switch_keeps_the_guest)
{
	put_switch(MISSING, 1);
	vmm_stream_close(&there);
	ck_assert_int_ne(receive(OWN_MEMORY, NULL), VSU_EXIT_OK);
	ck_assert_msg(strstr(rig.err.msg, "option --incoming: ") != NULL, "%s", rig.err.msg);
	ck_assert(!vmm_postcopy_is_confirmed(&rig.machine));
}
END_TEST

static const struct {
	uint64_t gpa, pages;
	const char *says;
} lists[] = {
	{ 4 * MIB, 1, "missing page 0x400000 is not in guest memory" },
	{ 4 * MIB - 4096, 2, "missing page 0x400000 is not in guest memory" },
	{ 100, 1, "the address 0x64, which is not the start of a page" },
};

START_TEST(e2_32_missing_page_that_is_no_memory_is_refused_at_both_ends)
{
	put_switch(lists[_i].gpa, lists[_i].pages);
	ck_assert_int_ne(receive(OWN_MEMORY, NULL), VSU_EXIT_OK);
	ck_assert_msg(strstr(rig.err.msg, lists[_i].says) != NULL, "%s", rig.err.msg);
	expect_reason(lists[_i].says);
}
END_TEST

/* A back-end has these files in its memory, too; on a disk they cannot report missing pages. */
static const struct {
	const char *memory, *more;
	bool passed;		/* the first two MiB are not sent */
	const char *says;
} files[] = {
	{ SHARED_MEMORY, "--pmem=ram", false,
	  "cannot wait for missing pages beside the window of 'pmem'" },
	{ "--memory=size=2M,backend=file,mem-path=ram,share=on", "--memory=size=2M,backend=memfd", true,
	  "the memory at 0 is a file that cannot report missing pages to a back-end" },
};

static void pass_file(void)
{
	const int fd = open("ram", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	vmm_stream_begin(&there, "shared");
	vsu_state_put_u64(&there.w, 0);
	vsu_state_put_u64(&there.w, 0);
	vsu_state_put_u64(&there.w, 2 * MIB);
	here.has_fds = true;
	there.send_fds = &fd;
	there.nsend_fds = 1;
	ck_assert_int_eq(vmm_stream_send(&there, &rig.err), 0);
	close(fd);
}

START_TEST(file_beside_a_back_end_is_refused_before_the_switch)
{
	char device[160];
	const char *const words[] = { "kernel", files[_i].memory, "--serial=null", "--cpus=1",
				      files[_i].more, device, NULL };

	back_end_postcopy = true;
	back_end_start(VQ_F_VERSION_1);
	snprintf(device, sizeof(device), "--device=id=26,queues=1,config-size=4,backend=user:%s", be.path);
	rig_file("ram", "", 0);
	ck_assert_int_eq(truncate("ram", 2 * MIB), 0);
	remove_saved();
	save_machine(words);
	back_end_stop();
	back_end_serve();
	put_section("postcopy", "", 0);
	put_section("head", state, state_len);
	if (files[_i].passed)
		pass_file();
	else
		put_section("shared", "", 0);
	ck_assert_int_eq(shutdown(there.fd, SHUT_WR), 0);
	rig_options(words);
	rig.options.start.stream = &here;
	rig.options.start.channels = &channels;
	ck_assert_int_ne(rig_try(NULL), VSU_EXIT_OK);
	ck_assert_msg(strstr(rig.err.msg, files[_i].says) != NULL, "%s", rig.err.msg);
	expect_reason(files[_i].says);
	rig_free();
	back_end_free();
}
END_TEST

static void on_abandon(void *opaque, int status, const struct vsu_error *why)
{
	(void)opaque;
	_exit(status == VSU_EXIT_HOST && strstr(why->msg, "; 4096 bytes of the guest's memory had not arrived, and the guest is lost") ?
	      42 : 43);
}

/* By its main thread, or by the other one if the main thread waits for a page. */
START_TEST(e2_33_machine_whose_source_is_lost_ends)
{
	uint64_t value;
	int status;
	pid_t pid;

	put_switch(MISSING, 1);
	put_go(0);
	pid = fork();
	if (!pid) {
		rig.owner.stuck = on_abandon;
		if (receive_for(&rig.owner, OWN_MEMORY, NULL))
			_exit(44);
		vmm_stream_close(&there);
		if (_i)
			read_missing(&value);
		for (;;)
			loop_once(rig.machine.loop);
	}
	vmm_stream_close(&there);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 42);
}
END_TEST

/* Sections that the source sends before, or in place of, another one. */
static const struct {
	const char *names[4];
	const char *says;
} orders[] = {
	{ { "ready" }, "the stream has section 'ready' in place of 'head'" },
	{ { "head", "state" }, "the stream has section 'state' in place of 'shared'" },
	{ { "head", "shared", "end" }, "the stream has section 'end' among the memory" },
	{ { "head", "shared", "state", "ready" }, "the stream has section 'ready' in place of 'go'" },
};

START_TEST(failure_of_the_source_before_the_head_is_reported)
{
	put_section("failed", "no memory", 9);
	ck_assert_int_ne(receive(OWN_MEMORY, NULL), VSU_EXIT_OK);
	ck_assert_msg(strstr(rig.err.msg, "the other side failed: no memory") != NULL, "%s", rig.err.msg);
}
END_TEST

START_TEST(e2_20_section_out_of_order_is_refused_by_name)
{
	const char *const *name = orders[_i].names;

	for (; name < orders[_i].names + 4 && *name; name++) {
		const bool has_state = !strcmp(*name, "head") || !strcmp(*name, "state");

		put_section(*name, state, has_state ? state_len : 0);
	}
	ck_assert_int_ne(receive(OWN_MEMORY, NULL), VSU_EXIT_OK);
	ck_assert_msg(strstr(rig.err.msg, orders[_i].says) != NULL, "%s", rig.err.msg);
	expect_reason(orders[_i].says);
}
END_TEST

static const char *no_userfault(void)
{
	int fd = vmem_userfault_open(NULL);
	const bool lacks = fd < 0;

	vsu_fd_close(&fd);
	return lacks ? "this user may not use userfaultfd" : NULL;
}

int main(void)
{
	Suite *s = suite_create("incoming");
	TCase *tc = tcase_create("incoming");
	const char *why = no_userfault();

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, guest_continues_with_the_memory_of_the_source, 0, 2);
	tcase_add_loop_test(tc, source_with_other_memory_is_refused_at_both_ends, 0,
			    COUNT(other_memories));
	tcase_add_loop_test_unless(tc, why, guest_runs_before_its_memory_has_arrived, 0, 2);
	tcase_add_test_unless(tc, why, source_that_did_not_switch_has_sent_all_memory);
	tcase_add_test_unless(tc, why, free_slot_of_the_bus_waits_for_no_page);
	tcase_add_test_unless(tc, why, e2_33_source_that_ends_before_the_switch_keeps_the_guest);
	tcase_add_loop_test_unless(tc, why, e2_32_missing_page_that_is_no_memory_is_refused_at_both_ends,
				   0, COUNT(lists));
	tcase_add_loop_test_unless(tc, why ? why : no_disk("/tmp"),
				   file_beside_a_back_end_is_refused_before_the_switch, 0, COUNT(files));
	tcase_add_loop_test_unless(tc, why, e2_33_machine_whose_source_is_lost_ends, 0, 2);
	tcase_add_test(tc, additional_connection_has_the_closer_of_the_machine);
	tcase_add_test(tc, failure_of_the_source_before_the_head_is_reported);
	tcase_add_loop_test(tc, e2_20_section_out_of_order_is_refused_by_name, 0, COUNT(orders));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
