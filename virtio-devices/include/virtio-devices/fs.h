/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A file system device (VIRTIO 1.3, section 5.11): a folder of the host that
 * the guest mounts. The requests in its queues are those of FUSE, 7.31 and
 * later (linux/fuse.h).
 *
 *   folder   what is shared. Nothing outside of it can be named: every step of
 *            a path is one name, looked up below a descriptor that is held
 *            already, and links are never followed on the host. File systems
 *            that are mounted in the folder are a part of it
 *   inode    a file that the driver knows by a number: a descriptor of the
 *            host each, or a file handle, until it forgets the file
 *   handle   a file or a folder that it has opened: one descriptor each
 *   window   where the guest has pages of files as memory (DAX): shared memory
 *            region 0, in which the driver asks for pieces of files. Where
 *            the home maps later, behind a socket, a request waits for that
 *            and the queue goes on: with 16 of them at most
 *
 * Both tables are bounded, and a guest that wants more gets ENFILE. The
 * device's queues are one of high priority, whose requests are the driver's
 * notes of what it forgot, and those of requests.
 *
 * As root, a process makes what the guest makes for the user in the guest who
 * made it; otherwise all belongs to the owner of the process. Who may do what is
 * judged by the guest's kernel, and by the host's: for that user, in the groups
 * that the guest named and no other, or for the owner of the process. Linux names
 * one beside the first from 6.3 on: that of the folder, for a user who is in it.
 *
 * Users and groups may have other numbers in the guest than here. Rules say which:
 *
 *   guest:GUEST:HOST:COUNT         numbers of the guest from GUEST on, one by one
 *   host:HOST:GUEST:COUNT          numbers of the host, for the guest to see
 *   map:GUEST:HOST:COUNT           both
 *   squash-guest:GUEST:HOST:COUNT  numbers of the guest, all of them HOST
 *   squash-host:HOST:GUEST:COUNT   numbers of the host, all of them seen as GUEST
 *   forbid-guest:GUEST:COUNT       numbers by which the guest makes nothing and
 *                                  gives nothing away: EPERM
 *
 * A number that no rule is about is the same on both sides; in one direction no
 * number has two. They hold for who makes a file and who asks whether he may, for
 * new owners and for owners that the guest sees.
 *
 * Who changes what is in a file takes its SUID and SGID, unless the guest says that
 * he may keep them; a driver with a window takes them itself.
 *
 * Locks are the guest's kernel's alone unless the owner of the device asks for
 * more. Nobody waits for one of the host's then: F_SETLKW and flock() say EAGAIN
 * where others would have to wait.
 *
 * A device that a guest has mounted moves to another one with the same folder and
 * the same options: files are found there by their paths, or by file handles on
 * the same file system, where both devices use them, and opened again. A file that
 * is not found is lost: ESTALE. Locks that others heed and files in the window do not
 * move: virtdev_state_take() says -EOPNOTSUPP while there are some.
 *
 * A session outlives its process where there is a file for it (recover), on the same
 * host: the device of the next process, with the same folder and the same options,
 * has it before a queue runs, and a guest that does not begin anew goes on. Files are
 * found by their names or handles, with their numbers and times of birth; one that
 * is not found is ESTALE, a handle that cannot be had again EBADF. Locks are gone. A
 * request that comes again because it was not answered is answered as it was done. The
 * file is made where there is none, belongs to this process's user, and is held by
 * one device at a time; what is in it is believed as little as a guest. A reset ends
 * the session in it, unless the process says that it ends (virtdev_fs_keep());
 * virtdev_free() does not. Who cuts the file ends that and nothing else, where the
 * device has a sigbus table (virtdev_fs_check()). A rename costs one more system call,
 * and a call in a few hundred that tells of a new file makes the file longer: where
 * that cannot be, the files that are told of from then on do not outlive the process.
 *
 * Nothing is opened by an absolute path after virtdev_fs_new(): a program may
 * change its root then. It must not have forked in between, for the device
 * opens its own descriptors anew by its process's folder in /proc.
 *
 * Threads: as device.h. serve waits for the host's file system.
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

/* Bytes of a tag, at most. */
#define VIRTDEV_FS_TAG_MAX 36u

/* Queues of requests, at most; beside them is the one of high priority. */
#define VIRTDEV_FS_QUEUES_MAX 64u

/* Rules of numbers, of users and of groups, at most. */
#define VIRTDEV_FS_RULES_MAX 16u

#define VIRTDEV_FS_WORKERS_MAX 64u

/* Threads at requests that were left, at a time. */
#define VIRTDEV_FS_LEFT_MAX 64u

/* Windows are multiples of what a driver maps at once. */
#define VIRTDEV_FS_WINDOW_ALIGN (UINT64_C(2) << 20)

/* For how long the driver may believe what it was told of a file. */
enum virtdev_fs_cache {
	VIRTDEV_FS_CACHE_AUTO,	/* a second */
	VIRTDEV_FS_CACHE_ALWAYS, /* a day: the guest alone changes the folder */
	VIRTDEV_FS_CACHE_NEVER,	/* it asks each time */
};

/*
 * Whether a file that the driver knows is found again by a handle of the host's
 * file system (CAP_DAC_READ_SEARCH) while nobody is at it, and not held open.
 */
enum virtdev_fs_handles {
	VIRTDEV_FS_HANDLES_NEVER,
	VIRTDEV_FS_HANDLES_PREFER,	/* where that can be */
	VIRTDEV_FS_HANDLES_MANDATORY,	/* others cannot be had: EOPNOTSUPP */
};

/*
 * Files that the driver knew on another device, whose state is loaded, and that
 * are not found here: they were removed, say, while it had them open.
 */
