/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The headers of an ELF core in front of an image of the memory. */
#include <config.h>

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vm-arch/layout.h>

#include "transfer/core_file.h"
#include "transfer/kernel_note.h"

#define PAGE 4096u
#define NOTE_NAME "CORE"
#define NOTE_NAME_LEN 8u	/* padded */
#define NOTE_LEN (sizeof(Elf64_Nhdr) + NOTE_NAME_LEN + sizeof(struct elf_prstatus))

_Static_assert(NOTE_LEN % 4 == 0, "notes are aligned");

static void put_file_header(Elf64_Ehdr *e, unsigned int nsegments)
{
	memcpy(e->e_ident, ELFMAG, SELFMAG);
	e->e_ident[EI_CLASS] = ELFCLASS64;
	e->e_ident[EI_DATA] = ELFDATA2LSB;
	e->e_ident[EI_VERSION] = EV_CURRENT;
	e->e_type = ET_CORE;
	e->e_machine = VARCH_TARGET_ELF;
	e->e_version = EV_CURRENT;
	e->e_phoff = sizeof(*e);
	e->e_ehsize = sizeof(*e);
	e->e_phentsize = sizeof(Elf64_Phdr);
	e->e_phnum = (Elf64_Half)nsegments;
}

/* Segments of the regions, whose image begins at offset. */
static void put_regions(Elf64_Phdr *p, const struct vmem_map *map, uint64_t offset)
{
	const struct vmem_region *r;
	unsigned int i;

	for (i = 0; i < vmem_map_count(map); i++) {
		r = vmem_map_region(map, i);
		p[i] = (Elf64_Phdr){
			.p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_offset = offset,
			.p_vaddr = vmem_region_gpa(r), .p_paddr = vmem_region_gpa(r),
			.p_filesz = vmem_region_len(r), .p_memsz = vmem_region_len(r),
			.p_align = PAGE,
		};
		offset += vmem_region_len(r);
	}
}

static void put_notes(unsigned char *to, const struct elf_prstatus *cpus, unsigned int n)
{
	const Elf64_Nhdr head = {
		.n_namesz = sizeof(NOTE_NAME), .n_descsz = sizeof(*cpus), .n_type = NT_PRSTATUS,
	};
	unsigned int i;

	for (i = 0; i < n; i++, to += NOTE_LEN) {
		memcpy(to, &head, sizeof(head));
		memcpy(to + sizeof(head), NOTE_NAME, sizeof(NOTE_NAME));
		memcpy(to + sizeof(head) + NOTE_NAME_LEN, &cpus[i], sizeof(cpus[i]));
	}
}

/* The offset of the notes. */
static size_t notes_at(const struct vmem_map *map)
{
	return sizeof(Elf64_Ehdr) + (1 + vmem_map_count(map)) * sizeof(Elf64_Phdr);
}

/* The headers in front of the image: whole pages, with room for the guest's note. For free(). */
static unsigned char *make_headers(const struct vmem_map *map, const struct elf_prstatus *cpus,
				   unsigned int ncpus, size_t *len)
{
	const size_t at = notes_at(map);
	unsigned char *bytes;
	Elf64_Phdr *p;

	*len = (at + ncpus * NOTE_LEN + VMM_KERNEL_NOTE_MAX + PAGE - 1) / PAGE * PAGE;
	bytes = calloc(1, *len);
	if (!bytes)
		return NULL;
	put_file_header((Elf64_Ehdr *)bytes, 1 + vmem_map_count(map));
	p = (Elf64_Phdr *)(bytes + sizeof(Elf64_Ehdr));
	p[0] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = at, .p_filesz = ncpus * NOTE_LEN, .p_align = 4,
	};
	put_regions(p + 1, map, *len);
	put_notes(bytes + at, cpus, ncpus);
	return bytes;
}

/* The note of a Linux guest, behind those of the CPUs. */
static void add_kernel_note(unsigned char *headers, const struct vmm_kernel_notes *notes,
			    const struct vmem_map *map, const struct elf_prstatus *cpus, unsigned int ncpus)
{
	Elf64_Phdr *p = (Elf64_Phdr *)(headers + sizeof(Elf64_Ehdr));

	p->p_filesz += vmm_kernel_notes_read(notes, map, cpus, ncpus,
					     headers + p->p_offset + p->p_filesz);
}

int vmm_core_write(const struct vmem_map *map, const struct elf_prstatus *cpus,
		   unsigned int ncpus, int fd, struct vmm_image_progress *progress,
		   struct vsu_error *err)
{
	struct vmm_kernel_notes notes = { .n = 0 };
	unsigned char *headers;
	size_t len;
	int rc;

	if (vmem_map_count(map) >= PN_XNUM - 1)
		return vsu_error_set(err, -E2BIG, "the guest's memory has %u regions, more than an ELF file has segments",
				     vmem_map_count(map));
	headers = make_headers(map, cpus, ncpus, &len);
	if (!headers)
		return vsu_error_set(err, -ENOMEM, "no memory for the headers of the core");
	progress->begin = len;
	progress->look = vmm_kernel_notes_look;
	progress->opaque = &notes;
	rc = vmm_image_write(map, fd, progress, err);
	if (!rc) {
		add_kernel_note(headers, &notes, map, cpus, ncpus);
		rc = vmm_image_write_at(fd, headers, len, 0);
		if (rc < 0)
			vsu_error_sys(err, rc, "the headers of the core");
	}
	free(headers);
	return rc;
}
