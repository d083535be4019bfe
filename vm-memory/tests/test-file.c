/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about memory in files: every row of share x readonly x rom, every
 * case of offset, size and alignment, every kind of thing at mem-path, and
 * that a refused back-end leaves the file system as it was.
 */
#include <config.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <vm-memory/backend.h>

#include "util.h"

static char dir[64], path[128];

static void setup(void)
{
	strcpy(dir, "/tmp/vmem-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
}

static void teardown(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void make_file(uint64_t size)
{
	unsigned char *bytes = malloc(size + 1);
	uint64_t i;
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(bytes);
	ck_assert_ptr_nonnull(f);
	for (i = 0; i < size; i++)
		bytes[i] = pattern(i);
	fwrite(bytes, 1, size, f);
	fclose(f);
	free(bytes);
}

static int64_t file_size(void)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : (int64_t)st.st_size;
}

static unsigned char file_byte(uint64_t pos)
{
	unsigned char byte = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)pos), 1);
	close(fd);
	return byte;
}

/* "mem-path=PATH,backend=file," and the rest. */
static int alloc(const char *props, struct vmem_block **out,
		 struct vsu_error *err)
{
	struct vmem_backend *b;
	char list[512];
	int rc;

	snprintf(list, sizeof(list), "backend=file,mem-path=%s%s%s", path,
		 *props ? "," : "", props);
	ck_assert_int_eq(vmem_backend_new(&b), 0);
	rc = vmem_backend_parse(b, "--memory", list, err);
	if (!rc)
		rc = vmem_backend_alloc(b, out, err);
	vmem_backend_free(b);
	return rc;
}

/*
 * The twelve combinations. Flags determine how the library's access functions treat a
 * store; this test stores to the mapping itself.
 */
struct rom_row {
	const char *props;
	bool ok;
	uint32_t flags;
	int open_mode;
};

#define NONE 0
#define RW_PRIVATE VMEM_BLOCK_WRITE
#define ROM_PRIVATE VMEM_BLOCK_ROM
#define ROM_SHARED (VMEM_BLOCK_ROM | VMEM_BLOCK_SHARED)

#define ROM_ROWS(X)							\
	X(row_01_default_is_private_ram, "share=off,readonly=off,rom=auto", \
	  true, RW_PRIVATE, O_RDWR)					\
	X(row_02_private_ram, "share=off,readonly=off,rom=off",		\
	  true, RW_PRIVATE, O_RDWR)					\
	X(row_03_private_rom_needs_readonly,				\
	  "share=off,readonly=off,rom=on", false, NONE, 0)		\
	X(row_04_readonly_private_is_rom,				\
	  "share=off,readonly=on,rom=auto", true, ROM_PRIVATE, O_RDONLY) \
	X(row_05_private_rom, "share=off,readonly=on,rom=on",		\
	  true, ROM_PRIVATE, O_RDONLY)					\
	X(row_06_template, "share=off,readonly=on,rom=off",		\
	  true, RW_PRIVATE, O_RDONLY)					\
	X(row_07_shared_ram, "share=on,readonly=off,rom=auto",		\
	  true, RW_SHARED, O_RDWR)					\
	X(row_08_shared_ram_said_twice, "share=on,readonly=off,rom=off", \
	  true, RW_SHARED, O_RDWR)					\
	X(row_09_shared_rom_needs_readonly,				\
	  "share=on,readonly=off,rom=on", false, NONE, 0)		\
	X(row_10_readonly_shared_is_rom,				\
	  "share=on,readonly=on,rom=auto", true, ROM_SHARED, O_RDONLY)	\
	X(row_11_shared_rom, "share=on,readonly=on,rom=on",		\
	  true, ROM_SHARED, O_RDONLY)					\
	X(row_12_shared_readonly_ram_is_a_contradiction,		\
	  "share=on,readonly=on,rom=off", false, NONE, 0)

