/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about incremental saves, and machines that continue from them, on the fake KVM. */
#include <config.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>

#include "../machine/plug_rig.h"
#include "memory/image_base.h"
#include "transfer/restore.h"
#include "transfer/saved_folder.h"
#include "transfer/save.h"

#define PAGE 4096u
#define KEPT (512u * 1024)	/* guest addresses of pages */
#define CHANGED (1024u * 1024)
#define EMPTIED (1536u * 1024)
#define NEW (2u * 1024 * 1024)

static const char *const folders[] = { "saved", "part", "third", "other" };

static void put(uint64_t gpa, int byte)
{
	unsigned char bytes[PAGE];

	memset(bytes, byte, sizeof(bytes));
	ck_assert_int_eq(vmem_write_exact(vmem_map_view(vmm_memory_map(&rig.machine.memory)), gpa,
					  bytes, sizeof(bytes)), 0);
}

static void has(uint64_t gpa, int byte)
{
	unsigned char bytes[PAGE], expected[PAGE];

	memset(expected, byte, sizeof(expected));
	rig_read(gpa, bytes, sizeof(bytes));
	ck_assert_mem_eq(bytes, expected, sizeof(bytes));
}

static void run(const char *from, const char *base, const char *more, void (*what)(void))
{
	const char *words[8] = { "kernel", OWN_MEMORY, "--serial=null" };
	unsigned int n = 3;

	if (from)
		words[n++] = from;
	if (base)
		words[n++] = base;
	if (more)
		words[n++] = more;
	rig_free();
	fake_kvm_init();
	machine_run_words(words, what);
}

static void save_whole(void)
{
	put(KEPT, 1);
	put(CHANGED, 2);
	put(EMPTIED, 3);
	assert_told("save saved\n", DONE);
	put(KEPT, 9);
	assert_told("save other\n", DONE);
}

static void setup(void)
{
	rig_init();
	run(NULL, NULL, NULL, save_whole);
}

static void teardown(void)
{
	static const char *const files[] = { "memory", "state", "machine.json" };
	char path[64];
	unsigned int i, j;

	rig_free();
	for (i = 0; i < COUNT(folders); i++) {
		for (j = 0; j < COUNT(files); j++) {
			snprintf(path, sizeof(path), "%s/%s", folders[i], files[j]);
			unlink(path);
		}
		rmdir(folders[i]);
	}
	rig_fini();
}

static void save_part(void)
{
	has(CHANGED, 2);
	put(CHANGED, 12);
	put(EMPTIED, 0);
	put(NEW, 14);
	assert_told("save part incremental\n", DONE);
	has(CHANGED, 12);
}

static uint64_t bytes_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void check_all(void)
{
	has(KEPT, 1);
	has(CHANGED, 12);
	has(EMPTIED, 0);
	has(NEW, 14);
}

START_TEST(changed_pages_are_saved_and_the_others_are_in_the_base)
{
	struct vmm_saved_facts facts;

	run("--from=saved", NULL, NULL, save_part);
	ck_assert_uint_le(bytes_of("part/memory"), 8 * PAGE);
	ck_assert_int_eq(vmm_saved_folder_read("part", true, &facts, &rig.err), 0);
	ck_assert_str_eq(facts.base, "saved");
	ck_assert_uint_ge(facts.changed, 3 * PAGE);
	ck_assert_uint_le(facts.changed, 16 * PAGE);
	run("--from=part", "--base=saved", NULL, check_all);
}
END_TEST

static void save_third(void)
{
	check_all();
	put(KEPT, 21);
	assert_told("save third incremental\n", DONE);
}

static void check_third(void)
{
	has(KEPT, 21);
	has(CHANGED, 12);
	has(EMPTIED, 0);
	has(NEW, 14);
}

START_TEST(a_later_one_has_the_same_base)
{
	run("--from=saved", NULL, NULL, save_part);
	run("--from=part", "--base=saved", NULL, save_third);
	run("--from=third", "--base=saved", NULL, check_third);
}
END_TEST

static void save_all(void)
{
	check_all();
	assert_told("save third\n", DONE);
}

START_TEST(a_whole_one_of_its_machine_needs_no_base)
{
	run("--from=saved", NULL, NULL, save_part);
	run("--from=part", "--base=saved", NULL, save_all);
	run("--from=third", NULL, NULL, check_all);
}
END_TEST

#define OF_FILE (UINT64_C(1) << 61)
#define SWAPPED (UINT64_C(1) << 62)
#define PRESENT (UINT64_C(1) << 63)

/* The second one is a page of the file while the kernel moves it. */
static const struct { uint64_t entry; bool changed; } entries[] = {
	{ PRESENT | OF_FILE, false }, { SWAPPED | OF_FILE, false }, { PRESENT, true }, { SWAPPED, true },
	{ 0, false },
};

