/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about what becomes of the properties of memory when a guest is continued. */
#include <config.h>

#include <vmm-sys-util/option.h>

#include "memory/image.h"
#include "memory/memory_options.h"
#include "memory/pieces.h"
#include "../memory.h"

static struct vsu_error err;
static const struct vmm_image_part part = { "/s/memory", 4096, 8192, 65536 };

/* A list; NULL: the default memory. The caller frees the pieces. */
static struct vmm_memory_specs read_list(const char *list)
{
	const struct vmm_memory_lists lists = { .what = "--memory", .list = { list }, .n = !!list };
	struct vmm_memory_specs specs;

	ck_assert_msg(!vmm_memory_specs_read(&specs, &lists, &err), "%s", err.msg);
	return specs;
}

/* Whether the piece has the properties of the list, and no others. */
static void ck_is_list(const struct vmm_memory_spec *spec, const char *list)
{
	struct vmm_memory_specs wanted = read_list(list);
	const struct vmem_backend *b = spec->backend, *w = wanted.list[0].backend;
	const struct vsu_option *p;

	for (p = vmem_backend_options(); p->name; p++) {
		ck_assert_msg(vmem_backend_given(b, p->name) == vmem_backend_given(w, p->name),
			      "%s", p->name);
		ck_assert_msg(vmem_backend_value(b, p->name) == vmem_backend_value(w, p->name),
			      "%s", p->name);
	}
	ck_assert_pstr_eq(vmem_backend_text(b, "mem-path"), vmem_backend_text(w, "mem-path"));
	ck_assert_int_eq(spec->has_at, wanted.list[0].has_at);
	ck_assert_uint_eq(spec->at, wanted.list[0].at);
	vmm_memory_specs_free(&wanted);
}

static const char *const written[] = {
	"1G", "size=0x1000,at=4G", "8K,backend=file,mem-path=/a,,b,offset=4K,share=on,discard-data=on",
	"4M,backend=memfd,hugetlb=on,hugetlbsize=2M,policy=bind,host-nodes=0,host-nodes=2-3",
	"backend=guest-memfd,slot=bound", "at=0", "",
};

START_TEST(piece_is_written_as_it_is_read)
{
	struct vmm_memory_specs specs = read_list(written[_i]), again;
	char *list;

	ck_assert_int_eq(vmm_memory_write(&specs.list[0], &list, &err), 0);
	again = read_list(list);
	ck_is_list(&again.list[0], written[_i]);
	vmm_memory_specs_free(&again);
	vmm_memory_specs_free(&specs);
	free(list);
}
END_TEST

/* A new property is either kept by a passage, or belongs into this list. */
START_TEST(only_properties_of_the_file_are_never_kept)
{
	static const char replaced[] = " backend mem-path offset readonly rom discard-data pmem ";
	struct vsu_option rows[VMM_MEMORY_ROWS];
	char word[64];
	unsigned int i;
	bool kept;

	vmm_memory_rows(rows);
	for (i = 0; rows[i].name; i++) {
		snprintf(word, sizeof(word), " %s ", rows[i].name);
		kept = vmm_piece_keeps(rows[i].name, VMM_PIECE_MAPPED | VMM_PIECE_OWN | VMM_PIECE_CLONE);
		ck_assert_msg(kept == !strstr(replaced, word), "%s", rows[i].name);
	}
}
END_TEST

#define RAM_MAPPED "size=8192,at=4096,backend=file,share=off,readonly=on,rom=off,offset=65536,mem-path=/s/memory"
#define ROM_MAPPED "size=8192,at=4096,backend=file,share=off,readonly=on,rom=on,offset=65536,mem-path=/s/memory"
#define PLACE "size=8192,at=4096"

