/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the destination of a migration, on the fake KVM. The test is the source;
 * its machine is one that was saved. All it sends is in the socket before it is read.
 */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/sock.h>

#include "migration/channels.h"
#include "plug_rig.h"

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

/* A machine with 4 MiB and a device has been saved. */
static void setup(void)
{
	static const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", "--cpus=1",
					     "--control=control", "--device=rng", NULL };
	int pair[2];

	rig_init();
	machine_run_words(words, save);
	read_state();
	vmm_machine_free(&rig.machine);
	memset(&rig.machine, 0, sizeof(rig.machine));
	fake_kvm_init();
	fake.nroutes = 1024;
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	vmm_stream_init(&here);
	vmm_stream_init(&there);
	here.fd = pair[0];
	there.fd = pair[1];
}

static void teardown(void)
{
	vmm_machine_free(&rig.machine);
	memset(&rig.machine, 0, sizeof(rig.machine));
	vmm_stream_close(&here);
	vmm_stream_close(&there);
	unlink("saved/memory");
	unlink("saved/state");
	unlink("saved/machine.json");
	ck_assert_int_eq(rmdir("saved"), 0);
	rig_fini();
}

/* ------------------------------------------------------------------ the source */

static void put_section(const char *name, const void *bytes, size_t len)
{
	vmm_stream_begin(&there, name);
	vmm_state_put(&there.w, bytes, len);
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
	struct vmm_state_section section;

	ck_assert_msg(!vmm_stream_expect(&there, name, &section, &rig.err), "%s: %s", name,
		      rig.err.msg);
}

/* The reason that the source receives. */
static void expect_reason(const char *why)
{
	struct vmm_state_section section;
	int rc;

	do
		rc = vmm_stream_expect(&there, "failed", &section, &rig.err);
	while (rc == -EBADMSG);	/* a reply before it */
	ck_assert_int_eq(rc, 0);
	ck_assert_msg(memmem(section.bytes, section.len, why, strlen(why)) != NULL, "%.*s",
		      (int)section.len, (const char *)section.bytes);
}

/* -------------------------------------------------------------- the destination */

static int receive(const char *memory, const char *more)
{
	const char *const words[] = { "kernel", "--serial=null", "--cpus=1", "--device=rng",
				      memory, more, NULL };

	rig_options(words);
	rig.options.start.stream = &here;
	rig.options.start.channels = &channels;
	return rig_try(NULL);
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

int main(void)
{
	Suite *s = suite_create("incoming");
	TCase *tc = tcase_create("incoming");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, guest_continues_with_the_memory_of_the_source, 0, 2);
	tcase_add_loop_test(tc, source_with_other_memory_is_refused_at_both_ends, 0,
			    COUNT(other_memories));
	tcase_add_loop_test(tc, e2_20_section_out_of_order_is_refused_by_name, 0, COUNT(orders));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
