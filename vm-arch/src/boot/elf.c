/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loading a static ELF64 for this architecture: every header field is read from a copy,
 * every sum is checked, nothing may reach below the kernel's area.
 */
#include <config.h>

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <vm-arch/boot_protocol.h>
#include <vm-arch/layout.h>
#include <vm-memory/access.h>
#include <vmm-sys-util/checked.h>

#include "advise.h"
#include "arch/elf_rules.h"
#include "boot/elf.h"
#include "boot/read.h"

#define MAX_SEGMENTS 64
#define NOTES_MAX 65536	/* bytes of one segment of notes that are read */
#define PVH_NOTE_TYPE 18	/* XEN_ELFNOTE_PHYS32_ENTRY */
#define PVH_CMDLINE_MAX 2047	/* that is what Linux takes */

/* ------------------------------------------------------------------- notes */

/* Bytes of one PT_NOTE segment, and how far they have been read. */
struct notes {
	const unsigned char *bytes;
	uint64_t size, align;	/* align: 4 or 8 */
	uint64_t at;
};

struct note {
	uint32_t type;
	const unsigned char *name, *desc;
	uint32_t name_size, desc_size;
};

static uint64_t align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

/* The next note; false at the end, and where one does not fit any more. */
static bool note_next(struct notes *notes, struct note *note)
{
	uint64_t desc, end;
	Elf64_Nhdr h;

	if (notes->at > notes->size || notes->size - notes->at < sizeof(h))
		return false;
	memcpy(&h, notes->bytes + notes->at, sizeof(h));
	desc = align_up(notes->at + sizeof(h) + h.n_namesz, notes->align);
	end = desc + h.n_descsz;
	if (end > notes->size)
		return false;
	note->type = h.n_type;
	note->name = notes->bytes + notes->at + sizeof(h);
	note->name_size = h.n_namesz;
	note->desc = notes->bytes + desc;
	note->desc_size = h.n_descsz;
	notes->at = align_up(end, notes->align);
	return true;
}

static bool note_is_named(const struct note *note, const char *name)
{
	const size_t n = strlen(name) + 1;

	return note->name_size == n && !memcmp(note->name, name, n);
}

static int kernel_refuse(const struct varch_file *kernel, const char *why,
			 struct vsu_error *err)
{
	return vsu_error_set(err, -EBADMSG, "kernel '%s': %s", kernel->path,
			     why);
}

static int refuse_format(const struct varch_file *kernel, const char *why, struct vsu_error *err)
{
	return varch_advise(err, kernel_refuse(kernel, why, err), VARCH_ADVICE_NO_KERNEL);
}

static int check_header(const struct varch_file *kernel, const Elf64_Ehdr *h,
			struct vsu_error *err)
{
	if (h->e_ident[EI_CLASS] != ELFCLASS64 ||
	    h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != varch_elf.machine)
		return refuse_format(kernel, varch_elf.foreign, err);
	if (h->e_type != ET_EXEC)
		return refuse_format(kernel, "not a static, non-relocatable ELF", err);
	if (h->e_phentsize != sizeof(Elf64_Phdr) || !h->e_phnum ||
	    h->e_phnum > MAX_SEGMENTS)
		return kernel_refuse(kernel, "its program headers are malformed", err);
	if (vsu_range_exceeds(h->e_phoff,
			      (uint64_t)h->e_phnum * sizeof(Elf64_Phdr),
			      kernel->size))
		return kernel_refuse(kernel, "truncated within its program headers",
				     err);
	return 0;
}

/* Kernels that are no ELF files, by their magic. */
static const struct known {
	uint64_t at;
	size_t len;
	const char magic[5], *why;
} known[] = {
	{ 0x202, 4, "HdrS", "it is a bzImage, a kernel of x86; this machine is " VARCH_NAME },
	{ 56, 4, "ARM\x64", "it is an Image, a kernel of arm64; this machine is " VARCH_NAME },
	{ 4, 4, "zimg", "it is a compressed kernel for EFI (zboot), which is not supported; name an uncompressed one" },
	{ 0, 3, "\x1f\x8b\x08", "it is compressed, which is not supported; decompress it by gunzip" },
};

static int refuse_unknown(const struct varch_file *kernel, struct vsu_error *err)
{
	const struct known *k;
	char magic[4];

	for (k = known; k < known + sizeof(known) / sizeof(known[0]); k++)
		if (kernel->size >= k->at + k->len &&
		    !varch_file_copy(kernel, k->at, magic, k->len, NULL) &&
		    !memcmp(magic, k->magic, k->len))
			return kernel_refuse(kernel, k->why, err);
	return refuse_format(kernel, varch_elf.unknown, err);
}

static int read_header(const struct varch_file *kernel, Elf64_Ehdr *h,
		       struct vsu_error *err)
{
	const uint64_t size = kernel->size;
	int rc;

	memset(h, 0, sizeof(*h));
	rc = varch_file_copy(kernel, 0, h,
			   size < sizeof(*h) ? (size_t)size : sizeof(*h), err);
	if (rc < 0)
		return rc;
	if (memcmp(h->e_ident, ELFMAG, SELFMAG))
		return refuse_unknown(kernel, err);
	if (size < sizeof(*h))
		return kernel_refuse(kernel, "truncated within its ELF header", err);
	return check_header(kernel, h, err);
}