static void check_rom_row(const struct rom_row *row)
{
	struct vmem_block *b;
	unsigned char *hva;
	char props[128];
	bool reaches = row->flags == RW_SHARED;

	snprintf(props, sizeof(props), "size=64k,%s", row->props);
	if (!row->ok) {
		/* refused before anything is opened or made */
		ck_assert_int_eq(alloc(props, &b, NULL), -EINVAL);
		ck_assert_int_eq(file_size(), -1);
		return;
	}
	make_file(64 * KIB);
	ck_assert_int_eq(alloc(props, &b, NULL), 0);
	ck_assert_uint_eq(vmem_block_flags(b), row->flags);
	ck_assert_int_eq(fcntl(vmem_block_fd(b), F_GETFL) & O_ACCMODE,
			 row->open_mode);
	ck_assert_int_eq(fcntl(vmem_block_fd(b), F_GETFD), FD_CLOEXEC);
	hva = vmem_block_hva(b);
	ck_assert_uint_eq(hva[4097], pattern(4097));
	if (row->flags & VMEM_BLOCK_WRITE) {
		hva[4097] = 0x99;
		ck_assert_uint_eq(hva[4097], 0x99);
	}
	ck_assert_uint_eq(file_byte(4097), reaches ? 0x99 : pattern(4097));
	vmem_block_unref(b);
	ck_assert_int_eq(file_size(), 64 * KIB);
}

#define DEFINE_ROM_ROW(name, ...)					\
START_TEST(name)							\
{									\
	check_rom_row(&(const struct rom_row){ __VA_ARGS__ });		\
}									\
END_TEST
ROM_ROWS(DEFINE_ROM_ROW)

START_TEST(rom_mapping_faults_on_a_store)
{
	struct vmem_block *b;

	make_file(64 * KIB);
	ck_assert_int_eq(alloc("size=64k,readonly=on", &b, NULL), 0);
	unlink(path);
	rmdir(dir);
	die_of_faults();
	*(volatile unsigned char *)vmem_block_hva(b) = 1;
}
END_TEST

/*
 * The cases of offset, size and alignment. before: the file's size, -1 for
 * none. after: likewise. reason: a piece of the sentence.
 */
struct size_case {
	const char *props;
	int64_t before;
	int rc;
	int64_t after;
	const char *reason;
};

