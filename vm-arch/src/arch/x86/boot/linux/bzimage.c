/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loading a bzImage: every field of the setup header is read from a private
 * copy of it and checked before it is used.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vm-memory/access.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/endian.h>

#include "advise.h"
#include "arch/x86/boot/linux/bzimage.h"
#include "arch/x86/boot/linux/setup_header.h"
#include "arch/x86/long_mode.h"
#include "boot/read.h"

#define MIN_ALIGNMENT 4096
#define LIMIT_32 (UINT64_C(1) << 32)

struct header {
	uint16_t version, boot_flag, xloadflags;
	uint8_t sects, loadflags, relocatable, jump;
	uint32_t syssize, initrd_max, alignment, cmdline_size, init_size;
	uint64_t pref_address;
};

bool varch_bzimage_is(const struct varch_file *kernel)
{
	char magic[4];

	return kernel->size >= SETUP_MAGIC + sizeof(magic) &&
	       !varch_file_copy(kernel, SETUP_MAGIC, magic, sizeof(magic),
			      NULL) &&
	       !memcmp(magic, "HdrS", sizeof(magic));
}

static int kernel_refuse(const struct varch_file *kernel, const char *why,
			 struct vsu_error *err)
{
	return vsu_error_set(err, -EBADMSG, "kernel '%s': %s", kernel->path,
			     why);
}

static void read_header(const unsigned char *b, struct header *h)
{
	h->sects = b[SETUP_SECTS];
	h->syssize = (uint32_t)vsu_le_load(b + SETUP_SYSSIZE, 4);
	h->boot_flag = (uint16_t)vsu_le_load(b + SETUP_BOOT_FLAG, 2);
	h->jump = b[SETUP_JUMP_DISTANCE];
	h->version = (uint16_t)vsu_le_load(b + SETUP_VERSION, 2);
	h->loadflags = b[SETUP_LOADFLAGS];
	h->initrd_max = (uint32_t)vsu_le_load(b + SETUP_INITRD_MAX, 4);
	h->alignment = (uint32_t)vsu_le_load(b + SETUP_ALIGNMENT, 4);
	h->relocatable = b[SETUP_RELOCATABLE];
	h->xloadflags = (uint16_t)vsu_le_load(b + SETUP_XLOADFLAGS, 2);
	h->cmdline_size = (uint32_t)vsu_le_load(b + SETUP_CMDLINE_SIZE, 4);
	h->pref_address = vsu_le_load(b + SETUP_PREF_ADDRESS, 8);
	h->init_size = (uint32_t)vsu_le_load(b + SETUP_INIT_SIZE, 4);
}

static int check_version(const struct varch_file *kernel,
			 const struct header *h, struct vsu_error *err)
{
	if (h->boot_flag != BOOT_FLAG)
		return kernel_refuse(kernel, "the bzImage has no boot sector signature", err);
	if (h->version < VERSION_64_BIT)
		return vsu_error_set(err, -EBADMSG, "kernel '%s': its boot protocol is %d.%02d; 2.12 (Linux 3.8) is required",
			kernel->path, h->version >> 8, h->version & 0xff);
	if (!(h->loadflags & LOADED_HIGH))
		return kernel_refuse(kernel, "a zImage, which loads below 1 MiB; only a bzImage can be booted", err);
	if (!(h->xloadflags & XLF_KERNEL_64))
		return kernel_refuse(kernel, "the bzImage has no 64-bit entry point; use a kernel for x86-64", err);
	return 0;
}

static int check_fields(const struct varch_file *kernel,
			const struct header *h, struct vsu_error *err)
{
	if (SETUP_MAGIC + h->jump < SETUP_END ||
	    SETUP_MAGIC + h->jump > PARAMS_HEADER_MAX)
		return kernel_refuse(kernel, "the bzImage header has an invalid length", err);
	if (!vsu_is_power_of_two(h->alignment) || h->alignment < MIN_ALIGNMENT)
		return vsu_error_set(err, -EBADMSG, "kernel '%s': its alignment, %#" PRIx32 ", is not a power of two of at least a page", kernel->path, h->alignment);
	if (!h->relocatable && h->pref_address < VARCH_BOOT_KERNEL_GPA)
		return vsu_error_set(err, -EBADMSG, "kernel '%s': its address, %#" PRIx64 ", is below 1 MiB, which the boot protocol reserves", kernel->path, h->pref_address);
	return 0;
}

/* Finds the compressed kernel in the file. */
static int find_payload(const struct varch_file *kernel,
			const struct header *h, size_t *offset, size_t *len,
			struct vsu_error *err)
{
	const size_t at = ((h->sects ? h->sects : DEFAULT_SECTS) + 1) * SECTOR;

	if (at >= kernel->size)
		return kernel_refuse(kernel, "truncated within its setup sectors",
				     err);
	if ((uint64_t)h->syssize * 16 > kernel->size - at)
		return kernel_refuse(kernel, "truncated within its compressed part",
				     err);
	if ((uint64_t)h->syssize * 16 <= ENTRY_64)
		return kernel_refuse(kernel, "the bzImage is empty", err);
	*offset = at;
	*len = (size_t)h->syssize * 16;
	return 0;
}

