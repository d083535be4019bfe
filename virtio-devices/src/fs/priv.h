/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A file system from within: a queue takes a request apart (request.c), one
 * table says what belongs to it (operations.c), and its handler works on an
 * inode and a handle that were looked up already.
 */
#ifndef VIRTIO_DEVICES_FS_PRIV_H
#define VIRTIO_DEVICES_FS_PRIV_H

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <virtio-devices/fs.h>
#include <virtio-queue/cursor.h>
#include <virtio-queue/queue.h>

/* musl has struct statx since 1.2.5 only; its place is behind the constants. */
#ifndef STATX_BASIC_STATS
#include <linux/stat.h>
#endif

#include "fs/file_handle.h"
#include "fs/idmap.h"
#include "fs/label.h"
#include "fs/operations.h"
#include "fs/pool.h"
#include "fs/protocol.h"
#include "fs/record_locks.h"
#include "fs/recover.h"
#include "fs/window.h"
#include "fs/jobs.h"

/* Bytes of the largest read or write. */
#define FS_TRANSFER (1u << 20)

/* Bytes of names, of a value of an attribute, or of entries of a folder. */
#define FS_TEXT (72u << 10)
#define FS_VALUE_MAX (64u << 10)

/*
 * Flags of open() that are the guest's; its kernel does the rest of them. O_APPEND
 * comes with each write: a process may change it, and pages that were mapped are
 * written by any descriptor of their file, to where they belong.
 */
#define FS_OPEN_FLAGS (O_ACCMODE | O_TRUNC | O_DSYNC | O_SYNC)

/* Other groups of a user that a request names, at most. */
#define FS_GROUPS 32u

/* The name of a descriptor in /proc/self/fd. */
struct fs_proc_name {
	char text[12];
};

/* A file that the driver knows: lookups counts how often it was told of it. */
struct fs_inode {
	struct fs_slot slot;
	int fd;			/* O_PATH; -1: nobody is at it, and it is
				   found again */
	uint32_t type;		/* S_IFMT of its mode */
	uint32_t next;		/* in its bucket: index + 1, or 0 */
	uint64_t lookups;
	uint64_t dev, ino, mount;
	uint64_t btime;		/* nanoseconds, or 0 */
	union fs_file_handle file_handle;
	int served;		/* atomic; of enum fs_served */
};

/* How a file is told from others. */
struct fs_identity {
	struct statx st;
	union fs_file_handle file_handle;
};

/* A file or a folder that the driver opened. */
struct fs_handle {
	struct fs_slot slot;
	int fd;
	struct vsu_closer *closer; /* if closing it waits for a server */
	bool folder;
	bool flocked;		/* with position: a lock of flock() */
	uint32_t flags;		/* of open() */
	uint64_t node;		/* the inode's number */
	pthread_mutex_t position; /* of a folder, which reading it moves */
	int64_t next;		/* the entry where it stands, of a folder */
};

struct fs_open_record;

/* Who has records of a file locked, under the driver's name for it. */
struct fs_owner {
	uint64_t node, name;
	int fd;			/* whose locks they are */
	struct vsu_closer *closer;
	struct fs_record_locks records;
};

/* Of fs.agreed, beside what FUSE has: there was a FUSE_INIT. */
#define FS_SESSION (UINT64_C(1) << 63)

enum fs_count { FS_REQUESTS, FS_FAILED, FS_BYTES_READ, FS_BYTES_WRITTEN,
		FS_LOST,	/* files that another device's driver knew */
		FS_COUNTS };

struct fs_queue {
	struct fs *fs;
	struct vq *q;		/* while it runs */
	uint32_t index;
	struct iovec *pieces;
	uint32_t npieces;
	unsigned char *text;	/* FS_TEXT bytes */
	uint64_t unique;	/* of the last request */
	bool waits_for_window;		/* it needs what is changed in the window */
	int event;		/* of a device with a window, or with workers;
				   or -1 */
	uint32_t nwaiting;	/* with the window's lock; 0 where there are
				   jobs, of which each has its own */
	struct fs_job *job;	/* whose room it is, or NULL */
	struct fs_job **jobs;	/* config.workers of them, or NULL */
	struct fs_job *idle_jobs;	/* of them */
	uint32_t nbusy;	/* that are not idle, */
	uint32_t ndetached;		/* atomic: and were left */
	struct fs_job *done;	/* with the work's lock */
	uint32_t ndone;		/* likewise */
	struct fs_job *waiting_jobs;	/* done but for the window, with its lock */
	uint32_t nwaiting_jobs;	/* likewise */
	struct fs_waiting *waiting; /* FS_MAX_WAITING, of a device with a window; the
				   one behind the last is the request's. One,
				   of a job */
};