#define K(n) ((int64_t)(n) * 1024)
#define SIZE_CASES(X)							\
	X(offset_01_half_a_page, "offset=2048,size=4k", K(64), -EINVAL,	\
	  K(64), "offset 2048 is not a multiple of the page size 4k") \
	X(offset_02_one_byte, "offset=1,size=4k", K(64), -EINVAL, K(64), \
	  "not a multiple of the page size")				\
	X(offset_03_ends_past_the_end, "offset=32k,size=36k", K(64),	\
	  -EINVAL, K(64), "too small")					\
	X(offset_04_at_the_end, "offset=64k,size=4k", K(64), -EINVAL,	\
	  K(64), "too small")						\
	X(offset_05_past_the_end, "offset=128k,size=4k", K(64), -EINVAL, \
	  K(64), "too small")						\
	X(offset_06_size_past_the_end_grows_nothing, "size=128k", K(64), \
	  -EINVAL, K(64), "too small")					\
	X(offset_07_smaller_size_leaves_the_file, "size=4k", K(64), 0,	\
	  K(64), NULL)							\
	X(offset_08_ends_exactly_at_the_end, "offset=32k,size=32k",	\
	  K(64), 0, K(64), NULL)					\
	X(offset_09_new_file_grows_to_the_sum, "offset=64k,size=64k", -1, \
	  0, K(128), NULL)						\
	X(offset_10_new_file_is_not_left_behind, "offset=100,size=4k", -1, \
	  -EINVAL, -1, "offset")					\
	X(offset_11_empty_file_grows, "offset=8k,size=64k", 0, 0, K(72), \
	  NULL)								\
	X(offset_12_empty_and_readonly, "size=64k,readonly=on", 0,	\
	  -EINVAL, 0, "is empty")					\
	X(offset_13_missing_and_readonly, "size=64k,readonly=on", -1,	\
	  -ENOENT, -1, "does not exist")				\
	X(offset_14_largest_page, "offset=0x7ffffffffffff000,size=4k",	\
	  K(64), -EINVAL, K(64), "offset")				\
	X(offset_15_two_to_the_63, "offset=0x8000000000000000,size=4k",	\
	  K(64), -EINVAL, K(64), "exceed")				\
	X(offset_16_negative_as_unsigned,				\
	  "offset=0xfffffffffffff000,size=64k", K(64), -EINVAL, K(64),	\
	  "exceed")							\
	X(offset_17_negative, "offset=-4096,size=4k", K(64), -EINVAL,	\
	  K(64), "offset")						\
	X(offset_18_new_file_beyond_what_files_hold,			\
	  "offset=0x7ffffffffff00000,size=2M", -1, -EINVAL, -1,		\
	  "exceed")							\
	X(offset_19_new_file_of_two_to_the_63, "size=0x8000000000000000", \
	  -1, -EINVAL, -1, "size")					\
	X(offset_20a_size_not_pages, "size=4097", K(64), -EINVAL, K(64), \
	  "not a multiple")						\
	X(offset_20b_size_not_pages, "size=65535", K(64), -EINVAL, K(64), \
	  "not a multiple")						\
	X(offset_20c_size_one, "size=1", K(64), -EINVAL, K(64),		\
	  "smaller than a page")					\
	X(offset_20d_new_file_of_odd_size_is_not_made, "size=4097", -1,	\
	  -EINVAL, -1, "not a multiple")				\
	X(offset_21_size_check_comes_first, "size=65537", K(64), -EINVAL, \
	  K(64), "too small")						\
	X(offset_22a_size_zero, "size=0", K(64), -EINVAL, K(64),	\
	  "size is 0")							\
	X(offset_22b_size_missing, "", K(64), -EINVAL, K(64),		\
	  "size is missing")						\
	X(offset_22c_size_negative, "size=-1", K(64), -EINVAL, K(64),	\
	  "is not a size")						\
	X(offset_22d_size_wraps_when_rounded,				\
	  "size=0xffffffffffffffff", K(64), -EINVAL, K(64), "size")	\
	X(offset_23_align_not_a_power_of_two, "size=4k,align=12k", K(64), \
	  -EINVAL, K(64), "power of two")				\
	X(offset_24a_align_not_pages, "size=4k,align=100", K(64),	\
	  -EINVAL, K(64), "align 100 is not a multiple")			\
	X(offset_24b_align_half_a_page, "size=4k,align=2k", K(64),	\
	  -EINVAL, K(64), "is not a multiple")				\
	X(offset_36_offset_and_rom_are_known,				\
	  "size=4k,offset=4k,rom=auto", K(64), 0, K(64), NULL)

static void check_size_case(const struct size_case *c)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;
	int before;

	if (c->before >= 0)
		make_file((uint64_t)c->before);
	before = vsu_fd_count();
	ck_assert_int_eq(alloc(c->props, &b, &err), c->rc);
	ck_assert_int_eq(file_size(), c->after);
	if (c->rc < 0) {
		ck_assert_msg(strstr(err.msg, c->reason) != NULL, "'%s'",
			      err.msg);
		ck_assert_ptr_null(b);
	} else {
		*(volatile unsigned char *)(vmem_block_hva(b) +
					    vmem_block_len(b) - 1);
	}
	vmem_block_unref(b);
	ck_assert_int_eq(vsu_fd_count(), before);
	ck_assert_int_eq(file_size(), c->after);
}

#define DEFINE_SIZE_CASE(name, ...)					\
START_TEST(name)							\
{									\
	check_size_case(&(const struct size_case){ __VA_ARGS__ });	\
}									\
END_TEST
SIZE_CASES(DEFINE_SIZE_CASE)

START_TEST(offset_34_directory_and_readonly)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b;

	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(alloc("size=4k,readonly=on", &b, &err), -EISDIR);
	ck_assert_ptr_nonnull(strstr(err.msg, "directory"));
	rmdir(path);
}
END_TEST

