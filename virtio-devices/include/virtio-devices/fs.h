/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A file system device (VIRTIO 1.3, section 5.11): a folder of the host that the
 * guest mounts. Requests are FUSE, 7.31 and later (linux/fuse.h).
 *
 *   folder   the shared tree, including file systems mounted in it. Names are
 *            resolved one at a time below an open descriptor, and the device
 *            never follows a symbolic link on the host
 *   inode    a file that the driver has looked up: a descriptor, or a file
 *            handle, until the driver forgets it
 *   handle   an open file or folder: one descriptor
 *   window   shared memory region 0, into which the driver maps parts of files
 *            (DAX). Behind vhost-user the front-end maps them, and up to 16 requests
 *            of a queue, or as many as there are workers, wait for its replies
 *
 * Limits: when a table is full, requests fail with ENFILE.
 *
 * Ownership: if this process runs as another user than root, all files belong to that
 * user. If it runs as root, a new file belongs to the guest's user who creates it. The
 * host checks the permissions of that user, with the supplementary group that drivers of
 * Linux 6.3 and later send. An older driver sends no group. If the host then refuses a
 * creation (EACCES), the device repeats it with CAP_DAC_OVERRIDE, because the guest's
 * kernel has checked the permissions. It does not repeat the creation if a rule squashes
 * the user or the group. Writing clears SUID and SGID as the driver requests.
 *
 * Rules (uid_rules, gid_rules) translate IDs between guest and host. IDs without a
 * rule are unchanged. At most one rule per direction may apply to an ID.
 *
 *   guest:GUEST:HOST:COUNT         guest IDs from GUEST to host IDs from HOST
 *   host:HOST:GUEST:COUNT          host IDs to guest IDs
 *   map:GUEST:HOST:COUNT           both directions
 *   squash-guest:GUEST:HOST:COUNT  all these guest IDs to HOST
 *   squash-host:HOST:GUEST:COUNT   all these host IDs to GUEST
 *   forbid-guest:GUEST:COUNT       requests with these guest IDs fail: EPERM
 *
 * Privileges: root of the guest is root of the folder if this process runs as root. nosuid
 * and nodev keep the guest from making files that give privileges to users of the host, who
 * can reach the folder.
 *
 * Locks are local to the guest unless posix_lock or flock is set. With these options,
 * blocking locks are not supported: F_SETLKW and flock() return EAGAIN instead of
 * waiting.
 *
 * Threads: as in device.h. Serving a queue blocks in the host's file system. Before
 * Linux 6.13, a request for extended attributes makes the serving thread's working
 * directory its own (unshare(CLONE_FS)). virtdev_fs_new() opens all paths; afterwards
 * the program may change its root. The device works only in the process that created
 * it, not in a forked child: it uses the /proc/self/fd of that process.
 */
#ifndef VIRTIO_DEVICES_FS_H
#define VIRTIO_DEVICES_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Maximum bytes of a tag. */
#define VIRTDEV_FS_TAG_MAX 36u

/* Maximum request queues, not counting the high-priority queue. */
#define VIRTDEV_FS_QUEUES_MAX 64u

/* Maximum ID rules, for users and for groups each. */
#define VIRTDEV_FS_RULES_MAX 16u

#define VIRTDEV_FS_WORKERS_MAX 64u

/* Maximum threads with detached requests. */
#define VIRTDEV_FS_DETACHED_MAX 64u

/* Windows are multiples of the driver's mapping unit. */
#define VIRTDEV_FS_WINDOW_ALIGN (UINT64_C(2) << 20)

/* How long the driver may cache names and attributes. */
enum virtdev_fs_cache {
	VIRTDEV_FS_CACHE_AUTO,	/* one second */
	VIRTDEV_FS_CACHE_ALWAYS, /* one day: only the guest changes the folder */
	VIRTDEV_FS_CACHE_NEVER,	/* not at all */
	VIRTDEV_FS_CACHE_METADATA, /* one day; file contents are not cached */
};

/*
 * Whether inodes are stored as file handles of the host's file system, which uses no
 * descriptor (requires CAP_DAC_READ_SEARCH).
 */
enum virtdev_fs_handles {
	VIRTDEV_FS_HANDLES_NEVER,
	VIRTDEV_FS_HANDLES_PREFER,	/* where supported */
	VIRTDEV_FS_HANDLES_MANDATORY,	/* other files fail: EOPNOTSUPP */
};