static const struct { const char *list, *mapped; } mapped[] = {
	{ NULL, RAM_MAPPED },
	{ "8K", RAM_MAPPED },
	{ "8K,backend=memfd,seal=off", RAM_MAPPED },
	{ "8K,dump=off,merge=off,reserve=off", RAM_MAPPED ",dump=off,merge=off,reserve=off" },
	{ "8K,backend=file,mem-path=/a,,b,share=on,offset=4K,discard-data=on,align=2M",
	  RAM_MAPPED ",align=2M" },
	{ "8K,backend=file,mem-path=/r,readonly=on,rom=off", RAM_MAPPED },
	{ "8K,backend=file,mem-path=/r,readonly=on", ROM_MAPPED },
	{ "8K,backend=file,mem-path=/r,readonly=on,share=on,prealloc=on",
	  ROM_MAPPED ",prealloc=on" },
};

START_TEST(e3_08_mapping_of_the_saved_file_keeps_what_it_can)
{
	struct vmm_memory_specs saved = read_list(mapped[_i].list);
	struct vmm_memory_spec out;

	ck_assert(!vmm_piece_facts_of(&saved.list[0]).own);
	ck_assert_int_eq(vmm_piece_map(&saved.list[0], &part, &out, &err), 0);
	ck_is_list(&out, mapped[_i].mapped);
	vmem_backend_free(out.backend);
	vmm_memory_specs_free(&saved);
}
END_TEST

static const struct { const char *list, *own; } owned[] = {
	{ "8K,prealloc=on,prealloc-threads=2", PLACE ",prealloc=on,prealloc-threads=2" },
	{ "4M,backend=memfd,hugetlb=on,hugetlbsize=2M",
	  PLACE ",backend=memfd,hugetlb=on,hugetlbsize=2M" },
	{ "8K,policy=bind,host-nodes=0,host-nodes=2-3",
	  PLACE ",policy=bind,host-nodes=0,host-nodes=2-3" },
	{ "8K,backend=guest-memfd,slot=bound", PLACE ",backend=guest-memfd,slot=bound" },
	{ "8K,backend=file,mem-path=/m,share=on,prealloc=on,offset=8K",
	  PLACE ",backend=memfd,share=on,prealloc=on" },
	{ "8K,backend=file,mem-path=/m,prealloc=on", PLACE ",backend=anon,prealloc=on" },
};

START_TEST(e3_08_memory_of_its_own_keeps_the_rest)
{
	struct vmm_memory_specs saved = read_list(owned[_i].list);
	struct vmm_memory_spec out;

	ck_assert(vmm_piece_facts_of(&saved.list[0]).own);
	ck_assert_int_eq(vmm_piece_own(&saved.list[0], &part, false, &out, &err), 0);
	ck_is_list(&out, owned[_i].own);
	vmem_backend_free(out.backend);
	vmm_memory_specs_free(&saved);
}
END_TEST

/* A back-end of the new command line needs it. */
static const struct { const char *list, *own; } sharable[] = {
	{ "8K", PLACE ",backend=memfd" },
	{ "8K,backend=anon,dump=off", PLACE ",backend=memfd,dump=off" },
	{ "8K,backend=memfd,share=off", PLACE ",backend=memfd" },
	{ "8K,backend=shm", PLACE ",backend=shm" },
	{ "8K,backend=file,mem-path=/m", PLACE ",backend=memfd" },
};

START_TEST(memory_becomes_shared_for_a_back_end)
{
	struct vmm_memory_specs saved = read_list(sharable[_i].list);
	struct vmm_memory_spec out;

	ck_assert_int_eq(vmm_piece_own(&saved.list[0], &part, true, &out, &err), 0);
	ck_is_list(&out, sharable[_i].own);
	vmem_backend_free(out.backend);
	vmm_memory_specs_free(&saved);
}
END_TEST