START_TEST(offset_35_path_is_missing)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_backend *b;
	struct vmem_block *block;

	ck_assert_int_eq(vmem_backend_new(&b), 0);
	ck_assert_int_eq(vmem_backend_parse(b, "x", "backend=file,size=4k",
					    NULL), 0);
	ck_assert_int_eq(vmem_backend_alloc(b, &block, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "mem-path"));
	vmem_backend_free(b);
}
END_TEST

START_TEST(offset_selects_the_bytes_and_align_the_address)
{
	struct vmem_block *b;

	make_file(64 * KIB);
	ck_assert_int_eq(alloc("size=4k,offset=4k,align=2M,share=on", &b,
			       NULL), 0);
	ck_assert_uint_eq((uintptr_t)vmem_block_hva(b) % (2048 * KIB), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[7], pattern(4096 + 7));
	ck_assert_uint_eq(vmem_block_file_pos(b, 7), 4096 + 7);
	vmem_block_hva(b)[0] = 0xee;
	ck_assert_uint_eq(file_byte(4096), 0xee);
	ck_assert_uint_eq(file_byte(0), pattern(0));
	vmem_block_unref(b);
}
END_TEST

START_TEST(directory_gives_a_file_without_a_name)
{
	struct vmem_block *b;
	struct stat st;

	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(alloc("size=8k,share=on", &b, NULL), 0);
	ck_assert_int_eq(fstat(vmem_block_fd(b), &st), 0);
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert_int_eq(st.st_size, 8192);
	vmem_block_hva(b)[8191] = 1;
	vmem_block_unref(b);
	ck_assert_int_eq(rmdir(path), 0);	/* empty: nothing was left */
}
END_TEST

/* Not hanging in open() is a part of the claim. */
START_TEST(d1_06_fifo_and_socket_are_refused_without_blocking)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b;
	int s;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(alloc("size=4k", &b, &err), -ENODEV);
	ck_assert_ptr_nonnull(strstr(err.msg, "FIFO"));
	ck_assert_int_eq(alloc("size=4k,readonly=on", &b, &err), -ENODEV);
	unlink(path);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(a.sun_path, path);
	ck_assert_int_eq(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(alloc("size=4k", &b, &err), -ENODEV);
	ck_assert_ptr_nonnull(strstr(err.msg, "socket"));
	close(s);
}
END_TEST

START_TEST(missing_parent_is_named)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b;
	char *slash;

	slash = strrchr(path, '/');
	strcpy(slash, "/none/file");
	ck_assert_int_eq(alloc("size=4k", &b, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "/none/file"));
}
END_TEST

/* No file either where huge pages are not mounted. */
static const char *const devices[] = {
	"/dev/vmem-test-no-such-device", "/dev/hugepages-vmem-test",
};

START_TEST(path_under_dev_is_never_created)
{
	struct vmem_block *b;
	char real[128];

	strcpy(real, path);
	strcpy(path, devices[_i]);
	ck_assert_int_eq(alloc("size=4k", &b, NULL), -ENOENT);
	ck_assert_int_eq(file_size(), -1);
	strcpy(path, real);
}
END_TEST

START_TEST(symbolic_link_to_nothing_is_named)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;

	ck_assert_int_eq(symlink("nothing", path), 0);
	ck_assert_int_eq(alloc("size=64k", &b, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "dangling symbolic link"));
	ck_assert_ptr_null(b);
}
END_TEST

/* The file has room; only the size is wrong. */
START_TEST(size_between_pages_is_refused_for_that)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b;

	make_file(6000);
	ck_assert_int_eq(alloc("size=6000", &b, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "not a multiple"));
	ck_assert_int_eq(alloc("size=8k", &b, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "too small"));
}
END_TEST

START_TEST(alignment_that_no_address_has_is_named)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;

	int rc = alloc("size=64k,align=4E", &b, &err);

	if (rc != -EINVAL) {	/* valgrind's answer to such a length */
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert_ptr_nonnull(strstr(err.msg,
					     "align 4E"));
	}
	ck_assert_ptr_null(b);
	ck_assert_int_eq(file_size(), -1);
}
END_TEST

