/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about Linux kernels whose headers are right, wrong or hostile. */
#include <config.h>

#include <vm-arch/advice.h>
#include <vm-memory/access.h>

#include "../../../memory.h"
#include "../../../util.h"
#include "arch/x86/boot/linux/bzimage.h"
#include "arch/x86/boot/linux/setup_header.h"
#include "arch/x86/long_mode.h"

#define SECTS 4
#define PAYLOAD_AT ((SECTS + 1) * SECTOR)
#define PAYLOAD 0x2000

/* A kernel of two pages that wants 1 MiB at 2 MiB, to be spoilt by tests. */
static unsigned char image[PAYLOAD_AT + PAYLOAD];
static struct varch_file kernel;
static struct varch_loaded loaded;
static struct vsu_error err;
static struct vmem_map *map;

static void put(unsigned int at, uint64_t value, unsigned int n)
{
	for (; n; n--, value >>= 8)
		image[at++] = (unsigned char)value;
}

static void make_image(void)
{
	memset(image, 0, sizeof(image));
	image[SETUP_SECTS] = SECTS;
	put(SETUP_SYSSIZE, PAYLOAD / 16, 4);
	put(SETUP_BOOT_FLAG, 0xaa55, 2);
	image[SETUP_JUMP_DISTANCE] = 0x6a;
	memcpy(image + SETUP_MAGIC, "HdrS", 4);
	put(SETUP_VERSION, 0x20f, 2);
	image[SETUP_LOADFLAGS] = LOADED_HIGH | CAN_USE_HEAP;
	put(SETUP_INITRD_MAX, 0x7fffffff, 4);
	put(SETUP_ALIGNMENT, 0x200000, 4);
	image[SETUP_RELOCATABLE] = 1;
	put(SETUP_XLOADFLAGS, XLF_KERNEL_64, 2);
	put(SETUP_CMDLINE_SIZE, 2047, 4);
	put(SETUP_PREF_ADDRESS, 0x200000, 8);
	put(SETUP_INIT_SIZE, 0x100000, 4);
	memset(image + PAYLOAD_AT, 0xc0, PAYLOAD);
}

static void setup(void)
{
	make_image();
	kernel = (struct varch_file){ .what = "kernel", .path = "k", .bytes = image, .size = sizeof(image) };
	map = make_memory(8 * MIB);
}

static void teardown(void)
{
	vmem_map_unref(map);
}

static int load(void)
{
	vsu_error_clear(&err);
	memset(&loaded, 0, sizeof(loaded));
	return varch_bzimage_load(&kernel, vmem_map_view(map), &loaded, &err);
}

static void assert_says(int code, const char *part)
{
	ck_assert_int_eq(load(), code);
	ck_assert_msg(strstr(err.msg, part) && strstr(err.msg, "'k'"), "it says: %s", err.msg);
	ck_assert_uint_eq(loaded.entry, 0);
}

START_TEST(kernel_lies_where_it_prefers_and_is_entered_by_64_bits)
{
	unsigned char byte = 0;

	ck_assert(varch_bzimage_is(&kernel));
	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(loaded.protocol, VARCH_PROTOCOL_LINUX);
	ck_assert_uint_eq(loaded.entry, 0x200200);
	ck_assert_uint_eq(loaded.first, 0x200000);
	ck_assert_uint_eq(loaded.end, 0x300000);
	ck_assert_uint_eq(loaded.initrd_end, 0x80000000);
	ck_assert_uint_eq(loaded.cmdline_max, 2047);
	ck_assert_int_eq(vmem_read_exact(vmem_map_view(map), 0x201fff, &byte, 1), 0);
	ck_assert_uint_eq(byte, 0xc0);
}
END_TEST

START_TEST(relocatable_kernel_goes_elsewhere_when_its_place_is_no_memory)
{
	put(SETUP_PREF_ADDRESS, 0x1000000, 8);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.first, 0x200000);
	put(SETUP_PREF_ADDRESS, 0x210000, 8);	/* not aligned */
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.first, 0x200000);
	put(SETUP_PREF_ADDRESS, UINT64_MAX - 0xfff, 8);
	ck_assert_int_eq(load(), 0);
}
END_TEST

