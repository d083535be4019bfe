/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the command line of "cvmm initrd", and what it writes. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <vmm-sys-util/fd.h>

#include "initrd/initrd_command.h"
#include "util.h"

#define MAX_WORDS 16

static struct vmm_initrd_command initrd;
static struct vsu_error err;

static char *word(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int parse_initrd(const char *const *given)
{
	static char *words[MAX_WORDS];
	int n = 0;

	words[n++] = word("initrd");
	while (*given)
		words[n++] = word(*given++);
	words[n] = NULL;
	return vmm_initrd_command_parse(&initrd, n, words, &err);
}

START_TEST(devices_of_an_initrd_are_drivers_with_their_bus)
{
	static const char *const words[] = { "6.1", "--device=disk", "--device=fs", "--module=ext4", NULL };

	ck_assert_int_eq(parse_initrd(words), 0);
	ck_assert_str_eq(initrd.version, "6.1");
	ck_assert_uint_eq(initrd.n, 5);
	ck_assert_str_eq(initrd.names[0], "virtio_pci");
	ck_assert_str_eq(initrd.names[1], "virtio_blk");
	ck_assert_str_eq(initrd.names[3], "virtiofs");
	ck_assert_str_eq(initrd.names[4], "ext4");
	ck_assert_ptr_null(initrd.names[5]);
}
END_TEST

START_TEST(initrd_refuses_unknown_devices_and_no_or_two_versions)
{
	static const char *const gpu[] = { "6.1", "--device=gpu", NULL }, *const none[] = { "--device=fs", NULL };
	static const char *const both[] = { "6.1", "--modules=/m", NULL };

	ck_assert_int_eq(parse_initrd(gpu), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "name its module with --module"));
	ck_assert_int_eq(parse_initrd(none), -ENOENT);
	ck_assert_int_eq(parse_initrd(both), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "the version '6.1' has no effect beside --modules"));
}
END_TEST

/* A kernel without modules. */
START_TEST(initrd_is_written_to_a_descriptor)
{
	char modules[] = "/tmp/test-exec-XXXXXX", dep[64], magic[7] = "";
	const char *const words[] = { "--modules", modules, "--init=/dev/null", NULL };
	int fd = memfd_create("out", MFD_CLOEXEC);
	FILE *f;

	ck_assert_ptr_nonnull(mkdtemp(modules));
	snprintf(dep, sizeof(dep), "%s/modules.dep", modules);
	f = fopen(dep, "w");
	ck_assert_ptr_nonnull(f);
	fclose(f);
	ck_assert_int_eq(parse_initrd(words), 0);
	ck_assert_int_eq(vmm_initrd_command_run(&initrd, fd, &err), -ENODEV);
	initrd.init = dep;
	ck_assert_int_eq(vmm_initrd_command_run(&initrd, fd, &err), 0);
	ck_assert_int_eq(pread(fd, magic, 6, 0), 6);
	ck_assert_str_eq(magic, "070701");
	unlink(dep);
	rmdir(modules);
	vsu_fd_close(&fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("initrd_command");
	TCase *tc = tcase_create("initrd_command");

	tcase_add_test(tc, devices_of_an_initrd_are_drivers_with_their_bus);
	tcase_add_test(tc, initrd_refuses_unknown_devices_and_no_or_two_versions);
	tcase_add_test(tc, initrd_is_written_to_a_descriptor);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