static bool is_free(const struct vmem_view *view, uint64_t at, uint64_t len)
{
	uint64_t end;

	return at >= VARCH_BOOT_KERNEL_GPA &&
	       !vsu_u64_add_overflow(at, len, &end) && end <= LIMIT_32 &&
	       vmem_check_range(view, at, len, VMEM_WRITE);
}

/* The lowest aligned place in any range of memory. */
static bool find_place(const struct vmem_view *view, uint64_t alignment,
		       uint64_t len, uint64_t *at)
{
	uint32_t i;

	for (i = 0; i < view->n; i++) {
		*at = view->ranges[i].first < VARCH_BOOT_KERNEL_GPA ?
			VARCH_BOOT_KERNEL_GPA : view->ranges[i].first;
		if (!vsu_align_up_overflow(*at, alignment, at) &&
		    is_free(view, *at, len))
			return true;
	}
	return false;
}

static int choose_place(const struct varch_file *kernel,
			const struct header *h, const struct vmem_view *view,
			uint64_t len, uint64_t *at, struct vsu_error *err)
{
	*at = h->pref_address;
	if (is_free(view, *at, len) &&
	    (!h->relocatable || vsu_is_aligned(*at, h->alignment)))
		return 0;
	if (h->relocatable && find_place(view, h->alignment, len, at))
		return 0;
	return varch_advise(err, vsu_error_set(err, -E2BIG, "kernel '%s': it needs %" PRIu64 " bytes at %#" PRIx64 "%s, which are not in guest memory", kernel->path, len,
		h->pref_address, h->relocatable ? " or elsewhere" : ""), VARCH_ADVICE_MEMORY);
}

/* The begin of the file goes into bytes, PARAMS_HEADER_MAX of them. */
static int header_take(const struct varch_file *kernel, unsigned char *bytes,
		       struct header *h, struct vsu_error *err)
{
	int rc;

	if (kernel->size < PARAMS_HEADER_MAX)
		return kernel_refuse(kernel, "truncated within its setup header",
				     err);
	rc = varch_file_copy(kernel, 0, bytes, PARAMS_HEADER_MAX, err);
	if (rc < 0)
		return rc;
	read_header(bytes, h);
	rc = check_version(kernel, h, err);
	return rc ? rc : check_fields(kernel, h, err);
}

int varch_bzimage_load(const struct varch_file *kernel,
		     const struct vmem_view *view, struct varch_loaded *loaded,
		     struct vsu_error *err)
{
	size_t offset = 0, len = 0;
	uint64_t at, room;
	unsigned char bytes[PARAMS_HEADER_MAX];
	struct header h;
	int rc = header_take(kernel, bytes, &h, err);

	if (!rc)
		rc = find_payload(kernel, &h, &offset, &len, err);
	if (rc < 0)
		return rc;
	room = h.init_size > len ? h.init_size : len;
	rc = choose_place(kernel, &h, view, room, &at, err);
	if (!rc)
		rc = varch_file_place(kernel, offset, len, view, at, err);
	if (rc < 0)
		return rc;
	*loaded = (struct varch_loaded){
		.protocol = VARCH_PROTOCOL_LINUX, .entry = at + ENTRY_64,
		.first = at, .end = at + room,
		.initrd_end = (uint64_t)h.initrd_max + 1,
		.cmdline_max = h.cmdline_size,
	};
	return 0;
}

static void put_le(unsigned char *at, uint64_t value, unsigned int n)
{
	for (; n; n--, value >>= 8)
		*at++ = (unsigned char)value;
}

static void put_memory(unsigned char *page, const struct varch_e820 *memory)
{
	unsigned char *at = page + PARAMS_E820;
	unsigned int i;

	page[PARAMS_E820_ENTRIES] = (unsigned char)memory->n;
	for (i = 0; i < memory->n; i++, at += 20) {
		put_le(at, memory->entries[i].gpa, 8);
		put_le(at + 8, memory->entries[i].len, 8);
		put_le(at + 16, memory->entries[i].type, 4);
	}
}

int varch_bzimage_hand_over(const struct varch_file *kernel,
			  const struct varch_loaded *loaded,
			  const struct varch_handover *handover,
			  const struct vmem_view *view, uint64_t gpa,
			  struct vsu_error *err)
{
	unsigned char page[PARAMS_SIZE] = { 0 };
	unsigned char bytes[PARAMS_HEADER_MAX];
	struct header h;
	int rc = header_take(kernel, bytes, &h, err);

	if (rc < 0)
		return rc;
	memcpy(page + SETUP_SECTS, bytes + SETUP_SECTS,
	       SETUP_MAGIC + h.jump - SETUP_SECTS);
	page[SETUP_LOADER] = LOADER_UNKNOWN;
	page[SETUP_LOADFLAGS] &= (unsigned char)~CAN_USE_HEAP;
	put_le(page + SETUP_CODE32_START, loaded->first, 4);
	put_le(page + SETUP_CMDLINE, handover->cmdline_gpa, 4);
	put_le(page + SETUP_RAMDISK, handover->initrd_gpa, 4);
	put_le(page + SETUP_RAMDISK_SIZE, handover->initrd_len, 4);
	put_le(page + PARAMS_RSDP, handover->rsdp_gpa, 8);
	put_memory(page, &handover->memory);
	return vmem_write_exact(view, gpa, page, sizeof(page));
}