/* A file that cannot be mapped synchronously is mapped as any other. */
START_TEST(success_leaves_the_error_empty)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b;

	ck_assert_int_eq(alloc("size=64k,share=on,pmem=on", &b, &err), 0);
	ck_assert_int_eq(err.code, 0);
	ck_assert_str_eq(err.msg, "");
	vmem_block_unref(b);
}
END_TEST

START_TEST(symbolic_link_is_followed)
{
	struct vmem_block *b;
	char target[160];

	snprintf(target, sizeof(target), "%s/target", dir);
	make_file(64 * KIB);
	ck_assert_int_eq(rename(path, target), 0);
	ck_assert_int_eq(symlink(target, path), 0);
	ck_assert_int_eq(alloc("size=64k", &b, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[3], pattern(3));
	vmem_block_unref(b);
	unlink(target);
}
END_TEST

/* Root passes all permission checks, so switch to another effective user. */
static bool drop_root(void)
{
	if (geteuid())
		return true;
	return !chmod(dir, 0755) && !chown(path, 65534, 65534) &&
	       !seteuid(65534);
}

START_TEST(file_that_may_only_be_read_gets_a_hint_where_it_helps)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b;

	make_file(64 * KIB);
	chmod(path, 0444);
	ck_assert(drop_root());
	ck_assert_int_eq(alloc("size=64k", &b, &err), -EACCES);
	ck_assert_ptr_nonnull(strstr(err.msg, "readonly=on,rom=off"));
	ck_assert_int_eq(alloc("size=64k,share=on", &b, &err), -EACCES);
	ck_assert_ptr_null(strstr(err.msg, "rom=off"));
	chmod(path, 0);
	ck_assert_int_eq(alloc("size=64k", &b, &err), -EACCES);
	ck_assert_ptr_null(strstr(err.msg, "rom=off"));
	ck_assert_int_eq(alloc("size=64k,readonly=on", &b, &err), -EACCES);
	if (!getuid())
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(template_serves_two_without_write_permission)
{
	struct vmem_block *a, *b;

	make_file(64 * KIB);
	chmod(path, 0444);
	ck_assert(drop_root());
	ck_assert_int_eq(alloc("size=64k,readonly=on,rom=off", &a, NULL), 0);
	ck_assert_int_eq(alloc("size=64k,readonly=on,rom=off", &b, NULL), 0);
	vmem_block_hva(a)[5] = 0x11;
	vmem_block_hva(b)[5] = 0x22;
	ck_assert_uint_eq(vmem_block_hva(a)[5], 0x11);
	ck_assert_uint_eq(vmem_block_hva(b)[5], 0x22);
	ck_assert_uint_eq(file_byte(5), pattern(5));
	vmem_block_unref(a);
	vmem_block_unref(b);
	if (!getuid())
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(two_pieces_of_one_file_leave_the_rest_of_it)
{
	struct vmem_block *a, *b;

	make_file(64 * KIB);
	ck_assert_int_eq(alloc("size=8k,offset=8k,share=on", &a, NULL), 0);
	ck_assert_int_eq(alloc("size=8k,offset=32k,share=on", &b, NULL), 0);
	memset(vmem_block_hva(a), 0xaa, 8192);
	memset(vmem_block_hva(b), 0xbb, 8192);
	ck_assert_uint_eq(file_byte(8 * KIB - 1), pattern(8 * KIB - 1));
	ck_assert_uint_eq(file_byte(8 * KIB), 0xaa);
	ck_assert_uint_eq(file_byte(16 * KIB), pattern(16 * KIB));
	ck_assert_uint_eq(file_byte(40 * KIB - 1), 0xbb);
	ck_assert_uint_eq(file_byte(40 * KIB), pattern(40 * KIB));
	vmem_block_unref(a);
	vmem_block_unref(b);
	ck_assert_int_eq(file_size(), 64 * KIB);
}
END_TEST

START_TEST(discard_data_empties_the_pages_at_the_end)
{
	struct vmem_block *b;

	make_file(64 * KIB);
	ck_assert_int_eq(alloc("size=4k,offset=4k,share=on,discard-data=on",
			       &b, NULL), 0);
	vmem_block_unref(b);
	ck_assert_uint_eq(file_byte(4097), 0);
	ck_assert_uint_eq(file_byte(8193), pattern(8193));
	ck_assert_int_eq(file_size(), 64 * KIB);
}
END_TEST

START_TEST(prealloc_takes_the_room_on_the_disk_first)
{
	struct vmem_block *b;
	struct stat st;

	ck_assert_int_eq(alloc("size=64k,prealloc=on,share=on", &b, NULL), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_ge(st.st_blocks * 512, 64 * (int64_t)KIB);
	vmem_block_unref(b);
}
END_TEST

/* Refused with that code, and the file system is as it was. */
static void check_refused(const char *props, int64_t size, int code)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;

	if (size >= 0)
		make_file((uint64_t)size);
	ck_assert_int_eq(alloc(props, &b, &err), code);
	ck_assert_uint_ne(strlen(err.msg), 0);
	ck_assert_ptr_null(b);
	ck_assert_int_eq(file_size(), size);
	unlink(path);
}

START_TEST(d1_01_offset_that_is_no_page_boundary_is_refused)
{
	check_refused("size=4k,offset=512", K(64), -EINVAL);
	check_refused("size=4k,offset=512", -1, -EINVAL);
}
END_TEST

START_TEST(d1_02_offset_that_no_file_has_is_refused)
{
	check_refused("size=4k,offset=0x8000000000000000", K(64), -EINVAL);
	check_refused("size=4k,offset=0x7ffffffffffff000", -1, -EINVAL);
	check_refused("size=64k,offset=0xffffffffffff0000", -1, -EINVAL);
}
END_TEST

START_TEST(d1_03_file_that_ends_before_the_memory_is_refused)
{
	check_refused("size=4k,offset=64k", K(64), -EINVAL);
	check_refused("size=8k,offset=60k", K(64), -EINVAL);
}
END_TEST

START_TEST(d1_04_empty_file_grows_and_is_empty_again_after_a_failure)
{
	struct vmem_block *b;

	check_refused("size=64k,share=on,prealloc=on,policy=bind,"
		      "host-nodes=127", 0, -EINVAL);
	make_file(0);
	ck_assert_int_eq(alloc("size=64k,share=on,prealloc=on", &b, NULL), 0);
	ck_assert_int_eq(file_size(), K(64));
	vmem_block_unref(b);
}
END_TEST

START_TEST(short_file_grows_where_the_caller_permits_it)
{
	static const struct { const char *list; int rc; int64_t size; } rows[] = {
		{ "size=64k,share=on", 0, K(64) },
		{ "size=8k,offset=60k,share=on", 0, K(68) },
		{ "size=64k,readonly=on", -EINVAL, K(32) },
	};
	char list[512];
	struct vmem_backend *b;
	struct vmem_block *block;

	make_file(32 * KIB);
	snprintf(list, sizeof(list), "backend=file,mem-path=%s,%s", path, rows[_i].list);
	ck_assert_int_eq(vmem_backend_new(&b), 0);
	vmem_backend_allow_growth(b);
	ck_assert_int_eq(vmem_backend_parse(b, "--memory", list, NULL), 0);
	ck_assert_int_eq(vmem_backend_alloc(b, &block, NULL), rows[_i].rc);
	ck_assert_int_eq(file_size(), rows[_i].size);
	if (!rows[_i].rc)
		vmem_block_unref(block);
	vmem_backend_free(b);
}
END_TEST

START_TEST(d1_05_file_for_reading_only_is_no_shared_memory_to_write)
{
	struct vmem_block *b;

	check_refused("size=64k,share=on,readonly=on,rom=off", K(64), -EINVAL);
	make_file(64 * KIB);
	ck_assert_int_eq(alloc("size=64k,readonly=on,rom=off", &b, NULL), 0);
	vmem_block_hva(b)[0] = 1;
	vmem_block_unref(b);
}
END_TEST

START_TEST(d1_10_shared_range_of_a_file_is_detected)
{
	struct vmem_block *a, *b, *c;

	make_file(64 * KIB);
	ck_assert_int_eq(alloc("size=32k,share=on", &a, NULL), 0);
	ck_assert_int_eq(alloc("size=32k,offset=28k,share=on", &b, NULL), 0);
	ck_assert_int_eq(alloc("size=32k,offset=32k,share=on", &c, NULL), 0);
	ck_assert(vmem_blocks_overlap(a, b));
	ck_assert(vmem_blocks_overlap(b, c));
	ck_assert(!vmem_blocks_overlap(a, c));
	vmem_block_unref(a);
	vmem_block_unref(b);
	vmem_block_unref(c);
}
END_TEST

/* The mapping is of the file that was opened, although the path names another one later. */
START_TEST(d1_16_path_that_is_swapped_later_changes_nothing)
{
	struct vmem_block *b;

	make_file(64 * KIB);
	ck_assert_int_eq(alloc("size=64k,share=on", &b, NULL), 0);
	unlink(path);
	ck_assert_int_eq(symlink("/dev/zero", path), 0);
	ck_assert_int_eq(vmem_block_remap(b, 0, 64 * KIB, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[4097], pattern(4097));
	vmem_block_unref(b);
}
END_TEST

START_TEST(d1_14_sixteen_exbibytes_are_refused)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc("size=15E", &b, NULL), -EINVAL);
	ck_assert_int_eq(alloc("size=16E", &b, NULL), -EINVAL);
	ck_assert_int_eq(file_size(), -1);
}
END_TEST

#define ADD_ROW(name, ...) tcase_add_test(tc, name);

/* ------------------------------------------------------------- a descriptor */

static int alloc_given(int fd, const char *props, struct vmem_block **out, struct vsu_error *err)
{
	struct vmem_backend *b;
	char list[128];
	int rc;

	snprintf(list, sizeof(list), "backend=file,mem-path=given,size=8K,%s", props);
	ck_assert_int_eq(vmem_backend_new(&b), 0);
	ck_assert_int_eq(vmem_backend_parse(b, "--memory", list, err), 0);
	vmem_backend_set_file(b, fd);
	rc = vmem_backend_alloc(b, out, err);
	vmem_backend_free(b);
	return rc;
}

START_TEST(passed_file_is_not_opened)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *block;
	int fd;

	make_file(8192);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(alloc_given(fd, "share=on", &block, &err), 0);
	close(fd);
	ck_assert_uint_eq(*(unsigned char *)vmem_block_hva(block), pattern(0));
	*(unsigned char *)vmem_block_hva(block) = 77;
	ck_assert_uint_eq(file_byte(0), 77);
	vmem_block_unref(block);
	ck_assert_int_ne(access("given", F_OK), 0);
}
END_TEST

