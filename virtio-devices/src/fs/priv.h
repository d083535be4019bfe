/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Functions of the file system device. request.c parses a FUSE request and checks
 * it against its row of the table in operations.c; the handler gets an inode and
 * a handle that were looked up already.
 */
#ifndef VIRTIO_DEVICES_FS_PRIV_H
#define VIRTIO_DEVICES_FS_PRIV_H

#include "fs/device/priv.h"
#include "fs/file_handle.h"
#include "fs/jobs.h"
#include "fs/label.h"
#include "fs/operations.h"
#include "fs/record_locks.h"
#include "fs/window.h"

struct fs_open_record;

/* request.c: the callback of vq_turn(); opaque is the struct fs_queue. */
uint32_t virtdev_priv_fs_serve(void *opaque, struct vq *q,
			       struct vq_chain *chain);

/* extensions.c: parses the extensions behind the texts. -EINVAL: malformed. */
int virtdev_priv_fs_extensions_read(struct fs_call *c);

/* acl.c: -EOPNOTSUPP: ACLs are configured but the file system has none. */
int virtdev_priv_fs_acl_check(const struct fs *fs, const char *path,
			      struct vsu_error *err);
bool virtdev_priv_fs_is_acl(const char *name);
/* Whether c->inode has a default ACL, which replaces the umask of new files. */
bool virtdev_priv_fs_has_default_acl(const struct fs_call *c);

/*
 * killpriv.c: between the two calls, a change of the file's content clears SUID and
 * SGID. begin returns 1: active, 0: the file has neither bit, or a negative errno;
 * pass the result to end in any case.
 */
int virtdev_priv_fs_killpriv_begin(int fd);
void virtdev_priv_fs_killpriv_end(int begun);
/* Like begin, for any file. */
int virtdev_priv_fs_fsetid_drop(void);
/* As virtdev_priv_fs_reopen(); O_TRUNC clears SUID and SGID. */
int virtdev_priv_fs_reopen_killing(const struct fs *fs,
				   struct fs_inode *inode, int flags);

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
/* Counts a lookup; adds the inode if it is new. Owns fd in any case. */
int virtdev_priv_fs_inode_lookup_take_fd(struct fs *fs, int fd,
					 const struct statx *st, uint64_t *id);
void virtdev_priv_fs_inode_forget(struct fs *fs, uint64_t id, uint64_t times);
/*
 * Adds an inode under the nodeid that another process assigned. -ENFILE: the table
 * or the descriptors are exhausted; -EEXIST: the nodeid is in use. Owns fd in any case.
 */
int virtdev_priv_fs_inode_insert_take_fd(struct fs *fs, uint64_t id,
					 uint64_t lookups, int fd,
					 const struct fs_identity *identity);

/* handles.c. open_flags: the FOPEN_* flags of a reply. */
uint32_t virtdev_priv_fs_open_flags(const struct fs *fs, bool folder);
int virtdev_priv_fs_handles_init(struct fs *fs);
void virtdev_priv_fs_handles_fini(struct fs *fs);
/* As virtdev_priv_fs_inodes_forget(). */
bool virtdev_priv_fs_handles_forget(struct fs *fs, uint32_t *at, uint64_t until);
/* The handle if it belongs to that inode, or NULL. */
struct fs_handle *virtdev_priv_fs_handle_get(struct fs *fs, uint64_t id,
					     uint64_t node);
void virtdev_priv_fs_handle_put(struct fs *fs, struct fs_handle *handle);
/* Owns fd in any case; closer as of virtdev_priv_fs_closer(). */
int virtdev_priv_fs_handle_new_take_fd(struct fs *fs, int fd,
				       struct vsu_closer *closer, uint64_t node,
				       uint32_t open_flags, uint64_t *id);
/* As virtdev_priv_fs_inode_insert_take_fd(). */
int virtdev_priv_fs_handle_insert_take_fd(struct fs *fs, int fd,
					  struct vsu_closer *closer,
					  const struct fs_open_record *o);
/* Invalidates the fh; the descriptor is closed by the last put. */
void virtdev_priv_fs_handle_retire(struct fs *fs, struct fs_handle *handle);

/*
 * path.c: paths relative to the shared directory: names separated by single slashes,
 * without leading or trailing slash. read returns the length; -ENOENT: the file has
 * no path below the shared directory.
 */