/*
 * Reaction to files in a loaded state that do not exist in this folder, for example
 * because they were removed while open. A state contains paths, and file handles if
 * the device uses them. Saving fails with -EOPNOTSUPP while host locks exist, and behind
 * vhost-user also while DAX mappings exist. With another server, a load maps these files
 * again.
 */
enum virtdev_fs_lost {
	VIRTDEV_FS_LOST_ABORT,	/* loading fails */
	VIRTDEV_FS_LOST_ERROR,	/* requests for these files fail: ESTALE */
};

struct vmem_sigbus;
struct vsu_closer;

struct virtdev_fs_config {
	size_t size;		/* sizeof(struct virtdev_fs_config) */
	const char *path;	/* of the folder */
	const char *tag;	/* the name that the guest mounts: 1 to
				   VIRTDEV_FS_TAG_MAX bytes */
	uint64_t window;	/* bytes, a multiple of VIRTDEV_FS_WINDOW_ALIGN,
				   at most 1 TiB; 0: no DAX */
	uint32_t cache;		/* enum virtdev_fs_cache */
	uint32_t queues;	/* request queues; 0: 1 */
	uint32_t queue_size_max;	/* entries of each; 0: 1024 */
	uint32_t inodes;	/* maximum; 0: the limit of open files less
				   handles, or a million with file_handles */
	uint32_t handles;	/* maximum; 0: an eighth of the limit of open
				   files. Both tables are also full while the
				   process has less than a sixteenth of that
				   limit, or less than 64, descriptors free */
	bool read_only;		/* requests that change the folder fail */
	bool xattr;		/* support extended attributes */
	bool submounts;		/* report mount points of the host */
	bool posix_lock;	/* record locks (fcntl) apply to the host and
				   to other guests */
	bool flock;		/* whole-file locks (flock) apply there, too */
	uint32_t file_handles;	/* enum virtdev_fs_handles */
	/*
	 * Rules for user and group IDs, with the syntax of virtiofsd; at most
	 * VIRTDEV_FS_RULES_MAX each. Borrowed for the call.
	 */
	uint32_t nuid_rules, ngid_rules;
	const char *const *uid_rules, *const *gid_rules;
	bool posix_acl;		/* support access control lists, which the
				   guest enforces; requires xattr */
	uint32_t lost;		/* enum virtdev_fs_lost */
	uint32_t workers;	/* threads in virtdev_fs_work(), at most
				   VIRTDEV_FS_WORKERS_MAX, which execute the
				   requests of all queues; 0: the thread that
				   serves a queue executes its requests */
	/*
	 * A file that keeps the session when this process ends, or NULL; excludes a
	 * window. The next device with the same folder, options and file continues
	 * the session: it finds files by name or file handle and reopens handles. If
	 * the driver repeats a request that was completed, the device returns the
	 * recorded result. Requests for missing files fail with ESTALE, those for
	 * handles that cannot be reopened with EBADF; locks are lost. The
	 * file is created if absent, is locked by one device, and its content is
	 * untrusted. -EBUSY: locked by another device; -EBADMSG, -EINVAL: not such a
	 * file, or other options. Each rename costs one extra system call. The file
	 * grows once per few hundred new inodes; if that fails, later inodes are not
	 * kept. See virtdev_fs_keep() and virtdev_fs_check().
	 */
	const char *recover;
	bool security_label;	/* set the security label that a driver of Linux
				   6.3 or later sends when it creates a file, or
				   fail the creation; requires xattr and, without
				   SELinux, CAP_SYS_ADMIN */
	struct vmem_sigbus *sigbus; /* for the mapping of recover; outlives the
				   device. NULL: truncation of that file ends the
				   process by SIGBUS */
	struct vsu_closer *closer; /* closes files of file servers (FUSE, network;
				   vmm-sys-util/foreign.h), so that an unresponsive
				   server delays no reset or request. Locks on such
				   files are released when they are closed. Call
				   vsu_closer_set_keep() with 0. Outlives the
				   device. NULL: the device closes them itself */
	/*
	 * Names that do not exist for the driver: it cannot find, list, open, create,
	 * rename or remove them. Paths below the folder, separated by colons, such as
	 * "etc/shadow:home/?*:!home/me". The last name is a pattern of fnmatch(3), and a
	 * backslash escapes any byte. With "!" a path is an exception, which overrides
	 * all others of its folder; with a slash at its end, private files (hide_private)
	 * at and below it remain hidden. The last name "." seals the folder: the driver neither
	 * changes its attributes nor renames or removes it. Symbolic links are not followed.
	 *
	 * A rule applies in the folder that has its path when the device is created, also
	 * after a rename by the host and under another path (bind mounts), and in each one that
	 * the driver finds at the path later: a new folder, or a mounted one. The driver cannot
	 * rename the folder of a rule or one on its path: EBUSY. Other spellings that the file
	 * system accepts are hidden, too; hard links of a hidden file are not. Borrowed for the
	 * call. NULL: none.
	 *
	 * With or without rules, only names that are mounted exist in folders of autofs.
	 */
	const char *hidden;
	/*
	 * Has the effect of mount(8)'s nosuid. The device cannot make the host's kernel ignore
	 * privileges of a file, so it refuses to create them: modes with SUID or SGID, except of
	 * folders; file capabilities; access control lists and writable mappings of files that
	 * have one of the two bits. These requests fail with EPERM. A change of content clears
	 * the bits as if its user were unprivileged.
	 */
	bool nosuid;
	bool nodev;		/* EPERM: new device nodes, except the whiteout 0:0 */
	/*
	 * Hides private files from the driver, by the permissions of others in their modes
	 * (chmod(2)): files without reading and execution; folders without execution, with all
	 * their content; FIFOs, sockets and devices without reading and writing. An exception of
	 * hidden remains visible, with all below it and the folders on its path. If the host
	 * makes a file private later, the driver cannot open it again: ESTALE. Only with
	 * read_only.
	 */
	bool hide_private;
};

