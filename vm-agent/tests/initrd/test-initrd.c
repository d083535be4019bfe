/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the bytes of an initrd. */
#define _GNU_SOURCE
#include <config.h>

#include <inttypes.h>
#include <sys/mman.h>

#include "../suite.h"
#include "initrd/archive.h"
#include "../tree.h"
#include "vm-agent/initrd.h"

static const char *const none[] = { NULL };

struct entry {
	unsigned long mode, len, major, minor;
	char name[64];
	char bytes[64];
};

static unsigned long field(const char *header, unsigned int i)
{
	char digits[9] = { 0 };

	memcpy(digits, header + 6 + 8 * i, 8);
	return strtoul(digits, NULL, 16);
}

static void read_at(int fd, void *to, size_t len, uint64_t at)
{
	ck_assert_int_eq(pread(fd, to, len, (off_t)at), (ssize_t)len);
}

/* Reads the entry at *at, as the kernel does. False: the trailer. */
static bool read_entry(int fd, uint64_t *at, struct entry *e)
{
	char header[110];
	unsigned long name_len;

	read_at(fd, header, sizeof(header), *at);
	ck_assert_int_eq(memcmp(header, "070701", 6), 0);
	memset(e, 0, sizeof(*e));
	e->mode = field(header, 1);
	e->len = field(header, 6);
	e->major = field(header, 9);
	e->minor = field(header, 10);
	name_len = field(header, 11);
	ck_assert_uint_le(name_len, sizeof(e->name));
	read_at(fd, e->name, name_len, *at + sizeof(header));
	*at = (*at + sizeof(header) + name_len + 3) & ~UINT64_C(3);
	read_at(fd, e->bytes, e->len < sizeof(e->bytes) ? e->len : sizeof(e->bytes) - 1, *at);
	*at = (*at + e->len + 3) & ~UINT64_C(3);
	return strcmp(e->name, "TRAILER!!!") != 0;
}

static bool find_entry(int fd, const char *name, struct entry *e)
{
	uint64_t at = 0;

	while (read_entry(fd, &at, e))
		if (!strcmp(e->name, name))
			return true;
	return false;
}

static bool may_fail;

static int make_of(const char *modules, const char *const *names, int *fd, struct vsu_error *err)
{
	char init[256], boot[256];
	const struct vagent_initrd initrd = {
		.size = sizeof(initrd),
		.init = init, .modules = modules, .names = names, .others = none,
		.boot = boot, .may_fail = &may_fail,
	};

	snprintf(boot, sizeof(boot), "%s/boot", tree);

	snprintf(init, sizeof(init), "%s/program", tree);
	return vagent_initrd_make(&initrd, fd, err);
}

static int make(const char *const *names, int *fd, struct vsu_error *err)
{
	return make_of(tree, names, fd, err);
}

static void setup(void)
{
	tree_make();
	tree_text("program", "\177ELF the first program");
	tree_text("kernel/fuse.ko", "fuse");
	tree_text("kernel/virtiofs.ko.xz", "virtiofs.");
	tree_text("modules.dep", "kernel/virtiofs.ko.xz: kernel/fuse.ko\nkernel/fuse.ko:\nkernel/gone.ko:\n");
}

START_TEST(has_program_console_and_modules_in_order)
{
	static const char *const names[] = { "virtiofs", NULL };
	struct entry e;
	int fd;

	ck_assert_int_eq(make(names, &fd, NULL), 0);
	ck_assert(find_entry(fd, "init", &e));
	ck_assert_uint_eq(e.mode, S_IFREG | 0755);
	ck_assert_str_eq(e.bytes, "\177ELF the first program");
	ck_assert(find_entry(fd, "dev/console", &e));
	ck_assert_uint_eq(e.mode, S_IFCHR | 0600);
	ck_assert_uint_eq(e.major << 8 | e.minor, 5 << 8 | 1);
	ck_assert(find_entry(fd, "modules/order", &e));
	ck_assert_str_eq(e.bytes, "required 000-fuse.ko\nrequired 001-virtiofs.ko.xz\n");
	ck_assert(find_entry(fd, "modules/001-virtiofs.ko.xz", &e));
	ck_assert_str_eq(e.bytes, "virtiofs.");
	close(fd);
}
END_TEST