static void read_entries(void)
{
	const struct vmem_region *r = vmem_map_region(vmm_memory_map(&rig.machine.memory), 0);
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t first = (uint64_t)(uintptr_t)vmem_region_hva(r) / page;
	const int pagemap = memfd_create("pagemap", MFD_CLOEXEC);
	struct vmm_page_map pages;
	struct vmm_image_changes c;
	uint64_t len, i;
	bool changed;

	ck_assert_int_eq(vmm_image_changes_new(&c, &rig.machine.restore.base, 4u << 20), 0);
	vmm_page_map_init(&pages, pagemap);
	for (i = 0; i < COUNT(entries); i++)
		ck_assert_int_eq(pwrite(pagemap, &entries[i].entry, 8, (off_t)((first + i) * 8)), 8);
	for (i = 0; i < COUNT(entries); i++) {
		ck_assert_int_eq(vmm_image_changes_next(&c, &pages, r, i * page, (i + 1) * page, 0, &len, &changed), 0);
		ck_assert_uint_eq(len, page);
		ck_assert_int_eq(changed, entries[i].changed);
		ck_assert_int_eq(c.bits[0] >> i & 1, entries[i].changed);
	}
	vmm_image_changes_free(&c);
	close(pagemap);
}

START_TEST(pages_of_the_file_are_unchanged_while_the_kernel_moves_them)
{
	run("--from=saved", NULL, NULL, read_entries);
}
END_TEST

static void refuse_record(void)
{
	assert_refusal("working-set\n", "working-set: the memory of this machine is in two folders (--base)");
}

START_TEST(no_working_set_of_two_folders_is_recorded)
{
	run("--from=saved", NULL, NULL, save_part);
	run("--from=part", "--base=saved", NULL, refuse_record);
}
END_TEST

START_TEST(pages_may_be_loaded_ahead)
{
	run("--from=saved", NULL, "--prefetch", save_part);
	run("--from=part", "--base=saved", "--prefetch", check_all);
}
END_TEST

/* ---------------------------------------------------------------- what is refused */

static void refuse_own(void)
{
	assert_refusal("save part incremental\n", "save: no memory of this machine is mapped from a saved machine (--from)");
	ck_assert_int_ne(access("part", F_OK), 0);
	ck_assert_int_ne(access("part.incomplete", F_OK), 0);
}

START_TEST(machine_with_memory_of_its_own_is_refused)
{
	run(NULL, NULL, NULL, refuse_own);
}
END_TEST

static void refuse(int status, const char *sentence, const char *from, const char *base)
{
	const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", from, base, NULL };

	rig_free();
	fake_kvm_init();
	rig_options(words);
	ck_assert_int_eq(rig_try(&rig.owner), status);
	ck_assert_msg(strstr(rig.err.msg, sentence), "%s", rig.err.msg);
	rig_free();
}

START_TEST(base_must_be_that_of_the_save)
{
	run("--from=saved", NULL, NULL, save_part);
	refuse(VSU_EXIT_DATA, "it has only what the guest has changed since another folder was saved; add option --base with that one, 'saved'", "--from=part", NULL);
	refuse(VSU_EXIT_DATA, "it was made of 'saved'", "--from=part", "--base=other");
	refuse(VSU_EXIT_DATA, "it was made of '", "--from=part", "--base=part");
	refuse(VSU_EXIT_INPUT, "option --base: cannot read 'nowhere/state'", "--from=part", "--base=nowhere");
	refuse(VSU_EXIT_DATA, "its memory is complete; option --base is for", "--from=saved", "--base=other");
	ck_assert_int_eq(truncate("part/memory", PAGE), 0);
	refuse(VSU_EXIT_DATA, "'part/memory' is shorter than the guest's memory", "--from=part", "--base=saved");
}
END_TEST

START_TEST(base_that_was_cut_is_refused)
{
	run("--from=saved", NULL, NULL, save_part);
	ck_assert_int_eq(truncate("saved/memory", PAGE), 0);
	refuse(VSU_EXIT_DATA, "'saved/memory'", "--from=part", "--base=saved");
}
END_TEST

/* -------------------------------------------------------------------- the sections */

static struct vsu_state_writer w;
static struct vsu_state state;

