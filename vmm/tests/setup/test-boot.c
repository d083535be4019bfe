/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about memory and registers at the entry of a kernel, for each boot
 * protocol, in a whole machine on the fake KVM.
 */
#include <config.h>

#include <vm-arch/boot_protocol.h>
#include <vmm-sys-util/exit.h>

#include "../machine/bzimage.h"
#include "../machine/kernels.h"
#include "../machine/rig.h"

#define CR0_PE 0x1u
#define CR0_PG 0x80000000u
#define LMA 0x400u
#define PVH_MAGIC 0x336ec578
#define INITRD "an initrd"

static void boot(void)
{
	rig_file("initrd", INITRD, sizeof(INITRD));
	RIG_OPTIONS("kernel", "--memory=size=16M", "--initrd=initrd",
		    "--cmdline=root=here", "--append=quiet", "--cpus=3",
		    "--serial=null", "--device=rng", "--device=rng");
	rig_make();
}

START_TEST(each_device_has_an_interrupt_of_its_own)
{
	kernel_pvh();
	boot();
	ck_assert_int_ge(fake.irq_fd[VARCH_FIRST_DEVICE_IRQ], 0);
	ck_assert_int_ge(fake.irq_fd[VARCH_FIRST_DEVICE_IRQ + 1], 0);
	ck_assert_int_lt(fake.irq_fd[VARCH_FIRST_DEVICE_IRQ + 2], 0);
}
END_TEST

START_TEST(name_of_a_kernel_that_a_program_installs_is_refused)
{
	static const char *const names[] = { "builtin:selftest", "builtin:" };

	RIG_OPTIONS(names[_i], "--memory=size=16M", "--serial=null");
	ck_assert_int_eq(rig_try(&rig.owner), VSU_EXIT_DATA);
	ck_assert_ptr_nonnull(strstr(rig.err.msg, "stands for a kernel that a program installs, and is no file; give the path"));
}
END_TEST

#define CPU_LIST "--cpu=list:vendor=AuthenticAMD,family=23,model=1,stepping=2"

START_TEST(described_processor_is_that_of_each_cpu)
{
	unsigned int i;

	kernel_pvh();
	RIG_OPTIONS("kernel", "--memory=size=16M", "--cpus=2", "--serial=null", CPU_LIST);
	rig_make();
	for (i = 0; i < 2; i++) {
		ck_assert_uint_eq(fake.cpu[i].leaves[1].function, 1);
		ck_assert_uint_eq(fake.cpu[i].leaves[1].eax, 0x00800f12);
	}
}
END_TEST

START_TEST(described_processor_with_more_than_this_host_is_refused)
{
	kernel_pvh();
	RIG_OPTIONS("kernel", "--memory=size=16M", "--serial=null", CPU_LIST ",aes,avx2");
	ck_assert_int_eq(rig_try(&rig.owner), VSU_EXIT_HOST);
	ck_assert_ptr_nonnull(strstr(rig.err.msg, "lacks features of the described processor: aes, avx2"));
}
END_TEST

static void assert_bytes(uint64_t gpa, const char *bytes, size_t n)
{
	char found[64];

	rig_read(gpa, found, n);
	ck_assert_mem_eq(found, bytes, n);
}

static void assert_text(uint64_t gpa, const char *text)
{
	assert_bytes(gpa, text, strlen(text) + 1);
}

/* Both protocols of Linux have 640 KiB, ACPI's tables, a reserved page, the rest. */
static const struct memory {
	uint64_t gpa, len;
	uint32_t type;
} memory[] = {
	{ 0, 0xa0000, 1 },
	{ 0xe0000, 0x1f000, 3 },
	{ 0xff000, 0x1000, 2 },
	{ 0x100000, 15 * MIB, 1 },
};

static void assert_memory(uint64_t at, size_t stride)
{
	unsigned int i;

	for (i = 0; i < COUNT(memory); i++, at += stride) {
		ck_assert_uint_eq(rig_number(at, 8), memory[i].gpa);
		ck_assert_uint_eq(rig_number(at + 8, 8), memory[i].len);
		ck_assert_uint_eq(rig_number(at + 16, 4), memory[i].type);
	}
}