struct fs {
	struct virtdev *dev;
	struct fs_space space;
	struct virtdev_fs_config config; /* without its strings */
	uint64_t valid_s;	/* seconds that what the driver knows holds */
	uint64_t fd_limit;	/* from it on descriptors are not for the driver */
	int folder;		/* O_PATH; the root's inode has it, too */
	uint64_t folder_dev;	/* its file system's, which stays as long, */
	int folder_served;	/* and of enum fs_served */
	int proc;		/* /proc/self/fd, O_PATH */
	struct fs_idmap uids, gids;
	uint32_t umask;		/* the process's, */
	uint32_t uid, gid;	/* and as whom it runs */
	gid_t *groups;		/* of root, its supplementary ones */
	size_t ngroups;
	pthread_mutex_t owners_lock;
	void *owners;		/* a tree of struct fs_owner */
	uint32_t nowners, owners_max;
	uint32_t nrecords;	/* of all owners */
	uint64_t agreed;	/* atomic: flags of FUSE_INIT, and FS_SESSION */
	pthread_mutex_t lock;	/* of the tables */
	pthread_mutex_t mounts_lock;
	struct fs_mount mounts[FS_MOUNTS];
	uint32_t nmounts;	/* atomic; grows alone */
	struct fs_recover recover;
	bool kept;		/* atomic: a reset is not the guest's. No queue ran
				   since another process left it, or this one
				   ends */
	struct fs_pool inodes, handles;
	uint32_t *buckets, nbuckets; /* of inodes by what they are */
	pthread_mutex_t window_lock;
	struct fs_chunk *chunks; /* of the window */
	uint32_t nchunks;
	uint32_t nmapped;	/* atomic: of them have a file */
	struct fs_deferred_map deferred;	/* window_lock */
	struct fs_job_queue job_queue;
	uint64_t counts[FS_COUNTS];	/* atomic; ever */
	uint32_t nqueues;
	struct fs_queue queues[];
};

union fs_args {
	struct fuse_forget_in forget;
	struct fuse_batch_forget_in batch_forget;
	struct fuse_getattr_in getattr;
	struct fuse_setattr_in setattr;
	struct fuse_mknod_in mknod;
	struct fuse_mkdir_in mkdir;
	struct fuse_rename2_in rename;
	struct fuse_link_in link;
	struct fuse_open_in open;
	struct fuse_create_in create;
	struct fuse_release_in release;
	struct fuse_flush_in flush;
	struct fuse_read_in read;
	struct fuse_write_in write;
	struct fuse_fsync_in fsync;
	struct fuse_setxattr_in setxattr;
	struct fuse_getxattr_in getxattr;
	struct fuse_lk_in lk;
	struct fuse_access_in access;
	struct fuse_init_in init;
	struct fuse_fallocate_in fallocate;
	struct fuse_lseek_in lseek;
	struct fuse_copy_file_range_in copy;
	struct fuse_setupmapping_in setup;
	struct fuse_removemapping_in remove;
	uint64_t fh;		/* where it comes first */
};

/* A request while it is served. */
struct fs_call {
	struct fs *fs;
	struct fs_queue *queue;
	struct fuse_in_header in;
	union fs_args arg;
	struct vq_cursor from;	/* what follows in the request, */
	uint32_t left;		/* of so many bytes */
	struct vq_cursor to;	/* the answer behind its header */
	char *name, *other;	/* in the queue's text, */
	uint32_t text_len;	/* which has so many bytes */
	struct fs_label label;
	uint32_t uid, gid;	/* of the user, as the host has them */
	uint32_t ngroups;	/* in which he is besides */
	gid_t groups[FS_GROUPS];
	struct fs_inode *inode;	/* of in.nodeid */
	struct fs_handle *handle;
};

