/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Offsets in a bzImage and in the page of parameters that it is given. */
#ifndef VARCH_BOOT_LINUX_SETUP_HEADER_H
#define VARCH_BOOT_LINUX_SETUP_HEADER_H

/* The setup header: at the same offsets in the file and in the page. */
#define SETUP_SECTS		0x1f1	/* 8 bits */
#define SETUP_SYSSIZE		0x1f4	/* 32: in units of 16 bytes */
#define SETUP_BOOT_FLAG		0x1fe	/* 16 */
#define SETUP_JUMP_DISTANCE	0x201	/* 8: the header ends there */
#define SETUP_MAGIC		0x202	/* "HdrS" */
#define SETUP_VERSION		0x206	/* 16 */
#define SETUP_LOADER		0x210	/* 8 */
#define SETUP_LOADFLAGS		0x211	/* 8 */
#define SETUP_CODE32_START	0x214	/* 32: load address */
#define SETUP_RAMDISK		0x218	/* 32 */
#define SETUP_RAMDISK_SIZE	0x21c	/* 32 */
#define SETUP_CMDLINE		0x228	/* 32 */
#define SETUP_INITRD_MAX	0x22c	/* 32: address of the last byte */
#define SETUP_ALIGNMENT		0x230	/* 32 */
#define SETUP_RELOCATABLE	0x234	/* 8 */
#define SETUP_XLOADFLAGS	0x236	/* 16 */
#define SETUP_CMDLINE_SIZE	0x238	/* 32 */
#define SETUP_PREF_ADDRESS	0x258	/* 64 */
#define SETUP_INIT_SIZE		0x260	/* 32 */
#define SETUP_END		0x264	/* end of the header in the oldest accepted version */

/* Further fields of the page. */
#define PARAMS_RSDP		0x070	/* 64 */
#define PARAMS_E820_ENTRIES	0x1e8	/* 8 */
#define PARAMS_HEADER_MAX	0x290	/* the header ends before this */
#define PARAMS_E820		0x2d0	/* 20 bytes each */
#define PARAMS_SIZE		4096

#define SECTOR			512u
#define DEFAULT_SECTS		4u
#define BOOT_FLAG		0xaa55
#define VERSION_64_BIT		0x020c	/* 2.12: xloadflags describe the entry */
#define LOADED_HIGH		0x01	/* loadflags */
#define CAN_USE_HEAP		0x80
#define XLF_KERNEL_64		0x0001
#define ENTRY_64		0x200	/* offset from the load address */
#define LOADER_UNKNOWN		0xff

#endif
