/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Data of the file system device that all its rooms share: the device, its queues, jobs,
 * inodes and handles, and a request in service.
 */
#ifndef VIRTIO_DEVICES_FS_DEVICE_PRIV_H
#define VIRTIO_DEVICES_FS_DEVICE_PRIV_H

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
#include <virtio-devices/latency.h>
#include <virtio-queue/cursor.h>
#include <virtio-queue/queue.h>
#include <vmm-sys-util/error.h>

/* musl before 1.2.5 lacks struct statx. This include must follow <sys/stat.h>. */
#ifndef STATX_BASIC_STATS
#include <linux/stat.h>
#endif

#include "fs/device/idmap.h"
#include "fs/device/mapping.h"
#include "fs/device/pool.h"
#include "fs/device/protocol.h"
#include "fs/device/recover_file.h"

/* Maximum bytes of one FUSE_WRITE, and pages of the guest in one request. */
#define FS_TRANSFER (1u << 20)
#define FS_PAGES (FS_TRANSFER / 4096u)

/* Maximum bytes of one FUSE_READ. Linux limits a read only by FS_PAGES, of up to 64 KiB each. */
#define FS_READ_MAX (FS_PAGES * 65536u)

/* Bytes of a queue's text buffer, and of the largest attribute value in it. */
#define FS_TEXT (72u << 10)
#define FS_VALUE_MAX (64u << 10)

/*
 * The open() flags that are passed to the host; the guest kernel handles the others. Each
 * write sets or clears O_APPEND as it requires: virtdev_priv_fs_append_begin().
 */
#define FS_OPEN_FLAGS (O_ACCMODE | O_APPEND | O_TRUNC | O_DSYNC | O_SYNC)

/*
 * open() flags of a restored handle: without O_TRUNC, which acts once, and O_APPEND, which
 * the next write sets.
 */
#define FS_OPEN_AGAIN ((FS_OPEN_FLAGS & ~(O_TRUNC | O_APPEND)) | O_DIRECTORY)

/*
 * The bits that nosuid refuses, except on folders, whose new files inherit the group. SGID
 * counts also without group execute permission, which an access control list may add later.
 */
#define FS_PRIVILEGES (S_ISUID | S_ISGID)

/* The bits of chmod(). */
#define FS_MODE_BITS 07777u

/* Maximum supplementary groups in one request. */
#define FS_GROUPS 32u

/* Kinds of requests, whose latency is measured. */
enum fs_kind { FS_METADATA, FS_READ, FS_WRITE, FS_SYNC };

/* The file name of a descriptor in /proc/self/fd. */
struct fs_proc_name {
	char text[12];
};

/* Whether a server (FUSE, network) provides the file, and so may hang; cached. */
enum fs_served { FS_SERVED_UNKNOWN, FS_SERVED, FS_NOT_SERVED };

/* Whether a lookup in the folder may mount a file system at the name (autofs); cached. */
enum fs_automounts { FS_AUTOMOUNTS_UNKNOWN, FS_AUTOMOUNTS, FS_NO_AUTOMOUNTS };

/*
 * The spellings in which a folder may find a name: other case and Unicode forms, or any
 * (short names, file servers); cached.
 */
enum fs_spelling { FS_SPELLING_UNKNOWN, FS_SPELLING_FOLDED, FS_SPELLING_ANY };

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
	int automounts;		/* atomic; of enum fs_automounts */
	int spelling;		/* atomic; of enum fs_spelling */
	uint32_t rules;		/* atomic; index of the folder of fs_hidden_rules as which it
				   was found, or 0 */
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
	pthread_rwlock_t mode;	/* shared by writes of one mode */
	bool appends;		/* under mode: fd has O_APPEND */
	int64_t next;		/* directory: offset of the next entry */
};

/* in fs.agreed: FUSE_INIT was received */
#define FS_SESSION (UINT64_C(1) << 63)

enum fs_count { FS_REQUESTS, FS_FAILED, FS_BYTES_READ, FS_BYTES_WRITTEN,
		FS_LOST,	/* inodes and handles not found by a restore */
		FS_COUNTS };

