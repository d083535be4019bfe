/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the command line of "cvmm run". */
#include <config.h>

#include "cvmm/exit_status.h"
#include "config/option_rows.h"
#include "config/options.h"
#include "config/device_option.h"
#include "config/device_rows.h"
#include "memory/memory_options.h"
#include "../util.h"
#include "../parse.h"

static struct vmm_options o;
static struct vsu_error err;

/* "run" and up to 15 words, separated by blanks. */
static int parse(const char *line)
{
	static char words[1024];
	char *argv[17], *word;
	int argc = 0;

	vsu_error_clear(&err);
	vmm_options_free(&o);
	snprintf(words, sizeof(words), "run %s", line);
	for (word = strtok(words, " "); word && argc < 16;
	     word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return parse_options(&o, argc, argv, &err);
}

static const struct { const char *line; unsigned int n, max; } cpus[] = {
	{ "k", 1, 1 }, { "k --cpus=3", 3, 3 }, { "k --cpus=3,max=3", 3, 3 }, { "k --cpus=1,max=64", 1, 64 },
	{ "k --cpus=count=2,max=8", 2, 8 }, { "k --cpus=max=8", 1, 8 }, { "k --cpus=0x10", 16, 16 },
};

START_TEST(cpus_have_a_number_and_a_maximum)
{
	ck_assert_int_eq(parse(cpus[_i].line), 0);
	ck_assert_uint_eq(o.machine.cpus.n, cpus[_i].n);
	ck_assert_uint_eq(o.machine.cpus.max, cpus[_i].max);
}
END_TEST

START_TEST(kernel_and_disk_are_enough)
{
	ck_assert_int_eq(parse("builtin:selftest disk.img"), 0);
	ck_assert_str_eq(o.machine.kernel, "builtin:selftest");
	ck_assert_uint_eq(o.machine.ndevices, 1);
	ck_assert_int_eq(o.machine.devices[0].how, VMM_DEVICE_DISK_PATH);
	ck_assert_str_eq(o.machine.devices[0].list, "disk.img");
	ck_assert_uint_eq(o.machine.cpus.n, 1);
	ck_assert(o.machine.memory.n == 1 && o.machine.memory.preset);
	ck_assert(!o.machine.serial.path && !o.start.dry_run);
}
END_TEST

START_TEST(operands_stand_anywhere_between_options)
{
	ck_assert_int_eq(parse("--cpus=2 kernel --memory size=1M a.img "
			       "--disk path=b.img c.img --dry-run"), 0);
	ck_assert_str_eq(o.machine.kernel, "kernel");
	ck_assert_uint_eq(o.machine.cpus.n, 2);
	ck_assert_uint_eq(vmem_backend_value(o.machine.memory.list[0].backend, "size"), 1 << 20);
	ck_assert_uint_eq(o.machine.ndevices, 3);
	ck_assert_str_eq(o.machine.devices[0].list, "a.img");
	ck_assert_int_eq(o.machine.devices[1].how, VMM_DEVICE_DISK);
	ck_assert_str_eq(o.machine.devices[2].list, "c.img");
	ck_assert(o.start.dry_run);
}
END_TEST

START_TEST(memory_disk_and_device_may_repeat)
{
	ck_assert_int_eq(parse("k --memory=size=1M --memory=size=2M "
			       "--device=id=1,backend=user:a "
			       "--device=id=1,backend=user:b"), 0);
	ck_assert_uint_eq(o.machine.memory.n, 2);
	ck_assert_uint_eq(vmem_backend_value(o.machine.memory.list[1].backend, "size"), 2 << 20);
	ck_assert_uint_eq(o.machine.ndevices, 2);
	ck_assert_int_eq(o.machine.devices[1].how, VMM_DEVICE_ANY);
}
END_TEST

START_TEST(vsock_is_a_device_in_its_place)
{
	ck_assert_int_eq(parse("k --vsock cid=3,path=v b.img"), 0);
	ck_assert_int_eq(o.machine.devices[0].how, VMM_DEVICE_VSOCK);
	ck_assert_str_eq(o.machine.devices[0].list, "cid=3,path=v");
}
END_TEST

START_TEST(rng_is_a_device_in_its_place)
{
	ck_assert_int_eq(parse("k a.img --rng rate=64k --rng= b.img"), 0);
	ck_assert_uint_eq(o.machine.ndevices, 4);
	ck_assert_int_eq(o.machine.devices[1].how, VMM_DEVICE_RNG);
	ck_assert_str_eq(o.machine.devices[1].list, "rate=64k");
	ck_assert_str_eq(o.machine.devices[2].list, "");
}
END_TEST

START_TEST(words_behind_two_dashes_are_operands)
{
	ck_assert_int_eq(parse("--cpus=2 -- kernel --cpus=3 --"), 0);
	ck_assert_str_eq(o.machine.kernel, "kernel");
	ck_assert_uint_eq(o.machine.cpus.n, 2);
	ck_assert_uint_eq(o.machine.ndevices, 2);
	ck_assert_str_eq(o.machine.devices[0].list, "--cpus=3");
	ck_assert_str_eq(o.machine.devices[1].list, "--");
}
END_TEST

START_TEST(choices_are_taken)
{
	ck_assert_int_eq(parse("k --cpu=plain "
			       "--on-memory-error=pause --initrd=i --append=a "
			       "--serial=null --transport=pci"), 0);
	ck_assert_uint_eq(o.machine.cpu.choice.model, VARCH_CPU_PLAIN);
	ck_assert_int_eq(o.machine.transport, VMM_TRANSPORT_PCI);
	ck_assert_int_eq(o.machine.on_memory_error, VMM_ON_MEMORY_ERROR_PAUSE);
	ck_assert_str_eq(o.machine.initrd, "i");
	ck_assert_str_eq(o.machine.append, "a");
	ck_assert_int_eq(o.machine.serial.how, VMM_SERIAL_NULL);
	ck_assert_int_eq(parse("k --cpu=host"), 0);
	ck_assert_int_eq(o.machine.cpu.choice.model, VARCH_CPU_HOST);
	ck_assert_int_eq(parse("k --cpu=list:vendor=GenuineIntel,family=6,model=94,stepping=3,sse3"), 0);
	ck_assert_int_eq(o.machine.cpu.choice.model, VARCH_CPU_DESCRIBED);
	ck_assert_uint_eq(o.machine.cpu.choice.described.model, 94);
}
END_TEST

START_TEST(name_has_letters_digits_and_few_others)
{
	static const char *const refused[] = { "", "a/b", "a:b", "a\x1b[2J", "\xc3\xa4", "a,b" };
	char line[128] = "k --name=";
	unsigned int i;

	ck_assert_int_eq(parse("k --name=Web-1_a.b"), 0);
	ck_assert_str_eq(o.machine.name, "Web-1_a.b");
	for (i = 0; i < COUNT(refused); i++) {
		snprintf(line, sizeof(line), "k --name=%s", refused[i]);
		ck_assert_int_eq(parse(line), -EINVAL);
	}
	memset(line + 9, 'n', CVMM_OPTION_MAX_NAME + 1);
	line[9 + CVMM_OPTION_MAX_NAME + 1] = '\0';
	ck_assert_int_eq(parse(line), -EINVAL);
	line[9 + CVMM_OPTION_MAX_NAME] = '\0';
	ck_assert_int_eq(parse(line), 0);
}
END_TEST

START_TEST(lists_are_parsed_with_the_options)
{
	ck_assert_int_eq(parse("k a,b --net=t0,backend=spawn --memory=size=1M,backend=file,mem-path=m"), 0);
	ck_assert(o.machine.specs[0].kind == devkind_blk() && o.machine.specs[1].spawned);
	ck_assert_uint_eq(o.machine.memory.n, 1);
	ck_assert_str_eq(vmem_backend_text(o.machine.memory.list[0].backend, "mem-path"), "m");
	ck_assert_int_eq(parse("k --disk=path=a,pth=b"), -ENOENT);
	ck_assert_int_eq(parse("k --memory=size=1M,sice=2"), -ENOENT);
	ck_assert_int_eq(parse("k --memory=size=0"), -EINVAL);
	ck_assert_int_eq(parse("k --memory=size=1M --memory=size=1M,at=1"), -EINVAL);
	ck_assert(!o.machine.specs && !o.machine.memory.n);
	/* also those that a saved machine has had */
	ck_assert_int_eq(parse("k --from=f --memory=size=0"), -EINVAL);
}
END_TEST

START_TEST(options_outlive_their_words)
{
	char words[][24] = { "run", "kernel", "a.img", "--append", "text", "--memory=size=1M" };
	char *argv[COUNT(words) + 1] = { NULL };
	unsigned int i;

	for (i = 0; i < COUNT(words); i++)
		argv[i] = words[i];
	vmm_options_free(&o);
	ck_assert_int_eq(parse_options(&o, COUNT(words), argv, &err), 0);
	memset(words, 'x', sizeof(words));
	ck_assert_str_eq(o.machine.kernel, "kernel");
	ck_assert_str_eq(o.machine.devices[0].list, "a.img");
	ck_assert_str_eq(o.machine.append, "text");
	ck_assert_uint_eq(vmem_backend_value(o.machine.memory.list[0].backend, "size"), 1 << 20);
	ck_assert_str_eq(o.machine.arguments.list[3].value.text, "size=1M");
}
END_TEST

/* Only a list that is a table's own, and flags, numbers and words, refer to nothing. */
START_TEST(every_option_has_its_columns)
{
	const struct vmm_option_row *row = &vmm_option_rows[_i];
	const bool stored = row->place.kind != VSU_PLACE_NONE;
	const char *name = row->option.name;

	ck_assert_msg(row->scope != 0, "%s", name);
	ck_assert_msg((row->option.kind == VSU_OPTION_STRING ||
		       row->option.kind == VSU_OPTION_OPERAND) == (row->refers != DEVKIND_REFERS_NOTHING),
		      "%s", name);
	ck_assert_msg(stored + !!row->how == (row->scope != VMM_SCOPE_OWNER && !row->once) || !strcmp(name, "memory"),
		      "%s", name);
	ck_assert_msg((row->scope == VMM_SCOPE_START) <= (row->change == VMM_CHANGE_START), "%s", name);
	ck_assert_msg(!row->needs || vmm_option_named(row->needs, strlen(row->needs)), "%s", name);
	ck_assert_msg(row->change == VMM_CHANGE_OWN || !row->kept_value, "%s", name);
}
END_TEST

START_TEST(a_value_is_in_the_part_of_its_scope)
{
	static const struct { size_t at, end; } parts[] = {
#define PART(member) { offsetof(struct vmm_options, member), \
		       offsetof(struct vmm_options, member) + sizeof(o.member) }
		[VMM_SCOPE_MACHINE] = PART(machine), [VMM_SCOPE_START] = PART(start),
#undef PART
	};
	const struct vmm_option_row *row = &vmm_option_rows[_i];
	const bool has_member = row->place.kind != VSU_PLACE_NONE;

	ck_assert_msg(!has_member || (row->place.at >= parts[row->scope].at &&
				      row->place.at < parts[row->scope].end),
		      "%s", row->option.name);
}
END_TEST