bool virtdev_priv_fs_path_is_valid(const char *path);
int virtdev_priv_fs_path_open(const struct fs *fs, const char *path);
int virtdev_priv_fs_path_read(const struct fs *fs, int fd,
			      char path[PATH_MAX]);

/*
 * session.c: end drops everything except window mappings. end_turn does it in turns,
 * while no queue runs; it returns true if some remains.
 */
void virtdev_priv_fs_session_begin(struct fs *fs, uint64_t agreed);
void virtdev_priv_fs_session_end(struct fs *fs);
bool virtdev_priv_fs_session_end_turn(struct fs *fs);

/* state.c */
void virtdev_priv_fs_state_save(void *self, struct virtdev_state_writer *w);
int virtdev_priv_fs_state_load(void *self, uint32_t version,
			       struct virtdev_state_reader *r,
			       struct vsu_error *err);

/* lookup.c: FUSE_INIT flags to offer to a driver with those flags. */
uint64_t virtdev_priv_fs_offered(const struct fs *fs, uint32_t driver);

/*
 * entry_reply.c: counts a lookup of the file behind the O_PATH descriptor fd and fills
 * out. Owns fd in any case. name: its name in parent, or NULL.
 */
int virtdev_priv_fs_entry_take_fd(const struct fs_call *c,
				  const struct fs_inode *parent,
				  const char *name, int fd,
				  struct fuse_entry_out *out);
/* The same for a name in parent. */
int virtdev_priv_fs_entry(const struct fs_call *c, const struct fs_inode *parent,
			  const char *name, struct fuse_entry_out *out);
int virtdev_priv_fs_reply_entry(struct fs_call *c, const char *name);

/* user.c: impersonation of the request's user on the calling thread. */
int virtdev_priv_fs_user_init(struct fs *fs);
void virtdev_priv_fs_user_fini(struct fs *fs);
/* At most once per request. -EPERM: a rule forbids the UID or a GID. */
int virtdev_priv_fs_user_enter(struct fs_call *c);
void virtdev_priv_fs_user_leave(const struct fs_call *c);
/*
 * Between enter and leave: make() creates a new name or returns a negative errno.
 * Guests before Linux 6.3 do not send supplementary groups and have checked the
 * directory's permissions themselves: -EACCES from the host repeats make() with CAP_DAC_OVERRIDE.
 */
int virtdev_priv_fs_user_make(const struct fs_call *c,
			      int (*make)(const struct fs_call *c));
/* Runs with the user's group and without CAP_FSETID; results as killpriv's. */
int virtdev_priv_fs_outsider_begin(const struct fs_call *c);
void virtdev_priv_fs_outsider_end(const struct fs_call *c, int begun);
/*
 * replay.c: serves a request that must not be executed twice. If the previous process
 * executed it but crashed before it replied, only the reply is sent.
 */
int virtdev_priv_fs_replay_serve(struct fs_call *c, const struct fs_operation *op);
/* Whether the previous process started this request. A missing handle of a repeated
   FUSE_RELEASE is then no error. */
bool virtdev_priv_fs_replay_was_started(const struct fs_call *c);
/* Records which inode a rename moves. */
void virtdev_priv_fs_replay_set_moved(const struct fs_call *c, uint64_t moved);
/* Drops all records. */
void virtdev_priv_fs_replay_clear(struct fs *fs);

/*
 * recover_file.c: opens and locks the file. 1: the file contains a session, and h its
 * header; 0: the file contains no session. -EBUSY: another process holds the lock;
 * -EINVAL: not a recovery file, or one of another directory or other limits; or the host's
 * error.
 */
int virtdev_priv_fs_recover_file_open(struct fs *fs, const char *path,
				      struct fs_recover_head *h, struct vsu_error *err);
int virtdev_priv_fs_recover_file_error(const char *path, int rc, struct vsu_error *err);
/* Does not change the content. */
void virtdev_priv_fs_recover_close(struct fs *fs);

/* recover_load.c: loads the file's session into a new device. */
int virtdev_priv_fs_recover_load(struct fs *fs, const char *path,
				 struct vsu_error *err);

/* state_load_turn of struct virtdev_ops. */
int virtdev_priv_fs_state_load_turn(void *self, struct virtdev_state_reader *r,
				    struct vsu_error *err);
/* As virtdev_priv_fs_path_open(), below another folder, which the caller keeps. */
int virtdev_priv_fs_path_open_below(int parent, const char *path);

#endif
