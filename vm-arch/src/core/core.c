/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The headers of an ELF core in front of an image of the memory. */
#include <config.h>

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>

#include <vm-arch/layout.h>

#include "arch/own.h"
#include "core/core_private.h"

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

static Elf64_Phdr *notes_segment(const struct varch_core *core)
{
	return (Elf64_Phdr *)(core->headers + sizeof(Elf64_Ehdr));
}

/* The offset of the notes. */
static size_t notes_at(const struct vmem_map *map)
{
	return sizeof(Elf64_Ehdr) + (1 + vmem_map_count(map)) * sizeof(Elf64_Phdr);
}

/* Headers without registers: whole pages, with room for the guest's note. */
static int make_headers(struct varch_core *core, const struct vmem_map *map)
{
	const size_t at = notes_at(map);
	Elf64_Phdr *p;

	core->len = (at + core->ncpus * NOTE_LEN + VARCH_KERNEL_NOTE_MAX + PAGE - 1) / PAGE * PAGE;
	core->headers = calloc(1, core->len);
	if (!core->headers)
		return -ENOMEM;
	put_file_header((Elf64_Ehdr *)core->headers, 1 + vmem_map_count(map));
	p = notes_segment(core);
	p[0] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = at, .p_filesz = core->ncpus * NOTE_LEN, .p_align = 4,
	};
	put_regions(p + 1, map, core->len);
	return 0;
}

static int put_note(struct varch_core *core, int cpu_fd, unsigned int cpu, struct vsu_error *err)
{
	unsigned char *to = core->headers + notes_segment(core)->p_offset + cpu * NOTE_LEN;
	struct elf_prstatus status;
	const Elf64_Nhdr head = {
		.n_namesz = sizeof(NOTE_NAME), .n_descsz = sizeof(status), .n_type = NT_PRSTATUS,
	};
	int rc = varch_cpu_status(cpu_fd, cpu, &status, err);

	if (rc < 0)
		return rc;
	memcpy(to, &head, sizeof(head));
	memcpy(to + sizeof(head), NOTE_NAME, sizeof(NOTE_NAME));
	memcpy(to + sizeof(head) + NOTE_NAME_LEN, &status, sizeof(status));
	core->counters[cpu] = status.pr_reg[VARCH_STATUS_COUNTER];
	return 0;
}

int varch_core_init(struct varch_core *core, const struct varch_cpus *cpus,
		    const struct vmem_map *map, struct vsu_error *err)
{
	struct varch_core new = { .ncpus = varch_cpus_number(cpus) };
	unsigned int i;
	int rc;

	if (vmem_map_count(map) >= PN_XNUM - 1)
		return vsu_error_set(err, -E2BIG, "the guest's memory has %u regions, more than an ELF file has segments",
				     vmem_map_count(map));
	rc = make_headers(&new, map);
	if (rc < 0)
		return vsu_error_set(err, rc, "no memory for the headers of the core");
	for (i = 0; !rc && i < new.ncpus; i++)
		rc = put_note(&new, cpus->cpu[i].fd, i, err);
	if (rc < 0)
		free(new.headers);
	else
		*core = new;
	return rc;
}

/* The note of the kernel is behind those of the CPUs. */
void varch_core_finish(struct varch_core *core, const struct vmem_map *map)
{
	Elf64_Phdr *p = notes_segment(core);

	p->p_filesz += varch_kernel_note_read(core, map, core->headers + p->p_offset + p->p_filesz);
}