START_TEST(every_key_beside_those_of_kinds_has_its_columns)
{
	const struct vmm_spec_key *k = _i < VMM_KEYS_COMMON ? &vmm_common_keys[_i] :
							      &vmm_any_keys[_i - VMM_KEYS_COMMON];
	const bool is_text = k->option.kind == VSU_OPTION_STRING;

	ck_assert_msg(is_text == (k->refers != DEVKIND_REFERS_NOTHING), "%s", k->option.name);
	ck_assert_msg(is_text == (k->place.kind == VSU_PLACE_NONE), "%s", k->option.name);
}
END_TEST

static int count_rows(void)
{
	int n = 0;

	while (vmm_option_rows[n].option.name)
		n++;
	return n;
}

static const struct { const char *text, *path; int how; } serials[] = {
	{ NULL, NULL, VMM_SERIAL_DEFAULT }, { "stdio", NULL, VMM_SERIAL_STDIO },
	{ "null", NULL, VMM_SERIAL_NULL }, { "nul", "nul", VMM_SERIAL_FILE },
	{ "./stdio", "./stdio", VMM_SERIAL_FILE }, { "pty", NULL, VMM_SERIAL_PTY },
	{ "./pty", "./pty", VMM_SERIAL_FILE }, { "ptys", "ptys", VMM_SERIAL_FILE },
	{ "socket:a", "a", VMM_SERIAL_SOCKET }, { "socket:", "", VMM_SERIAL_SOCKET },
	{ "socket", "socket", VMM_SERIAL_FILE }, { "./socket:a", "./socket:a", VMM_SERIAL_FILE },
};

