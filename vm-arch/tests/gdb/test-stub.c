/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the commands of gdb, for a machine of two CPUs that is a table of bytes. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arch/x86/gdb/registers.h"
#include "gdb/stub_private.h"
#include "../suite.h"
#include "../wrong_struct.h"

#define CPUS 2u
#define BASE 0x1000u
#define MEMORY 0x2000u

static struct {
	struct varch_x86_registers regs[CPUS];
	unsigned char memory[MEMORY];
	enum varch_gdb_action actions[CPUS];
	unsigned int resumed, interrupted, killed;
	struct varch_gdb_breakpoint list[VARCH_GDB_MAX_HARDWARE];
	unsigned int n;
	int set_result, resume_result;
	bool lacks_pages[CPUS];	/* executes a program that does not have them */
	uint64_t copied;	/* 0x1000: the two pages are exchanged */
} target;
static struct varch_gdb_stub *stub;
static char got[20000];

static int get_registers(void *opaque, unsigned int cpu, struct varch_gdb_registers *regs)
{
	(void)opaque;
	memcpy(regs->bytes, &target.regs[cpu], sizeof(target.regs[cpu]));
	return 0;
}

static int set_registers(void *opaque, unsigned int cpu, const struct varch_gdb_registers *regs)
{
	(void)opaque;
	memcpy(&target.regs[cpu], regs->bytes, sizeof(target.regs[cpu]));
	return 0;
}

static int find_memory(void *opaque, unsigned int cpu, uint64_t address, uint64_t *gpa)
{
	(void)opaque;
	if (address < BASE || address >= BASE + MEMORY || target.lacks_pages[cpu])
		return -EFAULT;
	*gpa = (address - BASE) ^ target.copied;
	return 0;
}

static int read_memory(void *opaque, uint64_t gpa, void *to, size_t n)
{
	(void)opaque;
	ck_assert_uint_le(gpa % 4096 + n, 4096);
	memcpy(to, target.memory + gpa, n);
	return 0;
}

static int write_memory(void *opaque, uint64_t gpa, const void *from, size_t n)
{
	(void)opaque;
	ck_assert_uint_le(gpa % 4096 + n, 4096);
	memcpy(target.memory + gpa, from, n);
	return 0;
}

static int set_breakpoints(void *opaque, const struct varch_gdb_breakpoint *list, unsigned int n)
{
	(void)opaque;
	memcpy(target.list, list, n * sizeof(*list));
	target.n = n;
	return target.set_result;
}

static int resume(void *opaque, const enum varch_gdb_action *actions)
{
	(void)opaque;
	memcpy(target.actions, actions, sizeof(target.actions));
	target.resumed++;
	return target.resume_result;
}

static void interrupt(void *opaque)
{
	(void)opaque;
	target.interrupted++;
	varch_gdb_stopped(stub, &(struct varch_gdb_stop){ .interrupted = true });
}

static void kill_machine(void *opaque)
{
	(void)opaque;
	target.killed++;
}

static const struct varch_gdb_ops ops = {
	sizeof(ops), get_registers, set_registers, find_memory, read_memory, write_memory, set_breakpoints, resume, interrupt, kill_machine,
};

static bool ended;		/* by the client */

static void setup(void)
{
	memset(&target, 0, sizeof(target));
	ended = false;
	ck_assert_int_eq(varch_gdb_new(&varch_x86_target, &ops, NULL, CPUS, &stub, NULL), 0);
}

static void teardown(void)
{
	varch_gdb_free(stub);
}

static void take_output(void)
{
	const char *at;
	const int n = varch_gdb_output(stub, 0, &at);

	ck_assert_int_ge(n, 0);
	ck_assert_uint_lt(strlen(got) + (size_t)n, sizeof(got));
	strncat(got, at, (size_t)n);
	ck_assert_int_eq(varch_gdb_output(stub, (size_t)n, &at), ended ? -ECONNRESET : 0);
}

static void feed(const char *bytes, size_t n)
{
	size_t done = 0, part;

	while (done < n) {
		part = varch_gdb_input(stub, (const unsigned char *)bytes + done, n - done);
		ck_assert_uint_gt(part, 0);
		done += part;
		take_output();
	}
}

