/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the device tree of a machine. */
#include <config.h>

#include "../../../util.h"
#include "arch/arm64/boot/device_tree.h"
#include "arch/arm64/boot/fdt.h"
#include "target/layout.h"

static unsigned char bytes[VMM_FDT_MAX];

static uint64_t load(const unsigned char *at, unsigned int cells)
{
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < 4 * cells; i++)
		value = value << 8 | at[i];
	return value;
}

static uint64_t mpidr_of(unsigned int number)
{
	return number;
}

static void build(void)
{
	static const struct vmem_range ranges[] = {
		{ .first = GIB, .span = 256 * MIB - 1, .flags = VMEM_READ | VMEM_WRITE },
	};
	const struct vmem_view view = { .n = 1, .ranges = ranges };
	static const struct vmm_board_device devices[1];
	const struct vmm_board board = {
		.ncpus = 1, .devices = devices, .ndevices = 1, .generation_gpa = VMM_GENERATION_GPA,
	};
	const struct vmm_device_tree tree = {
		.board = &board, .memory = &view, .cmdline = "", .gic = 3, .mpidr = mpidr_of,
	};

	ck_assert_int_gt(vmm_device_tree_build(&tree, bytes, sizeof(bytes), NULL), 0);
}

/* The value of a property of the first node whose name begins so. */
static const unsigned char *find(const char *node, const char *property)
{
	const unsigned char *at = bytes + load(bytes + 8, 1);
	const char *strings = (const char *)bytes + load(bytes + 12, 1);
	bool inside = false;

	for (;;) {
		const uint64_t token = load(at, 1);

		at += 4;
		if (token == 1) {
			inside = !strncmp((const char *)at, node, strlen(node));
			at += (strlen((const char *)at) + 4) & ~(size_t)3;
		} else if (token == 3) {
			if (inside && !strcmp(strings + load(at + 4, 1), property))
				return at + 8;
			at += 8 + ((load(at, 1) + 3) & ~UINT64_C(3));
		} else if (token == 9) {
			ck_abort_msg("no %s of %s", property, node);
		}
	}
}

/* Linux cannot map a page of a device of which a part is ordinary memory; its pages are up to 64 KiB large. */
START_TEST(pages_of_the_generation_are_reserved_whole)
{
	const unsigned char *reserved, *device;
	uint64_t first, len;

	build();
	reserved = find("generation@", "reg");
	device = find("vmgenid@", "reg");
	first = load(reserved, 2);
	len = load(reserved + 8, 2);
	ck_assert_uint_eq(load(device, 2), VMM_GENERATION_GPA);
	ck_assert_uint_eq(first % (64 * KIB), 0);
	ck_assert_uint_eq(len % (64 * KIB), 0);
	ck_assert_uint_le(first, load(device, 2));
	ck_assert_uint_ge(first + len, load(device, 2) + load(device + 8, 2));
	ck_assert_ptr_nonnull(find("generation@", "no-map"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("device_tree");
	TCase *tc = tcase_create("device_tree");

	tcase_add_test(tc, pages_of_the_generation_are_reserved_whole);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
