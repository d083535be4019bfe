/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about loading kernels whose content is hostile. */
#include <config.h>

#include <elf.h>
#include <sys/mman.h>

#include <vm-arch/advice.h>
#include <vm-arch/boot_protocol.h>
#include <vm-memory/access.h>
#include <vm-memory/backend.h>
#include <vm-memory/block.h>

#include "boot/elf.h"
#include "../../../guests.h"
#include "../../../memory.h"
#include "../../../util.h"

/* A kernel of two segments and a note, to be spoilt by tests. */
static struct image {
	Elf64_Ehdr h;
	Elf64_Phdr p[3];
	struct {
		Elf64_Nhdr h;
		char name[8];
		struct cvmm_note note;
	} note;
	unsigned char code[16], data[8];
} image;

static struct varch_file kernel;
static struct varch_loaded loaded;
static struct vsu_error err;
static struct vmem_map *map;

static Elf64_Phdr segment(uint32_t type, uint64_t paddr, const void *bytes,
			  uint64_t filesz, uint64_t memsz)
{
	const Elf64_Phdr p = {
		.p_type = type, .p_paddr = paddr, .p_vaddr = paddr,
		.p_offset = (uint64_t)((const char *)bytes -
				       (const char *)&image),
		.p_filesz = filesz, .p_memsz = memsz, .p_align = 4,
	};

	return p;
}

static void make_header(void)
{
	memcpy(image.h.e_ident, ELFMAG, SELFMAG);
	image.h.e_ident[EI_CLASS] = ELFCLASS64;
	image.h.e_ident[EI_DATA] = ELFDATA2LSB;
	image.h.e_ident[EI_VERSION] = EV_CURRENT;
	image.h.e_type = ET_EXEC;
	image.h.e_machine = EM_X86_64;
	image.h.e_version = EV_CURRENT;
	image.h.e_entry = 0x100004;
	image.h.e_phoff = offsetof(struct image, p);
	image.h.e_ehsize = sizeof(image.h);
	image.h.e_phentsize = sizeof(image.p[0]);
	image.h.e_phnum = 3;
}

static void make_image(void)
{
	memset(&image, 0, sizeof(image));
	make_header();
	image.p[0] = segment(PT_LOAD, 0x100000, image.code, 16, 16);
	image.p[1] = segment(PT_LOAD, 0x101000, image.data, 8, 0x3000);
	image.p[2] = segment(PT_NOTE, 0, &image.note, sizeof(image.note),
			     sizeof(image.note));
	image.note.h = (Elf64_Nhdr){ 5, sizeof(struct cvmm_note),
				     CVMM_NOTE_TYPE };
	memcpy(image.note.name, "cvmm", 5);
	image.note.note.version = CVMM_BOOT_VERSION;
	memset(image.code, 0xc0, sizeof(image.code));
	memset(image.data, 0xda, sizeof(image.data));
}

static void setup(void)
{
	make_image();
	kernel.what = "kernel";
	kernel.path = "k";
	kernel.bytes = (const void *)&image;
	kernel.size = sizeof(image);
	map = make_memory(4 * MIB);
}

static void teardown(void)
{
	vmem_map_unref(map);
}

static int load(void)
{
	vsu_error_clear(&err);
	return varch_elf_load(&kernel, vmem_map_view(map), &loaded, &err);
}

static void assert_says(int code, const char *what)
{
	ck_assert_int_eq(load(), code);
	ck_assert_msg(strstr(err.msg, what) && strstr(err.msg, "'k'"),
		      "it says: %s", err.msg);
}

static void assert_byte(uint64_t gpa, unsigned char want)
{
	unsigned char byte;

	ck_assert_int_eq(vmem_read_exact(vmem_map_view(map), gpa, &byte, 1),
			 0);
	ck_assert_uint_eq(byte, want);
}

START_TEST(segments_are_copied_and_the_rest_cleared)
{
	static unsigned char dirt[0x4000];

	memset(dirt, 0xee, sizeof(dirt));
	ck_assert_int_eq(vmem_write_exact(vmem_map_view(map), 0x101000, dirt,
					  sizeof(dirt)), 0);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.entry, 0x100004);
	ck_assert_uint_eq(loaded.first, 0x100000);
	ck_assert_uint_eq(loaded.end, 0x104000);
	ck_assert(!loaded.level0);
	assert_byte(0x100000, 0xc0);
	assert_byte(0x10000f, 0xc0);
	assert_byte(0x101007, 0xda);
	assert_byte(0x101008, 0);
	assert_byte(0x103fff, 0);
	assert_byte(0x104000, 0xee);
}
END_TEST

START_TEST(note_requests_privilege_level_0)
{
	image.note.note.flags = CVMM_BOOT_LEVEL0;
	ck_assert_int_eq(load(), 0);
	ck_assert(loaded.level0);
}
END_TEST

