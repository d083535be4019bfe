/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about images that begin as those of other formats. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <device-kinds/disk.h>

#include "suite.h"
#include "disk/format.h"
#include "disk/module.h"

static char head[512];
static struct vsu_error err;

static void setup(void)
{
	memset(head, 0, sizeof(head));
	err.msg[0] = '\0';
}

/* Checks a file that begins with len bytes of head. */
static int check_head(size_t len)
{
	char text[32];
	int fd = memfd_create("image", MFD_CLOEXEC), rc;

	ck_assert_int_eq(pwrite(fd, head, len, 0), (ssize_t)len);
	snprintf(text, sizeof(text), "fd:%d:image", fd);
	rc = devkind_priv_disk_check_format(text, 0, false, &err);
	close(fd);
	return rc;
}

static const struct {
	const char *bytes;
	size_t at, len;
	const char *format;
} images[] = {
	{ "QFI\xfb\0\0\0\3", 0, 8, "qcow2" },
	{ "KDMV\1\0\0\0", 0, 8, "vmdk" },
	{ "# Disk DescriptorFile\nversion=1", 0, 31, "vmdk" },
	{ "vhdxfile", 0, 8, "vhdx" },
	{ "conectix", 0, 8, "vpc" },
	{ "QED", 0, 4, "qed" },
	{ "\x7f\x10\xda\xbe", 64, 4, "vdi" },
};

START_TEST(an_image_is_known_by_its_first_bytes)
{
	char begin[64];

	memcpy(head + images[_i].at, images[_i].bytes, images[_i].len);
	ck_assert_int_eq(check_head(sizeof(head)), -EINVAL);
	snprintf(begin, sizeof(begin), "'image' begins like a %s image,", images[_i].format);
	ck_assert_ptr_eq(strstr(err.msg, begin), err.msg);
}
END_TEST

START_TEST(changed_magic_is_not_recognised)
{
	memcpy(head + images[_i].at, images[_i].bytes, images[_i].len);
	head[images[_i].at + 2] ^= 1;
	ck_assert_int_eq(check_head(sizeof(head)), 0);
}
END_TEST

START_TEST(truncated_magic_is_not_recognised)
{
	memcpy(head + images[_i].at, images[_i].bytes, images[_i].len);
	ck_assert_int_eq(check_head(images[_i].at + 3), 0);
}
END_TEST

START_TEST(disks_with_a_boot_sector_or_nothing_are_raw)
{
	ck_assert_int_eq(check_head(sizeof(head)), 0);
	head[510] = 0x55;
	head[511] = (char)0xaa;
	ck_assert_int_eq(check_head(sizeof(head)), 0);
	ck_assert_int_eq(check_head(0), 0);
}
END_TEST

static const struct {
	const char *head;
	off_t len;
	int rc;
	const char *says;
} checked[] = {
	{ "QFI\xfb", 196616, -EINVAL, "'/tmp/format.XXXXXX' begins like a qcow2 image, but only raw images are supported; make a raw one with 'qemu-img convert" },
	{ "QFI\xfb", 196608, -EINVAL, "'/tmp/format.XXXXXX' begins like a qcow2 image" },
	{ "\0\0\0\0", 1000, 0, "as it was" },
};

START_TEST(d5_04_image_of_another_format_is_refused_by_name_at_any_size)
{
	char path[] = "/tmp/format.XXXXXX";
	int fd = mkstemp(path);

	vsu_error_set(&err, -EIO, "as it was");
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, checked[_i].head, 4, 0), 4);
	ck_assert_int_eq(ftruncate(fd, checked[_i].len), 0);
	close(fd);
	ck_assert_int_eq(devkind_priv_disk_check_format(path, 0, false, &err), checked[_i].rc);
	unlink(path);
	/* the name differs, its length does not */
	if (strstr(err.msg, "/tmp/format."))
		memcpy(strstr(err.msg, "/tmp/format."), "/tmp/format.XXXXXX", 18);
	ck_assert_msg(!strncmp(err.msg, checked[_i].says,
			       strlen(checked[_i].says)), "%s", err.msg);
}
END_TEST

START_TEST(a_missing_module_names_its_package)
{
	const struct devkind_priv_disk_want want = { .address = "nbd://localhost" };
	struct virtdev_disk *disk;

	ck_assert_int_eq(setenv("CVMM_MODULES", "/nowhere", 1), 0);
	ck_assert_int_eq(devkind_priv_disk_open(&want, &disk, &err), -EOPNOTSUPP);
	ck_assert_msg(strstr(err.msg, "install the package cvmm-disk-nbd, or build with libnbd (/nowhere/disk-nbd.so"),
		      "%s", err.msg);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("format");
	TCase *tc = tcase_create("format");
	const int n = (int)(sizeof(images) / sizeof(*images));

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, an_image_is_known_by_its_first_bytes, 0, n);
	tcase_add_loop_test(tc, changed_magic_is_not_recognised, 0, n);
	tcase_add_loop_test(tc, truncated_magic_is_not_recognised, 0, n);
	tcase_add_test(tc, disks_with_a_boot_sector_or_nothing_are_raw);
	tcase_add_loop_test(tc, d5_04_image_of_another_format_is_refused_by_name_at_any_size, 0, 3);
	tcase_add_test(tc, a_missing_module_names_its_package);
	return run_suite(s);
}