/* The reply without the frame; "" without a reply. */
static const char *ask_bytes(const char *data, size_t n)
{
	char packet[5000];
	unsigned char sum = 0;
	size_t i;
	char *begin, *end;

	for (i = 0; i < n; i++)
		sum = (unsigned char)(sum + (unsigned char)data[i]);
	packet[0] = '$';
	memcpy(packet + 1, data, n);
	sprintf(packet + 1 + n, "#%02x", sum);
	got[0] = '\0';
	feed(packet, n + 4);
	begin = strchr(got, '$');
	if (!begin)
		return "";
	end = strchr(begin, '#');
	ck_assert_ptr_nonnull(end);
	*end = '\0';
	return begin + 1;
}

static const char *ask(const char *data)
{
	return ask_bytes(data, strlen(data));
}

/* ------------------------------------------------------------------------- packets */

START_TEST(packets_are_acknowledged_until_the_client_switches_it_off)
{
	ask("?");
	ck_assert_int_eq(got[0], '+');
	got[0] = '\0';
	feed("$?#00", 5);
	ck_assert_str_eq(got, "-");
	ck_assert_str_eq(ask("QStartNoAckMode"), "OK");
	ask("?");
	ck_assert_int_eq(got[0], '$');
	got[0] = '\0';
	feed("$?#00", 5);
	ck_assert_str_eq(got, "");
}
END_TEST

START_TEST(last_packet_is_repeated)
{
	ask("qC");
	got[0] = '\0';
	feed("-", 1);
	ck_assert_ptr_nonnull(strstr(got, "$QC1#"));
}
END_TEST

START_TEST(nothing_is_read_before_the_reply_is_sent)
{
	static const char two[] = "$?#3f$?#3f";

	ck_assert_uint_eq(varch_gdb_input(stub, (const unsigned char *)two, 10), 5);
	ck_assert_uint_eq(varch_gdb_input(stub, (const unsigned char *)two + 5, 5), 0);
}
END_TEST

START_TEST(unknown_command_has_an_empty_reply)
{
	ask("jabberwocky");
	ck_assert_str_eq(got, "+$");
	ck_assert_ptr_null(strchr(ask("vMustReplyEmpty"), 'E'));
}
END_TEST

/* ----------------------------------------------------------------------- registers */

START_TEST(registers_are_read_and_written_by_number)
{
	target.regs[1].general[VARCH_X86_RIP] = 0x1122;
	ck_assert_str_eq(ask("Hg2"), "OK");
	ck_assert_str_eq(ask("p10"), "2211000000000000");
	ck_assert_str_eq(ask("P11=46020000"), "OK");
	ck_assert_uint_eq(target.regs[1].eflags, 0x246);
	ck_assert_str_eq(ask("P3a=0100000000000000"), "OK");
	ck_assert_uint_eq(target.regs[1].gs_base, 1);
	ck_assert_uint_eq(target.regs[0].gs_base, 0);
}
END_TEST

START_TEST(all_registers_are_written_as_they_were_read)
{
	char all[1 + 2 * sizeof(struct varch_x86_registers) + 1] = "G";

	memset(&target.regs[0], 0x5a, sizeof(target.regs[0]));
	strcat(all, ask("g"));
	ck_assert_uint_eq(strlen(all), sizeof(all) - 1);
	memset(&target.regs[0], 0, sizeof(target.regs[0]));
	ck_assert_str_eq(ask(all), "OK");
	ck_assert_uint_eq(target.regs[0].gs_base, UINT64_C(0x5a5a5a5a5a5a5a5a));
	ck_assert_uint_eq(target.regs[0].xmm[15][15], 0x5a);
	all[sizeof(all) - 2] = '\0';
	ck_assert_str_eq(ask(all), "E16");
}
END_TEST

static unsigned int count(const char *text, const char *word)
{
	unsigned int n = 0;

	for (; (text = strstr(text, word)); text++)
		n++;
	return n;
}