/*
 * Checks a configuration as virtdev_fs_new() does, without opening any file: for
 * programs that enter a sandbox before they create the device. -EINVAL or
 * -ENAMETOOLONG, as virtdev_fs_new(); -ENOMEM.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_fs_config_check(
		const struct virtdev_fs_config *config, struct vsu_error *err);

/*
 * -EINVAL: wrong struct size, no folder or tag, a value out of range, too many rules, or
 * rules that exclude each other;
 * -EPERM, -EOPNOTSUPP: mandatory file handles are not supported;
 * -EOPNOTSUPP: the folder does not support access control lists;
 * -ENAMETOOLONG: the tag; -ENOTDIR, -ENOENT, -EACCES: the folder cannot be opened;
 * -ENOSYS: /proc is missing; -EMFILE, -ENFILE: the limit of open files is too low;
 * or another error of the host.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_fs_new(
		const struct virtdev_fs_config *config, struct virtdev **out,
		struct vsu_error *err);

/*
 * Executes requests on the calling thread until any thread calls
 * virtdev_fs_work_end(), which is permanent. queue_drain counts running requests, and
 * queue_stop waits for them, without limit if the host's file system hangs. Free the
 * device only after all calls have returned. -EINVAL: the device is no file system.
 */
VIRTDEV_API int virtdev_fs_work(struct virtdev *dev) VSU_NODISCARD;
VIRTDEV_API void virtdev_fs_work_end(struct virtdev *dev);

/*
 * Call it after the front-end has disconnected, if draining takes long: detaches
 * requests. Queued requests are dropped. Requests that block in the host without
 * changing it are detached, except queries of record locks and mappings of the window:
 * their worker thread finishes alone and discards the result, queue_drain and queue_stop
 * ignore them, and they do not access guest memory. Returns
 * the number of threads with detached requests, at most VIRTDEV_FS_DETACHED_MAX; the
 * caller may start a replacement for each. Each thread resumes its work when the host
 * has answered. Call it on the thread of queue_stop.
 */
VIRTDEV_API uint32_t virtdev_fs_detach(struct virtdev *dev);

/*
 * Call it before the process ends, if a replacement process is to continue the session:
 * resets after this call keep the content of recover, including the reset at the end of
 * the session. No effect without recover. Any thread.
 */
VIRTDEV_API void virtdev_fs_keep(struct virtdev *dev);

/*
 * Checks whether the file recover is still usable. 0: yes, or recover is NULL; -EIO:
 * another process truncated the file, and the device continues without it. Call it
 * after vmem_sigbus_fd() was signalled, or at any time. Any thread.
 */
VIRTDEV_API int virtdev_fs_check(struct virtdev *dev, struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