/* Names, attributes and links are valid for a day. */
static inline bool virtdev_priv_fs_caches_names(const struct virtdev_fs_config *c)
{
	return c->cache == VIRTDEV_FS_CACHE_ALWAYS ||
	       c->cache == VIRTDEV_FS_CACHE_METADATA;
}

/* options.c: puts numbers where there are none. */
int virtdev_priv_fs_config_fill(struct virtdev_fs_config *c,
				struct vsu_error *err);
int virtdev_priv_fs_add_rules(struct fs_idmap *map, const char *const *rules,
			      uint32_t n, struct vsu_error *err);
/* From which number on descriptors are not for what a driver keeps. */
uint64_t virtdev_priv_fs_fd_limit(void);

/* request.c: vq_turn's; opaque is the queue. */
uint32_t virtdev_priv_fs_serve(void *opaque, struct vq *q,
			       struct vq_chain *chain);

/* extensions.c: all of them, behind the texts. -EINVAL: they are not what they say. */
int virtdev_priv_fs_extensions_read(struct fs_call *c);

/* reply.c: says len, or -EINVAL when the driver left no room. */
int virtdev_priv_fs_reply(struct fs_call *c, const void *bytes, size_t len);
void virtdev_priv_fs_count(struct fs *fs, enum fs_count which, uint64_t n);
uint32_t virtdev_priv_fs_stats(void *self, struct virtdev_stat *stats,
			       uint32_t max);

/* host_file.c */
struct fs_proc_name virtdev_priv_fs_proc_name(int fd);
int virtdev_priv_fs_stat(int dir, const char *name, struct statx *st);
/* With its owner as the guest has him. */
void virtdev_priv_fs_attr(const struct fs *fs, const struct statx *st,
			  struct fuse_attr *attr);
/*
 * Closes fd and says -ENFILE where the process has hardly more descriptors: those
 * that are left are not for what a driver keeps, and before them so many are not
 * for what this one is. closer as of virtdev_priv_fs_closer().
 */
int virtdev_priv_fs_check_kept(const struct fs *fs, int *fd,
			       struct vsu_closer *closer, uint32_t spared);
/*
 * A descriptor of the inode with other flags. -ENFILE: too many files wait for
 * their server to be closed, and this one has one.
 */
int virtdev_priv_fs_reopen(const struct fs *fs, struct fs_inode *inode,
			   int flags);
/* Closes it, or does nothing if it is negative. */
void virtdev_priv_fs_unopen(const struct fs *fs, struct fs_inode *inode, int fd);

/*
 * acl.c: -EOPNOTSUPP when there are to be lists and the folder has none.
 */
int virtdev_priv_fs_acl_check(const struct fs *fs, const char *path,
			      struct vsu_error *err);
bool virtdev_priv_fs_is_acl(const char *name);
/* Whether files that are made in c->inode have a list from there: no mask then. */
bool virtdev_priv_fs_has_default_acl(const struct fs_call *c);

/*
 * killpriv.c: between the two, who changes what is in the file takes its SUID and
 * SGID. 1: begun, 0: there is nothing to take, or an errno; it ends in any case.
 */
int virtdev_priv_fs_killpriv_begin(int fd);
void virtdev_priv_fs_killpriv_end(int begun);
/* The same whatever file it is. */
int virtdev_priv_fs_fsetid_drop(void);
/* As virtdev_priv_fs_reopen(), where O_TRUNC takes them. */
int virtdev_priv_fs_reopen_killing(const struct fs *fs,
				   struct fs_inode *inode, int flags);

/* inodes.c. A number that is not known is NULL. */
int virtdev_priv_fs_inodes_init(struct fs *fs);
void virtdev_priv_fs_inodes_fini(struct fs *fs);
/* Forgets all but the root, whose descriptor stays. */
void virtdev_priv_fs_inodes_forget_all(struct fs *fs);
struct fs_inode *virtdev_priv_fs_inode_get(struct fs *fs, uint64_t id);
void virtdev_priv_fs_inode_put(struct fs *fs, struct fs_inode *inode);
uint64_t virtdev_priv_fs_dev_of(const struct statx *st);
uint64_t virtdev_priv_fs_btime_of(const struct statx *st);
/* Of a file that the driver knows, or 0. */
uint64_t virtdev_priv_fs_inode_known(struct fs *fs, const struct statx *st);
/* Tells of a file once more, or of a new one. Owns fd in any case. */
int virtdev_priv_fs_inode_lookup_take_fd(struct fs *fs, int fd,
					 const struct statx *st, uint64_t *id);
