/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The DAX window's tables: its mappings, and their pending changes. */
#ifndef VIRTIO_DEVICES_FS_DEVICE_MAPPING_H
#define VIRTIO_DEVICES_FS_DEVICE_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/fs.h>

struct fs_job;

/* The window's region; the unit of mappings, reported as map_alignment. */
#define FS_WINDOW_REGION 0u
#define FS_CHUNK VIRTDEV_FS_WINDOW_ALIGN
#define FS_CHUNK_BITS 21u

/* Maximum mappings in one chunk: one per growth of the file. */
#define FS_PIECES 8u

/*
 * A chunk of the window: the requested mapping, and the part of it that is mapped, up
 * to the last page of the file. More than one piece only with deferred mapping.
 */
struct fs_chunk {
	uint64_t node;		/* 0: unmapped */
	uint64_t file_pos;
	uint16_t ends[FS_PIECES]; /* end of each piece, in pages of the host */
	uint16_t former;	/* with atomic replacement: end before the last change, in
				   pages */
	uint8_t npieces;
	uint8_t missing;	/* bit mask: pieces that the front-end refused */
	bool writable;
	uint32_t round;		/* incremented when emptied: detects stale
				   replies */
	uint64_t until;		/* number after its last pending change */
};

/* Files whose nodeids have the same remainder, divided by the number of chunks. */
struct fs_files {
	uint32_t reports;	/* of a size to the driver; wraps */
	uint32_t nmapped;	/* number of chunks that map one of these files */
};

/* A mapped file: its descriptor is open until the last change was answered. */
struct fs_window_file {
	int fd;
	struct vsu_closer *closer; /* non-NULL: close() may block on a server */
	uint32_t users;
};

/* The requested content of consecutive chunks. */
struct fs_piece {
	uint64_t node, file_pos, size;	/* size: of the whole file */
	struct fs_window_file *file;	/* NULL: unmap */
	struct fs_job *job;		/* of the request, or NULL */
	bool writable;
	uint32_t reports;		/* value of fs_files.reports before size was read */
};

/* A pending change of the window. */
struct fs_change {
	uint64_t offset, fd_offset;
	struct fs_window_file *file;	/* NULL: unmap */
	struct fs_job *job;		/* receives a refusal, or NULL */
	uint64_t len;			/* may span consecutive chunks */
	uint32_t round;			/* of the chunk */
	uint8_t piece;
	bool writable, done;
	bool replaces;			/* see struct virtdev_mapping */
};

/*
 * A ring of changes. Their numbers are the cookies: [first, next) were sent and are
 * unanswered, [next, last) are not sent yet.
 */
struct fs_deferred_map {
	struct fs_change *ring;
	uint64_t size;		/* a power of two */
	uint64_t first, next, last;
	bool sending;		/* a thread sends changes, without window_lock */
	bool in_pieces;			/* atomic: the front-end cannot replace
					   a mapping */
};

#endif