static int check_segment(const struct varch_file *kernel, const Elf64_Phdr *p,
			 struct vsu_error *err)
{
	uint64_t end;

	if (vsu_range_exceeds(p->p_offset, p->p_filesz,
			      kernel->size))
		return kernel_refuse(kernel, "truncated within a segment", err);
	if (p->p_filesz > p->p_memsz ||
	    vsu_u64_add_overflow(p->p_paddr, p->p_memsz, &end))
		return kernel_refuse(kernel, "a segment has invalid sizes", err);
	if (p->p_paddr < VARCH_INITRD_FIRST)
		return kernel_refuse(kernel, varch_elf.low, err);
	return 0;
}

/* The kind of a kernel, as its notes say. */
struct identity {
	bool ours, pvh, bad_pvh;
	uint64_t pvh_entry;
	struct cvmm_note note;
};

/* The entry is of 32 bits, in a note of 32 or 64. */
static void take_pvh_entry(const struct note *note, struct identity *id)
{
	uint64_t entry = 0;

	if (note->desc_size == 4 || note->desc_size == 8)
		memcpy(&entry, note->desc, note->desc_size);
	id->pvh = entry && entry <= UINT32_MAX;
	id->bad_pvh = !id->pvh;
	id->pvh_entry = entry;
}

/* Malformed notes end the walk. */
static void take_notes(struct notes notes, struct identity *id)
{
	struct note note;

	while (note_next(&notes, &note)) {
		if (varch_elf.pvh && note_is_named(&note, "Xen") &&
		    note.type == PVH_NOTE_TYPE)
			take_pvh_entry(&note, id);
		if (!note_is_named(&note, CVMM_NOTE_NAME) ||
		    note.type != CVMM_NOTE_TYPE ||
		    note.desc_size != sizeof(id->note))
			continue;
		id->ours = true;
		memcpy(&id->note, note.desc, sizeof(id->note));
	}
}

/* Only the bytes that are really there, and no more than a kernel has. */
static int read_notes(const struct varch_file *kernel, const Elf64_Phdr *p,
		      struct identity *id, struct vsu_error *err)
{
	const uint64_t size = p->p_filesz < NOTES_MAX ? p->p_filesz : NOTES_MAX;
	struct notes notes = { .size = size,
				   .align = p->p_align == 8 ? 8 : 4 };
	unsigned char *bytes;
	int rc;

	if (p->p_type != PT_NOTE || !size ||
	    vsu_range_exceeds(p->p_offset, p->p_filesz, kernel->size))
		return 0;
	bytes = malloc((size_t)size);
	if (!bytes)
		return vsu_error_sys(err, -ENOMEM, "kernel '%s'", kernel->path);
	notes.bytes = bytes;
	rc = varch_file_copy(kernel, p->p_offset, bytes, (size_t)size, err);
	if (!rc)
		take_notes(notes, id);
	free(bytes);
	return rc;
}

static int check_identity(const struct varch_file *kernel,
			  const struct identity *id, struct vsu_error *err)
{
	if (!id->ours && id->pvh)
		return 0;
	if (!id->ours && id->bad_pvh)
		return kernel_refuse(kernel, "its PVH note is malformed", err);
	if (!id->ours)
		return kernel_refuse(kernel, varch_elf.anonymous, err);
	if (id->note.version != CVMM_BOOT_VERSION)
		return vsu_error_set(err, -EBADMSG, "kernel '%s': made for version %" PRIu32 " of the boot protocol; %d is required",
			kernel->path, id->note.version, CVMM_BOOT_VERSION);
	if (id->note.flags & ~(CVMM_BOOT_LEVEL0 | CVMM_BOOT_PCI | CVMM_BOOT_ANY_LEVEL))
		return vsu_error_set(err, -EBADMSG, "kernel '%s': its note has unknown flags, %#" PRIx32, kernel->path,
			id->note.flags);
	return 0;
}

/* Our own note counts before any other. */
static void identity_apply(const struct identity *id, struct varch_loaded *loaded)
{
	if (id->ours) {
		loaded->level0 = id->note.flags & CVMM_BOOT_LEVEL0;
		loaded->any_level = id->note.flags & CVMM_BOOT_ANY_LEVEL;
		loaded->finds_pci = id->note.flags & CVMM_BOOT_PCI;
	} else {
		loaded->protocol = VARCH_PROTOCOL_PVH;
		loaded->entry = id->pvh_entry;
		loaded->cmdline_max = PVH_CMDLINE_MAX;
	}
}

static int memory_clear(const struct vmem_view *view, uint64_t gpa, uint64_t len)
{
	static const unsigned char zeros[4096];
	uint64_t n;
	int rc = 0;

	for (; !rc && len; gpa += n, len -= n) {
		n = len < sizeof(zeros) ? len : sizeof(zeros);
		rc = vmem_write_exact(view, gpa, zeros, n);
	}
	return rc;
}