START_TEST(note_leaves_the_privilege_level_to_the_machine)
{
	image.note.note.flags = CVMM_BOOT_ANY_LEVEL;
	ck_assert_int_eq(load(), 0);
	ck_assert(loaded.any_level && !loaded.level0);
}
END_TEST

START_TEST(note_states_that_the_guest_finds_devices_on_pci)
{
	ck_assert_int_eq(load(), 0);
	ck_assert(!loaded.finds_pci);
	image.note.note.flags = CVMM_BOOT_PCI;
	ck_assert_int_eq(load(), 0);
	ck_assert(loaded.finds_pci && !loaded.level0);
}
END_TEST

START_TEST(test_kernels_are_kernels)
{
	struct varch_file selftest;

	ck_assert_int_eq(varch_file_open(&selftest, "kernel", guest_word("builtin:selftest"), &err), 0);
	ck_assert_int_eq(varch_elf_load(&selftest, vmem_map_view(map), &loaded, &err), 0);
	ck_assert_uint_ge(loaded.entry, 0x100000);
	varch_file_close(&selftest);
}
END_TEST

/* Every length short of all that the headers name; read behind it is caught. */
static void assert_cut_refused(size_t cut)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(area, MAP_FAILED);
	ck_assert_int_eq(mprotect(area + page, page, PROT_NONE), 0);
	memcpy(area + page - cut, &image, cut);
	kernel.bytes = area + page - cut;
	kernel.size = cut;
	ck_assert_int_eq(load(), -EBADMSG);
	ck_assert_str_ne(err.msg, "");
	munmap(area, 2 * page);
}

START_TEST(d2_01_file_cut_at_every_byte_is_refused)
{
	size_t cut;

	for (cut = 0; cut < offsetof(struct image, data) + 8; cut++)
		assert_cut_refused(cut);
}
END_TEST

static const uint64_t bad_phoffs[] = {
	UINT64_MAX, UINT64_MAX - 167, sizeof(image), sizeof(image) - 167,
	INT64_MAX,
};

START_TEST(d2_01_program_headers_past_the_end_are_refused)
{
	image.h.e_phoff = bad_phoffs[_i];
	assert_says(-EBADMSG, "truncated within its program headers");
}
END_TEST

START_TEST(d2_01_number_and_size_of_program_headers_are_checked)
{
	image.h.e_phnum = 0;
	assert_says(-EBADMSG, "malformed");
	image.h.e_phnum = 0xffff;
	assert_says(-EBADMSG, "malformed");
	image.h.e_phnum = 3;
	image.h.e_phentsize = 55;
	assert_says(-EBADMSG, "malformed");
}
END_TEST

START_TEST(d2_02_offset_that_wraps_is_refused)
{
	image.p[0].p_offset = UINT64_MAX - 7;
	assert_says(-EBADMSG, "truncated within a segment");
}
END_TEST

START_TEST(d2_02_address_that_wraps_is_refused)
{
	image.p[1].p_paddr = UINT64_MAX - 0xfff;
	assert_says(-EBADMSG, "invalid sizes");
	image.p[1].p_paddr = 0x101000;
	image.p[1].p_memsz = UINT64_MAX;
	assert_says(-EBADMSG, "invalid sizes");
}
END_TEST

START_TEST(d2_02_file_size_above_memory_size_is_refused)
{
	image.p[0].p_memsz = 15;
	assert_says(-EBADMSG, "invalid sizes");
}
END_TEST

static const uint64_t bad_entries[] = {
	0, 0xfffff, 0x100010, 0x104000, UINT64_MAX,
};

START_TEST(d2_03_entry_outside_the_segments_is_refused)
{
	image.h.e_entry = bad_entries[_i];
	assert_says(-EBADMSG, "entry point is outside its segments");
}
END_TEST

static const struct { uint32_t name, desc; } bad_notes[] = {
	{ UINT32_MAX, 8 }, { 5, UINT32_MAX }, { UINT32_MAX, UINT32_MAX },
	{ 0xfffffffd, 0xfffffffd }, { 5, 9 }, { 13, 8 }, { 0, 0 },
};

START_TEST(d2_04_notes_of_absurd_sizes_end_the_search)
{
	image.note.h.n_namesz = bad_notes[_i].name;
	image.note.h.n_descsz = bad_notes[_i].desc;
	assert_says(-EBADMSG, "no note with an entry point");
}
END_TEST

/* The note becomes Xen's, with an entry of that many bytes. */
static void make_pvh(uint64_t entry, uint32_t size)
{
	image.note.h = (Elf64_Nhdr){ 4, size, 18 };
	memcpy(image.note.name, "Xen", 4);
	memcpy((char *)&image.note + sizeof(image.note.h) + 4, &entry,
	       size < sizeof(entry) ? size : sizeof(entry));
}