START_TEST(bzimage_finds_the_page_of_parameters)
{
	const uint64_t page = VARCH_BOOT_INFO_GPA;

	kernel_bzimage();
	boot();
	ck_assert_uint_eq(rig_number(page + SETUP_LOADER, 1), LOADER_UNKNOWN);
	assert_text(rig_number(page + SETUP_CMDLINE, 4), "root=here quiet");
	ck_assert_uint_eq(rig_number(page + SETUP_RAMDISK_SIZE, 4),
			  sizeof(INITRD));
	assert_text(rig_number(page + SETUP_RAMDISK, 4), INITRD);
	assert_bytes(rig_number(page + PARAMS_RSDP, 8), "RSD PTR ", 8);
	ck_assert_uint_eq(rig_number(page + PARAMS_E820_ENTRIES, 1), 4);
	assert_memory(page + PARAMS_E820, 20);
}
END_TEST

/* Linux makes page tables of its own, and those of its entry have no room for all memory. */
START_TEST(first_page_tables_of_linux_have_4_gib_of_any_memory)
{
	uint64_t pointers;

	if (_i)
		kernel_pvh();
	else
		kernel_bzimage();
	RIG_OPTIONS("kernel", "--memory=size=16M", "--memory=size=16M,at=600G", "--serial=null");
	rig_make();
	pointers = rig_number(VARCH_BOOT_TABLES_GPA, 8) & ~UINT64_C(0xfff);
	ck_assert_uint_ne(rig_number(pointers + 3 * 8, 8), 0);
	ck_assert_uint_eq(rig_number(pointers + 4 * 8, 8), 0);
	ck_assert_uint_eq(rig_number(VARCH_BOOT_TABLES_GPA + 8, 8), 0);
}
END_TEST

START_TEST(bzimage_is_entered_in_64_bit_mode_with_its_page)
{
	kernel_bzimage();
	boot();
	ck_assert_uint_eq(fake.cpu[0].regs.rip, 0x200000 + ENTRY_64);
	ck_assert_uint_eq(fake.cpu[0].regs.rsi, VARCH_BOOT_INFO_GPA);
	ck_assert_uint_eq(fake.cpu[0].sregs.cr0 & CR0_PG, CR0_PG);
	ck_assert_uint_eq(fake.cpu[0].sregs.efer & LMA, LMA);
	ck_assert_uint_eq(fake.cpu[0].sregs.cs.selector, 0x10);
	ck_assert_uint_eq(fake.cpu[0].sregs.cs.l, 1);
}
END_TEST

START_TEST(pvh_finds_its_start_information)
{
	const uint64_t info = VARCH_BOOT_INFO_GPA;
	uint64_t module;

	kernel_pvh();
	boot();
	ck_assert_uint_eq(rig_number(info, 4), PVH_MAGIC);
	ck_assert_uint_eq(rig_number(info + 4, 4), 1);	/* version */
	ck_assert_uint_eq(rig_number(info + 12, 4), 1);	/* modules */
	module = rig_number(info + 16, 8);
	assert_text(rig_number(module, 8), INITRD);
	ck_assert_uint_eq(rig_number(module + 8, 8), sizeof(INITRD));
	assert_text(rig_number(info + 24, 8), "root=here quiet");
	assert_bytes(rig_number(info + 32, 8), "RSD PTR ", 8);
	ck_assert_uint_eq(rig_number(info + 48, 4), 4);
	assert_memory(rig_number(info + 40, 8), 24);
}
END_TEST

START_TEST(pvh_is_entered_in_32_bit_mode_without_paging)
{
	kernel_pvh();
	boot();
	ck_assert_uint_eq(fake.cpu[0].regs.rip, KERNEL_ENTRY);
	ck_assert_uint_eq(fake.cpu[0].regs.rbx, VARCH_BOOT_INFO_GPA);
	ck_assert_uint_eq(fake.cpu[0].sregs.cr0 & (CR0_PE | CR0_PG), CR0_PE);
	ck_assert_uint_eq(fake.cpu[0].sregs.cr4, 0);
	ck_assert_uint_eq(fake.cpu[0].sregs.efer, 0);
	ck_assert_uint_eq(fake.cpu[0].sregs.cs.db, 1);
	ck_assert_uint_eq(fake.cpu[0].sregs.cs.l, 0);
	ck_assert_uint_eq(fake.cpu[0].sregs.tr.type, 11);
}
END_TEST