START_TEST(description_has_each_register_and_comes_in_parts)
{
	char xml[16384] = "", words[80];
	const char *part;

	ck_assert_ptr_nonnull(strstr(ask("qSupported:swbreak+"), "qXfer:features:read+"));
	do {
		snprintf(words, sizeof(words), "qXfer:features:read:target.xml:%zx,300", strlen(xml));
		part = ask(words);
		ck_assert_uint_lt(strlen(xml) + strlen(part), sizeof(xml));
		strcat(xml, part + 1);
	} while (part[0] == 'm');
	ck_assert_str_eq(xml, varch_x86_target.xml);
	ck_assert_uint_eq(count(xml, "<reg "), 59);
}
END_TEST

static const struct varch_gdb_register_row many[] = { { 64, 16 }, { 1, 8 } };
static const struct {
	size_t ops_size;
	struct varch_gdb_target target;
	unsigned int cpus;
	const char *why;
} wrong[] = {
	{ sizeof(ops), { sizeof(wrong[0].target), "", many + 1, 1, 0, 0 }, 0, "0 CPUs; 1 to 64 are possible" },
	{ sizeof(ops), { sizeof(wrong[0].target), "", many + 1, 1, 0, 0 }, VARCH_GDB_MAX_CPUS + 1, "65 CPUs" },
	{ 0, { sizeof(wrong[0].target), "", many + 1, 1, 0, 0 }, 1, "struct varch_gdb_ops" },
	{ sizeof(ops), { 0, "", many + 1, 1, 0, 0 }, 1, "struct varch_gdb_target" },
	{ sizeof(ops), { sizeof(wrong[0].target), NULL, many + 1, 1, 0, 0 }, 1, "a description" },
	{ sizeof(ops), { sizeof(wrong[0].target), "", NULL, 1, 0, 0 }, 1, "target->rows" },
	{ sizeof(ops), { sizeof(wrong[0].target), "", many + 1, 1, 1, 0 }, 1, "a program counter of 8 bytes" },
	{ sizeof(ops), { sizeof(wrong[0].target), "", many, 2, 0, 0 }, 1, "a program counter of 8 bytes" },
	{ sizeof(ops), { sizeof(wrong[0].target), "", many, 2, 64, 0 }, 1, "1032 bytes of registers; at most 1024" },
};

static int pass_ops(const void *object, struct vsu_error *err)
{
	struct varch_gdb_stub *out;

	return varch_gdb_new(&varch_x86_target, object, NULL, CPUS, &out, err);
}

static int pass_target(const void *object, struct vsu_error *err)
{
	struct varch_gdb_stub *out;

	return varch_gdb_new(object, &ops, NULL, CPUS, &out, err);
}

static const struct wrong_struct structs[] = {
	{ "varch_gdb_ops", sizeof(struct varch_gdb_ops), pass_ops, STRUCT_NAMED, false },
	{ "varch_gdb_target", sizeof(struct varch_gdb_target), pass_target, STRUCT_NAMED, false },
};

START_TEST(struct_with_a_wrong_size_or_an_unknown_member_is_refused)
{
	assert_wrong_struct_refused(&structs[_i]);
}
END_TEST

START_TEST(wrong_table_of_operations_or_processor_is_refused)
{
	struct varch_gdb_ops sized = ops;
	struct vsu_error err = { 0 };
	struct varch_gdb_stub *out = NULL;

	sized.size = wrong[_i].ops_size;
	ck_assert_int_eq(varch_gdb_new(&wrong[_i].target, &sized, NULL, wrong[_i].cpus, &out, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, wrong[_i].why));
	ck_assert_ptr_null(out);
}
END_TEST

/* -------------------------------------------------------------------------- memory */

START_TEST(memory_is_read_and_written_across_pages)
{
	ck_assert_str_eq(ask("M1ffe,4:01020304"), "OK");
	ck_assert_uint_eq(target.memory[0x1001], 4);
	ck_assert_str_eq(ask("m1ffd,6"), "000102030400");
	ck_assert_str_eq(ask_bytes("X1000,3:\x00\x41\x42", 11), "OK");
	ck_assert_mem_eq(target.memory, "\x00\x41\x42", 3);
}
END_TEST

