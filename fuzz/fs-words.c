/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Names and lengths of FUSE requests. */
#include <config.h>

#include <string.h>

#include <linux/fuse.h>

#include "fs-words.h"

uint32_t put_name(unsigned char *at, struct input *in)
{
	static const char *const names[] = {
		"file", "sub", "out", "up", "a", "b", "user.a", "..", ".", "",
		"sub/file", "../secret", "/etc/passwd", "c", "d", "no end",
	};
	const uint32_t v = take(in, 1) & 15;
	const uint32_t len = (uint32_t)strlen(names[v]) + (v != 15);

	memcpy(at, names[v], len);
	return len;
}

uint32_t put_label(unsigned char *at, struct input *in)
{
	static const char *const names[] = { "security.a", "user.a", "", "security.no end" };
	const uint32_t v = take(in, 1);
	const uint32_t name = (uint32_t)strlen(names[v & 3]) + ((v & 3) != 3);
	const uint32_t size = (16 + name + 5 + 7) & ~7u;
	const uint32_t words[] = { v & 0x80 ? v : size, v & 0x40 ? v & 0x3f : 1,
				   v & 0x20 ? v : v & 0x10 ? 0 : 5, 0 };

	memset(at, 0, size);
	memcpy(at, words, sizeof(words));
	memcpy(at + sizeof(words), names[v & 3], name);
	memcpy(at + sizeof(words) + name, "label", 5);
	return size;
}

uint32_t args_of(uint32_t opcode, struct input *in)
{
	static const uint8_t args[OPCODES] = {
		[FUSE_FORGET] = 8, [FUSE_GETATTR] = 16, [FUSE_SETATTR] = 88,
		[FUSE_MKNOD] = 16, [FUSE_MKDIR] = 8, [FUSE_RENAME] = 8,
		[FUSE_LINK] = 8, [FUSE_OPEN] = 8, [FUSE_READ] = 40,
		[FUSE_WRITE] = 40, [FUSE_RELEASE] = 24, [FUSE_FSYNC] = 16,
		[FUSE_SETXATTR] = 8, [FUSE_GETXATTR] = 8, [FUSE_LISTXATTR] = 8,
		[FUSE_FLUSH] = 24, [FUSE_INIT] = 64, [FUSE_OPENDIR] = 8,
		[FUSE_READDIR] = 40, [FUSE_RELEASEDIR] = 24,
		[FUSE_FSYNCDIR] = 16, [FUSE_ACCESS] = 8, [FUSE_CREATE] = 16,
		[FUSE_BATCH_FORGET] = 8, [FUSE_FALLOCATE] = 32,
		[FUSE_READDIRPLUS] = 40, [FUSE_RENAME2] = 16, [FUSE_LSEEK] = 24,
		[FUSE_COPY_FILE_RANGE] = 56, [FUSE_SETUPMAPPING] = 40,
		[FUSE_REMOVEMAPPING] = 4, [FUSE_SYNCFS] = 8,
		[FUSE_TMPFILE] = 16,
		[FUSE_TMPFILE + 1] = 24,	/* STATX */
	};
	const uint32_t v = take(in, 1);

	return v < 0xf0 && opcode < OPCODES ? args[opcode] : v & 0x7f;
}