void virtdev_priv_fs_inode_forget(struct fs *fs, uint64_t id, uint64_t times);
/*
 * Under the number that another device gave it: -ENFILE, there is no room for
 * it; -EEXIST, another file has it. Owns fd in any case.
 */
int virtdev_priv_fs_inode_insert_take_fd(struct fs *fs, uint64_t id,
					 uint64_t lookups, int fd,
					 const struct fs_identity *identity);

/* handles.c: FOPEN_* of an answer first. */
uint32_t virtdev_priv_fs_open_flags(const struct fs *fs, bool folder);
int virtdev_priv_fs_handles_init(struct fs *fs);
void virtdev_priv_fs_handles_fini(struct fs *fs);
void virtdev_priv_fs_handles_forget_all(struct fs *fs);
/* Of a file or folder of that inode, or NULL. */
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
/* The number is gone; the descriptor follows when nobody is at it. */
void virtdev_priv_fs_handle_retire(struct fs *fs, struct fs_handle *handle);

/*
 * path.c: a path has names and single slashes, and none at its ends. read writes
 * that of a file below the folder, and says its bytes; -ENOENT: it has none.
 */
bool virtdev_priv_fs_path_is_valid(const char *path);
int virtdev_priv_fs_path_open(const struct fs *fs, const char *path);
int virtdev_priv_fs_path_read(const struct fs *fs, int fd,
			      char path[PATH_MAX]);

/* session.c: the end is of all but the window. */
void virtdev_priv_fs_session_begin(struct fs *fs, uint64_t agreed);
void virtdev_priv_fs_session_end(struct fs *fs);

/* state.c */
void virtdev_priv_fs_state_save(void *self, struct virtdev_state_writer *w);
int virtdev_priv_fs_state_load(void *self, uint32_t version,
			       struct virtdev_state_reader *r,
			       struct vsu_error *err);

/* lookup.c: flags of FUSE_INIT, to a driver that says so. */
uint64_t virtdev_priv_fs_offered(const struct fs *fs, uint32_t driver);

/*
 * entry_reply.c: tells of the file behind an O_PATH descriptor, which it owns; name: of it
 * in the folder, or NULL.
 */
int virtdev_priv_fs_entry_take_fd(const struct fs_call *c,
				  const struct fs_inode *parent,
				  const char *name, int fd,
				  struct fuse_entry_out *out);
/* Tells of an entry of the folder. */
int virtdev_priv_fs_entry(const struct fs_call *c, const struct fs_inode *parent,
			  const char *name, struct fuse_entry_out *out);
int virtdev_priv_fs_reply_entry(struct fs_call *c, const char *name);

/* user.c: as whom the host sees what follows. */
int virtdev_priv_fs_user_init(struct fs *fs);
void virtdev_priv_fs_user_fini(struct fs *fs);
/* Once in a request. -EPERM: the guest may not use his number or a group's. */
int virtdev_priv_fs_user_enter(struct fs_call *c);
void virtdev_priv_fs_user_leave(const struct fs_call *c);
/*
 * Between the two: make() creates a name that did not exist, and returns a negative
 * errno otherwise. Where the guest alone can check the folder's permissions
 * (supplementary groups before Linux 6.3), the host's refusal does not count.
 */
int virtdev_priv_fs_user_make(const struct fs_call *c,
			      int (*make)(const struct fs_call *c));
/* In the user's group and without CAP_FSETID between the two; as killpriv's. */
int virtdev_priv_fs_outsider_begin(const struct fs_call *c);
void virtdev_priv_fs_outsider_end(const struct fs_call *c, int begun);
/* Whether all of these flags of FUSE_INIT were agreed on. */
bool virtdev_priv_fs_agreed(const struct fs *fs, uint64_t flags);

/* lock.c: forget lets go of what an owner has locked. */
void virtdev_priv_fs_owners_init(struct fs *fs);
void virtdev_priv_fs_owner_forget(struct fs *fs, uint64_t node, uint64_t name);
void virtdev_priv_fs_owners_forget_all(struct fs *fs);

#endif