START_TEST(pvh_kernel_is_entered_where_its_note_says)
{
	make_pvh(0x100008, _i ? 8 : 4);
	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(loaded.protocol, VARCH_PROTOCOL_PVH);
	ck_assert_uint_eq(loaded.entry, 0x100008);
	ck_assert(!loaded.level0);
}
END_TEST

START_TEST(d2_05_pvh_note_with_a_wrong_entry_is_refused)
{
	static const struct { uint64_t entry; uint32_t size; } bad[] = {
		{ 0, 4 }, { 0, 8 }, { 0x100008, 2 }, { 0x100008, 0 },
		{ 0x100100008, 8 },
	};

	make_pvh(bad[_i].entry, bad[_i].size);
	assert_says(-EBADMSG, "its PVH note is malformed");
}
END_TEST

START_TEST(d2_05_pvh_entry_outside_the_segments_is_refused)
{
	make_pvh(0x200000, 4);
	assert_says(-EBADMSG, "entry point is outside its segments");
}
END_TEST

START_TEST(d2_05_note_of_another_version_or_kind_is_refused)
{
	image.note.note.version = 2;
	assert_says(-EBADMSG, "version 2 of the boot protocol; 1 is required");
	image.note.note.version = 1;
	image.note.note.flags = 0x80;
	assert_says(-EBADMSG, "unknown flags, 0x80");
	image.note.note.flags = 0;
	image.note.h.n_type = 2;
	assert_says(-EBADMSG, "no note with an entry point");
	image.p[2].p_type = PT_NULL;
	assert_says(-EBADMSG, "no note with an entry point");
}
END_TEST

START_TEST(d2_06_segments_that_overlap_are_refused)
{
	image.p[1].p_paddr = 0x10000f;
	assert_says(-EBADMSG, "overlap");
	image.p[1].p_paddr = 0x100000 - 0x2fff;
	assert_says(-EBADMSG, "below 1 MiB");
	image.p[1].p_paddr = 0x100010;
	ck_assert_int_eq(load(), 0);
}
END_TEST

START_TEST(d2_06_segment_over_what_the_protocol_keeps_is_refused)
{
	image.p[0].p_paddr = 0xfffff;
	assert_says(-EBADMSG, "below 1 MiB");
	image.p[0].p_paddr = 0;
	assert_says(-EBADMSG, "below 1 MiB");
}
END_TEST

START_TEST(d2_09_other_machines_and_classes_are_refused)
{
	image.h.e_machine = EM_AARCH64;
	assert_says(-EBADMSG, "not a 64-bit ELF for x86-64");
	make_image();
	image.h.e_ident[EI_CLASS] = ELFCLASS32;
	assert_says(-EBADMSG, "not a 64-bit ELF for x86-64");
	make_image();
	image.h.e_ident[EI_DATA] = ELFDATA2MSB;
	assert_says(-EBADMSG, "not a 64-bit ELF for x86-64");
	make_image();
	image.h.e_type = ET_DYN;
	assert_says(-EBADMSG, "not a static, non-relocatable ELF");
}
END_TEST

START_TEST(file_that_is_no_elf_is_refused)
{
	memcpy(image.h.e_ident, "#!/b", 4);
	assert_says(-EBADMSG, "not a kernel (neither bzImage nor ELF)");
	ck_assert_uint_eq(err.arg, VARCH_ADVICE_NO_KERNEL);
}
END_TEST

START_TEST(kernel_of_arm64_is_refused_by_name)
{
	memcpy(image.h.e_ident, "MZ@\xfa", 4);
	memcpy((char *)&image + 56, "ARM\x64", 4);
	assert_says(-EBADMSG, "it is an Image, a kernel of arm64; this machine is x86-64");
}
END_TEST

START_TEST(compressed_kernel_is_refused_by_name)
{
	memcpy(image.h.e_ident, "\x1f\x8b\x08", 3);
	assert_says(-EBADMSG, "it is compressed, which is not supported; decompress it by gunzip");
	memcpy(image.h.e_ident, "MZ\0\0zimg", 8);
	assert_says(-EBADMSG, "compressed kernel for EFI (zboot)");
}
END_TEST

START_TEST(kernel_larger_than_the_memory_is_refused)
{
	image.p[1].p_memsz = 4 * MIB;
	assert_says(-E2BIG, "does not fit into the guest's memory");
	image.p[1].p_memsz = 0x3000;
	image.p[1].p_paddr = 16 * MIB;
	assert_says(-E2BIG, "0x1000000");
}
END_TEST

static char path[] = "/tmp/cvmm-elf-XXXXXX";

static void assert_open(const char *name, int code, const char *says)
{
	struct varch_file k;

	vsu_error_clear(&err);
	ck_assert_int_eq(varch_file_open(&k, "kernel", name, &err), code);
	ck_assert_msg(strstr(err.msg, says), "it says: %s", err.msg);
	ck_assert_uint_eq(k.size, 0);
}