/* The configuration of the kernel; its name, of which FOLDER is that of the modules. */
static const struct {
	const char *file, *text;
	const char *module;
	int rc;
	bool unknown;
} kernels[] = {
	{ "config", "CONFIG_A=y\nCONFIG_MODULE_DECOMPRESS=y\n", "virtiofs", 0, false },
	{ "config", "CONFIG_A=y\n# CONFIG_MODULE_DECOMPRESS is not set\n", "virtiofs", -EOPNOTSUPP, false },
	{ "config", "", "fuse", 0, false },
	{ "boot/config-FOLDER", "CONFIG_A=y\n", "virtiofs", -EOPNOTSUPP, false },
	{ "boot/config-FOLDER", "CONFIG_MODULE_DECOMPRESS=y\n", "virtiofs", 0, false },
	{ "boot/config-other", "", "virtiofs", 0, true },
	{ "boot/config-other", "", "fuse", 0, false },
};

START_TEST(compressed_modules_require_a_kernel_that_loads_them)
{
	const char *const names[] = { kernels[_i].module, NULL };
	struct vsu_error err = VSU_ERROR_INIT;
	char name[128];
	int fd = -1;

	snprintf(name, sizeof(name), "%s/boot", tree);
	ck_assert_int_eq(mkdir(name, 0755), 0);
	snprintf(name, sizeof(name), "%.*s%s", (int)strcspn(kernels[_i].file, "F"), kernels[_i].file,
		 strchr(kernels[_i].file, 'F') ? strrchr(tree, '/') + 1 : "");
	tree_text(name, kernels[_i].text);
	ck_assert_int_eq(make_of(tree, names, &fd, &err), kernels[_i].rc);
	if (kernels[_i].rc) {
		ck_assert_ptr_nonnull(strstr(err.msg, "cannot load kernel/virtiofs.ko.xz, which is compressed: it lacks CONFIG_MODULE_DECOMPRESS"));
		ck_assert_int_eq(fd, -1);
	} else {
		ck_assert_int_eq(may_fail, kernels[_i].unknown);
		close(fd);
	}
}
END_TEST

START_TEST(later_modules_follow_those_of_the_start)
{
	static const char *const names[] = { "fuse", NULL }, *const later[] = { "virtiofs", "absent", NULL };
	char init[256];
	const struct vagent_initrd initrd = {
		.size = sizeof(initrd),
		.init = init, .modules = tree, .names = names, .later = later,
	};
	struct entry e;
	int fd;

	snprintf(init, sizeof(init), "%s/program", tree);
	ck_assert_int_eq(vagent_initrd_make(&initrd, &fd, NULL), 0);
	ck_assert(find_entry(fd, "modules/order", &e));
	ck_assert_str_eq(e.bytes, "required 000-fuse.ko\nlater 001-virtiofs.ko.xz\n");
	ck_assert(find_entry(fd, "modules/001-virtiofs.ko.xz", &e));
	close(fd);
}
END_TEST

START_TEST(is_sealed_and_at_its_begin)
{
	int fd;

	ck_assert_int_eq(make(none, &fd, NULL), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	close(fd);
}
END_TEST

START_TEST(kernel_without_modules_needs_no_folder)
{
	static const char *const names[] = { "virtiofs", NULL };
	struct entry e;
	int fd;

	ck_assert_int_eq(make_of(_i ? "none" : NULL, names, &fd, NULL), 0);
	ck_assert(find_entry(fd, "modules/order", &e));
	ck_assert_str_eq(e.bytes, "");
	close(fd);
}
END_TEST

START_TEST(names_of_missing_files_are_in_the_error)
{
	static const char *const gone[] = { "gone", NULL };
	struct vsu_error err;
	int fd = -7;

	ck_assert_int_eq(make(gone, &fd, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "kernel/gone.ko"));
	ck_assert_int_eq(fd, -7);
}
END_TEST

START_TEST(version_is_the_name_of_a_folder)
{
	static const char *const versions[] = { "", ".", "..", "../../tmp", "6.1/", "/tmp" };
	char folder[VAGENT_INITRD_FOLDER];

	ck_assert_int_eq(vagent_initrd_folder(versions[_i], folder, NULL), -EINVAL);
}
END_TEST

START_TEST(each_kind_with_a_driver_is_among_all_drivers)
{
	static const char *const kinds[] = { "balloon", "blk", "console", "fs", "mem", "net", "pmem", "rng", "vsock" };
	const char *driver = vagent_initrd_driver(kinds[_i]);
	unsigned int i = 0;

	ck_assert_ptr_nonnull(driver);
	while (vagent_initrd_drivers()[i] && strcmp(vagent_initrd_drivers()[i], driver) != 0)
		i++;
	ck_assert_ptr_nonnull(vagent_initrd_drivers()[i]);
	ck_assert_ptr_null(vagent_initrd_driver("gpu"));
}
END_TEST

START_TEST(d2_22_rejects_a_file_that_becomes_shorter)
{
	struct vagent_priv_archive a = { .fd = memfd_create("archive", MFD_CLOEXEC) };
	int from = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(from, 100), 0);
	vagent_priv_archive_copy(&a, "file", 0644, from, 101);
	ck_assert_int_eq(vagent_priv_archive_end(&a, NULL), -EBADMSG);
	close(from);
	close(a.fd);
}
END_TEST

