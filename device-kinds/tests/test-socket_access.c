/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about --socket-mode and --socket-group. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <device-kinds/socket_access.h>

#include "suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *mode, *group;
	uint32_t want_mode, want_group;
} accepted[] = {
	{ NULL, NULL, 0600, UINT32_MAX },
	{ "0640", NULL, 0640, UINT32_MAX },
	{ "666", NULL, 0666, UINT32_MAX },
	{ "0", NULL, 0, UINT32_MAX },
	{ "0777", NULL, 0777, UINT32_MAX },
	{ NULL, "4242", 0660, 4242 },
	{ "0600", "4242", 0600, 4242 },
	{ NULL, "4294967294", 0660, UINT32_MAX - 1 },
};

static const struct {
	const char *mode, *group, *named;
} refused[] = {
	{ "", NULL, "--socket-mode: ''" },
	{ "0888", NULL, "--socket-mode: '0888'" },
	{ "1000", NULL, "--socket-mode: '1000'" },
	{ "00660", NULL, "--socket-mode: '00660'" },
	{ "u+rw", NULL, "--socket-mode: 'u+rw'" },
	{ "-660", NULL, "--socket-mode: '-660'" },
	{ NULL, "no such group", "--socket-group: this host has no group 'no such group'" },
	{ NULL, "", "--socket-group: this host has no group ''" },
	{ NULL, "4294967295", "'4294967295'" },	/* chown()'s "unchanged" */
	{ "0888", "no such group", "--socket-group" },
};

START_TEST(accepts)
{
	struct devkind_socket_access a = {
		.mode = accepted[_i].mode, .group = accepted[_i].group,
	};

	ck_assert_int_eq(devkind_socket_access_read(&a, NULL), 0);
	ck_assert_uint_eq(a.access.mode, accepted[_i].want_mode);
	ck_assert_uint_eq(a.access.group, accepted[_i].want_group);
	ck_assert_int_eq(a.given, a.mode || a.group);
}
END_TEST

START_TEST(refuses_and_names_option_and_value)
{
	struct devkind_socket_access a = {
		.mode = refused[_i].mode, .group = refused[_i].group,
	};
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(devkind_socket_access_read(&a, &err), -EINVAL);
	ck_assert_msg(strstr(err.msg, refused[_i].named) != NULL, "%s", err.msg);
}
END_TEST

START_TEST(failed_lookup_of_a_group_has_its_cause)
{
	struct devkind_socket_access a = { .group = "no such group" };
	struct vsu_error err = VSU_ERROR_INIT;
	struct rlimit before, none;
	int rc;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = devkind_socket_access_read(&a, &err);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(rc, -EMFILE);
	ck_assert_ptr_nonnull(strstr(err.msg, "option --socket-group: cannot look up the group 'no such group': "));
}
END_TEST

START_TEST(a_group_is_found_by_its_name)
{
	const struct group *own = getgrgid(getegid());
	struct devkind_socket_access a = { .mode = NULL };

	ck_assert_ptr_nonnull(own);
	a.group = own->gr_name;
	ck_assert_int_eq(devkind_socket_access_read(&a, NULL), 0);
	ck_assert_uint_eq(a.access.group, getegid());
}
END_TEST

/* The mode of a socket of mode 0604 after both options were applied. */
static unsigned int applied(const char *mode)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/socket-access.XXXXXX";
	struct devkind_socket_access a = { .mode = mode };
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", folder);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(chmod(sun.sun_path, 0604), 0);
	ck_assert_int_eq(devkind_socket_access_read(&a, NULL), 0);
	ck_assert_int_eq(devkind_socket_access_apply(&a, sun.sun_path, NULL), 0);
	ck_assert_int_eq(stat(sun.sun_path, &st), 0);
	unlink(sun.sun_path);
	rmdir(folder);
	close(fd);
	return st.st_mode & 07777;
}

START_TEST(a_given_mode_is_applied)
{
	ck_assert_uint_eq(applied("0640"), 0640);
}
END_TEST

START_TEST(without_options_the_mode_stays)
{
	ck_assert_uint_eq(applied(NULL), 0604);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("socket_access");
	TCase *tc = tcase_create("socket_access");

	tcase_add_loop_test(tc, accepts, 0, (int)COUNT(accepted));
	tcase_add_loop_test(tc, refuses_and_names_option_and_value, 0, (int)COUNT(refused));
	tcase_add_test(tc, failed_lookup_of_a_group_has_its_cause);
	tcase_add_test_unless(tc, getgrgid(getegid()) ? NULL : "this process has a group without a name",
			      a_group_is_found_by_its_name);
	tcase_add_test(tc, a_given_mode_is_applied);
	tcase_add_test(tc, without_options_the_mode_stays);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
