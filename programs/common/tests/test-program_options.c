/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the options of the process that runs a machine. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "config/own_rows.h"
#include "parsed.h"
#include "util.h"

static struct parsed p;
static struct vsu_error err;

static void teardown(void)
{
	parsed_free(&p);
}

static int parse(const char *line)
{
	parsed_free(&p);
	vsu_error_clear(&err);
	return parsed_line(&p, line, &err);
}

START_TEST(last_option_of_the_log_counts)
{
	ck_assert_int_eq(parse("k"), 0);
	ck_assert_int_eq(p.options.log_level, VSU_LOG_WARNING);
	ck_assert_int_eq(parse("k --verbose"), 0);
	ck_assert_int_eq(p.options.log_level, VSU_LOG_INFO);
	ck_assert_int_eq(parse("k --verbose --log-level=error"), 0);
	ck_assert_int_eq(p.options.log_level, VSU_LOG_ERROR);
}
END_TEST

START_TEST(sandbox_is_one_of_three)
{
	ck_assert_int_eq(parse("k"), 0);
	ck_assert_int_eq(p.options.confinement.how, VMM_SANDBOX_ON);
	ck_assert_int_eq(parse("k --sandbox=log,tls"), 0);
	ck_assert(p.options.confinement.how == VMM_SANDBOX_LOG && p.options.confinement.tls);
	ck_assert_int_eq(parse("k --sandbox=on=off,off"), 0);
	ck_assert_int_eq(p.options.confinement.how, VMM_SANDBOX_OFF);
	ck_assert_int_eq(parse("k --sandbox=on,folder=a,,b,folder=c"), 0);
	ck_assert_uint_eq(p.options.confinement.nfolders, 2);
	ck_assert_str_eq(p.options.confinement.folders[0], "a,b");
	ck_assert_str_eq(p.options.confinement.folders[1], "c");
}
END_TEST

START_TEST(values_are_those_of_their_options)
{
	ck_assert_int_eq(parse("k --control=c --user=u --jail --reboot=restart --daemon-path=d --dry-run --json"), 0);
	ck_assert_str_eq(p.options.control.path, "c");
	ck_assert_str_eq(p.options.user, "u");
	ck_assert_str_eq(p.options.daemon_path, "d");
	ck_assert(p.options.jail && p.options.restart && p.options.dry_run && p.options.json);
	ck_assert_int_eq(parse("k"), 0);
	ck_assert(!p.options.jail && !p.options.restart && !p.options.dry_run && !p.options.json && !p.options.control.path);
}
END_TEST

static const struct { const char *line; int code; const char *says; } refused[] = {
	{ "k --json", -EINVAL, "option --json needs --dry-run" },
	{ "k --control=fd:x", -EINVAL, "option --control: 'x' is not the number of a descriptor" },
	{ "k --sandbox=off,on", -EINVAL, "--sandbox 'off,on': expected on, log, off, or on,tls,folder=FOLDER" },
	{ "k --sandbox=of", -ENOENT, "did you mean 'on'" },
	{ "k --socket-mode=8", -EINVAL, "--socket-mode" },
	{ "k --reboot=never", -EINVAL, "option --reboot: 'never' is not one of exit or restart" },
	{ "k --log-level=loud", -EINVAL, "option --log-level: 'loud' is not one of error, warning, info or debug" },
	{ "k --xyzzy", -ENOENT, "unknown option '--xyzzy'; try --help for the list of options" },
};

START_TEST(wrong_values_are_refused)
{
	ck_assert_int_eq(parse(refused[_i].line), refused[_i].code);
	ck_assert_msg(strstr(err.msg, refused[_i].says), "%s", err.msg);
}
END_TEST

static const struct { const char *text; int fd; } controls[] = {
	{ NULL, -1 }, { "c", -1 }, { "./fd:3", -1 }, { "fd:0", 0 }, { "fd:17", 17 },
};

START_TEST(control_ends_at_a_socket_or_a_descriptor)
{
	struct vmm_control_end end = { .path = controls[_i].text };

	ck_assert_int_eq(vmm_control_end_read(&end, &err), 0);
	ck_assert_int_eq(end.inherited, controls[_i].fd >= 0);
	if (end.inherited)
		ck_assert_int_eq(end.fd, controls[_i].fd);
	ck_assert_pstr_eq(end.path, end.inherited ? NULL : controls[_i].text);
}
END_TEST

static const char *const no_numbers[] = { "fd:", "fd:x", "fd:-1", "fd:4294967296" };