START_TEST(d2_23_size_of_an_archive_is_limited)
{
	struct vagent_priv_archive a = { .fd = memfd_create("archive", MFD_CLOEXEC), .len = VAGENT_ARCHIVE_MAX - 200 };

	vagent_priv_archive_folder(&a, "a");
	ck_assert_int_eq(a.rc, 0);
	vagent_priv_archive_file(&a, "b", 0644, tree, sizeof(tree));
	ck_assert_int_eq(vagent_priv_archive_end(&a, NULL), -EFBIG);
	vagent_priv_archive_copy(&a, "c", 0644, -1, UINT64_MAX);
	ck_assert_int_eq(a.rc, -EFBIG);
	close(a.fd);
}
END_TEST

static int make_like(const char *const *names, bool *compressed, int *fd, struct vsu_error *err)
{
	char init[256], like[256];
	const struct vagent_initrd initrd = {
		.size = sizeof(initrd), .init = init, .modules = tree, .names = names,
		.like = like, .compressed = compressed,
	};

	snprintf(init, sizeof(init), "%s/program", tree);
	snprintf(like, sizeof(like), "%s/names", tree);
	return vagent_initrd_make(&initrd, fd, err);
}

START_TEST(names_are_those_of_another_initrd)
{
	static const char text[] = "required fuse\noptional absent\nlater virtiofs\n";
	struct entry e;
	bool compressed = false;
	int fd;

	tree_text("names", text);
	ck_assert_int_eq(make_like(NULL, &compressed, &fd, NULL), 0);
	ck_assert(find_entry(fd, "modules/order", &e));
	ck_assert_str_eq(e.bytes, "required 000-fuse.ko\nlater 001-virtiofs.ko.xz\n");
	ck_assert(find_entry(fd, VAGENT_INITRD_NAMES, &e));
	ck_assert_str_eq(e.bytes, text);
	ck_assert(compressed);
	close(fd);
	tree_text("names", "required fuse\n");
	ck_assert_int_eq(make_like(NULL, &compressed, &fd, NULL), 0);
	ck_assert(!compressed);
	close(fd);
}
END_TEST

START_TEST(names_of_another_initrd_are_the_only_ones)
{
	static const char *const names[] = { "fuse", NULL };
	struct vsu_error err = VSU_ERROR_INIT;
	int fd = -1;

	ck_assert_int_eq(make_like(NULL, NULL, &fd, &err), -ENOENT);
	tree_text("names", "fuse\n");
	ck_assert_int_eq(make_like(NULL, NULL, &fd, &err), -EBADMSG);
	ck_assert_int_eq(make_like(names, NULL, &fd, &err), -EINVAL);
	ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(initrd_without_a_program_is_refused)
{
	const struct vagent_initrd initrd = { .size = sizeof(initrd) };
	struct vsu_error err = VSU_ERROR_INIT;
	int fd = -1;

	ck_assert_int_eq(vagent_initrd_make(&initrd, &fd, &err), -EINVAL);
	ck_assert_int_eq(fd, -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("initrd");
	TCase *tc = tcase_create("initrd");

	tcase_add_checked_fixture(tc, setup, tree_remove);
	tcase_add_test(tc, has_program_console_and_modules_in_order);
	tcase_add_loop_test(tc, compressed_modules_require_a_kernel_that_loads_them, 0, sizeof(kernels) / sizeof(kernels[0]));
	tcase_add_test(tc, later_modules_follow_those_of_the_start);
	tcase_add_test(tc, is_sealed_and_at_its_begin);
	tcase_add_loop_test(tc, kernel_without_modules_needs_no_folder, 0, 2);
	tcase_add_test(tc, names_of_missing_files_are_in_the_error);
	tcase_add_loop_test(tc, version_is_the_name_of_a_folder, 0, 6);
	tcase_add_loop_test(tc, each_kind_with_a_driver_is_among_all_drivers, 0, 9);
	tcase_add_test(tc, names_are_those_of_another_initrd);
	tcase_add_test(tc, names_of_another_initrd_are_the_only_ones);
	tcase_add_test(tc, initrd_without_a_program_is_refused);
	tcase_add_test(tc, d2_22_rejects_a_file_that_becomes_shorter);
	tcase_add_test(tc, d2_23_size_of_an_archive_is_limited);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
