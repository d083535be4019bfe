/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about files in the window of a device that the machine serves, on the fake KVM. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../machine/kernels.h"
#include "../machine/rig.h"
#include "../memory/host_page.h"
#include "cvmm/status.h"
#include "machine/sharing.h"

#define PAGE 4096u
#define LEN 6000u		/* of the file: its second page is not full */
#define AT UINT64_C(0x10000)	/* of a mapping in the window */

static struct virtdev *dev;
static uint64_t window;
static int file;

static void setup(void)
{
	static unsigned char bytes[LEN];

	rig_init();
	kernel_pvh();
	memset(bytes, 0x5a, LEN);
	rig_file("file", bytes, LEN);
	file = open("file", O_RDWR | O_CLOEXEC);
	fake.has_msi = true;
	RIG_OPTIONS("kernel", "--memory=size=4M,backend=memfd", "--serial=null",
		    "--device=fs,tag=t,path=.,dax-window=4M");
	rig_make();
	dev = vmm_machine_local_device(&rig.machine.devices[0]);
	ck_assert_int_eq(virtdev_region_address(dev, 0, &window), 0);
}

static void teardown(void)
{
	close(file);
	rig_fini();
}

static struct virtdev_mapping mapping_of(int fd)
{
	return (struct virtdev_mapping){ .offset = AT, .len = 2 * PAGE, .fd = fd };
}

static int map(struct virtdev_mapping m)
{
	return virtdev_region_map(dev, &m, 1);
}

static const struct vmem_view *view(void)
{
	return vmem_map_view(vmm_memory_map(&rig.machine.memory));
}

/* Accesses of the guest: 0, or a negative errno. */
static int load(uint64_t offset, unsigned char *byte)
{
	return vmem_read_exact(view(), window + offset, byte, 1);
}

static int store(uint64_t offset, unsigned char byte)
{
	return vmem_write_exact(view(), window + offset, &byte, 1);
}

/* The number and bytes of its mappings, as the user sees them. */
static void assert_mapped(unsigned int n, unsigned int bytes)
{
	struct cvmm_window w = { .size = sizeof(w) };

	ck_assert_int_eq(cvmm_machine_get_window(&rig.owned, 0, &w, NULL), 0);
	ck_assert_uint_eq(w.mappings, n);
	ck_assert_uint_eq(w.mapped, bytes);
}

START_TEST(guest_reads_the_file_with_zeros_behind_its_end)
{
	unsigned char byte = 1;

	assert_mapped(0, 0);
	ck_assert_int_eq(map(mapping_of(file)), 0);
	assert_mapped(1, 2 * PAGE);
	ck_assert_int_eq(load(AT + LEN - 1, &byte), 0);
	ck_assert_uint_eq(byte, 0x5a);
	ck_assert_int_eq(load(AT + LEN, &byte), 0);
	ck_assert_uint_eq(byte, 0);
	ck_assert_int_lt(load(AT - 1, &byte), 0);
	ck_assert_int_lt(load(AT + 2 * PAGE, &byte), 0);
}
END_TEST

START_TEST(guest_stores_to_a_file_that_is_mapped_for_writing_only)
{
	struct virtdev_mapping m = mapping_of(file);
	unsigned char byte = 0;

	m.writable = _i;
	ck_assert_int_eq(map(m), 0);
	ck_assert(_i ? !store(AT, 0x66) : store(AT, 0x66) < 0);
	ck_assert_int_eq(pread(file, &byte, 1, 0), 1);
	ck_assert_uint_eq(byte, _i ? 0x66 : 0x5a);
}
END_TEST

/* replaces: the former mapping of the range is removed. */
START_TEST(second_mapping_of_a_range_is_refused_unless_it_replaces)
{
	struct virtdev_mapping m = mapping_of(file);
	unsigned char byte = 0;
	int other;

	rig_file("other", "\x77", 1);
	other = open("other", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(map(m), 0);
	m.fd = other;
	m.len = PAGE;
	m.replaces = _i;
	ck_assert(_i ? !map(m) : map(m) < 0);
	close(other);
	ck_assert_int_eq(load(AT, &byte), 0);
	ck_assert_uint_eq(byte, _i ? 0x77 : 0x5a);
	ck_assert_int_eq(load(AT + PAGE, &byte), 0);
	ck_assert_uint_eq(byte, 0x5a);
	assert_mapped(_i ? 2 : 1, 2 * PAGE);
}
END_TEST

START_TEST(unmapped_part_is_absent_and_the_rest_stays)
{
	struct virtdev_mapping m = mapping_of(file);
	unsigned char byte = 0;

	ck_assert_int_eq(map(m), 0);
	m.len = PAGE;
	ck_assert_int_eq(virtdev_region_unmap(dev, &m, 1), 0);
	ck_assert_int_lt(load(AT, &byte), 0);
	ck_assert_int_eq(load(AT + PAGE, &byte), 0);
	ck_assert_uint_eq(byte, 0x5a);
	assert_mapped(1, PAGE);
}
END_TEST

START_TEST(range_behind_the_last_page_of_a_file_is_refused)
{
	struct virtdev_mapping m = mapping_of(file);

	m.len = 3 * PAGE;
	ck_assert_int_lt(map(m), 0);
	m.len = PAGE;
	m.fd_offset = 2 * PAGE;
	ck_assert_int_lt(map(m), 0);
	assert_mapped(0, 0);
	m.fd_offset = PAGE;
	ck_assert_int_eq(map(m), 0);
	assert_mapped(1, PAGE);
}
END_TEST

/* A slot of KVM has whole pages. Behind the true page of this host no byte is read. */
START_TEST(last_page_of_a_host_with_larger_ones_is_mapped)
{
	static const long pages[] = { 4 * PAGE, 16 * PAGE };
	struct virtdev_mapping m = mapping_of(file);
	unsigned char byte = 0;
	int rc;

	m.len = (uint64_t)pages[_i];
	host_page = pages[_i];
	rc = map(m);
	m.fd_offset = m.len;
	m.offset += m.len;
	ck_assert_int_lt(map(m), 0);
	host_page = 0;
	ck_assert_int_eq(rc, 0);
	assert_mapped(1, (unsigned int)pages[_i]);
	ck_assert_int_eq(load(AT + LEN - 1, &byte), 0);
	ck_assert_uint_eq(byte, 0x5a);
}
END_TEST

/* The file is the caller's, also after a failure. */
START_TEST(descriptor_stays_with_the_device)
{
	struct virtdev_mapping m = mapping_of(file);
	const int before = vsu_fd_count();

	ck_assert_int_eq(map(m), 0);
	ck_assert_int_eq(virtdev_region_unmap(dev, &m, 1), 0);
	m.len = 3 * PAGE;
	ck_assert_int_lt(map(m), 0);
	m.fd = -1;
	ck_assert_int_lt(map(m), 0);
	ck_assert_int_eq(fcntl(file, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("window");
	TCase *tc = tcase_create("window");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, guest_reads_the_file_with_zeros_behind_its_end);
	tcase_add_loop_test(tc, guest_stores_to_a_file_that_is_mapped_for_writing_only, 0, 2);
	tcase_add_loop_test(tc, second_mapping_of_a_range_is_refused_unless_it_replaces, 0, 2);
	tcase_add_test(tc, unmapped_part_is_absent_and_the_rest_stays);
	tcase_add_test(tc, range_behind_the_last_page_of_a_file_is_refused);
	tcase_add_loop_test(tc, last_page_of_a_host_with_larger_ones_is_mapped, 0, 2);
	tcase_add_test(tc, descriptor_stays_with_the_device);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