static int load_segment(const struct varch_file *kernel,
			const struct vmem_view *view, const Elf64_Phdr *p,
			struct vsu_error *err)
{
	int rc;

	if (!vmem_check_range(view, p->p_paddr, p->p_memsz, VMEM_WRITE))
		return varch_advise(err, vsu_error_set(err, -E2BIG, "kernel '%s': its segment of %" PRIu64 " bytes at %#" PRIx64 " does not fit into the guest's memory",
			kernel->path, (uint64_t)p->p_memsz,
			(uint64_t)p->p_paddr), VARCH_ADVICE_MEMORY);
	rc = varch_file_place(kernel, p->p_offset, p->p_filesz, view,
			    p->p_paddr, err);
	return rc ? rc : memory_clear(view, p->p_paddr + p->p_filesz,
				      p->p_memsz - p->p_filesz);
}

static bool segment_holds(const Elf64_Phdr *p, uint64_t entry)
{
	return entry >= p->p_paddr && entry - p->p_paddr < p->p_memsz;
}

/*
 * The program headers of a file whose own header has been checked, and what
 * its notes say. Leaves the n loadable ones in segments.
 */
static int read_segments(const struct varch_file *kernel, const Elf64_Ehdr *h,
			 Elf64_Phdr *segments, unsigned int *n,
			 struct identity *id, struct vsu_error *err)
{
	unsigned int i;
	int rc = varch_file_copy(kernel, h->e_phoff, segments,
			       h->e_phnum * sizeof(*segments), err);

	for (i = *n = 0; !rc && i < h->e_phnum; i++) {
		rc = read_notes(kernel, &segments[i], id, err);
		if (segments[i].p_type == PT_LOAD && segments[i].p_memsz)
			segments[(*n)++] = segments[i];
	}
	return rc;
}

static int check_segments(const struct varch_file *kernel,
			  const Elf64_Phdr *segments, unsigned int n,
			  struct vsu_error *err)
{
	unsigned int i, k;
	int rc = 0;

	for (i = 0; !rc && i < n; i++) {
		rc = check_segment(kernel, &segments[i], err);
		for (k = 0; !rc && k < i; k++)
			if (vsu_ranges_overlap(segments[i].p_paddr,
					       segments[i].p_memsz,
					       segments[k].p_paddr,
					       segments[k].p_memsz))
				rc = kernel_refuse(kernel, "two of its segments overlap", err);
	}
	return rc;
}

static int load_segments(const struct varch_file *kernel,
			 const struct vmem_view *view,
			 const Elf64_Phdr *segments, unsigned int n,
			 struct varch_loaded *loaded, struct vsu_error *err)
{
	const Elf64_Phdr *p;
	bool entry_loaded = false;
	int rc = 0;

	for (p = segments; !rc && p < segments + n; p++) {
		rc = load_segment(kernel, view, p, err);
		entry_loaded |= segment_holds(p, loaded->entry);
		if (p->p_paddr < loaded->first)
			loaded->first = p->p_paddr;
		if (p->p_paddr + p->p_memsz > loaded->end)
			loaded->end = p->p_paddr + p->p_memsz;
	}
	if (!rc && !entry_loaded)
		return kernel_refuse(kernel, "its entry point is outside its segments",
				     err);
	return rc;
}

int varch_kernel_is_builtin(const struct varch_file *kernel, struct vsu_error *err)
{
	Elf64_Phdr segments[MAX_SEGMENTS];
	struct identity id = { 0 };
	unsigned int n;
	Elf64_Ehdr h;
	int rc = read_header(kernel, &h, NULL);

	if (!rc)
		rc = read_segments(kernel, &h, segments, &n, &id, NULL);
	if (rc == -ENOMEM)
		return vsu_error_sys(err, rc, "kernel '%s'", kernel->path);
	return !rc && id.ours;
}

int varch_kernel_name_is_builtin(const char *name)
{
	struct varch_file kernel;
	int rc;

	if (varch_kernel_is_program_name(name))
		return 1;
	rc = varch_file_open(&kernel, "kernel", name, NULL);
	if (rc < 0)
		return rc;
	rc = varch_kernel_is_builtin(&kernel, NULL);
	varch_file_close(&kernel);
	return rc;
}

int varch_elf_load(const struct varch_file *kernel,
		    const struct vmem_view *view, struct varch_loaded *out,
		    struct vsu_error *err)
{
	struct varch_loaded loaded = { .first = UINT64_MAX };
	Elf64_Phdr segments[MAX_SEGMENTS];
	struct identity id = { 0 };
	unsigned int n;
	Elf64_Ehdr h;
	int rc = read_header(kernel, &h, err);

	if (rc < 0)
		return rc;
	loaded.entry = h.e_entry;
	rc = read_segments(kernel, &h, segments, &n, &id, err);
	if (!rc)
		rc = check_identity(kernel, &id, err);
	identity_apply(&id, &loaded);
	if (!rc)
		rc = check_segments(kernel, segments, n, err);
	if (!rc)
		rc = load_segments(kernel, view, segments, n, &loaded, err);
	if (!rc)
		*out = loaded;
	return rc;
}
