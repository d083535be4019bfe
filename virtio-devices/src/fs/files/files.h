/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The files that the driver holds: inodes, open handles, file handles and paths. */
#ifndef VIRTIO_DEVICES_FS_FILES_FILES_H
#define VIRTIO_DEVICES_FS_FILES_FILES_H

#include "fs/device/priv.h"

/* Records of another process. */
struct fs_file_record {
	uint64_t id, lookups;
	uint64_t dev, ino;	/* ino 0: the record is from another host */
	uint64_t btime;		/* distinguishes reused inode numbers */
	uint32_t type;
	union fs_file_handle file_handle;
	char path[PATH_MAX];	/* empty: unknown */
};

struct fs_open_record {
	uint64_t id, node;
	uint32_t flags;
};

/*
 * mount_id.c: as virtdev_priv_fs_stat(), with stx_mnt_id also before Linux 5.8; 0: unknown. Each
 * struct statx below that identifies a file is of this function.
 */
int virtdev_priv_fs_stat_mount(const struct fs *fs, int dir, const char *name, struct statx *st);

/* inodes.c. An unknown nodeid returns NULL. */
int virtdev_priv_fs_inodes_init(struct fs *fs);
void virtdev_priv_fs_inodes_fini(struct fs *fs);
/* Drops all inodes except the root, from slot *at on. Returns true if some remain. */
bool virtdev_priv_fs_inodes_forget(struct fs *fs, uint32_t *at, uint64_t until);
struct fs_inode *virtdev_priv_fs_inode_get(struct fs *fs, uint64_t id);
void virtdev_priv_fs_inode_put(struct fs *fs, struct fs_inode *inode);
uint64_t virtdev_priv_fs_dev_of(const struct statx *st);
uint64_t virtdev_priv_fs_btime_of(const struct statx *st);
/* The nodeid of that file if the driver holds it, or 0. */
uint64_t virtdev_priv_fs_inode_known(struct fs *fs, const struct statx *st);
/* A duplicate of its descriptor; -ESTALE: the inode is gone. */
int virtdev_priv_fs_inode_dup(struct fs *fs, uint64_t id);
/* Its file has this device and inode number now. */
void virtdev_priv_fs_inode_renumber(struct fs *fs, uint64_t id, const struct statx *st);
/* Counts a lookup; adds the inode if it is new. rules: as in struct fs_inode. Owns fd in any case. */
int virtdev_priv_fs_inode_lookup_take_fd(struct fs *fs, int fd, const struct statx *st,
					 uint32_t rules, uint64_t *id);
void virtdev_priv_fs_inode_forget(struct fs *fs, uint64_t id, uint64_t times);
/*
 * Adds an inode under the nodeid that another process assigned. -ENFILE: the table
 * or the descriptors are exhausted; -EEXIST: the nodeid is in use. Owns fd in any case.
 */
int virtdev_priv_fs_inode_insert_take_fd(struct fs *fs, uint64_t id,
					 uint64_t lookups, int fd,
					 const struct fs_identity *identity);

/* handles.c. open_flags: the FOPEN_* flags of a reply; flags: of open(). */
uint32_t virtdev_priv_fs_open_flags(const struct fs *fs, int flags);
int virtdev_priv_fs_handles_init(struct fs *fs);
void virtdev_priv_fs_handles_fini(struct fs *fs);
/* As virtdev_priv_fs_inodes_forget(). */
bool virtdev_priv_fs_handles_forget(struct fs *fs, uint32_t *at, uint64_t until);
/* The handle if it belongs to that inode, or NULL. */
struct fs_handle *virtdev_priv_fs_handle_get(struct fs *fs, uint64_t id,
					     uint64_t node);
void virtdev_priv_fs_handle_put(struct fs *fs, struct fs_handle *handle);
/*
 * Owns fd in any case; closer as of virtdev_priv_fs_closer(). o->id 0: returns a new ID
 * there; otherwise, as virtdev_priv_fs_inode_insert_take_fd().
 */
int virtdev_priv_fs_handle_add_take_fd(struct fs *fs, int fd,
				       struct vsu_closer *closer,
				       struct fs_open_record *o);
/* Invalidates the fh; the descriptor is closed by the last put. */
void virtdev_priv_fs_handle_retire(struct fs *fs, struct fs_handle *handle);

/*
 * file_handle.c: reads the handle of fd; handle_bytes is 0 if handles are not configured
 * or not available. A negative errno: they are mandatory and not available.
 */
int virtdev_priv_fs_file_handle_read(struct fs *fs, int fd, const struct statx *st,
				     union fs_file_handle *file_handle);
/* False: different files. An absent handle matches any. */
bool virtdev_priv_fs_file_handle_matches(const union fs_file_handle *a,
					 const union fs_file_handle *b);
/* Opens any file of that mount's file system, O_PATH. */
int virtdev_priv_fs_file_handle_open(const struct fs *fs, uint64_t mount_id,
					const union fs_file_handle *file_handle);
void virtdev_priv_fs_mounts_fini(struct fs *fs);

/*
 * hidden.c: names that do not exist for the driver. text: of the configuration, or NULL.
 * -EINVAL: not a list of paths below the shared directory.
 */