static void finish(void)
{
	vsu_state_section_end(&w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	state = (struct vsu_state){ w.out.bytes, w.out.len };
}

static void changed_section(uint64_t page, uint64_t total, size_t bits)
{
	static const unsigned char map[8] = { 0xff, 0x0f, 0x00, 0x80 };

	memset(&w, 0, sizeof(w));
	vsu_state_begin(&w, vmm_state_kinds);
	vsu_state_section(&w, "changed", 0);
	vsu_state_put_u64(&w, page);
	vsu_state_put_u64(&w, total);
	vsu_state_put(&w, map, bits);
	finish();
}

START_TEST(runs_of_pages_end_with_the_image)
{
	static const struct { uint64_t at, end, len; bool changed; } runs[] = {
		{ 0, 32, 12, true }, { 5, 32, 7, true }, { 0, 3, 3, true }, { 12, 32, 18, false },
		{ 12, 99, 18, false }, { 8, 9, 1, true }, { 16, 24, 8, false },
	};
	struct vmm_image_changed c;
	bool changed;
	size_t i;

	/* 30 pages and a half: the last bit is beyond them */
	changed_section(PAGE, 30 * PAGE, 4);
	ck_assert_int_eq(vmm_image_changed_get(&c, &state, &rig.err), 0);
	for (i = 0; i < COUNT(runs); i++) {
		ck_assert_uint_eq(vmm_image_changed_run(&c, runs[i].at * PAGE, runs[i].end * PAGE, &changed),
				  runs[i].len * PAGE);
		ck_assert_int_eq(changed, runs[i].changed);
	}
	free(w.out.bytes);
}
END_TEST

static const struct { uint64_t page, total; size_t bits; } bad_changes[] = {
	{ 0, 8 * PAGE, 1 }, { 2048, 8 * 2048, 1 }, { 131072, 131072, 1 }, { 5000, 5000, 1 },
	{ PAGE, 8 * PAGE, 2 }, { PAGE, 9 * PAGE, 1 }, { PAGE, UINT64_MAX, 8 },
};

START_TEST(damaged_list_of_pages_is_refused)
{
	struct vmm_image_changed c;

	changed_section(bad_changes[_i].page, bad_changes[_i].total, bad_changes[_i].bits);
	ck_assert_int_eq(vmm_image_changed_get(&c, &state, &rig.err), -EBADMSG);
	ck_assert_str_eq(rig.err.msg, "section 'changed' is invalid");
	free(w.out.bytes);
}
END_TEST

/* Numbers behind length and sum of the base: those of its name, and parts. */
static const struct { uint32_t len; const char *name; size_t parts, more; const char *why; } bad_bases[] = {
	{ 5, "/base", 0, 1, "truncated" }, { 5, "/base", 33, 0, "section 'base' has more than 32 parts" },
	{ 4096, "", 0, 0, "section 'base' has no valid folder" }, { 6, "/base", 0, 0, "section 'base' has no valid folder" },
	{ 5, "/b\0se", 0, 0, "section 'base' has no valid folder" },
};

START_TEST(damaged_base_is_refused)
{
	struct vmm_image_base base;
	size_t i;

	memset(&w, 0, sizeof(w));
	vsu_state_begin(&w, vmm_state_kinds);
	vsu_state_section(&w, "base", 0);
	vsu_state_put_u64(&w, 1);
	vsu_state_put_u32(&w, 2);
	vsu_state_put_u32(&w, bad_bases[_i].len);
	vsu_state_put(&w, bad_bases[_i].name, bad_bases[_i].name[0] ? 5 : 0);
	for (i = 0; i < 3 * bad_bases[_i].parts + bad_bases[_i].more; i++)
		vsu_state_put_u64(&w, i);
	finish();
	ck_assert_int_eq(vmm_image_base_get(&base, &state, &rig.err), -EBADMSG);
	if (strcmp(bad_bases[_i].why, "truncated") != 0)
		ck_assert_str_eq(rig.err.msg, bad_bases[_i].why);
	vmm_image_base_free(&base);
	free(w.out.bytes);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("incremental");
	TCase *tc = tcase_create("incremental");
	const char *why = access("/proc/self/pagemap", R_OK) < 0 ?
			  "the kernel has no CONFIG_PROC_PAGE_MONITOR" : NULL;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, scaled(60));
	tcase_add_test_unless(tc, why, changed_pages_are_saved_and_the_others_are_in_the_base);
	tcase_add_test_unless(tc, why, a_later_one_has_the_same_base);
	tcase_add_test_unless(tc, why, a_whole_one_of_its_machine_needs_no_base);
	tcase_add_test(tc, pages_of_the_file_are_unchanged_while_the_kernel_moves_them);
	tcase_add_test_unless(tc, why, no_working_set_of_two_folders_is_recorded);
	tcase_add_test_unless(tc, why, pages_may_be_loaded_ahead);
	tcase_add_test(tc, machine_with_memory_of_its_own_is_refused);
	tcase_add_test_unless(tc, why, base_must_be_that_of_the_save);
	tcase_add_test_unless(tc, why, base_that_was_cut_is_refused);
	suite_add_tcase(s, tc);
	tc = tcase_create("sections");
	tcase_add_test(tc, runs_of_pages_end_with_the_image);
	tcase_add_loop_test(tc, damaged_list_of_pages_is_refused, 0, COUNT(bad_changes));
	tcase_add_loop_test(tc, damaged_base_is_refused, 0, COUNT(bad_bases));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
