/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The key "format" of kinds that use an image byte for byte. */
#ifndef DEVICE_KINDS_DISK_FORMAT_H
#define DEVICE_KINDS_DISK_FORMAT_H

#include <device-kinds/kind.h>

#define DEVKIND_PRIV_DISK_FORMAT_ROW(offset_) \
	{ .option = { .name = "format", .kind = VSU_OPTION_CHOICE, \
		      .choices = devkind_priv_disk_format_choices, .preset = "auto", \
		      .help = "auto: refuse an image that begins like another format; raw: do not check" }, \
	  .offset = (offset_) }
extern const char *const devkind_priv_disk_format_choices[];

/*
 * choice: a value of the key. continues: the guest has used the image before, so it is not
 * checked. -EINVAL: the image at this path begins like one of another format. -ETIMEDOUT: its
 * file server does not respond, or another errno: it cannot be read, so the format is unknown. A
 * file that cannot be opened is not refused here.
 */
int devkind_priv_disk_check_format(const char *path, uint64_t choice, bool continues,
				   struct vsu_error *err);

#endif
