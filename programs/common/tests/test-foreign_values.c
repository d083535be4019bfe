/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the answers to values and keys of other programs. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "common/foreign_values.h"
#include "common/run_line.h"
#include "config/device_option.h"
#include "config/device_rows.h"
#include "memory/memory_options.h"
#include "util.h"

#define MAX_WORDS 16

static struct vsu_error err;

/* "run" and the words of a line. */
static int check(const char *line)
{
	char text[256], run[] = "run", *words[MAX_WORDS] = { run }, *at, *save;
	struct vmm_run_line l;
	int n = 1, rc = 0;
	unsigned int i;

	ck_assert_uint_lt(strlen(line), sizeof(text));
	strcpy(text, line);
	for (at = strtok_r(text, " ", &save); at; at = strtok_r(NULL, " ", &save))
		words[n++] = at;
	vsu_error_clear(&err);
	ck_assert_int_eq(vmm_run_line_parse(&l, n, words, &err), 0);
	for (i = 0; !rc && i < l.n; i++)
		rc = vmm_foreign_value_check(l.items[i].row, l.items[i].text, &err);
	vmm_run_line_free(&l);
	return rc;
}

static const struct refusal {
	const char *line;
	int code;
	const char *msg;
} refusals[] = {
	{ "k --serial=tty", -EINVAL,
	  "option --serial: 'tty' is a value of other programs; cvmm has --serial stdio, and for a file of this name ./ before it" },
	{ "k --serial=socket=/tmp/s", -EINVAL,
	  "option --serial: 'socket=/tmp/s' is a value of other programs; cvmm has --serial socket:PATH, and for a file of this name ./ before it" },
	{ "k --control=tcp:1", -EINVAL,
	  "option --control: 'tcp:1' is a value of other programs; cvmm has a UNIX socket: --control SOCKET, and for a file of this name ./ before it" },
	{ "k --net=user", -EINVAL,
	  "option --net: 'user' is a value of other programs; cvmm has --net passt in its place" },
	{ "k --cpus=boot=2", -EINVAL,
	  "option --cpus: 'boot=2' is a value of other programs; cvmm has the number first: --cpus N,max=N" },
	{ "k --cpus boot=2,max=4", -EINVAL,
	  "option --cpus: 'boot=2' is a value of other programs; cvmm has the number first: --cpus N,max=N" },
	{ "k --cpus 2,maxcpus=4", -EINVAL,
	  "option --cpus: 'maxcpus=4' is a value of other programs; cvmm has --cpus N,max=N" },
	{ "k --disk=a.img,direct=on", -ENOENT,
	  "option --disk: unknown key 'direct'; cvmm has cache=none" },
	{ "k --memory=1G,hugepages=on", -ENOENT,
	  "option --memory: unknown key 'hugepages'; cvmm has backend=memfd,hugetlb=on" },
	{ "k --fs=tag=a,socket=/tmp/s", -ENOENT,
	  "option --fs: unknown key 'socket'; cvmm has backend=user:SOCKET" },
};

START_TEST(a_value_of_another_program_is_answered_with_ours)
{
	const struct refusal *r = &refusals[_i];

	ck_assert_int_eq(check(r->line), r->code);
	ck_assert_str_eq(err.msg, r->msg);
}
END_TEST

static void assert_ours(const char *option, const struct vsu_option *row)
{
	char line[128];

	snprintf(line, sizeof(line), "k --%s=x,%s=1", option, row->name);
	ck_assert_msg(!check(line), "%s", err.msg);
	snprintf(line, sizeof(line), "k --%s=%s=1", option, row->name);
	ck_assert_msg(!check(line), "%s", err.msg);
}

START_TEST(keys_of_ours_are_not_called_foreign)
{
	struct vsu_option rows[VMM_DEVICE_ROWS], memory[VMM_MEMORY_ROWS], *row;
	unsigned int i;

	for (i = 0; devkind_get(i); i++) {
		vmm_device_rows(devkind_get(i), rows);
		for (row = rows; row->name; row++)
			assert_ours(vmm_device_shorthand(devkind_get(i)), row);
	}
	vmm_memory_rows(memory);
	for (row = memory; row->name; row++)
		assert_ours("memory", row);
}
END_TEST

START_TEST(files_named_like_foreign_values_are_accepted)
{
	ck_assert_int_eq(check("k --serial=./tty --control=./tcp:1 --net=./user"), 0);
	ck_assert_int_eq(check("k --disk=a,,direct=on --serial=/tmp/off"), 0);
	ck_assert_int_eq(check("k --net=user0 --serial=ttys"), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("foreign_values");
	TCase *tc = tcase_create("foreign_values");

	tcase_add_loop_test(tc, a_value_of_another_program_is_answered_with_ours, 0, COUNT(refusals));
	tcase_add_test(tc, keys_of_ours_are_not_called_foreign);
	tcase_add_test(tc, files_named_like_foreign_values_are_accepted);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
