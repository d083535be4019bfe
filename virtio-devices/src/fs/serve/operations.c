/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The table of operations. IOCTL, POLL and BMAP have no handler: after ENOSYS the
 * driver does not send them again.
 */
#include <config.h>

#include "fs/serve/serve.h"

#define ARGS(type) sizeof(struct fuse_##type##_in)
#define ENTRY sizeof(struct fuse_entry_out)
#define ATTR sizeof(struct fuse_attr_out)
#define OPEN sizeof(struct fuse_open_out)
#define WRITTEN sizeof(struct fuse_write_out)

#define NEW (FS_NODE | FS_CHANGES | FS_MAKES | FS_REPLAY | FS_REPLIES_ENTRY)
#define NAMES (FS_NODE | FS_CHANGES | FS_REPLAY)

#define OP(opcode, fn, args, room, texts, flags) \
	[FUSE_##opcode] = { #opcode, virtdev_priv_fs_##fn, args, room, texts, \
			    flags }
#define REFUSED(opcode, flags) \
	[FUSE_##opcode] = { #opcode, NULL, 0, 0, FS_NO_TEXT, flags }

static const struct fs_operation operations[] = {
	OP(LOOKUP, lookup, 0, ENTRY, FS_NAME, FS_NODE),
	OP(FORGET, forget, ARGS(forget), 0, FS_NO_TEXT,
	   FS_QUIET | FS_URGENT | FS_REPLAY),
	OP(BATCH_FORGET, batch_forget, ARGS(batch_forget), 0, FS_NO_TEXT,
	   FS_QUIET | FS_URGENT | FS_REPLAY),
	OP(GETATTR, getattr, ARGS(getattr), ATTR, FS_NO_TEXT, FS_NODE),
	[FS_STATX] = { "STATX", virtdev_priv_fs_statx,
		       sizeof(struct fs_statx_in), sizeof(struct fs_statx_out),
		       FS_NO_TEXT, FS_NODE },
	OP(SETATTR, setattr, ARGS(setattr), ATTR, FS_NO_TEXT,
	   FS_NODE | FS_CHANGES),
	OP(ACCESS, access, ARGS(access), 0, FS_NO_TEXT, FS_NODE),
	OP(STATFS, statfs, 0, sizeof(struct fuse_statfs_out), FS_NO_TEXT,
	   FS_NODE),

	OP(READLINK, readlink, 0, 0, FS_NO_TEXT, FS_NODE),
	OP(SYMLINK, symlink, 0, ENTRY, FS_NAME_AND_TEXT, NEW),
	OP(MKNOD, mknod, ARGS(mknod), ENTRY, FS_NAME, NEW),
	OP(MKDIR, mkdir, ARGS(mkdir), ENTRY, FS_NAME, NEW),
	OP(LINK, link, ARGS(link), ENTRY, FS_NAME, NAMES | FS_REPLIES_ENTRY),
	OP(CREATE, create, ARGS(create), ENTRY + OPEN, FS_NAME, NEW),
	/* repeated, it makes another file: the first one had no name */
	OP(TMPFILE, tmpfile, ARGS(create), ENTRY + OPEN, FS_TEXT_ONLY,
	   FS_NODE | FS_CHANGES | FS_MAKES),
	OP(UNLINK, unlink, 0, 0, FS_NAME, NAMES),
	OP(RMDIR, rmdir, 0, 0, FS_NAME, NAMES),
	OP(RENAME, rename, ARGS(rename), 0, FS_TWO_NAMES, NAMES),
	OP(RENAME2, rename, ARGS(rename2), 0, FS_TWO_NAMES, NAMES),

	OP(OPEN, open, ARGS(open), OPEN, FS_NO_TEXT, FS_NODE | FS_OPENS),
	OP(READ, read, ARGS(read), 0, FS_NO_TEXT, FS_NODE | FS_FILE),
	OP(WRITE, write, ARGS(write), WRITTEN, FS_NO_TEXT,
	   FS_NODE | FS_FILE | FS_CHANGES),
	OP(FLUSH, flush, ARGS(flush), 0, FS_NO_TEXT, FS_NODE | FS_FILE),
	OP(FSYNC, fsync, ARGS(fsync), 0, FS_NO_TEXT, FS_NODE | FS_FILE),
	OP(SYNCFS, syncfs, ARGS(syncfs), 0, FS_NO_TEXT, FS_NODE),
	OP(RELEASE, release, ARGS(release), 0, FS_NO_TEXT,
	   FS_NODE | FS_FILE | FS_REPLAY),
	OP(GETLK, getlk, ARGS(lk), sizeof(struct fuse_lk_out), FS_NO_TEXT,
	   FS_NODE | FS_FILE),
	OP(SETLK, setlk, ARGS(lk), 0, FS_NO_TEXT, FS_NODE | FS_FILE),
	OP(SETLKW, setlk, ARGS(lk), 0, FS_NO_TEXT, FS_NODE | FS_FILE),
	OP(FALLOCATE, fallocate, ARGS(fallocate), 0, FS_NO_TEXT,
	   FS_NODE | FS_FILE | FS_CHANGES),
	OP(LSEEK, lseek, ARGS(lseek), sizeof(struct fuse_lseek_out),
	   FS_NO_TEXT, FS_NODE | FS_FILE),
	OP(COPY_FILE_RANGE, copy, ARGS(copy_file_range), WRITTEN, FS_NO_TEXT,
	   FS_NODE | FS_FILE | FS_CHANGES),

	OP(OPENDIR, opendir, ARGS(open), OPEN, FS_NO_TEXT, FS_NODE | FS_OPENS),
	OP(READDIR, readdir, ARGS(read), 0, FS_NO_TEXT, FS_NODE | FS_FOLDER),
	OP(READDIRPLUS, readdir, ARGS(read), 0, FS_NO_TEXT,
	   FS_NODE | FS_FOLDER),
	OP(RELEASEDIR, release, ARGS(release), 0, FS_NO_TEXT,
	   FS_NODE | FS_FOLDER | FS_REPLAY),
	OP(FSYNCDIR, fsync, ARGS(fsync), 0, FS_NO_TEXT, FS_NODE | FS_FOLDER),

	OP(SETXATTR, setxattr, FS_SETXATTR_SHORT, 0, FS_TEXT_ONLY,
	   FS_NODE | FS_CHANGES | FS_REPLAY),
	OP(GETXATTR, getxattr, ARGS(getxattr), 0, FS_TEXT_ONLY, FS_NODE | FS_OPENS),
	OP(LISTXATTR, listxattr, ARGS(getxattr), 0, FS_NO_TEXT, FS_NODE | FS_OPENS),
	OP(REMOVEXATTR, removexattr, 0, 0, FS_TEXT_ONLY,
	   FS_NODE | FS_CHANGES | FS_REPLAY),

	OP(SETUPMAPPING, setupmapping, ARGS(setupmapping), 0, FS_NO_TEXT,
	   FS_NODE | FS_WINDOW | FS_OPENS),
	OP(REMOVEMAPPING, removemapping, ARGS(removemapping), 0, FS_NO_TEXT,
	   FS_WINDOW),

	OP(INIT, init, FS_INIT_SHORT, sizeof(struct fuse_init_out), FS_NO_TEXT,
	   FS_FIRST),
	OP(DESTROY, destroy, 0, 0, FS_NO_TEXT, FS_FIRST),
	/* requests cannot be interrupted */
	REFUSED(INTERRUPT, FS_URGENT),
	REFUSED(IOCTL, 0),
	REFUSED(POLL, 0),
	REFUSED(BMAP, 0),
};

const struct fs_operation *virtdev_priv_fs_operation(uint32_t opcode)
{
	return opcode < sizeof(operations) / sizeof(operations[0]) &&
	       operations[opcode].name ? &operations[opcode] : NULL;
}
