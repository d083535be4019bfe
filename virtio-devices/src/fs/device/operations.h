/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A FUSE operation: its requirements and its handler. */
#ifndef VIRTIO_DEVICES_FS_DEVICE_OPERATIONS_H
#define VIRTIO_DEVICES_FS_DEVICE_OPERATIONS_H

#include "fs/device/priv.h"

/* The strings of a request. */
enum fs_texts {
	FS_NO_TEXT,
	FS_NAME,		/* of an entry of the inode, a directory */
	FS_TWO_NAMES,
	FS_NAME_AND_TEXT,
	FS_TEXT_ONLY,		/* any string */
};
#define FS_NODE 0x01u		/* in.nodeid must be known */
#define FS_FILE 0x02u		/* the first argument is the fh of a file */
#define FS_FOLDER 0x04u		/* or of a directory */
#define FS_CHANGES 0x08u	/* rejected if the device is read-only */
#define FS_QUIET 0x10u		/* has no reply */
#define FS_URGENT 0x20u		/* allowed in the hiprio queue */
#define FS_FIRST 0x40u		/* allowed before FUSE_INIT */
#define FS_WINDOW 0x80u		/* requires a DAX window */
#define FS_MAKES 0x100u		/* creates a file: extensions are parsed */
#define FS_REPLAY 0x200u		/* not idempotent: see replay.c */
#define FS_REPLIES_ENTRY 0x400u		/* replies with fuse_entry_out of the name */

/*
 * serve returns the bytes of the reply behind its header, or a negative errno: then
 * the reply is the header alone.
 */
struct fs_operation {
	const char *name;
	int (*serve)(struct fs_call *c);
	uint16_t args;		/* minimum bytes */
	uint16_t room;		/* minimum bytes for the reply behind its header */
	uint8_t texts;		/* enum fs_texts */
	uint16_t flags;		/* FS_* */
};

#endif