static const struct {
	int flags;
	const char *props;
	int code;
	const char *why;
} passed[] = {
	{ O_RDONLY, "share=on", -EACCES, "is open for reading only" },
	{ O_WRONLY, "share=on", -EACCES, "is open for writing only" },
	{ O_WRONLY, "share=off", -EACCES, "is open for writing only" },
	{ O_RDONLY, "share=off", 0, "" },
	{ O_RDONLY, "share=on,readonly=on", 0, "" },
	{ O_RDONLY | O_DIRECTORY, "share=on", -EISDIR, "" },
	{ O_RDWR, "share=on,offset=4K", -EINVAL, "" },
};

START_TEST(access_of_a_passed_file_decides)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *block = NULL;
	int fd;

	make_file(8192);
	fd = open(passed[_i].flags & O_DIRECTORY ? dir : path, passed[_i].flags | O_CLOEXEC);
	ck_assert_int_eq(alloc_given(fd, passed[_i].props, &block, &err), passed[_i].code);
	ck_assert(!passed[_i].code || strstr(err.msg, "mem-path 'given'"));
	ck_assert_msg(strstr(err.msg, passed[_i].why), "%s", err.msg);
	vmem_block_unref(block);
	close(fd);
	ck_assert_int_eq(file_size(), 8192);
}
END_TEST

