/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Files as a stream of bytes, between a host and its guest, which do not trust each other. The stream is
 * entries, of which each has one name without a path; those between a folder and its PACK_UP are in the folder.
 * Times and modes are copied, owners are not. Devices, sockets and FIFOs are refused.
 *
 * A reader follows no link and leaves no folder, and names, depth and number of entries have limits. How many
 * bytes arrive is the writer's choice.
 *
 * Threads: any; calls block.
 */
#ifndef VM_AGENT_FILES_PACK_H
#define VM_AGENT_FILES_PACK_H

#include <stdint.h>
#include <sys/types.h>

enum vagent_priv_pack_type {
	PACK_END,	/* of the stream */
	PACK_FILE,	/* pieces follow the name, of which the last is empty: a length of uint32_t, and that many bytes */
	PACK_LINK,	/* its target follows the name */
	PACK_FOLDER,
	PACK_UP,	/* the folder is complete; without a name */
	PACK_TYPES,
};

struct vagent_priv_pack_entry {
	uint32_t type, mode;
	uint32_t name_len, target_len; /* bytes that follow, without NULs */
	int64_t seconds;	/* time of the last change */
	uint32_t nanoseconds, reserved;
};

#define PACK_MAX_NAME 255
#define PACK_MAX_TARGET 4095
#define PACK_MAX_PIECE 65536
#define PACK_MAX_DEPTH 128
#define PACK_MAX_ENTRIES (1u << 24)

/* A sentence without control characters. */
struct vagent_priv_pack_failure {
	char text[512];
};

/* Writes a file, a link or a folder with all that is in it. A negative errno. */
int vagent_priv_pack_write(int to, const char *path, struct vagent_priv_pack_failure *why);

/*
 * Reads such a stream. An existing folder at path receives the entry by the last part of source; otherwise path is the
 * new name of the entry, in a folder that exists. source: the path that the writer was asked for; NULL: a trusted writer
 * chooses the name. Files and links are replaced when the new ones are complete; devices, sockets and FIFOs are not.
 * Folders are merged, and keep their modes and times. modes: bits that are copied. A negative errno: -EBADMSG: the
 * stream is invalid; the entries before remain.
 */
int vagent_priv_pack_read(int from, const char *path, const char *source, mode_t modes, struct vagent_priv_pack_failure *why);

/* The last part of a path without slashes at its end, which are removed; it is empty for "/". */
char *vagent_priv_pack_last_part(char *path);

/* Sets the sentence, and returns rc. */
int vagent_priv_pack_fail(struct vagent_priv_pack_failure *why, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
