/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The smallest kernels. Without libev, whose names <elf.h> has, too. */
#include <config.h>

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "bzimage.h"
#include "kernels.h"

#define PVH_NOTE 18

static void write_file(const void *bytes, size_t size)
{
	FILE *file = fopen("kernel", "w");

	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
		perror("kernel");
}

/* The smallest bzImage: 64-bit entry, 1 MiB wanted at 2 MiB. */
void kernel_bzimage(void)
{
	static const struct field {
		unsigned int at, n;
		uint64_t value;
	} fields[] = {
		{ SETUP_SECTS, 1, 1 },
		{ SETUP_SYSSIZE, 4, 4096 / 16 },
		{ SETUP_BOOT_FLAG, 2, BOOT_FLAG },
		{ SETUP_JUMP_DISTANCE, 1, 0x6a },
		{ SETUP_VERSION, 2, 0x20f },
		{ SETUP_LOADFLAGS, 1, LOADED_HIGH },
		{ SETUP_INITRD_MAX, 4, 0x7fffffff },
		{ SETUP_ALIGNMENT, 4, 0x200000 },
		{ SETUP_RELOCATABLE, 1, 1 },
		{ SETUP_XLOADFLAGS, 2, XLF_KERNEL_64 },
		{ SETUP_CMDLINE_SIZE, 4, 255 },
		{ SETUP_PREF_ADDRESS, 8, 0x200000 },
		{ SETUP_INIT_SIZE, 4, 0x100000 },
	};
	static unsigned char image[2 * SECTOR + 4096];
	unsigned int i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		memcpy(image + fields[i].at, &fields[i].value, fields[i].n);
	memcpy(image + SETUP_MAGIC, "HdrS", 4);
	write_file(image, sizeof(image));
}

/* An ELF of one page whose note says how it is entered. */
void kernel_elf(const char *name, uint32_t type, const uint32_t *desc,
		uint32_t desc_size)
{
	const uint32_t name_size = (uint32_t)strlen(name) + 1;
	struct {
		Elf64_Ehdr h;
		Elf64_Phdr p[2];
		Elf64_Nhdr n;
		char note[16];
	} elf = {
		.h = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_X86_64,
			.e_version = EV_CURRENT, .e_entry = KERNEL_ENTRY,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2,
		},
		.n = { name_size, desc_size, type },
	};

	elf.p[0] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_paddr = 0x100000, .p_vaddr = 0x100000,
		.p_filesz = sizeof(elf), .p_memsz = 4096,
	};
	elf.p[1] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_align = 4,
		.p_offset = (uint64_t)((char *)&elf.n - (char *)&elf),
		.p_filesz = sizeof(elf.n) + sizeof(elf.note),
	};
	memcpy(elf.note, name, name_size);
	memcpy(elf.note + ((name_size + 3) & ~3u), desc, desc_size);
	write_file(&elf, sizeof(elf));
}

void kernel_pvh(void)
{
	kernel_elf("Xen", PVH_NOTE, (const uint32_t[]){ KERNEL_ENTRY }, 4);
}
