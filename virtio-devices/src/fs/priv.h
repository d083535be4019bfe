/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Internals of the file system device. request.c parses a FUSE request and checks
 * it against its row of the table in operations.c; the handler gets an inode and
 * a handle that were looked up already.
 */
#ifndef VIRTIO_DEVICES_FS_PRIV_H
#define VIRTIO_DEVICES_FS_PRIV_H

#ifdef VIRTDEV_DEBUG
#include <assert.h>
#endif
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

/* musl before 1.2.5 lacks struct statx. This include must follow <sys/stat.h>. */
#ifndef STATX_BASIC_STATS
#include <linux/stat.h>
#endif

#include "fs/file_handle.h"
#include "fs/idmap.h"
#include "fs/label.h"
#include "fs/load.h"
#include "fs/measure.h"
#include "fs/operations.h"
#include "fs/pool.h"
#include "fs/protocol.h"
#include "fs/record_locks.h"
#include "fs/recover.h"
#include "fs/window.h"
#include "fs/jobs.h"

/* Maximum bytes of one FUSE_READ or FUSE_WRITE. */
#define FS_TRANSFER (1u << 20)

/* Bytes of a queue's text buffer, and of the largest attribute value in it. */
#define FS_TEXT (72u << 10)
#define FS_VALUE_MAX (64u << 10)

/*
 * The open() flags that are passed to the host; the guest kernel handles the others.
 * O_APPEND is passed with each write instead: a process may toggle it, and write-back
 * of mapped pages may use any handle of the file but must not append.
 */
#define FS_OPEN_FLAGS (O_ACCMODE | O_TRUNC | O_DSYNC | O_SYNC)

/* Maximum supplementary groups in one request. */
#define FS_GROUPS 32u

/* The file name of a descriptor in /proc/self/fd. */
struct fs_proc_name {
	char text[12];
};

/* An inode that the driver holds, by FUSE's lookup count. */
struct fs_inode {
	struct fs_slot slot;
	int fd;			/* O_PATH; -1: reopened by file_handle */
	uint32_t type;		/* S_IFMT of its mode */
	uint32_t next;		/* in the hash bucket: index + 1, or 0 */
	uint64_t lookups;
	uint64_t dev, ino, mount;
	uint64_t btime;		/* birth time in nanoseconds; 0: unknown */
	union fs_file_handle file_handle;
	int served;		/* atomic; of enum fs_served */
};

/* The properties that identify a file. */
struct fs_identity {
	struct statx st;
	union fs_file_handle file_handle;
};

/* An open file or directory: the fh of FUSE. */
struct fs_handle {
	struct fs_slot slot;
	int fd;
	struct vsu_closer *closer; /* non-NULL: close() may block on a server */
	bool folder;
	bool flocked;		/* under position: holds a flock() lock */
	uint32_t flags;		/* of open() */
	uint64_t node;		/* nodeid of its inode */
	pthread_mutex_t position; /* serializes reads of a directory */
	int64_t next;		/* directory: offset of the next entry */
};

struct fs_open_record;

/* An additional flag in fs.agreed: FUSE_INIT was received. */
#define FS_SESSION (UINT64_C(1) << 63)

enum fs_count { FS_REQUESTS, FS_FAILED, FS_BYTES_READ, FS_BYTES_WRITTEN,
		FS_LOST,	/* inodes and handles not found by a restore */
		FS_COUNTS };

struct fs_queue {
	struct fs *fs;
	struct vq *q;		/* while the queue runs */
	uint32_t index;
	struct iovec *pieces;
	uint32_t npieces;
	unsigned char *text;	/* FS_TEXT bytes */
	uint64_t unique;	/* of the last request */
	uint32_t kind;		/* likewise; enum fs_kind */
	struct virtdev_measured *measured; /* NULL: nothing is measured */
	bool waits_for_window;	/* its reply depends on pending window changes */
	int event;		/* if the device has a window or workers; else -1 */
	uint32_t nwaiting;	/* under window_lock; 0 with workers, where each
				   job has its own */
	struct fs_job *job;	/* the job that owns this queue, or NULL */
	struct fs_job **jobs;	/* config.workers jobs, or NULL */
	struct fs_job *idle_jobs;
	uint32_t nbusy;		/* jobs that are not idle, including detached */
	uint32_t ndetached;	/* atomic */
	struct fs_job *done;	/* under job_queue.lock */
	uint32_t ndone;		/* under job_queue.lock */
	struct fs_job *waiting_jobs; /* done except for pending window changes;
				   under window_lock */
	uint32_t nwaiting_jobs;	/* under window_lock */
	struct fs_waiting *waiting; /* FS_MAX_WAITING if the device has a window;
				   waiting[nwaiting] is the current request's.
				   A job's queue has one */
};

/* The end of a session in turns: the slots that were not dropped yet. */
struct fs_ending {
	bool runs;
	uint32_t handle, inode;
};