START_TEST(memory_ends_where_none_is)
{
	ck_assert_str_eq(ask("m2ffe,8"), "0000");
	ck_assert_str_eq(ask("m3000,8"), "E0e");
	ck_assert_str_eq(ask("mffffffffffffffff,8"), "E0e");
	ck_assert_str_eq(ask("M2fff,2:0102"), "E0e");
}
END_TEST

START_TEST(read_of_any_length_is_bounded)
{
	ck_assert_uint_le(strlen(ask("m1000,ffffffffffffffff")), VARCH_GDB_PACKET);
}
END_TEST

/* ------------------------------------------------------------------------- threads */

START_TEST(cpus_are_threads)
{
	ck_assert_str_eq(ask("qfThreadInfo"), "m1,2");
	ck_assert_str_eq(ask("qsThreadInfo"), "l");
	ck_assert_str_eq(ask("T2"), "OK");
	ck_assert_str_eq(ask("T3"), "E16");
	ck_assert_str_eq(ask("qThreadExtraInfo,2"), "4350552031");	/* CPU 1 */
}
END_TEST

static void check_actions(enum varch_gdb_action first, enum varch_gdb_action second)
{
	ck_assert_int_eq(target.actions[0], first);
	ck_assert_int_eq(target.actions[1], second);
	varch_gdb_stopped(stub, &(struct varch_gdb_stop){ .cpu = 0 });
	take_output();
}

START_TEST(first_action_that_fits_counts)
{
	ck_assert_str_eq(ask("vCont;s:2;c"), "");
	check_actions(VARCH_GDB_RUNS, VARCH_GDB_STEPS);
	ck_assert_str_eq(ask("vCont;S05:1"), "");
	check_actions(VARCH_GDB_STEPS, VARCH_GDB_HOLDS);
	ck_assert_str_eq(ask("vCont;c:-1;s:1"), "");
	check_actions(VARCH_GDB_RUNS, VARCH_GDB_RUNS);
	ask("Hc2");
	ck_assert_str_eq(ask("s1234"), "");
	ck_assert_uint_eq(target.regs[1].general[VARCH_X86_RIP], 0x1234);
	check_actions(VARCH_GDB_RUNS, VARCH_GDB_STEPS);
}
END_TEST

START_TEST(failed_resumption_is_reported_and_stays_stopped)
{
	target.resume_result = -EINVAL;
	ck_assert_str_eq(ask("c"), "E16");
	ck_assert_str_eq(ask("qC"), "QC1");
}
END_TEST

START_TEST(stop_names_the_cpu_and_the_accessed_address)
{
	static const struct varch_gdb_stop why = { .cpu = 1, .watched = true, .kind = VARCH_GDB_WRITE, .address = 0x1008 };

	ask("c");
	got[0] = '\0';
	ck_assert(varch_gdb_stopped(stub, &why));
	ck_assert(!varch_gdb_stopped(stub, &why));
	take_output();
	ck_assert_ptr_nonnull(strstr(got, "$T05thread:2;watch:1008;#"));
	ck_assert_uint_eq(count(got, "T05"), 1);
	ck_assert_str_eq(ask("?"), "T05thread:2;watch:1008;");
}
END_TEST

START_TEST(running_machine_can_only_be_interrupted)
{
	ask("c");
	ck_assert_str_eq(ask("g"), "");
	got[0] = '\0';
	feed("\x03", 1);
	ck_assert_ptr_nonnull(strstr(got, "$T02thread:1;#"));
	feed("\x03", 1);
	ck_assert_uint_eq(target.interrupted, 1);
}
END_TEST

/* --------------------------------------------------------------------- breakpoints */

START_TEST(breakpoint_in_memory_is_not_seen)
{
	target.memory[5] = 0x90;
	ck_assert_str_eq(ask("Z0,1005,1"), "OK");
	ck_assert_str_eq(ask("Z0,1005,1"), "OK");
	ck_assert_uint_eq(target.memory[5], 0xcc);
	ck_assert(varch_gdb_has_software(stub, 0x1005));
	ck_assert_str_eq(ask("m1004,3"), "009000");
	ck_assert_str_eq(ask("M1004,3:112233"), "OK");
	ck_assert_uint_eq(target.memory[5], 0xcc);
	ck_assert_str_eq(ask("z0,1005,1"), "OK");
	ck_assert_uint_eq(target.memory[5], 0x22);
	ck_assert(!varch_gdb_has_software(stub, 0x1005));
}
END_TEST

