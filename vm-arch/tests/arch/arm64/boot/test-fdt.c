/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the writer of device trees, which a reader of this test's own reads. */
#include <config.h>

#include "../../../util.h"
#include "arch/arm64/boot/fdt.h"

static struct varch_fdt fdt;
static unsigned char bytes[VARCH_FDT_MAX + 4096];
static int len;

static uint32_t cell(size_t at)
{
	ck_assert_uint_le(at + 4, (size_t)len);
	return (uint32_t)bytes[at] << 24 | (uint32_t)bytes[at + 1] << 16 |
	       (uint32_t)bytes[at + 2] << 8 | bytes[at + 3];
}

static void finish(void)
{
	len = varch_fdt_finish(&fdt, bytes, sizeof(bytes));
	ck_assert_int_gt(len, 0);
}

/* The value of a property, by a walk over the structure; NULL: none has the name. */
static const unsigned char *find(const char *name, uint32_t *size)
{
	size_t at = cell(8);
	const char *strings = (const char *)bytes + cell(12);

	for (;;) {
		const uint32_t token = cell(at);

		at += 4;
		if (token == 1) {
			at += (strlen((const char *)bytes + at) + 4) & ~(size_t)3;
		} else if (token == 3) {
			*size = cell(at);
			if (!strcmp(strings + cell(at + 4), name))
				return bytes + at + 8;
			at += 8 + ((*size + 3) & ~3u);
		} else if (token == 9) {
			return NULL;
		}
	}
}

static void setup(void)
{
	varch_fdt_begin(&fdt);
}

START_TEST(header_names_the_parts_of_the_tree)
{
	varch_fdt_text(&fdt, "model", "m");
	finish();
	ck_assert_uint_eq(cell(0), 0xd00dfeed);
	ck_assert_uint_eq(cell(4), (uint32_t)len);
	ck_assert_uint_eq(cell(20), 17);
	ck_assert_uint_eq(cell(24), 16);
	ck_assert_uint_eq(cell(8) % 4, 0);
	ck_assert_uint_eq(cell(16) % 8, 0);
	ck_assert_uint_eq(cell(8) + cell(36), cell(12));
	ck_assert_uint_eq(cell(12) + cell(32), (uint32_t)len);
}
END_TEST

START_TEST(values_are_big_endian_and_padded)
{
	uint32_t size;
	const unsigned char *at;

	varch_fdt_text(&fdt, "text", "four");
	varch_fdt_flag(&fdt, "flag");
	varch_fdt_wide(&fdt, "wide", (const uint64_t[]){ UINT64_C(0x123456789a), 1 }, 2);
	finish();
	at = find("text", &size);
	ck_assert_uint_eq(size, 5);
	ck_assert_mem_eq(at, "four\0\0\0\0", 8);
	ck_assert_ptr_nonnull(find("flag", &size));
	ck_assert_uint_eq(size, 0);
	at = find("wide", &size);
	ck_assert_uint_eq(size, 16);
	ck_assert_mem_eq(at, "\0\0\0\x12\x34\x56\x78\x9a\0\0\0\0\0\0\0\1", 16);
}
END_TEST

START_TEST(names_of_properties_are_stored_once)
{
	uint32_t before;

	varch_fdt_number(&fdt, "reg", 1);
	finish();
	before = cell(32);
	varch_fdt_begin(&fdt);
	varch_fdt_number(&fdt, "reg", 1);
	varch_fdt_node_at(&fdt, "cpu", 0x1f);
	varch_fdt_number(&fdt, "reg", 2);
	varch_fdt_node_end(&fdt);
	finish();
	ck_assert_uint_eq(cell(32), before);
	ck_assert_ptr_nonnull(memmem(bytes, (size_t)len, "cpu@1f", 7));
}
END_TEST

START_TEST(node_that_is_open_or_was_never_opened_is_an_error)
{
	varch_fdt_node(&fdt, "open");
	ck_assert_int_eq(varch_fdt_finish(&fdt, bytes, sizeof(bytes)), -EINVAL);
	varch_fdt_begin(&fdt);
	varch_fdt_node_end(&fdt);
	ck_assert_int_eq(varch_fdt_finish(&fdt, bytes, sizeof(bytes)), -EINVAL);
}
END_TEST

START_TEST(tree_that_does_not_fit_is_an_error)
{
	static unsigned char large[VARCH_FDT_MAX];
	char name[] = "property-0000";
	unsigned int i;

	varch_fdt_bytes(&fdt, "large", large, sizeof(large));
	ck_assert_int_eq(varch_fdt_finish(&fdt, bytes, sizeof(bytes)), -ENOSPC);
	varch_fdt_begin(&fdt);
	ck_assert_int_eq(varch_fdt_finish(&fdt, bytes, 60), -ENOSPC);
	varch_fdt_begin(&fdt);
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "property-%u", i);
		varch_fdt_flag(&fdt, name);
	}
	ck_assert_int_eq(varch_fdt_finish(&fdt, bytes, sizeof(bytes)), -ENOSPC);
	varch_fdt_begin(&fdt);
	varch_fdt_wide(&fdt, "wide", (const uint64_t *)large, 161);
	ck_assert_int_eq(varch_fdt_finish(&fdt, bytes, sizeof(bytes)), -ENOSPC);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fdt");
	TCase *t = tcase_create("fdt");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, header_names_the_parts_of_the_tree);
	tcase_add_test(t, values_are_big_endian_and_padded);
	tcase_add_test(t, names_of_properties_are_stored_once);
	tcase_add_test(t, node_that_is_open_or_was_never_opened_is_an_error);
	tcase_add_test(t, tree_that_does_not_fit_is_an_error);
	suite_add_tcase(s, t);
	return run_suite(s);
}
