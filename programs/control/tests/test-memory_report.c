/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the memory that status and the command memory report. */
#include <config.h>

#include <unistd.h>

#include "machine/plug_rig.h"

static void setup(void)
{
	rig_init();
	rig_file("ram", "", 0);
	ck_assert_int_eq(truncate("ram", 12 * MIB), 0);
}

/* The report without the numbers of present bytes, which depend on the kernel. */
static const char *report(void)
{
	char *at, *end;

	user_says("memory\n");
	while ((at = strstr(said, ",\"present\":"))) {
		end = at + strlen(",\"present\":");
		ck_assert_uint_gt(strspn(end, "0123456789"), 0);
		end += strspn(end, "0123456789");
		memmove(at, end, strlen(end) + 1);
	}
	return said;
}

#define WINDOW(device, gpa, size) "{\"shmid\":0,\"device\":" #device ",\"gpa\":" #gpa ",\"size\":" #size \
	",\"mappings\":0,\"mapped\":0}"

static void pieces(void)
{
	char expected[1024];

	snprintf(expected, sizeof(expected), "{\"ok\":true,\"memory\":["
		 "{\"gpa\":0,\"size\":4194304,\"backend\":\"file\",\"shared\":true,\"rom\":false,\"file\":\"%s/ram\",\"offset\":4194304,\"readonly\":false},"
		 "{\"gpa\":4194304,\"size\":2097152,\"backend\":\"memfd\",\"shared\":true,\"rom\":false},"
		 "{\"gpa\":6291456,\"size\":2097152,\"backend\":\"file\",\"shared\":false,\"rom\":true,\"file\":\"%s/ram\",\"offset\":0,\"readonly\":true}],"
		 "\"windows\":[" WINDOW(0, 4294967296, 268435456) "," WINDOW(2, 4563402752, 134217728) "]}\n",
		 rig.folder, rig.folder);
	ck_assert_str_eq(report(), expected);
}

START_TEST(each_piece_has_its_file_and_each_window_its_device)
{
	const char *const words[] = {
		"kernel", "--memory=size=4M,backend=file,mem-path=ram,share=on,offset=4M",
		"--memory=size=2M,backend=memfd", "--memory=size=2M,backend=file,mem-path=ram,readonly=on,rom=on",
		"--mem=size=256M", "--device=rng", "--mem=size=128M", "--serial=null", "--cpus=2",
		"--control=control", NULL,
	};

	machine_run_words(words, pieces);
}
END_TEST

static void count(uint64_t *size, uint64_t *present)
{
	struct cvmm_statistics s = { .size = sizeof(s) };

	ck_assert_int_eq(cvmm_machine_get_statistics(&rig.owned, &s, NULL), 0);
	*size = s.memory;
	*present = s.present;
}

/* The window of a device counts only as far as memory is plugged there. */
static void counts(void)
{
	uint64_t size, before, after;

	count(&size, &before);
	ck_assert_uint_eq(size, 6 * MIB);
	memset(vmem_region_hva(vmem_map_region(vmm_memory_map(&rig.machine.memory), 1)), 1, MIB);
	count(&size, &after);
	ck_assert_uint_eq(size, 6 * MIB);
	ck_assert_uint_ge(after, before + MIB);
	ck_assert_uint_le(after, size);
}

START_TEST(present_memory_is_what_the_guest_has_used)
{
	const char *const words[] = {
		"kernel", "--memory=size=4M", "--memory=size=2M,backend=memfd", "--mem=size=256M",
		"--serial=null", "--cpus=2", "--control=control", NULL,
	};

	machine_run_words(words, counts);
}
END_TEST

/* On x86 the first piece is around the hole for devices, and has the second one in between. */
static void counts_once(void)
{
	struct vmem_block *const *block = rig.machine.memory.blocks;
	uint64_t size, present;
	unsigned int n = 0;
	const char *at;

	memset(vmem_block_hva(block[0]), 1, MIB);
	count(&size, &present);
	ck_assert_uint_eq(size, 5 * GIB);
	ck_assert_uint_eq(present, vmem_block_present(block[0]) + vmem_block_present(block[1]));
	for (at = user_says("memory\n"); (at = strstr(at, "\"present\":")); at++)
		n++;
	ck_assert_uint_eq(n, 2);
}

START_TEST(present_memory_of_a_split_piece_is_counted_once)
{
	const char *const words[] = {
		"kernel", "--memory=size=4G", "--memory=size=1G,at=4G",
		"--serial=null", "--cpus=2", "--control=control", NULL,
	};

	machine_run_words(words, counts_once);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("memory report");
	TCase *tc = tcase_create("memory report");

	tcase_add_checked_fixture(tc, setup, rig_fini);
	tcase_add_test(tc, each_piece_has_its_file_and_each_window_its_device);
	tcase_add_test(tc, present_memory_is_what_the_guest_has_used);
	tcase_add_test(tc, present_memory_of_a_split_piece_is_counted_once);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
