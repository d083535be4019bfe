/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about memory on block devices: a loop device of 1 MiB over a file,
 * which is detached when its last descriptor is closed. Skipped if no loop
 * device is available.
 */
#include <config.h>

#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include <vm-memory/backend.h>

#include "util.h"

#define SIZE (1024 * KIB)

static int backing = -1, device = -1;
static char path[64];

/*
 * A free device, attached to the file; -1 if none is free. A device may still
 * be read-only from its previous use.
 */
static int try_device(int fd, uint32_t flags)
{
	struct loop_info64 info = { .lo_flags = LO_FLAGS_AUTOCLEAR | flags };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), dev, n;
	int off = 0;

	n = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	snprintf(path, sizeof(path), "/dev/loop%d", n);
	dev = n < 0 ? -1 : open(path, (flags & LO_FLAGS_READ_ONLY ? O_RDONLY :
				       O_RDWR) | O_CLOEXEC);
	if (dev < 0)
		return -1;
	if (!ioctl(dev, LOOP_SET_FD, fd) &&
	    !ioctl(dev, LOOP_SET_STATUS64, &info) &&
	    !ioctl(dev, BLKROSET, &off))
		return dev;
	close(dev);
	return -1;
}

/* Another process may attach the free device first, but not a hundred times. */
static int make_device(int fd, uint32_t flags)
{
	int i, dev = -1;

	for (i = 0; i < 100 && dev < 0; i++)
		dev = try_device(fd, flags);
	return dev;
}

static void setup(void)
{
	backing = make_memfd(SIZE);
	device = make_device(backing, 0);
	ck_assert_int_ge(device, 0);
}

static void setup_read_only(void)
{
	backing = make_memfd(SIZE);
	device = make_device(backing, LO_FLAGS_READ_ONLY);
	ck_assert_int_ge(device, 0);
}

static void teardown(void)
{
	close(device);
	close(backing);
}

static int alloc(const char *props, struct vmem_block **out,
		 struct vsu_error *err)
{
	struct vmem_backend *b;
	char list[256];
	int rc;

	snprintf(list, sizeof(list), "backend=file,mem-path=%s,%s", path,
		 props);
	ck_assert_int_eq(vmem_backend_new(&b), 0);
	ck_assert_int_eq(vmem_backend_parse(b, "x", list, err), 0);
	rc = vmem_backend_alloc(b, out, err);
	vmem_backend_free(b);
	return rc;
}

static void check_refused(const char *props, const char *reason)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;

	ck_assert_int_eq(alloc(props, &b, &err), -EINVAL);
	ck_assert_msg(strstr(err.msg, reason) != NULL, "'%s'", err.msg);
	ck_assert_ptr_null(b);
}

/* The byte in the file after the device has written everything. */
static unsigned char stored(uint64_t pos)
{
	unsigned char byte = 0;

	ck_assert_int_eq(fsync(device), 0);
	ck_assert_int_eq(pread(backing, &byte, 1, (off_t)pos), 1);
	return byte;
}

START_TEST(d1_07_size_of_a_block_device_is_read_from_it)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc("size=1M,share=on", &b, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[SIZE - 1], pattern(SIZE - 1));
	vmem_block_unref(b);
}
END_TEST

START_TEST(offset_25_past_the_end_of_the_device)
{
	check_refused("size=2M", "too small: it has 1048576 bytes");
	check_refused("size=1M,offset=4k", "too small: it has 1048576 bytes");
}
END_TEST

START_TEST(offset_26_sector_that_is_no_page)
{
	check_refused("size=4k,offset=512", "is not a multiple of the page");
}
END_TEST

START_TEST(offset_27_second_half_of_the_device)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc("size=512k,offset=512k,share=on", &b, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[7], pattern(512 * KIB + 7));
	vmem_block_hva(b)[7] = 0x77;
	ck_assert_int_eq(msync(vmem_block_hva(b), 4096, MS_SYNC), 0);
	ck_assert_uint_eq(stored(512 * KIB + 7), 0x77);
	ck_assert_uint_eq(stored(7), pattern(7));
	vmem_block_unref(b);
}
END_TEST