/* F_SEAL_WRITE, and F_SEAL_FUTURE_WRITE of Linux 5.1. */
static const struct {
	int seal;
	const char *props;
	int code;
} sealed[] = {
	{ 0x8, "share=on", -EPERM }, { 0x10, "share=on", -EPERM }, { 0x2, "share=on", 0 },
	{ 0x8, "share=off", 0 }, { 0x10, "share=on,readonly=on", 0 },
};

START_TEST(seal_of_a_passed_file_is_named)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *block = NULL;
	int fd = (int)memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_eq(ftruncate(fd, 8192), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, sealed[_i].seal), 0);
	ck_assert_int_eq(alloc_given(fd, sealed[_i].props, &block, &err), sealed[_i].code);
	ck_assert_msg(!sealed[_i].code || strstr(err.msg, "mem-path 'given': the file is sealed against writing"), "%s",
		      err.msg);
	vmem_block_unref(block);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("file");
	TCase *tc = tcase_create("file");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	ROM_ROWS(ADD_ROW)
	tcase_add_test_raise_signal(tc, rom_mapping_faults_on_a_store, SIGSEGV);
	SIZE_CASES(ADD_ROW)
	tcase_add_test(tc, offset_34_directory_and_readonly);
	tcase_add_test(tc, offset_35_path_is_missing);
	tcase_add_test(tc, offset_selects_the_bytes_and_align_the_address);
	tcase_add_test(tc, directory_gives_a_file_without_a_name);
	tcase_add_test(tc, d1_06_fifo_and_socket_are_refused_without_blocking);
	tcase_add_test(tc, missing_parent_is_named);
	tcase_add_loop_test(tc, path_under_dev_is_never_created, 0, 2);
	tcase_add_test(tc, symbolic_link_to_nothing_is_named);
	tcase_add_test(tc, size_between_pages_is_refused_for_that);
	tcase_add_test(tc, alignment_that_no_address_has_is_named);
	tcase_add_test(tc, success_leaves_the_error_empty);
	tcase_add_test(tc, symbolic_link_is_followed);
	tcase_add_test(tc,
		       file_that_may_only_be_read_gets_a_hint_where_it_helps);
	tcase_add_test(tc, template_serves_two_without_write_permission);
	tcase_add_test(tc, two_pieces_of_one_file_leave_the_rest_of_it);
	tcase_add_test(tc, discard_data_empties_the_pages_at_the_end);
	tcase_add_test(tc, prealloc_takes_the_room_on_the_disk_first);
	tcase_add_test(tc, d1_01_offset_that_is_no_page_boundary_is_refused);
	tcase_add_test(tc, d1_02_offset_that_no_file_has_is_refused);
	tcase_add_test(tc, d1_03_file_that_ends_before_the_memory_is_refused);
	tcase_add_test(tc,
		d1_04_empty_file_grows_and_is_empty_again_after_a_failure);
	tcase_add_loop_test(tc, short_file_grows_where_the_caller_permits_it, 0, 3);
	tcase_add_test(tc,
		d1_05_file_for_reading_only_is_no_shared_memory_to_write);
	tcase_add_test(tc, d1_10_shared_range_of_a_file_is_detected);
	tcase_add_test(tc, d1_14_sixteen_exbibytes_are_refused);
	tcase_add_test(tc, d1_16_path_that_is_swapped_later_changes_nothing);
	tcase_add_test(tc, passed_file_is_not_opened);
	tcase_add_loop_test(tc, access_of_a_passed_file_decides, 0,
			    sizeof(passed) / sizeof(passed[0]));
	tcase_add_loop_test(tc, seal_of_a_passed_file_is_named, 0, sizeof(sealed) / sizeof(sealed[0]));
	return run_suite_apart(s);
}
