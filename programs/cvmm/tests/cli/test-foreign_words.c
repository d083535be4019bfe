/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the answers to options of other programs. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "exec/exec_options.h"
#include "common/foreign_words.h"
#include "config/arguments.h"
#include "config/device.h"
#include "config/option_rows.h"
#include "util.h"

#define MAX_WORDS 16

static struct vsu_error err;

/* Splits a line at blanks; "+" stands for a blank in a word. */
static int split(const char *line, char *text, char **words)
{
	char *at, *save;
	int n = 1;

	strcpy(text, line);
	words[0] = text;
	for (at = strtok_r(text, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
		for (char *c = at; *c; c++)
			*c = *c == '+' ? ' ' : *c;
		words[n++] = at;
	}
	words[n] = NULL;
	return n;
}

static void explain_run(const char *line)
{
	struct vsu_option table[VMM_OPTION_ROWS];
	char text[512], *words[MAX_WORDS];
	const int n = split(line, text, words);

	vmm_option_table(table);
	vsu_error_set(&err, -ENOENT, "before");
	vmm_foreign_explain(vmm_foreign_run, table, n, words, false, &err);
}

static int parse_exec(const char *line)
{
	static struct vmm_exec_options options;
	static char text[512], *words[MAX_WORDS];
	const int n = split(line, text, words);

	vsu_error_clear(&err);
	return vmm_exec_options_parse(&options, n, words, &err);
}

struct row {
	const char *line, *msg;
};

#define ALONE "leave it out: a machine ends with its command, and nothing of it remains"
#define SAME_PATH ", which the command finds at the same path"

static const struct row exec_rows[] = {
	{ "--rm true", "unknown option '--rm'; " ALONE },
	{ "-it bash", "unknown option '-it'; leave it out: on a terminal, the command has one, too" },
	{ "-v /src:/dst true", "unknown option '-v'; write --dir=/src,rw" SAME_PATH },
	{ "-v /src:/dst:ro true", "unknown option '-v'; write --dir=/src" SAME_PATH },
	{ "-v/src true", "unknown option '-v'; write --dir=/src,rw" SAME_PATH },
	{ "-v uname", "unknown option '-v'; write --log=FILE for the messages of the kernel" },
	{ "--volume=/a:/b true", "unknown option '--volume'; write --dir=/a,rw" SAME_PATH },
	{ "--volume", "unknown option '--volume'; write --dir=FOLDER,rw" SAME_PATH },
	{ "--mount type=bind,source=/a,target=/b,readonly true", "unknown option '--mount'; write --dir=/a" SAME_PATH },
	{ "-e A=1 true", "unknown option '-e'; write --env=A=1" },
	{ "-eA=1 true", "unknown option '-e'; write --env=A=1" },
	{ "-e uname+-a", "unknown option '-e'; the command behind two dashes: -- uname -a" },
	{ "-w /src true", "unknown option '-w'; write --chdir=/src" },
	{ "-u 1000:100 id", "unknown option '-u'; the user behind two dashes: -- setpriv --reuid=1000 --regid=100 --clear-groups COMMAND" },
	{ "-p 8080:80 true", "unknown option '-p'; write --net=passt --publish=8080:80" },
	{ "-p 80 true", "unknown option '-p'; write --net=passt --publish=80:80" },
	{ "-p 4 true", "unknown option '-p'; write --cpus=4 if these are processors, or --net=passt --publish=PORT:4" },
	{ "-m 512m true", "unknown option '-m'; write --memory=512m" },
	{ "--mem 2048 true", "unknown option '--mem'; write --memory=2048M" },
	{ "--network host true", "unknown option '--network'; write --net=passt, which connects as this user does" },
	{ "--network=none true", "unknown option '--network'; leave it out: the machine has no network without --net" },
	{ "--cap-drop=CAP_NET_RAW true", "unknown option '--cap-drop'; the capability behind two dashes: -- setpriv --bounding-set=-net_raw COMMAND" },
	{ "--rwdir /g=/h true", "unknown option '--rwdir'; write --dir=/h,rw" },
	{ "-c echo+a", "unknown option '-c'; the command behind two dashes: -- sh -c 'echo a'" },
	/* all of a line in one sentence; ours and their values are passed over */
	{ "--rm --cpus 2 -w /x -m 1g make --rm", "unknown option '--rm'; " ALONE
	  "; '-w': write --chdir=/x; '-m': write --memory=1g" },
	/* not theirs: the table's own answer */
	{ "--cpsu=2 true", "unknown option '--cpsu'; did you mean '--cpus'?" },
	{ "--cpsu 2 --rm true", "unknown option '--cpsu'; did you mean '--cpus'?" },
	{ "--nonsense -- --rm", "unknown option '--nonsense'; try --help for the list of options" },
};

START_TEST(d5_02_options_of_container_programs_are_answered_with_the_value)
{
	ck_assert_int_eq(parse_exec(exec_rows[_i].line), -ENOENT);
	ck_assert_str_eq(err.msg, exec_rows[_i].msg);
}
END_TEST

static const struct row run_rows[] = {
	{ "k -m 512", "unknown option '-m'; write --memory=512M" },
	{ "k -m 2G,slots=2", "unknown option '-m'; write --memory=2G" },
	{ "k -m512", "unknown option '-m'; write --memory=512M" },
	{ "-kernel vmlinuz -append root=/dev/vda", "unknown option '-kernel'; the kernel's path as the first word: cvmm run vmlinuz"
	  "; '-append': write --append=root=/dev/vda, or --cmdline=TEXT to replace the default" },
	{ "k -drive file=a.img,if=virtio", "unknown option '-drive'; write --disk=a.img" },
	{ "k -hda a.img", "unknown option '-hda'; write --disk=a.img" },
	{ "k -drive if=virtio", "unknown option '-drive'; write --disk=FILE" },
	{ "k -smp cpus=4,cores=2", "unknown option '-smp'; write --cpus=4" },
	{ "k -netdev tap,id=n,ifname=tap0", "unknown option '-netdev'; write --net=tap0, or --net=socket=PATH" },
	{ "k -nic none", "unknown option '-nic'; leave it out: there is no card without --net" },
	{ "k -qmp unix:/tmp/q,server", "unknown option '-qmp'; write --control=/tmp/q, and 'cvmm ctl' in place of a monitor" },
	{ "k --drive a.img", "unknown option '--drive'; write --disk=a.img" },
	{ "k --dir /srv,rw", "unknown option '--dir'; write --fs=/srv" },
	{ "k --timeout=1m", "unknown option '--timeout'; 'timeout 1m' before the command line ends the machine after this time" },
	{ "k -s", "unknown option '-s'; write --control=SOCKET, and 'cvmm ctl' in place of a monitor" },
	{ "k --firmware OVMF.fd", "unknown option '--firmware'; leave it out: there is no firmware; 'cvmm boot IMAGE' boots an image by its own kernel, 'cvmm run KERNEL' a Linux kernel" },
	{ "k --image d.raw", "unknown option '--image'; the command for images with a kernel: cvmm boot d.raw" },
	{ "k -nographic a.img", "unknown option '-nographic'; leave it out: there is no screen; the serial port is on the terminal" },
	{ "k --shared-dir /srv:tag:type=fs", "unknown option '--shared-dir'; write --fs=/srv" },
	{ "k --blk", "unknown option '--blk'; write --disk=FILE" },
	{ "k --gpu", "unknown option '--gpu'; write --device=gpu,backend=user:SOCKET" },
	{ "k --name -m", "before" },	/* a value of ours */
	{ "k --name --cpus=1.5", "option --cpus: '1.5' is not a whole number of processors; write --cpus=2, and before the command line 'systemd-run --scope -p CPUQuota=150%' limits its time on them" },
	{ "k --cpus 0.5", "option --cpus: '0.5' is not a whole number of processors; write --cpus=1, and before the command line 'systemd-run --scope -p CPUQuota=50%' limits its time on them" },
	{ "k --name=-m a.img -- -m", "before" },
	{ "k --cpu=host --momory 1G", "before" },
	{ "--kernel=k", "unknown option '--kernel'; the kernel's path as the first word: cvmm run k" },
	{ "k --rootfs a", "unknown option '--rootfs'; write --disk=a with --append='root=/dev/vda rw'" },
	{ "k -s /run/s", "unknown option '-s'; write --control=/run/s, and 'cvmm ctl' in place of a monitor" },
	{ "k --cid=3", "unknown option '--cid'; write --vsock=3" },
	{ "k --cpus=2 -smp 4", "unknown option '-smp'; write --cpus=4" },
	{ "k -z", "before" },
};

START_TEST(d5_02_options_of_other_monitors_are_answered_with_the_value)
{
	explain_run(run_rows[_i].line);
	ck_assert_str_eq(err.msg, run_rows[_i].msg);
}
END_TEST

static bool has_option(const struct vsu_option *o, const char *name, size_t len)
{
	for (; o->name; o++)
		if (strlen(o->name) == len && !memcmp(o->name, name, len))
			return true;
	return false;
}

/* Options that answers name of other commands, and of programs in the guest. */
static const char *const others[] = {
	"emulate", "publish", "scope", "cpu-list", "reuid", "clear-groups", "groups", "bounding-set", "version",
	"prometheus", "from", "dry-run", NULL,
};

static void assert_options_exist(const struct vmm_foreign_word *rows, const struct vsu_option *table)
{
	const char *at;
	size_t len, i;

	for (; rows->theirs; rows++)
		for (at = strstr(rows->ours, "--"); at; at = strstr(at + 2, "--")) {
			len = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");
			for (i = 0; others[i] && strncmp(others[i], at + 2, len) != 0; i++)
				;
			ck_assert_msg(!len || others[i] || has_option(table, at + 2, len), "%s: %s", rows->theirs, at);
		}
}

static void assert_words_are_theirs(const struct vmm_foreign_word *rows, const struct vsu_option *table)
{
	const char *at;
	size_t len;

	for (; rows->theirs; rows++)
		for (at = rows->theirs; *at; at += len + (at[len] == ' ')) {
			len = strcspn(at, " ");
			ck_assert_msg(at[0] == '-' && len >= 2, "%s", rows->theirs);
			ck_assert_msg(at[1] != '-' || !has_option(table, at + 2, len - 2), "%.*s is ours", (int)len, at);
		}
}

START_TEST(answers_name_options_that_exist)
{
	struct vsu_option table[VMM_OPTION_ROWS];

	vmm_option_table(table);
	assert_options_exist(vmm_foreign_run, table);
	assert_options_exist(vmm_foreign_exec, vmm_exec_option_rows);
	assert_words_are_theirs(vmm_foreign_run, table);
	assert_words_are_theirs(vmm_foreign_exec, vmm_exec_option_rows);
}
END_TEST

/* A word and its value fill the sentence at most. */
START_TEST(hostile_values_do_not_exceed_the_sentence)
{
	static char line[2048], *words[] = { line, line, NULL };

	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "-v/", 3);
	vmm_foreign_explain(vmm_foreign_exec, vmm_exec_option_rows, 2, words, true, &err);
	ck_assert(!strncmp(err.msg, "unknown option '-v'; write --dir=", 30));
	memcpy(line, "--rwdir=", 8);
	vmm_foreign_explain(vmm_foreign_exec, vmm_exec_option_rows, 2, words, true, &err);
	ck_assert(!strncmp(err.msg, "unknown option '--rwdir'", 24));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("words");
	Suite *s = suite_create("foreign_words");

	tcase_add_loop_test(tc, d5_02_options_of_container_programs_are_answered_with_the_value, 0, COUNT(exec_rows));
	tcase_add_loop_test(tc, d5_02_options_of_other_monitors_are_answered_with_the_value, 0, COUNT(run_rows));
	tcase_add_test(tc, answers_name_options_that_exist);
	tcase_add_test(tc, hostile_values_do_not_exceed_the_sentence);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