/*
 * RUNNING: the thread may access guest memory, locks and tables. IN_HOST_CALL: it is in
 * a host system call that uses none of them, and may be detached when the front-end
 * disconnects. DETACHED: final; the thread finishes alone and discards its result.
 */
enum fs_job_state { FS_JOB_RUNNING, FS_JOB_IN_HOST_CALL, FS_JOB_DETACHED };

/*
 * A request whose queue continues meanwhile: a worker thread serves it, or it waits for
 * all window changes before until. Its own changes begin at from.
 */
struct fs_job {
	struct fs_queue *queue;
	struct fs_queue *own;	/* private buffers, in the form that handlers
				   expect */
	struct vq_chain chain;
	uint32_t written;
	uint64_t popped;	/* if measured: time, ns */
	uint64_t from, until;
	int refused;		/* negative errno of a refused change, or 0 */
	struct fs_job *next;	/* in the list that the job is in */
	int state;		/* atomic; of enum fs_job_state */
	bool threadless;	/* detached, and no thread serves it */
	bool queueless;		/* detached, and its queue dropped it. Under the
				   lock; the second of the two frees the job */
};

/* Jobs of all queues that wait for a thread, in order. */
struct fs_job_queue {
	pthread_mutex_t lock;
	pthread_cond_t more;	/* signals: a job was added, or ending was set */
	pthread_cond_t done;	/* signals: a job is done */
	struct fs_job *first, **end;
	uint32_t ndetached;	/* threads that serve detached jobs */
	bool ending;
};

struct fs_queue {
	struct fs *fs;
	struct vq *q;		/* while the queue runs */
	uint32_t index;
	struct iovec *pieces;
	uint32_t npieces;
	unsigned char *text;	/* FS_TEXT bytes */
	uint64_t unique;	/* of the last request */
	uint32_t kind;		/* of the last request; enum fs_kind */
	struct virtdev_measured *measured; /* NULL: nothing is measured */
	bool waits_for_window;	/* its reply depends on pending window changes */
	int event;		/* if the device has a window or workers; else -1 */
	struct fs_job *job;	/* the job that owns this queue, or NULL */
	struct fs_job **jobs;	/* if the queue has an event: njobs, or NULL */
	uint32_t njobs;
	struct fs_job *idle_jobs;
	uint32_t nbusy;		/* jobs that are not idle, including detached */
	uint32_t ndetached;	/* atomic */
	struct fs_job *done;	/* under job_queue.lock */
	uint32_t ndone;		/* under job_queue.lock */
	struct fs_job *waiting_jobs; /* done except for pending window changes;
				   under window_lock */
	uint32_t nwaiting_jobs;	/* under window_lock */
};

/* A mount below the shared directory; fd -1: its handles cannot be opened. */
struct fs_mount {
	uint64_t id;
	int fd;
};
#define FS_MOUNTS 64u

struct fs_mounts {
	pthread_mutex_t lock;	/* of changes */
	struct fs_mount all[FS_MOUNTS];
	uint32_t n;		/* atomic; never decreases */
};

/* Owners of record locks in the guest. Threads: any that holds lock. */
struct fs_owners {
	pthread_mutex_t lock;
	void *tree;		/* tsearch() tree of struct fs_owner */
	uint32_t n, max;
	uint32_t nrecords;	/* record locks of all owners */
};

struct fs_groups {
	gid_t *ids;
	size_t n;
};

/* Names of a folder that the driver cannot use. */
struct fs_hidden {
	const char *folder;	/* its path */
	uint32_t at;		/* index in fs_hidden_rules.folders */
	const char *pattern;	/* of fnmatch() */
	bool shown;		/* an exception, which overrides the others */
	bool names_only;	/* an exception, except for private files */
};

/*
 * A folder of rules, or a parent of one, by its identities (hidden_names.c). The folder
 * above has a lower index; the first one is the shared directory.
 */
struct fs_hidden_folder {
	uint32_t above;
	const char *name;	/* in the folder above: len bytes of a rule's path */
	uint32_t len;
	bool sealed;		/* a rule "FOLDER/.": the folder itself does not change */
	bool fixed;		/* sealed, or its inode number may change when it is evicted from
				   memory: the driver does not rename it */
	uint64_t first;		/* identity when the device was created; 0: it did not exist */
	uint64_t last;		/* atomic: identity of another folder that was found later, or
				   0; the inodes of earlier ones have the index */
};

