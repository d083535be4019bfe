/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about profiles of AppArmor and labels of SELinux: files of the test stand for those of the kernel. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "oci/profile.h"
#include "util.h"

#define LABEL "system_u:system_r:container_kvm_t:s0:c1,c2"

static char folder[64], enabled[80], enforced[80], current[80], own[80];
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
	else if (!strcmp(path, "/sys/fs/selinux/enforce"))
		path = enforced;
	else if (!strcmp(path, "/proc/thread-self/attr/current"))
		path = current;
	else if (!strcmp(path, "/proc/thread-self/attr/apparmor/current") && !is_old)
		path = own;
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

static int enter(const struct oci_process *p)
{
	int fds[OCI_MODULES], i, rc = oci_profile_open(p, fds, &err);

	rc = rc < 0 ? rc : oci_profile_enter(p, fds, &err);
	for (i = 0; i < OCI_MODULES; i++)
		ck_assert_int_eq(fds[i], -1);
	return rc;
}

static void expect_file(const char *path, const char *wanted)
{
	char text[128] = "";
	const int fd = __real_open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	ck_assert_str_eq(text, wanted);
}

static void init(void)
{
	strcpy(folder, "/tmp/oci-profile.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(enabled, sizeof(enabled), "%s/enabled", folder);
	snprintf(enforced, sizeof(enforced), "%s/enforced", folder);
	snprintf(current, sizeof(current), "%s/current", folder);
	snprintf(own, sizeof(own), "%s/own", folder);
	write_file(enabled, "Y\n");
	write_file(enforced, "0");
	write_file(current, "");
	write_file(own, "");
	is_old = false;
}

static void fini(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(profile_is_entered_by_one_write)
{
	const struct oci_process p = { .apparmor = "containers-default" };

	is_old = _i;
	ck_assert_int_eq(oci_profile_check(&p, &err), 0);
	ck_assert_int_eq(enter(&p), 0);
	expect_file(is_old ? current : own, "changeprofile containers-default");
	expect_file(is_old ? own : current, "");
}
END_TEST

START_TEST(label_is_entered_by_one_write)
{
	const struct oci_process p = { .selinux = LABEL };

	ck_assert_int_eq(oci_profile_check(&p, &err), 0);
	ck_assert_int_eq(enter(&p), 0);
	expect_file(current, LABEL);
	expect_file(own, "");
}
END_TEST

START_TEST(both_are_entered)
{
	const struct oci_process p = { .apparmor = "a", .selinux = LABEL };

	ck_assert_int_eq(enter(&p), 0);
	expect_file(own, "changeprofile a");
	expect_file(current, LABEL);
}
END_TEST

static const struct oci_process none[] = { { .apparmor = NULL }, { .apparmor = "", .selinux = "" }, { .apparmor = "unconfined" } };

START_TEST(no_name_needs_nothing)
{
	const struct oci_process p = none[_i];

	unlink(enabled);
	unlink(enforced);
	unlink(own);
	unlink(current);
	ck_assert_int_eq(oci_profile_check(&p, &err), 0);
	ck_assert_int_eq(oci_profile_refuse(&p, "here", &err), 0);
	ck_assert_int_eq(enter(&p), 0);
	ck_assert_int_eq(enter(NULL), 0);
}
END_TEST

static const struct {
	struct oci_process p;
	const char *absent, *failed, *unopened, *emulated, *other;
} names[] = {
	{ { .apparmor = "a" }, "member 'process.apparmorProfile': this kernel has no AppArmor, which could enforce 'a'",
	  "member 'process.apparmorProfile': cannot enter the profile 'a'; load it, or choose another one: No space left on device",
	  "member 'process.apparmorProfile': cannot open the kernel's file: No such file or directory",
	  "member 'process.apparmorProfile' is not supported for an emulated machine",
	  "member 'process.apparmorProfile': 'a' is not that of the container, which confines its process on the host" },
	{ { .selinux = "a" }, "member 'process.selinuxLabel': this kernel has no SELinux, which could enforce 'a'",
	  "member 'process.selinuxLabel': cannot change to the label 'a'; let the policy permit it (dyntransition), or choose another one: No space left on device",
	  "member 'process.selinuxLabel': cannot open the kernel's file: No such file or directory",
	  "member 'process.selinuxLabel' is not supported for an emulated machine",
	  "member 'process.selinuxLabel': 'a' is not that of the container, which confines its process on the host" },
};

/* A policy may have a label of this name. */
START_TEST(label_has_no_word_for_none)
{
	const struct oci_process p = { .selinux = "unconfined" };

	ck_assert_int_eq(enter(&p), 0);
	expect_file(current, "unconfined");
}
END_TEST

START_TEST(kernel_without_the_module_is_named)
{
	write_file(enabled, "N\n");
	unlink(enforced);
	assert_refused(oci_profile_check(&names[_i].p, &err), -EOPNOTSUPP, names[_i].absent, err);
	unlink(enabled);
	write_file(enforced, "");
	assert_refused(oci_profile_check(&names[_i].p, &err), -EOPNOTSUPP, names[_i].absent, err);
}
END_TEST

START_TEST(name_that_cannot_be_entered_is_named)
{
	strcpy(current, "/dev/full");
	strcpy(own, "/dev/full");
	assert_refused(enter(&names[_i].p), -ENOSPC, names[_i].failed, err);
	strcpy(current, "/nonexistent");
	strcpy(own, "/nonexistent");
	assert_refused(enter(&names[_i].p), -ENOENT, names[_i].unopened, err);
}
END_TEST

START_TEST(name_without_an_effect_is_refused)
{
	assert_refused(oci_profile_refuse(&names[_i].p, "for an emulated machine", &err), -EOPNOTSUPP, names[_i].emulated, err);
}
END_TEST

START_TEST(further_process_has_the_names_of_its_container)
{
	const struct oci_process others[] = { { .apparmor = NULL }, { .apparmor = "b", .selinux = "b" } };

	ck_assert_int_eq(oci_profile_compare(&names[_i].p, &names[_i].p, &err), 0);
	ck_assert_int_eq(oci_profile_compare(&others[0], &names[_i].p, &err), 0);
	assert_refused(oci_profile_compare(&names[_i].p, &others[0], &err), -EOPNOTSUPP, names[_i].other, err);
	assert_refused(oci_profile_compare(&names[_i].p, &others[1], &err), -EOPNOTSUPP, names[_i].other, err);
}
END_TEST

START_TEST(name_that_is_too_long_is_refused)
{
	char name[2000];
	const struct oci_process p = { .selinux = name };

	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(oci_profile_check(&p, &err), -EINVAL);
}
END_TEST

START_TEST(label_of_mounts_needs_selinux)
{
	ck_assert_int_eq(oci_profile_check_mounts(LABEL, &err), 0);
	ck_assert_int_eq(oci_profile_check_mounts("a\",suid", &err), -EINVAL);
	unlink(enforced);
	ck_assert_int_eq(oci_profile_check_mounts(NULL, &err), 0);
	ck_assert_int_eq(oci_profile_check_mounts("", &err), 0);
	assert_refused(oci_profile_check_mounts("a", &err), -EOPNOTSUPP,
		       "member 'linux.mountLabel': this kernel has no SELinux, which could enforce 'a'", err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("profile");
	TCase *t = tcase_create("profile");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_loop_test(t, profile_is_entered_by_one_write, 0, 2);
	tcase_add_test(t, label_is_entered_by_one_write);
	tcase_add_test(t, both_are_entered);
	tcase_add_loop_test(t, no_name_needs_nothing, 0, COUNT(none));
	tcase_add_test(t, label_has_no_word_for_none);
	tcase_add_loop_test(t, kernel_without_the_module_is_named, 0, COUNT(names));
	tcase_add_loop_test(t, name_that_cannot_be_entered_is_named, 0, COUNT(names));
	tcase_add_loop_test(t, name_without_an_effect_is_refused, 0, COUNT(names));
	tcase_add_loop_test(t, further_process_has_the_names_of_its_container, 0, COUNT(names));
	tcase_add_test(t, name_that_is_too_long_is_refused);
	tcase_add_test(t, label_of_mounts_needs_selinux);
	suite_add_tcase(s, t);
	return run_suite(s);
}