START_TEST(memory_that_the_guest_has_overwritten_is_kept)
{
	ask("Z0,1005,1");
	target.memory[5] = 0x77;
	ck_assert_str_eq(ask("m1004,3"), "007700");
	ck_assert_str_eq(ask("z0,1005,1"), "OK");
	ck_assert_uint_eq(target.memory[5], 0x77);
}
END_TEST

/* The write reaches the first page; a second one does not exist. */
START_TEST(breakpoint_keeps_what_a_write_that_fails_later_has_written)
{
	ck_assert_str_eq(ask("Z0,2fff,1"), "OK");
	ck_assert_str_eq(ask("M2ffe,3:112233"), "E0e");
	ck_assert_uint_eq(target.memory[0x1ffe], 0x11);
	ck_assert_str_eq(ask("z0,2fff,1"), "OK");
	ck_assert_uint_eq(target.memory[0x1fff], 0x22);
}
END_TEST

/* A kernel may hide its own pages while it executes a program. */
START_TEST(breakpoint_is_removed_from_a_page_that_the_cpu_lacks_now)
{
	target.memory[5] = 0x90;
	ck_assert_str_eq(ask("Z0,1005,1"), "OK");
	ck_assert_uint_eq(target.memory[5], 0xcc);
	target.lacks_pages[0] = target.lacks_pages[1] = true;
	if (_i)
		varch_gdb_end(stub);
	else
		ck_assert_str_eq(ask("z0,1005,1"), "OK");
	ck_assert_uint_eq(target.memory[5], 0x90);
	ck_assert(!varch_gdb_has_software(stub, 0x1005));
}
END_TEST

/* The guest has copied the page with the breakpoint for one of its programs. */
START_TEST(breakpoint_is_removed_from_both_pages_if_the_guest_has_copied_one)
{
	target.memory[5] = 0x90;
	ck_assert_str_eq(ask("Z0,1005,1"), "OK");
	memcpy(target.memory + 0x1000, target.memory, 0x1000);
	target.copied = 0x1000;
	ck_assert_str_eq(ask("z0,1005,1"), "OK");
	ck_assert_uint_eq(target.memory[5], 0x90);
	ck_assert_uint_eq(target.memory[0x1005], 0x90);
}
END_TEST

START_TEST(breakpoints_of_the_processor_are_four)
{
	ck_assert_str_eq(ask("Z1,1000,1"), "OK");
	ck_assert_str_eq(ask("Z2,1008,8"), "OK");
	ck_assert_str_eq(ask("Z4,1010,4"), "OK");
	ck_assert_str_eq(ask("Z1,1001,1"), "OK");
	ck_assert_str_eq(ask("Z1,1000,1"), "OK");
	ck_assert_str_eq(ask("Z1,1002,1"), "E1c");
	ck_assert_uint_eq(target.n, 4);
	ck_assert_str_eq(ask("z2,1008,8"), "OK");
	ck_assert_uint_eq(target.n, 3);
	ck_assert_str_eq(ask("z2,1008,8"), "OK");
}
END_TEST

static const char *const refused[] = {
	"Z", "Z0", "Z5,1000,1", "Z1,1000", "Z2,1001,8", "Z2,1000,3", "Z4,1000,10", "z9,0,1", "p", "p3b", "P10", "P10=00",
	"P3b=00", "G00", "m", "m1", "m1,1x", "M1000,2:00", "M1000,1:000", "Mfff,10000:00", "X1000,2:a", "H", "Hx1", "Hg3", "T", "vCont",
	"vCont;", "vCont;x", "vCont;s:3", "vCont;C", "vCont;c:", "cx", "c1x", "qXfer:features:read:target.xml:", "qXfer:features:read:target.xml:ffffff,1",
	"qThreadExtraInfo,", "qThreadExtraInfo,-1",
};

START_TEST(malformed_command_is_refused)
{
	ck_assert_str_eq(ask(refused[_i]), "E16");
	ck_assert_uint_eq(target.resumed, 0);
}
END_TEST

