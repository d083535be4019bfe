/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Detects images of formats other than raw. */
#ifndef VMM_KINDS_DISK_FORMAT_H
#define VMM_KINDS_DISK_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

/* A struct vmm_device_key: "format", which each kind has that uses an image byte for byte. */
#define VMM_DISK_FORMAT_ROW(offset_) \
	{ .option = { .name = "format", .kind = VSU_OPTION_CHOICE, \
		      .choices = vmm_disk_format_choices, .preset = "auto", \
		      .help = "auto: refuse an image that begins like another format; raw: do not check" }, \
	  .offset = (offset_) }
extern const char *const vmm_disk_format_choices[];

/*
 * choice: of that key. continues: the guest has used the image before, so it is not checked.
 * -EINVAL: the image at this path begins like one of another format. -ETIMEDOUT: its file server
 * does not respond, or another errno: it cannot be read, so the format is unknown. A file that
 * cannot be opened is not refused here.
 */
int vmm_disk_check_format(const char *path, uint64_t choice, bool continues,
			  struct vsu_error *err);

/* The format's name, as of qemu-img; NULL: the image appears raw, or cannot be read. */
const char *vmm_disk_format(const char *path);
/* The same of an image that begins with these bytes, up to VMM_DISK_HEAD. */
const char *vmm_disk_format_of(const char *head, size_t len);

#endif