enum virtdev_fs_lost {
	VIRTDEV_FS_LOST_ABORT,	/* the state is refused */
	VIRTDEV_FS_LOST_ERROR,	/* the driver's requests for them fail */
};

struct vmem_sigbus;
struct vsu_closer;

struct virtdev_fs_config {
	size_t size;		/* sizeof(struct virtdev_fs_config) */
	const char *path;	/* of the folder */
	const char *tag;	/* what the guest mounts it by: 1 to
				   VIRTDEV_FS_TAG_MAX bytes */
	uint64_t window;	/* bytes, a multiple of VIRTDEV_FS_WINDOW_ALIGN,
				   1 TiB at most; 0: no DAX */
	uint32_t cache;		/* enum virtdev_fs_cache */
	uint32_t queues;	/* of requests; 0: 1 */
	uint32_t queue_max;	/* entries of each; 0: 1024 */
	uint32_t inodes;	/* at most; 0: as many as the limit of open
				   files leaves beside the handles, or a million
				   with file_handles, which take none */
	uint32_t handles;	/* at most; 0: an eighth of that limit. When the
				   process has but a sixteenth of it left, and
				   64 at least, no more of both are had */
	bool read_only;		/* nothing in the folder is changed */
	bool xattr;		/* extended attributes go through */
	bool submounts;		/* the guest is told where another file system
				   of the host begins */
	bool posix_lock;	/* locks of records (fcntl), */
	bool flock;		/* and of whole files hold for the host and
				   for other guests, too */
	uint32_t file_handles;	/* enum virtdev_fs_handles */
	/*
	 * Rules of numbers of users and of groups that are others in the guest than
	 * here, in virtiofsd's words; VIRTDEV_FS_RULES_MAX at most. Texts and arrays
	 * are the caller's.
	 */
	uint32_t nuid_rules, ngid_rules;
	const char *const *uid_rules, *const *gid_rules;
	bool posix_acl;		/* access control lists go through, and the guest
				   judges by them; with xattr */
	uint32_t lost;		/* enum virtdev_fs_lost */
	uint32_t workers;	/* threads in virtdev_fs_work(), at most
				   VIRTDEV_FS_WORKERS_MAX, which do the requests
				   of all queues: so many of each at once. 0: a
				   queue's own thread does */
	const char *recover;	/* a file in which the session outlives the
				   process, or NULL; not with a window. Read by
				   virtdev_fs_new(): -EBUSY, another device has
				   it; -EBADMSG, -EINVAL: it is none, or of
				   other options */
	bool security_label;	/* a label (security.*) that a driver of Linux 6.3
				   or later gives to what it makes is there before
				   the driver is told of it, or nothing is made;
				   with xattr. The process has to be one that may
				   set it: CAP_SYS_ADMIN, without SELinux. Other
				   than files and folders: Linux 6.13 */
	struct vmem_sigbus *sigbus; /* for the file (recover), which is mapped;
				   it outlives the device. NULL: who cuts that
				   file ends the process */
	struct vsu_closer *closer; /* closes files that have a server of their
				   own (FUSE or a network), so that a close which
				   it does not answer holds up no reset and no
				   other request (vmm-sys-util/foreign.h); a lock
				   of such a file ends as late. All others are
				   closed by when the driver is told, or the
				   session is over. One that keeps nothing open;
				   it outlives the device. NULL: all are */
};

/*
 * -EINVAL: the struct's size, no folder or tag, or a number that is not possible;
 * -EPERM, -EOPNOTSUPP: file handles, where they are mandatory;
 * -EOPNOTSUPP: access control lists, where the folder has none;
 * -ENAMETOOLONG: the tag; -ENOTDIR, -ENOENT, -EACCES: the folder cannot be
 * opened; -ENOSYS: /proc is missing; -EMFILE, -ENFILE: the limit of open files is
 * too low for anything; or the host's error for one of the two.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_fs_new(
		const struct virtdev_fs_config *config, struct virtdev **out,
		struct vsu_error *err);

/*
 * A thread of the caller's does requests until virtdev_fs_work_end(), from whatever
 * thread, which is for good. queue_drain counts those that are being done, and
 * queue_stop waits for them: for ever, where the host's file system does. The
 * device lives until the thread is back. -EINVAL: no device of virtdev_fs_new().
 */
VIRTDEV_API int virtdev_fs_work(struct virtdev *dev) VSU_NODISCARD;
VIRTDEV_API void virtdev_fs_work_end(struct virtdev *dev);

/*
 * Who asked is gone and its queues are being drained, which takes long: requests that
 * no thread has begun are left undone, and those that a thread is at are left to it,
 * where they wait for the host and change nothing there. queue_drain does not count
 * them, queue_stop does not wait for them, and nothing of the guest's is theirs: what
 * is read of a file that has a server comes by way of other memory. Says how many
 * threads are at such requests now, VIRTDEV_FS_LEFT_MAX at most, with former ones:
 * each is back at its work when the host has answered it, and until then the
 * caller may have another one in its place. From the thread of queue_stop.
 */
VIRTDEV_API uint32_t virtdev_fs_leave(struct virtdev *dev);

/*
 * The process is about to end, and its guest shall go on with the next one: a reset
 * from now on, such as that of a session that ends, leaves what is in the file
 * (recover). Nothing without one. From any thread.
 */
VIRTDEV_API void virtdev_fs_keep(struct virtdev *dev);

/*
 * Whether the session still outlives the process: 0, also where that was not asked
 * for; -EIO: somebody cut the file (recover), and the device goes on without it. A
 * program asks after its sigbus table told of a block (vmem_sigbus_fd()), or at any
 * other time. From any thread.
 */
VIRTDEV_API int virtdev_fs_check(struct virtdev *dev, struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