struct fs_hidden_rules {
	char *text;		/* contains the strings of the rules */
	struct fs_hidden *rules;
	uint32_t n;
	struct fs_hidden_folder *folders;
	uint32_t nfolders;
};

/* The load of a saved state, in turns. */
struct fs_load {
	uint64_t agreed;	/* flags of FUSE_INIT */
	int lost;		/* files and handles that this host lacks */
	enum { FS_LOAD_FILES, FS_LOAD_HANDLES, FS_LOAD_WINDOW } phase;
	bool has_window;	/* the state has the list of the window */
	struct fs_piece piece;	/* file of the last mapped chunk */
	unsigned int names;	/* opened in this turn */
	int parent;		/* folder of the last path, or -1 */
	char parent_path[PATH_MAX];
};

/* Whether a reset keeps the session. */
enum fs_keep {
	FS_KEEP_NOTHING,	/* no: the guest requested the reset */
	FS_KEEP_RESTORED,	/* yes: it was just restored, no queue has run */
	FS_KEEP_ALWAYS,		/* yes: this process exits; final */
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
	struct {
		bool automounts; /* folder is of autofs */
		int spelling;	/* enum fs_spelling */
	} folder_names;
	int proc;		/* /proc/self/fd, O_PATH */
	struct fs_idmap uids, gids;
	uint32_t umask;		/* of the process */
	uint32_t uid, gid;	/* effective, of the process */
	struct fs_groups groups; /* supplementary, of the process, if root */
	struct fs_hidden_rules hidden;
	struct fs_owners owners;
	uint64_t agreed;	/* atomic: negotiated flags and FS_SESSION */
	pthread_mutex_t lock;	/* of inodes, handles and recover */
	struct fs_mounts mounts;
	struct fs_load load;
	struct fs_ending ending;
	struct fs_recover recover;
	int keep;		/* atomic; of enum fs_keep */
	struct fs_pool inodes, handles;
	uint32_t *buckets, nbuckets; /* hash of inodes by dev and ino */
	pthread_mutex_t window_lock; /* see virtdev_priv_fs_window_lock() */
#ifdef VIRTDEV_DEBUG
	uintptr_t window_owner;	/* atomic: the thread that holds it, or 0 */
#endif
	struct fs_chunk *chunks; /* of the window */
	struct fs_files *files;	/* one per chunk; see virtdev_priv_fs_files_of() */
	uint32_t nchunks;
	uint32_t nmapped;	/* atomic: chunks that have a file */
	struct fs_deferred_map deferred; /* under window_lock */
	struct fs_job_queue job_queue;
	uint64_t counts[FS_COUNTS];	/* atomic */
	uint32_t nqueues;
	struct fs_queue queues[];
};

/* A label of the request; the strings are in the queue's text buffer. */
struct fs_label {
	const char *name;	/* of the attribute; NULL: no label */
	char *value;
	uint32_t len;
};

/* Offset of a label or an attribute's value in the text buffer, behind the names. */
#define FS_VALUE_AT (FS_TEXT - FS_VALUE_MAX)

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
	bool in_private;	/* READDIR, READDIRPLUS: the folder is private, see
				   virtdev_priv_fs_is_in_private() */
};

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
#define FS_OPENS 0x800u		/* reaches content: not of a file that became private */
#define FS_REPLIES_ENTRY 0x400u		/* replies with fuse_entry_out of the name;
					   not with FS_TEXT_ONLY, which is no name */

/*
 * Returns the bytes of the reply behind its header, or a negative errno: then the reply
 * is the header alone.
 */
typedef int fs_handler(struct fs_call *c);

/* A FUSE operation: its requirements and its handler. */
struct fs_operation {
	const char *name;
	fs_handler *serve;
	uint16_t args;		/* minimum bytes */
	uint16_t room;		/* minimum bytes for the reply behind its header */
	uint8_t texts;		/* enum fs_texts */
	uint16_t flags;		/* FS_* */
};

