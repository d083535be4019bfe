/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the kernel of an image on which a command runs. A folder is the image's file system;
 * kexec_file_load() and reboot() are those of the test.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include <linux/openat2.h>

#include <vm-agent/protocol.h>

#include "../../../../vm-agent/tests/tree.h"
#include "../../../../tests/support/suite.h"
#include "image.h"

static char why[IMAGE_WHY];
static bool has_system;
static int failure;		/* errno of kexec_file_load(); 0: it succeeds */
static unsigned int loads, reboots;
static char *initrd;
static size_t initrd_len;
static char kernel[8];

/* ------------------------------------------------------------ calls of the kernel */

#pragma GCC visibility push(default)
long __wrap_syscall(long call, ...);
long __real_syscall(long call, ...);
int __wrap_reboot(int how);
#pragma GCC visibility pop

static long load(int kernel_fd, int initrd_fd, const char *line)
{
	struct stat st;

	loads++;
	ck_assert_int_gt(pread(kernel_fd, kernel, sizeof(kernel) - 1, 0), 0);
	ck_assert_int_eq(fstat(initrd_fd, &st), 0);
	initrd_len = (size_t)st.st_size;
	free(initrd);
	initrd = malloc(initrd_len);
	ck_assert_ptr_nonnull(initrd);
	ck_assert_int_eq(pread(initrd_fd, initrd, initrd_len, 0), st.st_size);
	ck_assert_ptr_null(strstr(line, VAGENT_KERNEL_WORD));
	errno = failure;
	return failure ? -1 : 0;
}