struct fs {
	struct virtdev *dev;
	struct fs_space space;
	struct virtdev_fs_config config; /* without its strings */
	uint64_t valid_s;	/* entry_valid and attr_valid, in seconds */
	uint64_t fd_limit;	/* first descriptor reserved for the process */
	int folder;		/* the shared directory, O_PATH */
	uint64_t folder_dev;	/* st_dev of folder */
	int folder_served;	/* enum fs_served of folder */
	int proc;		/* /proc/self/fd, O_PATH */
	struct fs_idmap uids, gids;
	uint32_t umask;		/* of the process */
	uint32_t uid, gid;	/* effective, of the process */
	gid_t *groups;		/* supplementary groups of the process, if root */
	size_t ngroups;
	struct fs_owners owners;
	uint64_t agreed;	/* atomic: negotiated flags and FS_SESSION */
	pthread_mutex_t lock;	/* of inodes, handles and recover */
	pthread_mutex_t mounts_lock;
	struct fs_mount mounts[FS_MOUNTS];
	uint32_t nmounts;	/* atomic; never decreases */
	struct fs_load load;
	struct fs_ending ending;
	struct fs_recover recover;
	bool kept;		/* atomic: a reset must not end the session, since
				   the guest did not request it: the session was
				   just restored, or this process exits */
	struct fs_pool inodes, handles;
	uint32_t *buckets, nbuckets; /* hash of inodes by dev and ino */
	pthread_mutex_t window_lock; /* see virtdev_priv_fs_window_lock() */
#ifdef VIRTDEV_DEBUG
	uintptr_t window_owner;	/* atomic: the thread that holds it, or 0 */
#endif
	struct fs_chunk *chunks; /* of the window */
	uint32_t nchunks;
	uint32_t nmapped;	/* atomic: chunks that have a file */
	struct fs_deferred_map deferred; /* under window_lock */
	struct fs_job_queue job_queue;
	uint64_t counts[FS_COUNTS];	/* atomic */
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
	uint64_t fh;		/* of requests that begin with it */
};

/* A request in service. */
struct fs_call {
	struct fs *fs;
	struct fs_queue *queue;
	struct fuse_in_header in;
	union fs_args arg;
	struct vq_cursor from;	/* unread part of the request */
	uint32_t left;		/* bytes of it */
	struct vq_cursor to;	/* the reply behind its header */
	char *name, *other;	/* in the queue's text buffer */
	uint32_t text_len;	/* used bytes of the text buffer */
	struct fs_label label;
	uint32_t uid, gid;	/* of the user, mapped to the host */
	uint32_t ngroups;	/* supplementary */
	gid_t groups[FS_GROUPS];
	struct fs_inode *inode;	/* the inode of in.nodeid */
	struct fs_handle *handle;
};

/*
 * The locks of the server come before window_lock: a thread that holds window_lock must
 * not call the server, which may take its own again. Debug builds assert that.
 */
static inline void virtdev_priv_fs_window_lock(struct fs *fs)
{
	pthread_mutex_lock(&fs->window_lock);
#ifdef VIRTDEV_DEBUG
	__atomic_store_n(&fs->window_owner, (uintptr_t)pthread_self(),
			 __ATOMIC_RELAXED);
#endif
}

static inline void virtdev_priv_fs_window_unlock(struct fs *fs)
{
#ifdef VIRTDEV_DEBUG
	__atomic_store_n(&fs->window_owner, 0, __ATOMIC_RELAXED);
#endif
	pthread_mutex_unlock(&fs->window_lock);
}

static inline void virtdev_priv_fs_window_check_unlocked(const struct fs *fs)
{
#ifdef VIRTDEV_DEBUG
	assert(__atomic_load_n(&fs->window_owner, __ATOMIC_RELAXED) !=
	       (uintptr_t)pthread_self());
#endif
	(void)fs;
}

/* Whether the guest may cache names, attributes and link targets. */
static inline bool virtdev_priv_fs_caches_names(const struct virtdev_fs_config *c)
{
	return c->cache == VIRTDEV_FS_CACHE_ALWAYS ||
	       c->cache == VIRTDEV_FS_CACHE_METADATA;
}

/* options.c: checks the configuration and fills in defaults. */
int virtdev_priv_fs_config_fill(struct virtdev_fs_config *c,
				struct vsu_error *err);
int virtdev_priv_fs_add_rules(struct fs_idmap *map, const char *const *rules,
			      uint32_t n, struct vsu_error *err);
/* The lowest descriptor number that the guest may not occupy. */
uint64_t virtdev_priv_fs_fd_limit(void);

/* request.c: the callback of vq_turn(); opaque is the struct fs_queue. */
uint32_t virtdev_priv_fs_serve(void *opaque, struct vq *q,
			       struct vq_chain *chain);

/* extensions.c: parses the extensions behind the texts. -EINVAL: malformed. */
int virtdev_priv_fs_extensions_read(struct fs_call *c);

/* reply.c: returns len, or -EINVAL if the driver's buffer is too small. */
int virtdev_priv_fs_reply(struct fs_call *c, const void *bytes, size_t len);
void virtdev_priv_fs_count(struct fs *fs, enum fs_count which, uint64_t n);
uint32_t virtdev_priv_fs_stats(void *self, struct virtdev_stat *stats,
			       uint32_t max);

/* host_file.c */
struct fs_proc_name virtdev_priv_fs_proc_name(int fd);
int virtdev_priv_fs_stat(int dir, const char *name, struct statx *st);
/* Maps the owner to the guest's IDs. */
void virtdev_priv_fs_attr(const struct fs *fs, const struct statx *st,
			  struct fuse_attr *attr);
/*
 * Closes fd and returns -ENFILE if fd is not below fd_limit - spared, because the
 * remaining descriptors are reserved. closer: from virtdev_priv_fs_closer().
 */
int virtdev_priv_fs_check_kept(const struct fs *fs, int *fd,
			       struct vsu_closer *closer, uint32_t spared);
/*
 * Opens the inode's file with flags. -ENFILE: the file has a server, and too many
 * such files wait to be closed.
 */
int virtdev_priv_fs_reopen(const struct fs *fs, struct fs_inode *inode,
			   int flags);
/* Closes fd, by the closer if the file has a server. Negative: no effect. */
void virtdev_priv_fs_unopen(const struct fs *fs, struct fs_inode *inode, int fd);

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
/* Whether all of these FUSE_INIT flags were negotiated. */
bool virtdev_priv_fs_agreed(const struct fs *fs, uint64_t flags);

#endif
