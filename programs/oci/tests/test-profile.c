/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about profiles of AppArmor: files of the test stand for those of the kernel. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "oci/profile.h"
#include "util.h"

static char folder[64], enabled[80], current[80];
static bool is_old;	/* without files of each module */
static struct vsu_error err;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (!strcmp(path, "/sys/module/apparmor/parameters/enabled"))
		path = enabled;
	else if (!strcmp(path, is_old ? "/proc/thread-self/attr/current" : "/proc/thread-self/attr/apparmor/current"))
		path = current;
	else if (strstr(path, "/attr/"))
		path = "/nonexistent";
	return __real_open(path, flags, mode);
}

static void write_file(const char *path, const char *text)
{
	const int fd = __real_open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int enter(const char *name)
{
	int fd, rc = oci_profile_open(name, &fd, &err);

	rc = rc < 0 ? rc : oci_profile_enter(name, &fd, &err);
	ck_assert_int_eq(fd, -1);
	return rc;
}

static void init(void)
{
	strcpy(folder, "/tmp/oci-profile.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(enabled, sizeof(enabled), "%s/enabled", folder);
	snprintf(current, sizeof(current), "%s/current", folder);
	write_file(enabled, "Y\n");
	write_file(current, "");
	is_old = false;
}

static void fini(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/current", folder);
	unlink(path);
	unlink(enabled);
	rmdir(folder);
}

START_TEST(profile_is_entered_by_one_write)
{
	char text[64] = "";
	int fd;

	is_old = _i;
	ck_assert_int_eq(oci_profile_check("containers-default", &err), 0);
	ck_assert_int_eq(enter("containers-default"), 0);
	fd = __real_open(current, O_RDONLY | O_CLOEXEC);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	ck_assert_str_eq(text, "changeprofile containers-default");
}
END_TEST

static const char *const none[] = { NULL, "", "unconfined" };

START_TEST(no_profile_needs_nothing)
{
	unlink(enabled);
	unlink(current);
	ck_assert_int_eq(oci_profile_check(none[_i], &err), 0);
	ck_assert_int_eq(enter(none[_i]), 0);
}
END_TEST

START_TEST(kernel_without_apparmor_is_named)
{
	const char sentence[] = "member 'process.apparmorProfile': this kernel has no AppArmor, which could enforce 'a'";

	write_file(enabled, "N\n");
	assert_refused(oci_profile_check("a", &err), -EOPNOTSUPP, sentence, err);
	unlink(enabled);
	assert_refused(oci_profile_check("a", &err), -EOPNOTSUPP, sentence, err);
}
END_TEST

START_TEST(profile_that_cannot_be_entered_is_named)
{
	strcpy(current, "/dev/full");
	assert_refused(enter("a"), -ENOSPC,
		       "member 'process.apparmorProfile': cannot enter the profile 'a'; load it, or choose another one: No space left on device", err);
	strcpy(current, "/nonexistent");
	assert_refused(enter("a"), -ENOENT, "member 'process.apparmorProfile': cannot open the kernel's file: No such file or directory", err);
}
END_TEST

START_TEST(name_that_is_too_long_is_refused)
{
	char name[2000];

	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(oci_profile_check(name, &err), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("profile");
	TCase *t = tcase_create("profile");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_loop_test(t, profile_is_entered_by_one_write, 0, 2);
	tcase_add_loop_test(t, no_profile_needs_nothing, 0, COUNT(none));
	tcase_add_test(t, kernel_without_apparmor_is_named);
	tcase_add_test(t, profile_that_cannot_be_entered_is_named);
	tcase_add_test(t, name_that_is_too_long_is_refused);
	suite_add_tcase(s, t);
	return run_suite(s);
}