int virtdev_priv_fs_hidden_init(struct fs *fs, const char *text, struct vsu_error *err);
/* Only parses. The caller frees rules also after a failure. */
int virtdev_priv_fs_hidden_parse(struct fs_hidden_rules *rules, const char *text,
				 struct vsu_error *err);
/* The identity of a folder, not 0. */
uint64_t virtdev_priv_fs_hidden_identity(uint64_t dev, uint64_t ino);
/* Finds the folders at the paths of all rules again. */
void virtdev_priv_fs_hidden_refresh(const struct fs *fs);
uint32_t virtdev_priv_fs_count_parts(const char *text, char separator);
void virtdev_priv_fs_hidden_free(struct fs_hidden_rules *rules);

/* A folder whose names are checked. */
struct fs_place {
	int fd;
	uint64_t dev, ino, mount;
	uint32_t rules;		/* that of its inode, or 0 */
	bool spells;		/* it has FS_SPELLING_ANY */
};

/* hidden_names.c */
struct fs_place virtdev_priv_fs_place_of(const struct fs_inode *folder);
/* Whether a name that the folder lists is hidden. */
bool virtdev_priv_fs_is_hidden(const struct fs *fs, const struct fs_place *in, const char *name);
/* The use of a name by a request. */
enum fs_name_use { FS_NAME_FINDS, FS_NAME_CHANGES, FS_NAME_MOVES };

/*
 * Whether a request may use the name: 0. -ENOENT: the name is hidden; -EACCES: it is hidden, and the
 * request changes it; -EBUSY: the name of a folder that must keep it. 1: it may be another spelling:
 * call virtdev_priv_fs_judge_doubtful(), which reads the folder.
 */
int virtdev_priv_fs_judge_name(const struct fs *fs, const struct fs_place *in, const char *name,
			       enum fs_name_use use);
int virtdev_priv_fs_judge_doubtful(const struct fs *fs, const struct fs_place *in, const char *name,
				   enum fs_name_use use);
/*
 * Call it when the driver has found a file by name. *rules is for the inode of the file. -ENOENT:
 * the file is private.
 */
int virtdev_priv_fs_hidden_found(const struct fs *fs, const struct fs_place *in, const char *name,
				 int fd, const struct statx *st, uint32_t *rules);
/* True if a rule seals the folder: its attributes must not change. */
bool virtdev_priv_fs_is_sealed(const struct fs *fs, const struct fs_inode *folder);

/*
 * private.c. True if the mode denies others the use of the file: reading and execution; of a folder,
 * entering it; of a FIFO, socket or device, reading and writing.
 */
bool virtdev_priv_fs_is_for_owner(const struct statx *st);
/* True for the content of a folder that only its owner may enter, and is visible only by an exception. */
bool virtdev_priv_fs_is_in_private(const struct fs *fs, int folder);
/* True if the file is its owner's only or in such a folder, and no exception shows its path. */
bool virtdev_priv_fs_is_private(const struct fs *fs, int fd, const struct statx *st, bool in_private);

/*
 * listed.c. Whether the folder lists the name in this spelling. fstatfs() of a folder on another file
 * system than the shared one may block on a server.
 */
bool virtdev_priv_fs_is_listed(const struct fs *fs, int folder, const char *name);
void virtdev_priv_fs_automounts_init(struct fs *fs);
/* True if a lookup of a name that is not mounted would make the host mount it. */
bool virtdev_priv_fs_automounts(const struct fs_call *c, struct fs_inode *folder);
/* Opens a name of a folder on the file system dev, O_PATH, without mounting anything. */
int virtdev_priv_fs_open_name(const struct fs *fs, int folder, uint64_t dev, const char *name);

/* spelling.c */
void virtdev_priv_fs_spelling_init(struct fs *fs);
/* Determines the spelling of a folder; may block on a server. */
int virtdev_priv_fs_spelling_of(const struct fs *fs, int folder, uint64_t dev);
/* -ECANCELED: the request was detached meanwhile. */
int virtdev_priv_fs_learn_spelling(const struct fs_call *c, struct fs_inode *folder);
/* Whether the name could be another spelling of one that matches pattern, or of other. */
bool virtdev_priv_fs_may_match(const struct fs_place *in, const char *pattern, const char *name);
bool virtdev_priv_fs_may_equal(const struct fs_place *in, const char *other, size_t len, const char *name);

/*
 * path_text.c: paths relative to the shared directory: names separated by single slashes,
 * without leading or trailing slash.
 */
bool virtdev_priv_fs_path_is_valid(const char *path);
/* Copies the first name; returns the rest, or NULL if the name is invalid. */
const char *virtdev_priv_fs_path_next(const char *path, char name[FS_NAME_MAX + 1]);
/*
 * The path of fd below the shared directory, by its text alone: the file may have been removed, or
 * moved since. Returns the length; -ENOENT: the file has no path below the shared directory.
 */
int virtdev_priv_fs_path_text(const struct fs *fs, int fd, char path[PATH_MAX]);

/* path.c */
/* Opens a path below parent, the shared folder or one in it, which the caller keeps. */
int virtdev_priv_fs_path_open(const struct fs *fs, int parent, const char *path);
/* Reads the path of fd, and checks that the path is that of the file. Errors of _path_text(). */
int virtdev_priv_fs_path_read(const struct fs *fs, int fd,
			      char path[PATH_MAX]);

#endif