START_TEST(refused_breakpoint_of_the_processor_is_forgotten)
{
	target.set_result = -EINVAL;
	ck_assert_str_eq(ask("Z1,1000,1"), "E16");
	target.set_result = 0;
	ck_assert_str_eq(ask("Z1,2000,1"), "OK");
	ck_assert_uint_eq(target.n, 1);
}
END_TEST

START_TEST(breakpoints_in_memory_are_bounded)
{
	char words[32];
	unsigned int i;

	for (i = 0; i <= VARCH_GDB_MAX_SOFTWARE; i++) {
		snprintf(words, sizeof(words), "Z0,%x,1", 0x1000 + i);
		ck_assert_str_eq(ask(words), i < VARCH_GDB_MAX_SOFTWARE ? "OK" : "E1c");
	}
}
END_TEST

/* ----------------------------------------------------------------------------- end */

START_TEST(detach_removes_all_breakpoints)
{
	ask("Z0,1000,1");
	ask("Z0,1001,1");
	ask("Z1,1000,1");
	ended = true;
	ck_assert_str_eq(ask("D"), "OK");
	ck_assert_uint_eq(target.n, 0);
	ck_assert_uint_eq(target.memory[0] | target.memory[1], 0);
}
END_TEST

START_TEST(kill_ends_the_machine)
{
	ask("k");
	ck_assert_uint_eq(target.killed, 1);
	ck_assert_str_eq(ask("vKill;1"), "OK");
	ck_assert_uint_eq(target.killed, 2);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, packets_are_acknowledged_until_the_client_switches_it_off);
	tcase_add_test(tc, last_packet_is_repeated);
	tcase_add_test(tc, nothing_is_read_before_the_reply_is_sent);
	tcase_add_test(tc, unknown_command_has_an_empty_reply);
	tcase_add_test(tc, registers_are_read_and_written_by_number);
	tcase_add_test(tc, all_registers_are_written_as_they_were_read);
	tcase_add_test(tc, description_has_each_register_and_comes_in_parts);
	tcase_add_loop_test(tc, struct_with_a_wrong_size_or_an_unknown_member_is_refused, 0, (int)(sizeof(structs) / sizeof(structs[0])));
	tcase_add_loop_test(tc, wrong_table_of_operations_or_processor_is_refused, 0, (int)(sizeof(wrong) / sizeof(wrong[0])));
	tcase_add_test(tc, memory_is_read_and_written_across_pages);
	tcase_add_test(tc, memory_ends_where_none_is);
	tcase_add_test(tc, read_of_any_length_is_bounded);
	tcase_add_test(tc, cpus_are_threads);
	tcase_add_test(tc, first_action_that_fits_counts);
	tcase_add_test(tc, failed_resumption_is_reported_and_stays_stopped);
	tcase_add_test(tc, stop_names_the_cpu_and_the_accessed_address);
	tcase_add_test(tc, running_machine_can_only_be_interrupted);
	tcase_add_test(tc, breakpoint_in_memory_is_not_seen);
	tcase_add_test(tc, memory_that_the_guest_has_overwritten_is_kept);
	tcase_add_test(tc, breakpoint_keeps_what_a_write_that_fails_later_has_written);
	tcase_add_loop_test(tc, breakpoint_is_removed_from_a_page_that_the_cpu_lacks_now, 0, 2);
	tcase_add_test(tc, breakpoint_is_removed_from_both_pages_if_the_guest_has_copied_one);
	tcase_add_test(tc, breakpoints_of_the_processor_are_four);
	tcase_add_loop_test(tc, malformed_command_is_refused, 0, (int)(sizeof(refused) / sizeof(refused[0])));
	tcase_add_test(tc, refused_breakpoint_of_the_processor_is_forgotten);
	tcase_add_test(tc, breakpoints_in_memory_are_bounded);
	tcase_add_test(tc, detach_removes_all_breakpoints);
	tcase_add_test(tc, kill_ends_the_machine);
}

int main(void)
{
	Suite *s = suite_create("stub");
	TCase *tc = tcase_create("stub");

	tcase_add_checked_fixture(tc, setup, teardown);
	add_tests(tc);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