START_TEST(fixed_kernel_is_loaded_at_its_address_or_refused)
{
	image[SETUP_RELOCATABLE] = 0;
	put(SETUP_PREF_ADDRESS, 0x310000, 8);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.first, 0x310000);
	put(SETUP_PREF_ADDRESS, 0x1000000, 8);
	assert_says(-E2BIG, "at 0x1000000, which are not in guest memory");
	put(SETUP_PREF_ADDRESS, 0x90000, 8);
	assert_says(-EBADMSG, "below 1 MiB");
}
END_TEST

START_TEST(oldest_protocol_with_a_64_bit_entry_is_accepted)
{
	put(SETUP_VERSION, 0x20c, 2);
	ck_assert_int_eq(load(), 0);
}
END_TEST

START_TEST(d2_07_setup_sectors_beyond_the_file_are_refused)
{
	image[SETUP_SECTS] = 0xff;
	assert_says(-EBADMSG, "truncated within its setup sectors");
	image[SETUP_SECTS] = (sizeof(image) / SECTOR) - 1;
	assert_says(-EBADMSG, "truncated within its setup sectors");
	image[SETUP_SECTS] = 0;		/* stands for four */
	ck_assert_int_eq(load(), 0);
	image[SETUP_SECTS] = SECTS + 1;
	assert_says(-EBADMSG, "truncated within its compressed part");
	put(SETUP_SYSSIZE, UINT32_MAX, 4);
	assert_says(-EBADMSG, "truncated within its compressed part");
	put(SETUP_SYSSIZE, 0, 4);
	assert_says(-EBADMSG, "is empty");
}
END_TEST

static const struct bad_field {
	unsigned int at, n;
	uint64_t value;
	const char *says;
} bad_fields[] = {
	{ SETUP_BOOT_FLAG, 2, 0xaa54, "no boot sector signature" },
	{ SETUP_VERSION, 2, 0x20b, "boot protocol is 2.11; 2.12" },
	{ SETUP_VERSION, 2, 0, "boot protocol is 0.00" },
	{ SETUP_LOADFLAGS, 1, 0, "zImage" },
	{ SETUP_XLOADFLAGS, 2, 0xfffe, "no 64-bit entry point" },
	{ SETUP_ALIGNMENT, 4, 0, "power of two" },
	{ SETUP_ALIGNMENT, 4, 0x300000, "power of two" },
	{ SETUP_ALIGNMENT, 4, 0x800, "power of two" },
	{ SETUP_JUMP_DISTANCE, 1, 0x61, "invalid length" },
	{ SETUP_JUMP_DISTANCE, 1, 0xff, "invalid length" },
};

START_TEST(d2_08_impossible_header_field_is_refused)
{
	const struct bad_field *f = &bad_fields[_i];

	put(f->at, f->value, f->n);
	assert_says(-EBADMSG, f->says);
}
END_TEST

START_TEST(d2_08_file_without_the_magic_is_no_bzimage)
{
	image[SETUP_MAGIC] = 'h';
	ck_assert(!varch_bzimage_is(&kernel));
	image[SETUP_MAGIC] = 'H';
	kernel.size = SETUP_MAGIC + 3;
	ck_assert(!varch_bzimage_is(&kernel));
	kernel.size = SETUP_MAGIC + 4;
	ck_assert(varch_bzimage_is(&kernel));
	assert_says(-EBADMSG, "truncated within its setup header");
}
END_TEST

START_TEST(d2_08_kernel_that_needs_more_than_the_memory_is_refused)
{
	put(SETUP_INIT_SIZE, 8 * MIB, 4);
	assert_says(-E2BIG, "which are not in guest memory");
	ck_assert_uint_eq(err.arg, VARCH_ADVICE_MEMORY);
	put(SETUP_INIT_SIZE, UINT32_MAX, 4);
	assert_says(-E2BIG, "it needs 4294967295 bytes");
	put(SETUP_INIT_SIZE, 1, 4);	/* less than the file itself has */
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.end - loaded.first, PAYLOAD);
	put(SETUP_ALIGNMENT, 0x80000000, 4);
	put(SETUP_PREF_ADDRESS, 0x1000000, 8);
	assert_says(-E2BIG, "or elsewhere");
}
END_TEST

static uint64_t get(uint64_t gpa, unsigned int n)
{
	uint64_t value = 0;

	ck_assert_int_eq(vmem_read_exact(vmem_map_view(map), gpa, &value, n), 0);
	return value;
}