START_TEST(what_is_not_a_file_with_content_is_refused)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	assert_open(path, -EBADMSG, "is empty");
	unlink(path);
	assert_open(path, -ENOENT, path);
	assert_open("/", -ENODEV, "it must be a regular file");
	assert_open("/dev/null", -ENODEV, "it must be a regular file");
}
END_TEST

/* From a file, after what happens between opening and loading. */
static int load_file(off_t length)
{
	struct varch_file k;
	int fd = mkstemp(path), rc;

	ck_assert_int_eq(write(fd, &image, sizeof(image)), sizeof(image));
	vsu_error_clear(&err);
	ck_assert_int_eq(varch_file_open(&k, "kernel", path, &err), 0);
	ck_assert_int_eq(ftruncate(fd, length), 0);
	rc = varch_elf_load(&k, vmem_map_view(map), &loaded, &err);
	varch_file_close(&k);
	close(fd);
	unlink(path);
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	return rc;
}

START_TEST(kernel_of_a_file_is_the_same_as_one_in_memory)
{
	unsigned char code[16];

	ck_assert_int_eq(load_file(sizeof(image)), 0);
	ck_assert_int_eq(vmem_read_exact(vmem_map_view(map), 0x100000, code,
					 sizeof(code)), 0);
	ck_assert_mem_eq(code, image.code, sizeof(code));
}
END_TEST

/* The size is that of the open file. */
START_TEST(d2_10_file_cut_at_every_byte_while_it_is_read_is_refused)
{
	size_t cut;

	for (cut = 0; cut < offsetof(struct image, data) + 8; cut++) {
		ck_assert_int_eq(load_file((off_t)cut), -EBADMSG);
		ck_assert_msg(strstr(err.msg, "was truncated"), "%s", err.msg);
	}
}
END_TEST

/* Only what is loaded counts. */
START_TEST(d2_10_file_that_grows_while_it_is_read_keeps_its_size)
{
	ck_assert_int_eq(load_file(sizeof(image) + 4096), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("elf");
	TCase *tc = tcase_create("load");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, segments_are_copied_and_the_rest_cleared);
	tcase_add_test(tc, note_requests_privilege_level_0);
	tcase_add_test(tc, note_leaves_the_privilege_level_to_the_machine);
	tcase_add_test(tc, note_states_that_the_guest_finds_devices_on_pci);
	tcase_add_test_unless(tc, no_guest_file(), test_kernels_are_kernels);
	tcase_add_test(tc, d2_01_file_cut_at_every_byte_is_refused);
	tcase_add_loop_test(tc, d2_01_program_headers_past_the_end_are_refused,
			    0, COUNT(bad_phoffs));
	tcase_add_test(tc,
		d2_01_number_and_size_of_program_headers_are_checked);
	tcase_add_test(tc, d2_02_offset_that_wraps_is_refused);
	tcase_add_test(tc, d2_02_address_that_wraps_is_refused);
	tcase_add_test(tc, d2_02_file_size_above_memory_size_is_refused);
	tcase_add_loop_test(tc, d2_03_entry_outside_the_segments_is_refused, 0,
			    COUNT(bad_entries));
	tcase_add_loop_test(tc, d2_04_notes_of_absurd_sizes_end_the_search, 0,
			    COUNT(bad_notes));
	tcase_add_loop_test(tc, pvh_kernel_is_entered_where_its_note_says, 0,
			    2);
	tcase_add_loop_test(tc, d2_05_pvh_note_with_a_wrong_entry_is_refused,
			    0, 5);
	tcase_add_test(tc, d2_05_pvh_entry_outside_the_segments_is_refused);
	tcase_add_test(tc, d2_05_note_of_another_version_or_kind_is_refused);
	tcase_add_test(tc, d2_06_segments_that_overlap_are_refused);
	tcase_add_test(tc,
		d2_06_segment_over_what_the_protocol_keeps_is_refused);
	tcase_add_test(tc, d2_09_other_machines_and_classes_are_refused);
	tcase_add_test(tc, file_that_is_no_elf_is_refused);
	tcase_add_test(tc, kernel_of_arm64_is_refused_by_name);
	tcase_add_test(tc, compressed_kernel_is_refused_by_name);
	tcase_add_test(tc, kernel_larger_than_the_memory_is_refused);
	tcase_add_test(tc, what_is_not_a_file_with_content_is_refused);
	tcase_add_test(tc, kernel_of_a_file_is_the_same_as_one_in_memory);
	tcase_add_test(tc,
		d2_10_file_cut_at_every_byte_while_it_is_read_is_refused);
	tcase_add_test(tc,
		d2_10_file_that_grows_while_it_is_read_keeps_its_size);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