static void (*const linuxes[])(void) = { kernel_bzimage, kernel_pvh };

START_TEST(other_cpus_of_linux_wait_for_their_start_up_message)
{
	linuxes[_i]();
	boot();
	ck_assert_uint_eq(fake.ncpus, 3);
	ck_assert(fake.cpu[0].has_regs && !fake.cpu[1].has_regs &&
		  !fake.cpu[2].has_regs);
	ck_assert_uint_gt(fake.cpu[2].nleaves, 0);
	ck_assert_uint_ne(rig_number(VARCH_BOOT_RESET_GPA, 1), 0);
}
END_TEST

/* Counts the occurrences of len bytes in memory, beginning at first. */
static unsigned int count_bytes(uint64_t first, uint64_t end, const void *wanted, size_t len)
{
	unsigned char *bytes = malloc(end - first), *at = bytes;
	unsigned int n = 0;

	rig_read(first, bytes, end - first);
	while ((at = memmem(at, (size_t)(bytes + (end - first) - at), wanted, len))) {
		n++;
		at++;
	}
	free(bytes);
	return n;
}

START_TEST(acpi_describes_every_device)
{
	linuxes[_i]();
	boot();
	ck_assert_uint_eq(count_bytes(VARCH_BOOT_ACPI_GPA, VARCH_BOOT_RESET_GPA, "LNRO0005", 8), 2);
}
END_TEST

/* An element of _PRT, after its length: the address of all functions, pin, no link, line. */
START_TEST(acpi_describes_the_interrupt_of_every_slot)
{
	unsigned char i;

	kernel_pvh();
	fake.has_msi = true;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null", "--transport=pci");
	rig_make();
	for_rows(i, VMM_DEVICE_PLACES) {
		const unsigned char entry[] = { 0x04, 0x0c, 0xff, 0xff, (unsigned char)(i + 1), 0, 0, 0, 0x0a,
						(unsigned char)(VARCH_FIRST_DEVICE_IRQ + i) };

		ck_assert_uint_eq(count_bytes(VARCH_BOOT_ACPI_GPA, VARCH_BOOT_RESET_GPA, entry, sizeof(entry)), 1);
	}
}
END_TEST

START_TEST(boot_parameters_without_an_initrd_contain_none)
{
	kernel_pvh();
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null");
	rig_make();
	ck_assert_uint_eq(rig_number(VARCH_BOOT_INFO_GPA + 12, 4), 0);
	assert_text(rig_number(VARCH_BOOT_INFO_GPA + 24, 8),
		    "console=ttyS0 pci=conf1");
}
END_TEST

static const struct level {
	uint32_t flags, probe;	/* exit of a probe whether KVM emulates level 0 */
	unsigned int dpl;
	uint64_t iopl;
} levels[] = {
	{ 0, KVM_EXIT_HLT, 3, 0x3000 }, { CVMM_BOOT_LEVEL0, KVM_EXIT_HLT, 0, 0 },
	{ CVMM_BOOT_ANY_LEVEL, KVM_EXIT_HLT, 0, 0 },
	{ CVMM_BOOT_ANY_LEVEL, KVM_EXIT_INTERNAL_ERROR, 3, 0x3000 },
};
static uint32_t probe;

static int run_probe(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	(void)n;
	run->exit_reason = probe;
	return 0;
}

START_TEST(guest_of_the_builtin_protocol_begins_on_every_cpu)
{
	const struct level *level = &levels[_i];
	const uint32_t note[] = { CVMM_BOOT_VERSION, level->flags };
	unsigned int i;

	probe = level->probe;
	fake.guest = run_probe;
	kernel_elf(CVMM_NOTE_NAME, CVMM_NOTE_TYPE, note, sizeof(note));
	boot();
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(fake.cpu[i].regs.rip, KERNEL_ENTRY);
		ck_assert_uint_eq(fake.cpu[i].regs.rsi, i);
		ck_assert_uint_eq(fake.cpu[i].sregs.cs.dpl, level->dpl);
		ck_assert_uint_eq(fake.cpu[i].regs.rflags & 0x3000,
				  level->iopl);
	}
}
END_TEST

