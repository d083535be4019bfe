/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Tests of command lines written for virtiofsd. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../tests/support/suite.h"
#include "virtiofsd_line.h"

#define MAX_WORDS 16

/* Arguments are separated by spaces here. */
static int make(const char *typed, char *ours, size_t size, struct vsu_error *err)
{
	char text[512], *words[MAX_WORDS], *rest = text;
	struct virtiofsd_line line;
	int n = 0, i, rc;

	snprintf(text, sizeof(text), "%s", typed);
	while ((words[n] = strsep(&rest, " ")))
		n++;
	rc = virtiofsd_line_make(&line, n, words, err);
	*ours = 0;
	for (i = 0; i < line.argc; i++)
		snprintf(ours + strlen(ours), size - strlen(ours), "%s%s",
			 i ? " " : "", line.argv[i]);
	if (rc >= 0)
		ck_assert_ptr_null(line.argv[line.argc]);
	virtiofsd_line_free(&line);
	return rc;
}

static const struct { const char *typed, *ours; } lines[] = {
	/*
	 * libvirt 9 and 10: only a folder; all that its XML supports; debugging
	 */
	{ "fs --fd=5 -o source=/srv", "fs --fd=5 --shared-dir=/srv" },
	{ "fs --fd=5 -o source=/srv,cache=none,sandbox=chroot,xattr,flock,posix_lock --thread-pool-size=8 -d",
	  "fs --fd=5 --shared-dir=/srv --cache=never --sandbox=chroot --xattr --flock --posix-lock --thread-pool-size=8 --log-level=debug" },
	{ "fs --fd=5 -o source=/srv,cache=always,no_xattr,no_flock,no_posix_lock --rlimit-nofile=4096",
	  "fs --fd=5 --shared-dir=/srv --cache=always --rlimit-nofile=4096" },
	{ "fs --fd=5 -o source=/a,,b=c,xattr", "fs --fd=5 --shared-dir=/a,b=c --xattr" },
	/* Kata Containers */
	{ "fs --syslog --cache=auto --shared-dir=/run/kata --fd=3 --thread-pool-size=1 -o announce_submounts",
	  "fs --syslog --cache=auto --shared-dir=/run/kata --fd=3 --thread-pool-size=1 --announce-submounts" },
	{ "fs --syslog --cache=metadata --shared-dir=/s --fd=3 --inode-file-handles=prefer --announce-submounts",
	  "fs --syslog --cache=metadata --shared-dir=/s --fd=3 --inode-file-handles=prefer --announce-submounts" },
	{ "fs --socket-path /s --shared-dir /d --cache auto --sandbox none --seccomp none",
	  "fs --socket-path /s --shared-dir /d --cache auto --sandbox none --seccomp=off" },
	/* QEMU's documentation of its former virtiofsd, and others */
	{ "fs --socket-path=/s -f -osource=/d -o posix_acl,killpriv_v2,allow_root -o log_level=warn",
	  "fs --socket-path=/s --shared-dir=/d --posix-acl --log-level=warning" },
	{ "fs --cache none --readonly --seccomp=kill", "fs --cache=never --read-only --seccomp=kill" },
	{ "fs --shared-dir source --tag posix_acl --user writeback",
	  "fs --shared-dir source --tag posix_acl --user writeback" },
	{ "fs --fd=3 --shared-dir=/readonly --tag=-d", "fs --fd=3 --shared-dir=/readonly --tag=-d" },
};

START_TEST(options_of_virtiofsd_become_ours)
{
	struct vsu_error err = VSU_ERROR_INIT;
	char ours[512];

	ck_assert_msg(make(lines[_i].typed, ours, sizeof(ours), &err) == 0,
		      "%s", err.msg);
	ck_assert_str_eq(ours, lines[_i].ours);
}
END_TEST

static const struct { const char *typed; int rc; const char *why; } refused[] = {
	{ "fs --xattrmap=:map::user.virtiofsd.:", -EINVAL, "leave it out" },
	{ "fs --xattrmap :map::x.:", -EINVAL, "--xattrmap is not supported" },
	{ "fs -o xattrmap=x", -EINVAL, "-o xattrmap is not supported" },
	{ "fs --writeback", -EINVAL, "reach this host at once" },
	{ "fs -o source=/d,writeback", -EINVAL, "-o writeback" },
	{ "fs --modcaps=+sys_admin", -EINVAL, "capabilities" },
	{ "fs --uid-map=:0:1000:1:", -EINVAL, "--translate-uid" },
	{ "fs -o", -EINVAL, "-o source=FOLDER" },
	{ "fs -o source", -EINVAL, "source" },
	{ "fs -o sourec=/d", -ENOENT, "source" },
	{ "fs -o =,", -EINVAL, "a key is missing" },
};

START_TEST(unsupported_options_are_refused_by_name)
{
	struct vsu_error err = VSU_ERROR_INIT;
	char ours[512];
	const int rc = make(refused[_i].typed, ours, sizeof(ours), &err);

	ck_assert_msg(rc == refused[_i].rc && strstr(err.msg, refused[_i].why),
		      "%s: %d, '%s'", refused[_i].typed, rc, err.msg);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("virtiofsd_line");
	TCase *tc = tcase_create("virtiofsd_line");

	tcase_add_loop_test(tc, options_of_virtiofsd_become_ours, 0,
			    (int)(sizeof(lines) / sizeof(*lines)));
	tcase_add_loop_test(tc, unsupported_options_are_refused_by_name, 0,
			    (int)(sizeof(refused) / sizeof(*refused)));
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
