/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the header of an Image from a copy of it, and places the kernel. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vm-arch/layout.h>
#include <vm-memory/access.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/endian.h>

#include "advise.h"
#include "arch/arm64/boot/linux_image.h"
#include "boot/read.h"

#define AT_OFFSET 8u
#define AT_LEN 16u
#define AT_FLAGS 24u
#define AT_MAGIC 56u
#define BIG_ENDIAN_KERNEL 1u
#define OLD_OFFSET 0x80000u	/* of kernels before 3.17, which name no length */
#define ALIGNMENT (UINT64_C(2) << 20)
#define CMDLINE_MAX 2047u
#define GIB (UINT64_C(1) << 30)
#define INITRD_REACH (32 * GIB)	/* of the initrd, from the gibibyte of the kernel on */

static uint64_t get_le64(const unsigned char *at)
{
	struct vsu_le64 value;

	memcpy(&value, at, sizeof(value));
	return vsu_le64_load(value);
}

bool varch_linux_image_read(const unsigned char header[VARCH_LINUX_IMAGE_HEADER], struct varch_linux_image *out)
{
	if (memcmp(header + AT_MAGIC, "ARM\x64", 4) != 0)
		return false;
	out->len = get_le64(header + AT_LEN);
	out->offset = out->len ? get_le64(header + AT_OFFSET) : OLD_OFFSET;
	out->big_endian = get_le64(header + AT_FLAGS) & BIG_ENDIAN_KERNEL;
	return true;
}

static int read_header(const struct varch_file *kernel, struct varch_linux_image *out, struct vsu_error *err)
{
	unsigned char header[VARCH_LINUX_IMAGE_HEADER];
	int rc;

	if (kernel->size < sizeof(header))
		return vsu_error_set(err, -EBADMSG, "kernel '%s': truncated within its header", kernel->path);
	rc = varch_file_copy(kernel, 0, header, sizeof(header), err);
	if (rc < 0)
		return rc;
	return varch_linux_image_read(header, out) ? 0 :
	       vsu_error_set(err, -EBADMSG, "kernel '%s': not an Image for arm64", kernel->path);
}

bool varch_linux_image_is(const struct varch_file *kernel)
{
	struct varch_linux_image image;

	return !read_header(kernel, &image, NULL);
}

/* The lowest possible place in any range of memory; len is not 0. */
static bool find_place(const struct vmem_view *view, uint64_t offset, uint64_t len, uint64_t *at)
{
	uint32_t i;

	for (i = 0; i < view->n; i++) {
		*at = view->ranges[i].first < VARCH_INITRD_FIRST ? VARCH_INITRD_FIRST : view->ranges[i].first;
		if (!vsu_align_up_overflow(*at, ALIGNMENT, at) && !vsu_u64_add_overflow(*at, offset, at) &&
		    vmem_check_range(view, *at, len, VMEM_WRITE))
			return true;
	}
	return false;
}

int varch_linux_image_place(const struct varch_file *kernel, const struct varch_linux_image *image, uint64_t len,
			  const struct vmem_view *view, struct varch_loaded *loaded, struct vsu_error *err)
{
	uint64_t at;

	if (image->big_endian)
		return vsu_error_set(err, -EBADMSG, "kernel '%s': it is big-endian; only little-endian kernels can be booted", kernel->path);
	if (!find_place(view, image->offset, len, &at))
		return varch_advise(err, vsu_error_set(err, -E2BIG, "kernel '%s': it needs %" PRIu64 " bytes at %#" PRIx64 " behind a multiple of 2 MiB, which are not in guest memory",
						     kernel->path, len, image->offset), VARCH_ADVICE_MEMORY);
	*loaded = (struct varch_loaded){
		.protocol = VARCH_PROTOCOL_IMAGE, .entry = at, .first = at, .end = at + len,
		.initrd_end = (at & ~(GIB - 1)) + INITRD_REACH, .cmdline_max = CMDLINE_MAX,
	};
	return 0;
}

int varch_linux_image_load(const struct varch_file *kernel, const struct vmem_view *view,
		   struct varch_loaded *loaded, struct vsu_error *err)
{
	const uint64_t size = kernel->size;
	struct varch_linux_image image;
	int rc = read_header(kernel, &image, err);

	if (!rc)
		rc = varch_linux_image_place(kernel, &image, image.len > size ? image.len : size, view, loaded, err);
	return rc < 0 ? rc : varch_file_place(kernel, 0, (size_t)size, view, loaded->first, err);
}