START_TEST(serial_port_ends_at_a_word_or_a_file)
{
	struct vmm_serial_end end = { .path = serials[_i].text };

	vmm_serial_end_read(&end);
	ck_assert_int_eq(end.how, serials[_i].how);
	ck_assert_pstr_eq(end.path, serials[_i].path);
}
END_TEST

static const struct refusal {
	const char *line;
	int code, status;
	const char *msg;
} refusals[] = {
	{ "", -ENOENT, VSU_EXIT_USAGE,
	  "no kernel is named" },
	{ "k --momory=size=1M", -ENOENT, VSU_EXIT_USAGE,
	  "unknown option '--momory'; did you mean '--memory'?" },
	{ "k --xyzzy", -ENOENT, VSU_EXIT_USAGE,
	  "unknown option '--xyzzy'" },
	{ "k --cpus=1 --cpus=2", -EINVAL, VSU_EXIT_DATA,
	  "option --cpus is specified more than once" },
	{ "--cpus=1 k --cpus=2", -EINVAL, VSU_EXIT_DATA,
	  "option --cpus is specified more than once" },
	{ "--cmdline=a k d --cmdline=b", -EINVAL, VSU_EXIT_DATA,
	  "option --cmdline is specified more than once" },
	{ "k --cpus=0", -EINVAL, VSU_EXIT_DATA,
	  "--cpus: key 'count': 0 is out of range; allowed is 1 to 64" },
	{ "k --cpus=65", -EINVAL, VSU_EXIT_DATA,
	  "--cpus: key 'count': 65 is out of range; allowed is 1 to 64" },
	{ "k --cpus=1,max=65", -EINVAL, VSU_EXIT_DATA,
	  "--cpus: key 'max': 65 is out of range; allowed is 1 to 64" },
	{ "k --cpus=1,max=0", -EINVAL, VSU_EXIT_DATA,
	  "--cpus: key 'max': 0 is out of range; allowed is 1 to 64" },
	{ "k --cpus=4,max=2", -EINVAL, VSU_EXIT_DATA,
	  "--cpus '4,max=2': the guest begins with 4 CPUs, which is more than the maximum; use max=4 or more" },
	{ "k --cpus=1,most=2", -ENOENT, VSU_EXIT_USAGE,
	  "--cpus: unknown key 'most'; the keys are count, max" },
	{ "k --cpus=", -EINVAL, VSU_EXIT_DATA,
	  "--cpus needs a number of CPUs, as in 2, or 2,max=8" },
	{ "k --cpus=two", -EINVAL, VSU_EXIT_DATA,
	  "--cpus: key 'count': 'two' is not a number; give a decimal or 0x "
	  "hexadecimal number, 1 to 64" },
	{ "k --rng", -EINVAL, VSU_EXIT_DATA,
	  "option --rng needs a value; write --rng=PROPERTIES, as in --rng=" },
	{ "k --power-off-timeout=0", -EINVAL, VSU_EXIT_DATA,
	  "option --power-off-timeout: 0 is out of range; allowed is 1ms to 1d" },
	{ "k --clone", -EINVAL, VSU_EXIT_DATA,
	  "option --clone needs --from" },
	{ "k --dry-run=yes", -EINVAL, VSU_EXIT_DATA,
	  "option --dry-run takes no value, but has 'yes'; write "
	  "--dry-run alone, or leave it out" },
	{ "k --cpu=old", -EINVAL, VSU_EXIT_DATA,
	  "option --cpu: 'old' is not one of host, plain, x86-64-v2, x86-64-v3 or x86-64-v4" },
	{ "k --cpu=list:sse3,sse5", -EBADMSG, VSU_EXIT_DATA,
	  "option --cpu: its list: line 1: 'sse5' is not a feature that this version knows; remove it" },
	{ "k --on-memory-error=panic", -EINVAL, VSU_EXIT_DATA,
	  "option --on-memory-error: 'panic' is not one of stop, continue or "
	  "pause" },
	{ "k -z", -ENOENT, VSU_EXIT_USAGE,
	  "unknown option '-z'" },
	{ "k --initrd", -EINVAL, VSU_EXIT_DATA,
	  "option --initrd needs a value; write --initrd=FILE" },
};

