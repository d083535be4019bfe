/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The path of a disk names an image, whose format may be another than raw, or is the address
 * of a disk of a server, which a module opens.
 *
 * Threads: no state; a module is loaded by one thread at a time.
 */
#ifndef DEVICE_KINDS_DISK_H
#define DEVICE_KINDS_DISK_H

#include <stdbool.h>
#include <stddef.h>

#include <device-kinds/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* The first bytes of an image, from which its format is detected. */
#define DEVKIND_DISK_HEAD 512u

/* The format's name, as of qemu-img; NULL: the image appears raw, or cannot be read. */
DEVKIND_API const char *devkind_disk_format(const char *path);
/* As devkind_disk_format(), of an image that begins with these bytes, up to DEVKIND_DISK_HEAD. */
DEVKIND_API const char *devkind_disk_format_of(const char *head, size_t len);

/* Returns whether it is an address; "./nbd:x" is a path. */
DEVKIND_API bool devkind_disk_is_address(const char *text);

/*
 * Loads the module for the address, so that a process that cannot open its file
 * later can open the disk. -EOPNOTSUPP: the module is not installed or has another
 * version. An unknown scheme is not an error.
 */
DEVKIND_API int devkind_disk_load(const char *address, struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
