/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the device tree of a machine. */
#include <config.h>

#include <vm-arch/layout.h>

#include "../../../util.h"
#include "arch/arm64/boot/device_tree.h"
#include "arch/arm64/boot/fdt.h"

static unsigned char bytes[VARCH_FDT_MAX];

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

/* The caches of a CPU: split first caches, one of its own and one of all CPUs. */
static const struct varch_arm64_caches caches = { 4, {
	{ 1, VARCH_ARM64_DATA, 65536, 256, 64, 4, false }, { 1, VARCH_ARM64_INSTRUCTION, 32768, 128, 64, 4, false },
	{ 2, VARCH_ARM64_UNIFIED, 1 << 20, 2048, 64, 8, false }, { 3, VARCH_ARM64_UNIFIED, 32 << 20, 32768, 64, 16, true },
} };
static int tree_len;

static void build_of(unsigned int ncpus)
{
	static const struct vmem_range ranges[] = {
		{ .first = GIB, .span = 256 * MIB - 1, .flags = VMEM_READ | VMEM_WRITE },
	};
	const struct vmem_view view = { .n = 1, .ranges = ranges };
	static const struct varch_board_device devices[1];
	const struct varch_board board = {
		.ncpus = ncpus, .devices = devices, .ndevices = 1, .generation_gpa = VARCH_GENERATION_GPA,
	};
	const struct varch_device_tree tree = {
		.board = &board, .memory = &view, .cmdline = "", .gic = 3, .mpidr = mpidr_of, .caches = &caches,
	};

	tree_len = varch_device_tree_build(&tree, bytes, sizeof(bytes), NULL);
	ck_assert_int_gt(tree_len, 0);
}

static void build(void)
{
	build_of(1);
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
	ck_assert_uint_eq(load(device, 2), VARCH_GENERATION_GPA);
	ck_assert_uint_eq(first % (64 * KIB), 0);
	ck_assert_uint_eq(len % (64 * KIB), 0);
	ck_assert_uint_le(first, load(device, 2));
	ck_assert_uint_ge(first + len, load(device, 2) + load(device + 8, 2));
	ck_assert_ptr_nonnull(find("generation@", "no-map"));
}
END_TEST

START_TEST(cpus_have_caches_and_a_place)
{
	build_of(3);
	ck_assert_uint_eq(load(find("cpu@2", "d-cache-size"), 1), 65536);
	ck_assert_uint_eq(load(find("cpu@2", "i-cache-sets"), 1), 128);
	ck_assert_uint_eq(load(find("cpu@2", "i-cache-line-size"), 1), 64);
	ck_assert_uint_eq(load(find("cpu@0", "next-level-cache"), 1), load(find("l2-cache", "phandle"), 1));
	ck_assert_uint_ne(load(find("cpu@1", "next-level-cache"), 1), load(find("cpu@2", "next-level-cache"), 1));
	ck_assert_uint_eq(load(find("l2-cache", "cache-size"), 1), 1 << 20);
	ck_assert_uint_eq(load(find("l2-cache", "next-level-cache"), 1), load(find("l3-cache", "phandle"), 1));
	ck_assert_uint_eq(load(find("l3-cache", "cache-level"), 1), 3);
	ck_assert_ptr_nonnull(find("l3-cache", "cache-unified"));
	ck_assert_uint_eq(load(find("core2", "cpu"), 1), load(find("cpu@2", "phandle"), 1));
}
END_TEST

START_TEST(tree_of_many_cpus_fits)
{
	build_of(64);
	ck_assert_uint_eq(load(find("core63", "cpu"), 1), load(find("cpu@3f", "phandle"), 1));
}
END_TEST

/* NULL, or why dtc cannot check. */
static const char *dtc_lack(void)
{
	return system("dtc --version >/dev/null 2>&1") ? "dtc is not installed" : NULL;
}

START_TEST(dtc_accepts_the_tree)
{
	FILE *f;

	build_of(4);
	f = popen("dtc -I dtb -O dts -o /dev/null - 2>&1 | grep -i 'cache\\|cpu' >&2 && exit 1; exit 0", "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, (size_t)tree_len, f), (size_t)tree_len);
	ck_assert_int_eq(pclose(f), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("device_tree");
	TCase *tc = tcase_create("device_tree");

	tcase_add_test(tc, pages_of_the_generation_are_reserved_whole);
	tcase_add_test(tc, cpus_have_caches_and_a_place);
	tcase_add_test(tc, tree_of_many_cpus_fits);
	tcase_add_test_unless(tc, dtc_lack(), dtc_accepts_the_tree);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