START_TEST(descriptor_of_control_is_a_number)
{
	struct vmm_control_end end = { .path = no_numbers[_i] };

	ck_assert_int_eq(vmm_control_end_read(&end, &err), -EINVAL);
	ck_assert_int_eq(strncmp(err.msg, "option --control: '", 19), 0);
}
END_TEST

START_TEST(options_of_daemons_are_passed_on)
{
	const char *name;

	ck_assert_int_eq(parse("k --socket-group=root --user=nobody"), 0);
	ck_assert_ptr_null(vmm_option_of_daemons(&p.options, 0, &name));
	ck_assert_str_eq(vmm_option_of_daemons(&p.options, 1, &name), "root");
	ck_assert_str_eq(name, "socket-group");
	ck_assert_str_eq(vmm_option_of_daemons(&p.options, 2, &name), "nobody");
	ck_assert_str_eq(name, "user");
}
END_TEST

static const struct { const char *name; enum vmm_topic topic; } topics[] = {
	{ "config", VMM_TOPIC_WORDS }, { "initrd", VMM_TOPIC_KERNEL }, { "control", VMM_TOPIC_CONTROL },
	{ "clone", VMM_TOPIC_MIGRATION }, { "jail", VMM_TOPIC_SANDBOX }, { "memory", VMM_TOPIC_NONE },
	{ "json", VMM_TOPIC_NONE },
};

START_TEST(option_has_its_topic)
{
	ck_assert_int_eq(vmm_run_topic(topics[_i].name), topics[_i].topic);
}
END_TEST

static int place_of(const struct vsu_option *table, const char *name)
{
	int i = 0;

	while (table[i].name && strcmp(table[i].name, name) != 0)
		i++;
	ck_assert_ptr_nonnull(table[i].name);
	return i;
}

/* A flag without a text shares that of the next row. */
START_TEST(help_has_related_options_side_by_side)
{
	struct vsu_option table[VMM_RUN_ROWS];

	vmm_run_table(table);
	ck_assert_int_eq(place_of(table, "json"), place_of(table, "dry-run") + 1);
	ck_assert_int_eq(place_of(table, "gdb"), place_of(table, "gdb-wait") + 1);
	ck_assert_int_eq(place_of(table, "socket-group"), place_of(table, "socket-mode") + 1);
	ck_assert_uint_lt(cvmm_option_table(vmm_program_rows, NULL, 0), VMM_RUN_ROWS);
}
END_TEST

/* A program without these rows continues machines that this one has saved. */
START_TEST(library_has_the_same_facts_of_each_row)
{
	struct vmm_own_rows *own;
	const struct vmm_option_row *row, *theirs;
	unsigned int i, n = 0;

	ck_assert_int_eq(vmm_own_rows_new(vmm_program_rows, &own, &err), 0);
	for (i = 0; i < own->n; i++) {
		row = &own->rows[i];
		theirs = vmm_option_named(row->option.name, strlen(row->option.name));
		ck_assert_msg(theirs && theirs->scope == VMM_SCOPE_OWNER, "%s", row->option.name);
		ck_assert_msg(theirs->change == row->change && theirs->without == row->without, "%s", row->option.name);
		ck_assert_pstr_eq(theirs->kept_value, row->kept_value);
		ck_assert_int_eq(theirs->option.kind == VSU_OPTION_FLAG, row->option.kind == VSU_OPTION_FLAG);
		ck_assert_int_eq(theirs->refers == DEVKIND_REFERS_FILE_READ, row->refers == DEVKIND_REFERS_FILE_READ);
		ck_assert_int_eq(theirs->refers == DEVKIND_REFERS_PROGRAMS, row->refers == DEVKIND_REFERS_PROGRAMS);
	}
	for (theirs = vmm_option_rows; theirs->option.name; theirs++)
		n += theirs->scope == VMM_SCOPE_OWNER;
	ck_assert_uint_eq(n, own->n);
	vmm_own_rows_unref(own);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("program_options");
	TCase *tc = tcase_create("program_options");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, last_option_of_the_log_counts);
	tcase_add_test(tc, sandbox_is_one_of_three);
	tcase_add_test(tc, library_has_the_same_facts_of_each_row);
	tcase_add_test(tc, values_are_those_of_their_options);
	tcase_add_loop_test(tc, wrong_values_are_refused, 0, COUNT(refused));
	tcase_add_loop_test(tc, control_ends_at_a_socket_or_a_descriptor, 0, COUNT(controls));
	tcase_add_loop_test(tc, descriptor_of_control_is_a_number, 0, COUNT(no_numbers));
	tcase_add_test(tc, options_of_daemons_are_passed_on);
	tcase_add_loop_test(tc, option_has_its_topic, 0, COUNT(topics));
	tcase_add_test(tc, help_has_related_options_side_by_side);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
