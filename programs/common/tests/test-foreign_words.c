/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the answers to options of other monitors. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "config/device_option.h"
#include "common/program_options.h"
#include "common/tests/foreign.h"
#include "util.h"

static struct vsu_error err;

static void explain_run(const char *line)
{
	struct vsu_option table[VMM_RUN_ROWS];
	char text[512], *words[MAX_WORDS];
	const int n = split(line, text, words);

	vmm_run_table(table);
	vsu_error_set(&err, -ENOENT, "before");
	vmm_foreign_explain(vmm_foreign_run, table, n, words, false, &err);
}

#define PROGRAMS "'cvmm exec -- COMMAND' runs a program, 'cvmm exec --oci=IMAGE' an image of containers"

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
	{ "-it --rm debian:12 bash", "unknown option '-it'; " PROGRAMS },
	{ "--rm -v /a:/b -p 80:80 -e A=b nginx", "unknown option '--rm'; " PROGRAMS },
	{ "-m 1g -v /a:/b nginx", "unknown option '-v'; " PROGRAMS },
	{ "-d a.img -p 80:80", "unknown option '-p'; " PROGRAMS },
	{ "-p root=/dev/nfs+nfsroot=1.2.3.4:/x k", "unknown option '-p'; write --append=root=/dev/nfs nfsroot=1.2.3.4:/x, or --cmdline=TEXT to replace the default" },
	{ "k -v", "unknown option '-v'; write --verbose" },
};

START_TEST(d5_02_options_of_other_monitors_are_answered_with_the_value)
{
	explain_run(run_rows[_i].line);
	ck_assert_str_eq(err.msg, run_rows[_i].msg);
}
END_TEST

START_TEST(answers_name_options_that_exist)
{
	struct vsu_option table[VMM_RUN_ROWS];

	vmm_run_table(table);
	assert_options_exist(vmm_foreign_run, table);
	assert_words_are_theirs(vmm_foreign_run, table);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("words");
	Suite *s = suite_create("foreign_words");

	tcase_add_loop_test(tc, d5_02_options_of_other_monitors_are_answered_with_the_value, 0, COUNT(run_rows));
	tcase_add_test(tc, answers_name_options_that_exist);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