/* Without one, a clone has what the saved machine has. */
static const struct { const char *list, *clone; } clones[] = {
	{ "8K", NULL }, { "8K,backend=memfd", NULL },
	{ "8K,backend=file,mem-path=/rom,readonly=on", NULL },
	{ "8K,backend=file,mem-path=/rom,readonly=on,share=on", NULL },
	{ "8K,backend=file,mem-path=/m", NULL },
	{ "8K,backend=file,mem-path=/m,share=on,offset=4K,at=4G,dump=off,discard-data=on",
	  "at=4294967296,backend=memfd,size=8K,share=on,dump=off" },
};

START_TEST(e3_04_clone_leaves_shared_files_to_the_original)
{
	struct vmm_memory_specs specs = read_list(clones[_i].list);

	ck_assert_int_eq(vmm_pieces_continue(&specs, false, &err), 0);
	ck_is_list(&specs.list[0], clones[_i].list);
	ck_assert_int_eq(vmm_pieces_continue(&specs, true, &err), 0);
	ck_is_list(&specs.list[0], clones[_i].clone ? clones[_i].clone : clones[_i].list);
	vmm_memory_specs_free(&specs);
}
END_TEST

START_TEST(d1_63_file_of_another_process_has_no_number)
{
	struct vmm_memory_specs specs = read_list("8K,backend=file,mem-path=fd:0:/m");

	ck_assert_int_eq(vmm_pieces_continue(&specs, false, &err), 0);
	ck_is_list(&specs.list[0], "8K,backend=file,mem-path=fd:former:/m");
	vmm_memory_specs_free(&specs);
}
END_TEST

/* ------------------------------------------------------------ from a state to pieces */

static struct vsu_state_writer writer;
static struct vmm_image_pieces pieces;

static void put_regions(const uint64_t (*regions)[3], unsigned int n)
{
	unsigned int i;

	vsu_state_begin(&writer, NULL);
	vsu_state_section(&writer, "memory", 0);
	for (i = 0; i < 3 * n; i++)
		vsu_state_put_u64(&writer, regions[i / 3][i % 3]);
	vsu_state_section_end(&writer);
	ck_assert_int_eq(vsu_state_finish(&writer), 0);
}

static int make_pieces(const struct vmm_memory_lists *lists, bool shared)
{
	static const struct vmm_image_source source = { "/m", NULL, NULL };
	const struct vsu_state state = { writer.out.bytes, writer.out.len };
	struct vmm_memory_specs saved;
	int rc;

	memset(&pieces, 0, sizeof(pieces));
	ck_assert_msg(!vmm_memory_specs_read(&saved, lists, &err), "%s", err.msg);
	rc = vmm_image_pieces(&state, &source, shared, &saved, &pieces, &err);
	vmm_memory_specs_free(&saved);
	free(writer.out.bytes);
	memset(&writer, 0, sizeof(writer));
	return rc;
}

#define GAP "backend=file,share=off,readonly=on,rom="
/* The second piece is split; the third one is ROM between its parts. */
static const struct vmm_memory_lists split = {
	.n = 3, .what = "--memory",
	.list = { "1G", "3G,dump=off",
		   "64K,at=4G,backend=file,mem-path=/r,readonly=on" },
};
static const uint64_t split_regions[][3] = {
	{ 0, 1 * GIB, 0 }, { 1 * GIB, 2 * GIB, 1 * GIB }, { 4 * GIB, 65536, 3 * GIB },
	{ 4 * GIB + 2 * MIB, 1 * GIB, 3 * GIB + 65536 },
};

START_TEST(second_part_of_a_piece_comes_after_all_pieces)
{
	put_regions(split_regions, 4);
	ck_assert_int_eq(make_pieces(&split, false), 0);
	ck_assert_uint_eq(pieces.specs.n, 4);
	ck_assert_uint_eq(pieces.parts, 1 << 1 | 1 << 3);
	ck_is_list(&pieces.specs.list[2], "size=65536,at=4294967296," GAP "on,offset=3221225472,mem-path=/m");
	ck_is_list(&pieces.specs.list[3], "size=1073741824,at=4297064448," GAP "off,offset=3221291008,mem-path=/m,dump=off");
	vmm_memory_specs_free(&pieces.specs);
}
END_TEST