START_TEST(boot_parameters_describe_initrd_and_command_line)
{
	static struct varch_handover h = {
		.cmdline_gpa = 0x4000, .initrd_gpa = 0x700000,
		.initrd_len = 1234, .rsdp_gpa = 0xe0000,
	};

	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(varch_e820_make(vmem_map_view(map), &h.memory, NULL), 0);
	ck_assert_int_eq(varch_bzimage_hand_over(&kernel, &loaded, &h, vmem_map_view(map), 0x2000, &err), 0);
	ck_assert_uint_eq(get(0x2000 + SETUP_MAGIC, 4), 0x53726448);
	ck_assert_uint_eq(get(0x2000 + SETUP_LOADER, 1), 0xff);
	ck_assert_uint_eq(get(0x2000 + SETUP_LOADFLAGS, 1), LOADED_HIGH);
	ck_assert_uint_eq(get(0x2000 + SETUP_CMDLINE, 4), 0x4000);
	ck_assert_uint_eq(get(0x2000 + SETUP_RAMDISK, 4), 0x700000);
	ck_assert_uint_eq(get(0x2000 + SETUP_RAMDISK_SIZE, 4), 1234);
	ck_assert_uint_eq(get(0x2000 + PARAMS_RSDP, 8), 0xe0000);
	ck_assert_uint_eq(get(0x2000 + PARAMS_E820_ENTRIES, 1), 4);
	ck_assert_uint_eq(get(0x2000 + PARAMS_E820 + 8, 8), 0xa0000);
	ck_assert_uint_eq(get(0x2000 + PARAMS_E820 + 20, 8), 0xe0000);
	ck_assert_uint_eq(get(0x2000 + PARAMS_E820 + 36, 4), VARCH_E820_ACPI);
	ck_assert_uint_eq(get(0x2000 + PARAMS_E820 + 40, 8), 0xff000);
	ck_assert_uint_eq(get(0x2000 + PARAMS_E820 + 56, 4), VARCH_E820_RESERVED);
	ck_assert_uint_eq(get(0x2000 + PARAMS_E820 + 60, 8), 0x100000);
	ck_assert_uint_eq(get(0x2000 + PARAMS_E820 + 68, 8), 7 * MIB);
}
END_TEST

/* The list of the protocol has 128 entries: more regions are refused. */
START_TEST(d2_13_more_pieces_of_memory_than_the_list_holds_are_refused)
{
	static struct vmem_range ranges[VARCH_E820_MAX + 1];
	struct vmem_view view = *vmem_map_view(map);
	static struct varch_e820 e820;
	unsigned int i;

	for (i = 0; i <= VARCH_E820_MAX; i++)
		ranges[i] = (struct vmem_range){
			.first = (i + 1) * 2 * MIB, .span = MIB - 1,
			.flags = VMEM_WRITE };
	view.ranges = ranges;
	view.n = VARCH_E820_MAX;
	ck_assert_int_eq(varch_e820_make(&view, &e820, &err), 0);
	ck_assert_uint_eq(e820.n, VARCH_E820_MAX);
	view.n++;
	ck_assert_int_eq(varch_e820_make(&view, &e820, &err), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "more than 128 pieces"));
	ranges[0].flags = 0;		/* read-only memory is left out */
	ck_assert_int_eq(varch_e820_make(&view, &e820, &err), 0);
	ck_assert_uint_eq(e820.entries[0].gpa, 4 * MIB);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bzimage");
	TCase *tc = tcase_create("bzimage");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, kernel_lies_where_it_prefers_and_is_entered_by_64_bits);
	tcase_add_test(tc, relocatable_kernel_goes_elsewhere_when_its_place_is_no_memory);
	tcase_add_test(tc, fixed_kernel_is_loaded_at_its_address_or_refused);
	tcase_add_test(tc, oldest_protocol_with_a_64_bit_entry_is_accepted);
	tcase_add_test(tc, d2_07_setup_sectors_beyond_the_file_are_refused);
	tcase_add_loop_test(tc, d2_08_impossible_header_field_is_refused, 0, (int)COUNT(bad_fields));
	tcase_add_test(tc, d2_08_file_without_the_magic_is_no_bzimage);
	tcase_add_test(tc, d2_08_kernel_that_needs_more_than_the_memory_is_refused);
	tcase_add_test(tc, boot_parameters_describe_initrd_and_command_line);
	tcase_add_test(tc, d2_13_more_pieces_of_memory_than_the_list_holds_are_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