START_TEST(private_memory_leaves_the_device_alone)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc("size=1M", &b, NULL), 0);
	vmem_block_hva(b)[0] = 0x77;
	ck_assert_int_eq(msync(vmem_block_hva(b), 4096, MS_SYNC), 0);
	ck_assert_uint_eq(stored(0), pattern(0));
	vmem_block_unref(b);
}
END_TEST

START_TEST(piece_of_a_received_device_is_held_to_its_size)
{
	struct vmem_block *b = NULL;

	ck_assert_int_eq(new_block_fd(device, SIZE - 4096, 4096, RW_SHARED, &b),
			 0);
	ck_assert_uint_eq(vmem_block_hva(b)[9], pattern(SIZE - 4096 + 9));
	vmem_block_unref(b);
	ck_assert_int_eq(new_block_fd(device, SIZE - 4096, 4097, RW_SHARED, &b),
			 -EINVAL);
}
END_TEST

START_TEST(prealloc_keeps_and_discard_empties_the_device)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc("size=1M,share=on,prealloc=on", &b, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[4097], pattern(4097));
	ck_assert_int_eq(vmem_block_discard(b, 4096, 4096, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[4095], pattern(4095));
	ck_assert_uint_eq(vmem_block_hva(b)[4097], 0);
	ck_assert_uint_eq(stored(4097), 0);
	vmem_block_unref(b);
}
END_TEST

START_TEST(d1_05_read_only_device_is_no_shared_memory_to_write)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;
	int before = vsu_fd_count();

	ck_assert_int_eq(alloc("size=1M,share=on", &b, &err), -EROFS);
	ck_assert_ptr_nonnull(strstr(err.msg, "read-only"));
	ck_assert_ptr_nonnull(strstr(err.msg, path));
	ck_assert_ptr_null(b);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(d1_05_read_only_device_is_rom_or_copied_on_write)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc("size=1M,share=on,readonly=on", &b, NULL), 0);
	ck_assert_uint_eq(vmem_block_flags(b),
			  VMEM_BLOCK_ROM | VMEM_BLOCK_SHARED);
	ck_assert_uint_eq(vmem_block_hva(b)[9], pattern(9));
	vmem_block_unref(b);
	ck_assert_int_eq(alloc("size=1M", &b, NULL), 0);
	vmem_block_hva(b)[9] = 0x99;
	ck_assert_uint_eq(stored(9), pattern(9));
	vmem_block_unref(b);
}
END_TEST

static const char *why_not(void)
{
	int fd = memfd_create("probe", MFD_CLOEXEC), dev;

	if (fd < 0 || ftruncate(fd, SIZE) < 0)
		return "no memfd to put a device on";
	dev = make_device(fd, 0);
	close(fd);
	if (dev < 0)
		return "no loop device is to be had";
	close(dev);
	return NULL;
}

int main(void)
{
	Suite *s;
	TCase *tc, *ro;
	const char *why = why_not();

	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	s = suite_create("block_device");
	tc = tcase_create("block_device");
	ro = tcase_create("rom");
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, d1_07_size_of_a_block_device_is_read_from_it);
	tcase_add_test(tc, offset_25_past_the_end_of_the_device);
	tcase_add_test(tc, offset_26_sector_that_is_no_page);
	tcase_add_test(tc, offset_27_second_half_of_the_device);
	tcase_add_test(tc, private_memory_leaves_the_device_alone);
	tcase_add_test(tc, piece_of_a_received_device_is_held_to_its_size);
	tcase_add_test(tc, prealloc_keeps_and_discard_empties_the_device);
	suite_add_tcase(s, ro);
	tcase_add_checked_fixture(ro, setup_read_only, teardown);
	tcase_add_test(ro, d1_05_read_only_device_is_no_shared_memory_to_write);
	tcase_add_test(ro, d1_05_read_only_device_is_rom_or_copied_on_write);
	return run_suite(s);
}