START_TEST(e3_03_rom_is_a_mapping_in_shared_memory)
{
	put_regions(split_regions, 4);
	ck_assert_int_eq(make_pieces(&split, true), 0);
	ck_is_list(&pieces.specs.list[0], "size=1073741824,at=0,backend=memfd");
	ck_is_list(&pieces.specs.list[2], "size=65536,at=4294967296," GAP "on,offset=3221225472,mem-path=/m");
	vmm_memory_specs_free(&pieces.specs);
}
END_TEST

START_TEST(other_memory_than_the_options_is_refused)
{
	static const uint64_t other[][3] = { { 0, 2 * GIB, 0 } };

	put_regions(_i ? split_regions : other, _i ? 3 : 1);
	ck_assert_int_eq(make_pieces(&split, false), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "the saved command line describes"));
	vmm_memory_specs_free(&pieces.specs);
}
END_TEST

START_TEST(default_memory_is_an_option)
{
	const struct vmm_memory_lists none = { .what = "--memory" };
	static const uint64_t whole[][3] = { { 0, 256 * MIB, 0 } };

	put_regions(whole, 1);
	ck_assert_msg(!make_pieces(&none, false), "%s", err.msg);
	ck_assert_uint_eq(pieces.specs.n, 1);
	ck_assert_str_eq(vmem_backend_text(pieces.specs.list[0].backend, "mem-path"), "/m");
	vmm_memory_specs_free(&pieces.specs);
}
END_TEST

/* 16 pieces, the first of which reaches beyond 3 GiB, are 17 parts. */
START_TEST(e3_06_sixteen_pieces_with_one_across_the_gap_are_accepted)
{
	struct vmm_memory_lists o = { .n = VMM_MAX_MEMORY, .what = "--memory" };
	uint64_t regions[17][3] = { { 0, 3 * GIB, 0 }, { 4 * GIB, 1 * GIB, 3 * GIB } };
	unsigned int i;

	o.list[0] = "4G,reserve=off";
	for (i = 1; i < 16; i++) {
		o.list[i] = "2M";
		regions[i + 1][0] = 5 * GIB + (i - 1) * 2 * MIB;
		regions[i + 1][1] = 2 * MIB;
		regions[i + 1][2] = 4 * GIB + (i - 1) * 2 * MIB;
	}
	put_regions((const uint64_t (*)[3])regions, 17);
	ck_assert_msg(!make_pieces(&o, false), "%s", err.msg);
	ck_assert_uint_eq(pieces.specs.n, 17);
	vmm_memory_specs_free(&pieces.specs);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("memory");
	TCase *tc = tcase_create("piece_lists");

	tcase_add_loop_test(tc, piece_is_written_as_it_is_read, 0, COUNT(written));
	tcase_add_test(tc, only_properties_of_the_file_are_never_kept);
	tcase_add_loop_test(tc, e3_08_mapping_of_the_saved_file_keeps_what_it_can, 0,
			    COUNT(mapped));
	tcase_add_loop_test(tc, e3_08_memory_of_its_own_keeps_the_rest, 0, COUNT(owned));
	tcase_add_loop_test(tc, memory_becomes_shared_for_a_back_end, 0, COUNT(sharable));
	tcase_add_loop_test(tc, e3_04_clone_leaves_shared_files_to_the_original, 0, COUNT(clones));
	tcase_add_test(tc, d1_63_file_of_another_process_has_no_number);
	tcase_add_test(tc, second_part_of_a_piece_comes_after_all_pieces);
	tcase_add_test(tc, e3_03_rom_is_a_mapping_in_shared_memory);
	tcase_add_loop_test(tc, other_memory_than_the_options_is_refused, 0, 2);
	tcase_add_test(tc, default_memory_is_an_option);
	tcase_add_test(tc, e3_06_sixteen_pieces_with_one_across_the_gap_are_accepted);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