START_TEST(d5_02_refuses_with_status_and_sentence)
{
	const struct refusal *r = &refusals[_i];

	ck_assert_int_eq(parse(r->line), r->code);
	ck_assert_str_eq(err.msg, r->msg);
	ck_assert_int_eq(cvmm_exit_status(CVMM_STEP_OPTIONS, r->code),
			 r->status);
}
END_TEST

/* "run k" and n times the same word. */
static int parse_many(const char *word, unsigned int n)
{
	char *argv[80], *copy = strdup(word), run[] = "run", k[] = "k";
	unsigned int i;
	int rc;

	argv[0] = run;
	argv[1] = k;
	for (i = 0; i < n; i++)
		argv[2 + i] = copy;
	argv[2 + n] = NULL;
	vsu_error_clear(&err);
	vmm_options_free(&o);
	rc = parse_options(&o, (int)n + 2, argv, &err);
	free(copy);
	return rc;
}

START_TEST(d2_13_more_memory_options_than_there_is_room_for_are_refused)
{
	ck_assert_int_eq(parse_many("--memory=size=1M", VMM_MAX_MEMORY), 0);
	ck_assert_int_eq(parse_many("--memory=size=1M", VMM_MAX_MEMORY + 1),
			 -EINVAL);
	ck_assert_str_eq(err.msg, "more than 16 --memory options");
}
END_TEST

