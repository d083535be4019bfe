/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the options of the machines of templates. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "template.h"

#define FOLDERS "\"--fs=path=/t/empty,tag=root,readonly\", \"--fs=path=/t/empty,tag=dir0,readonly\""
#define OTHERS "\"--initrd=fd:7:initrd\", \"--device=rng\", \"--cmdline=quiet\", \"--memory=size=1G\", \"--cpus=2\", \"--serial=null\", " \
	"\"--console=fd=5,name=cvmm.unused,port=cvmm.control:fd:6\", \"/boot/vmlinuz\""

static char top[] = "/tmp/test-machine-XXXXXX";
static struct cvmm_template_info info;
static struct vsu_error err;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	info = (struct cvmm_template_info){ .path = top, .folders = 1, .cards = 1 };
}

static const char *at(const char *name)
{
	static char path[sizeof(top) + 32];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

static void after(void)
{
	unlink(at("machine/machine.json"));
	rmdir(at("machine"));
	rmdir(top);
	strcpy(top + strlen(top) - 6, "XXXXXX");
}

static int check(const char *words)
{
	FILE *f;

	mkdir(at("machine"), 0700);
	f = fopen(at("machine/machine.json"), "we");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "{ \"arguments\": [ %s ] }\n", words);
	fclose(f);
	vsu_error_clear(&err);
	return cvmm_priv_template_check_machine(&info, &err);
}

START_TEST(machine_of_cvmm_is_accepted)
{
	ck_assert_msg(!check(OTHERS ", " FOLDERS ", \"--net=fd=9\", \"--sandbox=off\", \"--daemon-path=/d\""), "%s", err.msg);
	info.cards = 0;
	ck_assert_msg(!check(OTHERS ", " FOLDERS), "%s", err.msg);
	ck_assert_int_eq(check(OTHERS ", " FOLDERS ", \"--net=fd=9\""), -EPERM);
}
END_TEST

/* Each beside the devices of a template. */
static const struct {
	const char *word, *named;
} foreign[] = {
	{ "\"--fs=path=/home/me,tag=more\"", "'fs=path=/home/me,tag=more'" },
	{ "\"--disk=/home/me/disk.img\"", "'disk=/home/me/disk.img'" },
	{ "\"/home/me/disk.img\"", "'disk=/home/me/disk.img'" },
	{ "\"--net=tap0\"", "'net=tap0'" },
	{ "\"--disk=backend=user:/run/socket\"", "'disk=backend=user:/run/socket'" },
	{ "\"--pmem=/home/me/file\"", "'pmem=/home/me/file'" },
	{ "\"--vsock=3\"", "'vsock=3'" }, { "\"--balloon=1G\"", "'balloon=1G'" }, { "\"--mem=size=1G\"", "'mem=size=1G'" },
	{ "\"--rng=/home/me/key\"", "'/home/me/key'" }, { "\"--device=rng,/home/me/key\"", "'/home/me/key'" },
	{ "\"--device=fs,path=/home/me,tag=more\"", "'device=fs" },
	{ "\"--console=/home/me/file\"", "--console '/home/me/file'" },
	{ "\"--control=/tmp/socket\"", "--control" }, { "\"--gdb=/tmp/socket\"", "'gdb=/tmp/socket'" },
	{ "\"--serial-log=/home/me/file\"", "'serial-log=/home/me/file'" }, { "\"--reboot=restart\"", "--reboot" },
	{ "\"--user=nobody\"", "--user" }, { "\"--jail\"", "--jail" }, { "\"--config=/home/me/file\"", "--config" },
	{ "\"--memory=size=1M\"", "'memory=size=1M'" },
};

START_TEST(option_of_another_making_is_refused_by_its_name)
{
	char words[1024];

	snprintf(words, sizeof(words), "%s, %s, \"--net=fd=9\", %s", OTHERS, FOLDERS, foreign[_i].word);
	ck_assert_int_eq(check(words), -EPERM);
	ck_assert_msg(strstr(err.msg, foreign[_i].named), "%s", err.msg);
	ck_assert_ptr_nonnull(strstr(err.msg, "make a template of your own"));
}
END_TEST

/* In place of the template's own. */
static const char *const others[] = {
	"\"--initrd=/etc/shadow\"", "\"--memory=size=1M,backend=file,mem-path=/home/me/file,readonly=on\"", "\"--memory=size=1M,backend=none\"", "\"--device=rng,source=/etc/shadow\"",
};

START_TEST(value_that_names_a_file_is_refused)
{
	ck_assert_int_eq(check(others[_i]), -EPERM);
}
END_TEST

/* Its clones have the saved bytes, and do not open the file. */
START_TEST(memory_of_a_file_that_the_guest_changed_privately_is_accepted)
{
	ck_assert_msg(!check("\"--memory=size=1M,backend=file,mem-path=/home/me/file,share=off\""), "%s", err.msg);
	ck_assert_msg(!check("\"--memory=size=1M,backend=file,mem-path=/home/me/file,share=on\""), "%s", err.msg);
}
END_TEST

START_TEST(damaged_file_is_refused)
{
	ck_assert_int_eq(check("\"--disk\""), -EPERM);
	ck_assert_int_eq(check("5"), -EBADMSG);
	unlink(at("machine/machine.json"));
	ck_assert_int_eq(cvmm_priv_template_check_machine(&info, &err), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("template machine");
	TCase *tc = tcase_create("template machine");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_test(tc, machine_of_cvmm_is_accepted);
	tcase_add_loop_test(tc, option_of_another_making_is_refused_by_its_name, 0, sizeof(foreign) / sizeof(foreign[0]));
	tcase_add_loop_test(tc, value_that_names_a_file_is_refused, 0, sizeof(others) / sizeof(others[0]));
	tcase_add_test(tc, memory_of_a_file_that_the_guest_changed_privately_is_accepted);
	tcase_add_test(tc, damaged_file_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