long __wrap_syscall(long call, ...)
{
	long a[5];
	va_list ap;
	int i;

	va_start(ap, call);
	for (i = 0; i < 5; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (call == SYS_kexec_file_load)
		return load((int)a[0], (int)a[1], (const char *)a[3]);
	return __real_syscall(call, a[0], a[1], a[2], a[3], a[4]);
}

int __wrap_reboot(int how)
{
	(void)how;
	reboots++;
	errno = EINVAL;
	return -1;
}

/* In place of image.c: one file system, whose device is no disk. */
int image_open_system(void)
{
	return has_system ? open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

void image_try_disk(image_start *start)
{
	const int root = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);

	image_try_root(root, "/dev/vda1", "", IMAGE_ENTRIES, start);
	image_try_root(root, "/dev/vda1", "", IMAGE_KERNELS, start);
	close(root);
}

/* --------------------------------------------------------------- the image's files */

#define RELEASE "9.8.7-image"
#define FOLDER "lib/modules/" RELEASE

static void add_file(const char *name, const void *bytes, size_t len)
{
	char full[256], *slash;

	snprintf(full, sizeof(full), "%s/%s", tree, name);
	for (slash = full + strlen(tree); (slash = strchr(slash + 1, '/')); *slash = '/') {
		*slash = '\0';
		mkdir(full, 0755);
	}
	tree_write(name, bytes, len);
}

static void add_text(const char *name, const char *text)
{
	add_file(name, text, strlen(text));
}

/* The head of a bzImage, whose version is at 0x300. */
static void add_kernel(const char *name, const char *version)
{
	char image[0x400] = "kernel";

	memcpy(image + 0x202, "HdrS", 4);
	image[0x20f] = 1;
	snprintf(image + 0x300, 0x100, "%s (builder) #1", version);
	add_file(name, image, sizeof(image));
}

static void setup(void)
{
	strcpy(tree, "/tmp/test-initrd-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(tree));
	has_system = true;
	failure = 0;
	loads = reboots = 0;
	add_kernel("boot/vmlinuz-" RELEASE, RELEASE);
	add_text(FOLDER "/modules.dep", "kernel/virtiofs.ko: kernel/fuse.ko\nkernel/fuse.ko:\nkernel/ext4.ko:\n");
	add_text(FOLDER "/kernel/virtiofs.ko", "the image's virtiofs");
	add_text(FOLDER "/kernel/fuse.ko", "the image's fuse");
	add_text(FOLDER "/kernel/ext4.ko", "the image's ext4");
	add_text("names", "required virtiofs\noptional virtio_rng\nlater ext4\nlater xfs\n");
}

static void teardown(void)
{
	free(initrd);
	initrd = NULL;
	tree_remove();
}

static void start(void)
{
	char names[64];

	snprintf(names, sizeof(names), "%s/names", tree);
	image_start_own(names, why);
}

static bool initrd_has(const char *text)
{
	return memmem(initrd, initrd_len, text, strlen(text));
}

/* ----------------------------------------------------------------------- claims */

START_TEST(kernel_is_started_with_its_modules)
{
	start();
	ck_assert_uint_eq(loads, 1);
	ck_assert_uint_eq(reboots, 1);
	ck_assert_str_eq(kernel, "kernel");
	ck_assert(initrd_has("required 000-fuse.ko\nrequired 001-virtiofs.ko\nlater 002-ext4.ko\n"));
	ck_assert(initrd_has("the image's virtiofs"));
	ck_assert(initrd_has("required virtiofs\noptional virtio_rng\nlater ext4\nlater xfs\n"));
	ck_assert_str_eq(why, "its kernel " RELEASE " cannot be started: Invalid argument");
}
END_TEST

START_TEST(kernel_of_the_menu_comes_first)
{
	add_kernel("boot/vmlinuz-9.9.9", "9.9.9");
	add_text("boot/grub/grub.cfg", "menuentry 'a' {\n\tlinux /boot/vmlinuz-" RELEASE " ro\n}\n");
	start();
	ck_assert_uint_eq(reboots, 1);
	ck_assert_str_eq(why, "its kernel " RELEASE " cannot be started: Invalid argument");
}
END_TEST

/* Names of files without ".conf", whose entries state no version. */
static const struct {
	const char *lower, *higher;
} named[] = {
	{ "6.1", "6.1.2" }, { "6.9", "6.10" }, { "linux", "linux-6.1" },
};

START_TEST(name_of_an_entry_is_its_version)
{
	char name[64];

	add_kernel("boot/a", "9.9.9");
	snprintf(name, sizeof(name), "boot/loader/entries/%s.conf", named[_i].lower);
	add_text(name, "linux /boot/a\n");
	snprintf(name, sizeof(name), "boot/loader/entries/%s.conf", named[_i].higher);
	add_text(name, "linux /boot/vmlinuz-" RELEASE "\n");
	start();
	ck_assert_uint_ge(reboots, 1);
	ck_assert_str_eq(why, "its kernel " RELEASE " cannot be started: Invalid argument");
}
END_TEST

START_TEST(links_end_in_the_image)
{
	char link[64];

	snprintf(link, sizeof(link), "%s/boot/vmlinuz", tree);
	ck_assert_int_eq(symlink("/boot/vmlinuz-" RELEASE, link), 0);
	add_text("boot/grub/grub.cfg", "menuentry 'a' {\n\tlinux /boot/vmlinuz ro\n}\n");
	start();
	ck_assert_uint_eq(reboots, 2);
}
END_TEST

static const struct {
	int code;
	const char *why;
} unloadable[] = {
	{ ENOSYS, "its kernel " RELEASE " cannot be loaded: the kernel that cvmm starts first lacks CONFIG_KEXEC_FILE" },
	{ EPERM, "its kernel " RELEASE " cannot be loaded: the kernel that cvmm starts first does not permit kexec" },
	{ ENOEXEC, "its kernel " RELEASE " cannot be loaded: it is not a kernel that this machine can execute" },
	{ ENOMEM, "its kernel " RELEASE " cannot be loaded: not enough memory; raise --memory" },
};

START_TEST(kernel_that_is_not_loaded_is_not_started)
{
	failure = unloadable[_i].code;
	start();
	ck_assert_uint_eq(reboots, 0);
	ck_assert_str_eq(why, unloadable[_i].why);
}
END_TEST

static const struct {
	const char *name, *text;
	const char *why;
} unusable[] = {
	{ "boot/vmlinuz-" RELEASE, "x", "/boot/vmlinuz-" RELEASE " of /dev/vda1 does not state its version" },
	{ "names", "required absent\n", "no initrd for its kernel: the kernel has no module 'absent', neither as a file nor built in" },
	{ FOLDER "/modules.dep", "kernel/virtiofs.ko: ../fuse.ko\n../fuse.ko:\n", "no initrd for its kernel: modules.dep names '../fuse.ko', which is not below its folder" },
	{ FOLDER "/kernel/fuse.ko", "", "no initrd for its kernel: the module 'kernel/fuse.ko' is not a file with contents" },
	{ "boot/grub/grub.cfg", "menuentry 'a' {\n\tlinux /absent\n}\n", "/absent of /dev/vda1 does not exist" },
};

/* The first reason counts, also where another kernel is found. */
START_TEST(unusable_kernel_has_a_reason)
{
	add_text(unusable[_i].name, unusable[_i].text);
	start();
	ck_assert_str_eq(why, unusable[_i].why);
}
END_TEST

static void remove_file(const char *name)
{
	char full[128];

	snprintf(full, sizeof(full), "%s/%s", tree, name);
	ck_assert_int_eq(remove(full), 0);
}

START_TEST(image_without_a_kernel_has_none)
{
	remove_file("boot/vmlinuz-" RELEASE);
	start();
	ck_assert_str_eq(why, "the image has no kernel");
}
END_TEST

START_TEST(kernel_of_another_version_has_no_modules)
{
	add_kernel("boot/vmlinuz-" RELEASE, "9.8.7/../9.8.7-other");
	start();
	ck_assert_uint_eq(loads, 0);
	ck_assert_str_eq(why, "the image has no modules of its kernel 9.8.7/../9.8.7-other");
}
END_TEST

START_TEST(image_without_a_root_starts_nothing)
{
	has_system = false;
	start();
	ck_assert_uint_eq(loads, 0);
	ck_assert_str_eq(why, "no root with /etc and /usr can be read");
}
END_TEST

START_TEST(names_are_required)
{
	remove_file("names");
	start();
	ck_assert_uint_eq(loads, 0);
	ck_assert_ptr_nonnull(strstr(why, "names'"));
}
END_TEST

static const struct {
	const char *name, *text;
	bool started;
} configurations[] = {
	{ "boot/config-" RELEASE, "#\nCONFIG_MODULE_DECOMPRESS=y\n", true },
	{ "boot/config-" RELEASE, "#\n# CONFIG_MODULE_DECOMPRESS is not set\n", false },
	{ FOLDER "/config", "#\n# CONFIG_MODULE_DECOMPRESS is not set\n", false },
	{ "other", "", true },
};

START_TEST(compressed_modules_need_a_kernel_that_loads_them)
{
	add_text(FOLDER "/modules.dep", "kernel/virtiofs.ko.xz:\n");
	add_text(FOLDER "/kernel/virtiofs.ko.xz", "compressed");
	add_text(configurations[_i].name, configurations[_i].text);
	start();
	ck_assert_uint_eq(reboots, configurations[_i].started);
	if (!configurations[_i].started)
		ck_assert_str_eq(why, "its kernel " RELEASE " cannot load its compressed modules (CONFIG_MODULE_DECOMPRESS)");
}
END_TEST

/* NULL, or why files cannot be opened below a folder. */
static const char *no_openat2(void)
{
	return __real_syscall(SYS_openat2, -1, NULL, NULL, 0) < 0 && (errno == ENOSYS || errno == EPERM) ?
	       "the kernel has no openat2()" : NULL;
}

int main(void)
{
	Suite *s = suite_create("own kernel");
	TCase *tc = tcase_create("own kernel");
	const char *lack = no_openat2();

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test_unless(tc, lack, kernel_is_started_with_its_modules);
	tcase_add_test_unless(tc, lack, kernel_of_the_menu_comes_first);
	tcase_add_loop_test_unless(tc, lack, name_of_an_entry_is_its_version, 0, sizeof(named) / sizeof(named[0]));
	tcase_add_test_unless(tc, lack, links_end_in_the_image);
	tcase_add_loop_test_unless(tc, lack, kernel_that_is_not_loaded_is_not_started, 0,
				   sizeof(unloadable) / sizeof(unloadable[0]));
	tcase_add_loop_test_unless(tc, lack, unusable_kernel_has_a_reason, 0,
				   sizeof(unusable) / sizeof(unusable[0]));
	tcase_add_test_unless(tc, lack, image_without_a_kernel_has_none);
	tcase_add_test_unless(tc, lack, kernel_of_another_version_has_no_modules);
	tcase_add_test_unless(tc, lack, image_without_a_root_starts_nothing);
	tcase_add_test_unless(tc, lack, names_are_required);
	tcase_add_loop_test_unless(tc, lack, compressed_modules_need_a_kernel_that_loads_them, 0,
				   sizeof(configurations) / sizeof(configurations[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