START_TEST(d2_13_more_devices_than_there_is_room_for_are_refused)
{
	ck_assert_int_eq(parse_many("disk", VMM_MAX_DEVICES), 0);
	ck_assert_int_eq(parse_many("disk", VMM_MAX_DEVICES + 1), -EINVAL);
	ck_assert_str_eq(err.msg, "more than 32 devices");
}
END_TEST

START_TEST(words_of_other_programs_are_values_where_they_stand_as_such)
{
	ck_assert_int_eq(parse("k --append=-m --cmdline -s"), 0);
	ck_assert_str_eq(o.machine.append, "-m");
	ck_assert_str_eq(o.machine.cmdline, "-s");
}
END_TEST

START_TEST(size_of_a_log_needs_the_log)
{
	ck_assert_int_eq(parse("k --serial-log=a,b --serial-log-size=1M"), 0);
	ck_assert_str_eq(o.machine.serial.log, "a,b");
	ck_assert_uint_eq(o.machine.serial.log_size, 1 << 20);
	vmm_options_free(&o);
	ck_assert_int_eq(parse("k --serial-log-size=1M"), -EINVAL);
	ck_assert_str_eq(err.msg, "option --serial-log-size needs --serial-log");
	ck_assert_int_eq(parse("k --serial-log=a --serial-log-size=1k"), -EINVAL);
}
END_TEST

START_TEST(debugger_needs_a_socket_and_memory_that_it_can_read)
{
	ck_assert_int_eq(parse("k --gdb=a --gdb-wait"), 0);
	ck_assert_str_eq(o.machine.gdb, "a");
	ck_assert(o.start.gdb_wait);
	vmm_options_free(&o);
	ck_assert_int_eq(parse("k --gdb-wait"), -EINVAL);
	ck_assert_str_eq(err.msg, "option --gdb-wait needs --gdb");
	ck_assert_int_eq(parse("k --gdb=a --memory=size=64M,private=on"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "private memory (--memory private=on), which a debugger cannot read"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("options");
	TCase *tc = tcase_create("accepted");

	tcase_add_test(tc, size_of_a_log_needs_the_log);
	tcase_add_test(tc, debugger_needs_a_socket_and_memory_that_it_can_read);
	tcase_add_loop_test(tc, cpus_have_a_number_and_a_maximum, 0, (int)COUNT(cpus));
	tcase_add_test(tc, kernel_and_disk_are_enough);
	tcase_add_test(tc, operands_stand_anywhere_between_options);
	tcase_add_test(tc, memory_disk_and_device_may_repeat);
	tcase_add_test(tc, rng_is_a_device_in_its_place);
	tcase_add_test(tc, vsock_is_a_device_in_its_place);
	tcase_add_test(tc, words_behind_two_dashes_are_operands);
	tcase_add_test(tc, choices_are_taken);
	tcase_add_test(tc, name_has_letters_digits_and_few_others);
	tcase_add_loop_test(tc, every_option_has_its_columns, 0, count_rows());
	tcase_add_loop_test(tc, a_value_is_in_the_part_of_its_scope, 0, count_rows());
	tcase_add_loop_test(tc, every_key_beside_those_of_kinds_has_its_columns, 0,
			    VMM_KEYS_COMMON + VMM_KEYS_ANY);
	tcase_add_test(tc, lists_are_parsed_with_the_options);
	tcase_add_test(tc, options_outlive_their_words);
	tcase_add_loop_test(tc, serial_port_ends_at_a_word_or_a_file, 0, COUNT(serials));
	tcase_add_test(tc, words_of_other_programs_are_values_where_they_stand_as_such);
	suite_add_tcase(s, tc);
	tc = tcase_create("refused");
	tcase_add_loop_test(tc, d5_02_refuses_with_status_and_sentence, 0,
			    COUNT(refusals));
	tcase_add_test(tc,
		d2_13_more_memory_options_than_there_is_room_for_are_refused);
	tcase_add_test(tc,
		d2_13_more_devices_than_there_is_room_for_are_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