/*
 * Whether worker threads serve the queue. Requests of queue 0 (FORGET) have no reply that a
 * driver waits for.
 */
static inline bool virtdev_priv_fs_has_workers(const struct fs_queue *q)
{
	return q->fs->config.workers && q->index;
}

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

/* reply.c: returns len, or -EINVAL if the driver's buffer is too small. */
int virtdev_priv_fs_reply(struct fs_call *c, const void *bytes, size_t len);
void virtdev_priv_fs_count(struct fs *fs, enum fs_count which, uint64_t n);
uint32_t virtdev_priv_fs_stats(void *self, struct virtdev_stat *stats,
			       uint32_t max);

/* Whether all of these FUSE_INIT flags were negotiated. */
bool virtdev_priv_fs_agreed(const struct fs *fs, uint64_t flags);

extern const char *const virtdev_priv_fs_kinds[];
uint32_t virtdev_priv_fs_kind(uint32_t opcode);

/* A chain was popped. Returns the time, for the call of end when it was pushed. */
uint64_t virtdev_priv_fs_measure_begin(const struct fs_queue *q);
void virtdev_priv_fs_measure_end(const struct fs_queue *q, uint32_t kind,
				 uint64_t popped);

/* host_file.c */
struct fs_proc_name virtdev_priv_fs_proc_name(int fd);
/* stx_mnt_id is not valid before Linux 5.8: see virtdev_priv_fs_stat_mount(). */
int virtdev_priv_fs_stat(int dir, const char *name, struct statx *st);
/* Whether a file, not a folder, has one of FS_PRIVILEGES, or a mode that cannot be read. */
bool virtdev_priv_fs_is_privileged(int fd);
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
 * Opens the inode's file with flags, with O_APPEND only if the file requires it. -ENFILE: the
 * file has a server, and too many such files wait to be closed.
 */
int virtdev_priv_fs_reopen(const struct fs *fs, struct fs_inode *inode,
			   int flags);
/* Closes fd, by the closer if the file has a server. Negative: no effect. */
void virtdev_priv_fs_unopen(const struct fs *fs, struct fs_inode *inode, int fd);
/*
 * The closer for a descriptor of this inode, or NULL if close() cannot hang. The first
 * call for a file calls fstatfs(), which may block on the server.
 */
struct vsu_closer *virtdev_priv_fs_closer(const struct fs *fs,
					  struct fs_inode *inode, int fd);
/* Initializes folder_dev and folder_served; requires an open fs->folder. */
void virtdev_priv_fs_served_init(struct fs *fs, uint64_t dev);
/* -ENFILE: the file has a server, and too many such files wait to be closed. */
int virtdev_priv_fs_check_unclosed(const struct fs *fs, struct fs_inode *inode);
/* Preserves errno. */
void virtdev_priv_fs_close(struct vsu_closer *closer, int *fd);
/* Whether reads must use a bounce buffer. 1, 0, or -ECANCELED: detached. */
int virtdev_priv_fs_is_served(const struct fs_call *c);

/*
 * detached.c: enclose a host system call that changes nothing on the host, holds no
 * lock, and does not access guest memory. end returns rc, or -ECANCELED if the request
 * was detached meanwhile: its handler then accesses only its own data. Both do nothing
 * without workers.
 */
void virtdev_priv_fs_host_call_begin(const struct fs_call *c);
int virtdev_priv_fs_host_call_end(const struct fs_call *c, int rc);
bool virtdev_priv_fs_is_detached(const struct fs_call *c);
/* Under the job queue's lock: removes the jobs of q that wait for a thread. */
struct fs_job *virtdev_priv_fs_jobs_pop_queued(struct fs_job_queue *w,
					       const struct fs_queue *q);
void virtdev_priv_fs_job_free(struct fs_job *job);
/* Under the job queue's lock: detaches every job that can be detached. */
void virtdev_priv_fs_jobs_detach(struct fs_queue *q);
/* Under the job queue's lock: a thread finished job. True: it was detached. */
bool virtdev_priv_fs_detached_done(struct fs_job_queue *w, struct fs_job *job);
/* The queue stops: drops its detached jobs. */
void virtdev_priv_fs_detached_release(struct fs_queue *q);

#endif