START_TEST(guest_of_the_builtin_protocol_finds_its_information)
{
	const uint32_t note[] = { CVMM_BOOT_VERSION, CVMM_BOOT_LEVEL0 };
	struct cvmm_boot info;

	kernel_elf(CVMM_NOTE_NAME, CVMM_NOTE_TYPE, note, sizeof(note));
	boot();
	rig_read(VARCH_BOOT_INFO_GPA, &info, sizeof(info));
	ck_assert_uint_eq(info.magic, CVMM_BOOT_MAGIC);
	ck_assert_uint_eq(info.version, CVMM_BOOT_VERSION);
	ck_assert_uint_eq(info.size, sizeof(info));
	ck_assert_uint_eq(info.flags, CVMM_BOOT_LEVEL0);
	ck_assert_uint_eq(info.ncpus, 3);
	ck_assert_uint_eq(info.cmdline_len, strlen("root=here quiet"));
	assert_text(info.cmdline_gpa, "root=here quiet");
	ck_assert_uint_eq(info.initrd_len, sizeof(INITRD));
	assert_text(info.initrd_gpa, INITRD);
	ck_assert_uint_eq(info.nmemory, 1);
	ck_assert_uint_eq(info.memory[0].gpa, 0);
	ck_assert_uint_eq(info.memory[0].len, 16 * MIB);
	ck_assert_uint_eq(info.ndevices, 2);
	ck_assert_uint_eq(info.devices[1].gpa, rig.machine.devices[1].gpa);
	ck_assert_uint_eq(info.devices[1].irq, VARCH_FIRST_DEVICE_IRQ + 1);
}
END_TEST

static const struct {
	const char *head;
	size_t len;
	const char *message;	/* NULL: it is accepted */
} initrds[] = {
	{ "QFI\xfb\0\0\0\3", 8, "initrd 'initrd' begins like a qcow2 image of a disk; name the file of the initrd itself" },
	{ "vhdxfile", 8, "initrd 'initrd' begins like a vhdx image of a disk; name the file of the initrd itself" },
	{ "070701", 6, NULL },
	{ "\x1f\x8b\x08", 3, NULL },
	{ "Q", 1, NULL },
};

START_TEST(image_of_a_disk_is_no_initrd)
{
	kernel_pvh();
	rig_file("initrd", initrds[_i].head, initrds[_i].len);
	RIG_OPTIONS("kernel", "--memory=size=16M", "--initrd=initrd", "--serial=null", "--transport=mmio");
	ck_assert_int_eq(rig_try(&rig.owner), initrds[_i].message ? VSU_EXIT_DATA : 0);
	ck_assert_str_eq(rig.err.msg, initrds[_i].message ? initrds[_i].message : "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("boot");
	TCase *tc = tcase_create("boot");

	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_test(tc, each_device_has_an_interrupt_of_its_own);
	tcase_add_loop_test(tc, name_of_a_kernel_that_a_program_installs_is_refused, 0, 2);
	tcase_add_test(tc, described_processor_is_that_of_each_cpu);
	tcase_add_test(tc, described_processor_with_more_than_this_host_is_refused);
	tcase_add_test(tc, bzimage_finds_the_page_of_parameters);
	tcase_add_loop_test(tc, first_page_tables_of_linux_have_4_gib_of_any_memory, 0, 2);
	tcase_add_test(tc, bzimage_is_entered_in_64_bit_mode_with_its_page);
	tcase_add_test(tc, pvh_finds_its_start_information);
	tcase_add_test(tc, pvh_is_entered_in_32_bit_mode_without_paging);
	tcase_add_loop_test(tc,
			    other_cpus_of_linux_wait_for_their_start_up_message,
			    0, 2);
	tcase_add_loop_test(tc, acpi_describes_every_device, 0, 2);
	tcase_add_test(tc, boot_parameters_without_an_initrd_contain_none);
	tcase_add_loop_test(tc,
			    guest_of_the_builtin_protocol_begins_on_every_cpu,
			    0, COUNT(levels));
	tcase_add_test(tc, guest_of_the_builtin_protocol_finds_its_information);
	tcase_add_test(tc, acpi_describes_the_interrupt_of_every_slot);
	tcase_add_loop_test(tc, image_of_a_disk_is_no_initrd, 0, COUNT(initrds));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
