/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests to a machine that runs. The commands of docs/control.md call these functions: a command
 * is allowed when its function is, and fails with the same sentence.
 *
 * Requests with an answer take time: see cvmm_answer_fn. The others are complete when they
 * return. Each returns 0, or a negative errno and its reason; a failed call has begun nothing,
 * and does not call the answer. -EAGAIN: the machine does not run; -EBUSY, -EPERM: the machine
 * refuses the request during a save, a migration or another activity; -ENOMEM.
 *
 * Structs are read up to their member size, so that newer members can be added; 0 in all
 * others is the default. -E2BIG: a member that this library does not have is not 0
 * (<vmm-sys-util/sized.h>); -EINVAL: no struct or size, a number with an array that is NULL, or a
 * member without an effect on the request. Strings and descriptors are borrowed during the call.
 *
 * Devices are named by their numbers: those of the options from 0 on, in the order of the
 * status, and those that cvmm_machine_add_device() returns.
 *
 * Threads: that of the machine.
 */
#ifndef CVMM_REQUESTS_H
#define CVMM_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cvmm/attributes.h>
#include <cvmm/machine.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Numbers of a request that has succeeded; those of other requests are 0. More may be added. */
struct cvmm_answer {
	size_t size;		/* of the library's struct: members beyond it do not exist */
	unsigned int device;	/* cvmm_machine_add_device(): its number */
	uint64_t sent;		/* cvmm_machine_migrate(): bytes */
	uint64_t downtime_us;	/* likewise: the guest did not run */
	uint64_t bytes, ranges;	/* cvmm_machine_record_working_set(): of used memory */
};

/*
 * The answer to a request, once: before the function of the request returns, or by a later dispatch,
 * at the latest by cvmm_machine_free(). why is NULL if the request succeeded; answer is valid during
 * the call. The function may begin another request, and must not free the machine. NULL in its place:
 * the answer is dropped.
 */
typedef void (*cvmm_answer_fn)(void *opaque, const struct vsu_error *why,
			       const struct cvmm_answer *answer);

/*
 * The answer that would be given to this function with this opaque is dropped, and its request
 * continues. False: none is awaited, or the function is being called at this moment.
 */
CVMM_API bool cvmm_machine_forget_answer(struct cvmm_machine *m, cvmm_answer_fn answer,
					 const void *opaque);

/* No CPU runs until resume. No effect if it is paused. */
CVMM_API int cvmm_machine_pause(struct cvmm_machine *m, struct vsu_error *err) VSU_NODISCARD;
CVMM_API int cvmm_machine_resume(struct cvmm_machine *m, struct vsu_error *err) VSU_NODISCARD;

/* Ends the machine with VSU_EXIT_REBOOT, as if the guest had requested it. */
CVMM_API int cvmm_machine_reset(struct cvmm_machine *m, struct vsu_error *err) VSU_NODISCARD;

/* Ends the machine with VSU_EXIT_OK, without the guest. */
CVMM_API int cvmm_machine_stop(struct cvmm_machine *m, struct vsu_error *err) VSU_NODISCARD;

/* The state of a machine after it was saved. */
enum cvmm_then {
	CVMM_THEN_RESUME,	/* or stay paused, if it was */
	CVMM_THEN_PAUSE,
	CVMM_THEN_STOP,		/* with VSU_EXIT_OK */
};

/* One target: folder, or descriptors. */
struct cvmm_save {
	size_t size;		/* sizeof(struct cvmm_save); not 0 */
	const char *folder;	/* a new folder, which appears when it is complete; or NULL */
	/*
	 * One: a folder without files of these names. Three: empty regular files for "memory",
	 * "state" and "machine.json", which no Landlock rule restricts, and which keep their
	 * names, if they have some, until the answer. After a failure, files in the
	 * folder are removed, and the owner removes those that it opened.
	 */
	const int *fds;
	unsigned int nfds;
	enum cvmm_then then;	/* other values are refused */
	/*
	 * "memory" has only the pages that the guest has changed since it continued from a saved
	 * machine, the base: that of "from", or of "base" if that one is incremental, too. The
	 * machine that continues needs the base, unchanged, in its option "base".
	 */
	bool incremental;
};

/*
 * Refuses saves and migrations of the machine with -EOPNOTSUPP and this sentence: the owner has a connection with
 * the guest that would not continue in a copy. The sentence stays valid until the machine is freed; NULL allows them.
 */
CVMM_API void cvmm_machine_refuse_copies(struct cvmm_machine *m, const char *why);

/*
 * For the option "from". The guest is paused until its memory is written, and with
 * CVMM_THEN_RESUME it runs while the files are synchronized. With CVMM_THEN_STOP the folder
 * is a template: its memory and disks stay as they are, and any number of machines with
 * "clone" continue from it. -EOPNOTSUPP: a device cannot be saved, incremental without
 * mapped memory of a saved machine, or cvmm_machine_refuse_copies(); -EEXIST: the target is in use; -ETIMEDOUT: a device or
 * a flush did not end in time, or nothing was written for 30 seconds. The machine then uses
 * the descriptors until the host's call has returned, and refuses other saves (-EBUSY).
 */
CVMM_API int cvmm_machine_save(struct cvmm_machine *m, const struct cvmm_save *save,
			       cvmm_answer_fn answer, void *opaque,
			       struct vsu_error *err) VSU_NODISCARD;

/* A target: file, or fd. */
struct cvmm_core {
	size_t size;		/* sizeof(struct cvmm_core); not 0 */
	const char *file;	/* a new file, which is removed after a failure; or NULL */
	int fd;			/* without file: an empty regular file, open for writing, which
				   the owner removes after a failure */
};

/*
 * Writes the guest's memory and the registers of its CPUs as an ELF core for debuggers. The
 * guest is stopped until they are written. -EOPNOTSUPP: private memory; -EEXIST: the target is in use;
 * -ETIMEDOUT: as for a save.
 */
CVMM_API int cvmm_machine_write_core(struct cvmm_machine *m, const struct cvmm_core *core,
				     cvmm_answer_fn answer, void *opaque,
				     struct vsu_error *err) VSU_NODISCARD;

struct cvmm_migration {
	size_t size;		/* sizeof(struct cvmm_migration); not 0 */
	const char *address;	/* of the destination, as that of the command; NULL: sock */
	int sock;		/* a connected stream socket; without address */
	bool passes_memory;	/* sock is a UNIX socket to a machine on this host: memory in
				   files is passed by descriptor, as by an address unix:PATH */
	bool auto_converge;	/* slow down a guest that writes too fast */
	bool postcopy;		/* the guest moves before its memory ... */
	unsigned int rounds;	/* ... after that many copies of it, at most 1000; 0 without postcopy */
	unsigned int downtime_ms; /* permitted pause, at most 60000; 0: 300 */
	unsigned int connections; /* for memory, at most 16; 0: 1 */
	uint64_t rate;		/* bytes per second; 0: no limit */
};

/*
 * Moves the guest to a machine with "incoming"; then this one ends with VSU_EXIT_MIGRATED.
 * After a failure the guest continues here. -EINVAL: the address or a number; -ENOTSOCK,
 * -EPROTOTYPE, -ENOTCONN: sock.
 */
CVMM_API int cvmm_machine_migrate(struct cvmm_machine *m, const struct cvmm_migration *migration,
				  cvmm_answer_fn answer, void *opaque,
				  struct vsu_error *err) VSU_NODISCARD;
/* The migration fails, unless it ends before. -ENOENT: none is in progress. */
CVMM_API int cvmm_machine_cancel_migration(struct cvmm_machine *m,
					   struct vsu_error *err) VSU_NODISCARD;
/*
 * The guest of a migration with postcopy moves now, before its memory. -ENOENT: none is in progress;
 * -EINVAL: it has no postcopy.
 */
CVMM_API int cvmm_machine_start_postcopy(struct cvmm_machine *m,
					 struct vsu_error *err) VSU_NODISCARD;

/*
 * Starts the command of an address "exec:COMMAND" by a shell, for a machine in another process that may
 * not: a connected socket for the member sock there, or a negative errno. The caller closes it, and ends
 * the command after the migration. Any thread.
 */
CVMM_API int cvmm_migration_start_command(const char *command, pid_t *process,
					  struct vsu_error *err) VSU_NODISCARD;
/* Waits a second for the command to end by itself, and ends it then. */
CVMM_API void cvmm_migration_end_command(pid_t process);

/*
 * Writes the list of the pages that the guest has used to the folder of "from", for the option
 * "prefetch". -EOPNOTSUPP: the machine does not map the memory of a folder; -EBUSY: a recording is in
 * progress.
 */
CVMM_API int cvmm_machine_record_working_set(struct cvmm_machine *m, cvmm_answer_fn answer,
					     void *opaque, struct vsu_error *err) VSU_NODISCARD;

/*
 * Chooses the events that the owner receives from now on, as the member events of struct cvmm_host
 * does; 0: none. Without any, the machine has no timer for them. Also before the
 * start. -EINVAL: a kind that the library does not have, or a host without the function event.
 */
CVMM_API int cvmm_machine_choose_events(struct cvmm_machine *m, uint64_t events,
					struct vsu_error *err) VSU_NODISCARD;

/*
 * Adds a device to a machine with a PCI bus: properties as those of the option "device". "fd:0",
 * "fd:1" name fds. *number is known at once; the answer follows when the guest can find the
 * device, after a handshake with a back-end. -EOPNOTSUPP: no bus; -ENOSPC: it is full.
 */
CVMM_API int cvmm_machine_add_device(struct cvmm_machine *m, const char *properties,
				     const int *fds, unsigned int nfds, unsigned int *number,
				     cvmm_answer_fn answer, void *opaque,
				     struct vsu_error *err) VSU_NODISCARD;

/*
 * Adds a device of the owner, see struct cvmm_own_device; own is borrowed during the call. The
 * answer precedes the return. -EINVAL: its name; -EBUSY: dev has a server; else likewise.
 */
CVMM_API int cvmm_machine_add_own_device(struct cvmm_machine *m,
					 const struct cvmm_own_device *own,
					 unsigned int *number, cvmm_answer_fn answer,
					 void *opaque, struct vsu_error *err) VSU_NODISCARD;

/*
 * Asks the guest to release a device, or with force removes it at once. The answer follows
 * when the device is gone, which a guest without a driver never permits. -ENOENT: no such
 * device; -EOPNOTSUPP: it cannot be removed.
 */
CVMM_API int cvmm_machine_remove_device(struct cvmm_machine *m, unsigned int number, bool force,
					cvmm_answer_fn answer, void *opaque,
					struct vsu_error *err) VSU_NODISCARD;

/*
 * The new size of a disk, balloon or memory device; the guest follows at its own pace. -ENOENT:
 * no such device; -EOPNOTSUPP: a device without a size; -EINVAL: bytes.
 */
CVMM_API int cvmm_machine_resize_device(struct cvmm_machine *m, unsigned int number,
					uint64_t bytes, struct vsu_error *err) VSU_NODISCARD;

/*
 * Adds CPUs until the machine has cpus, at most the maximum of the option "cpus"; the guest brings
 * them online at its own pace. An owner that lends threads runs them from then on. After the
 * failure of a thread the machine keeps the CPUs before it; one whose begin_thread fails ends the
 * machine. -EINVAL: too many; -EOPNOTSUPP: fewer than the machine has, or a guest without ACPI.
 */
CVMM_API int cvmm_machine_add_cpus(struct cvmm_machine *m, unsigned int cpus,
				   struct vsu_error *err) VSU_NODISCARD;

/*
 * Changes rate limits of a disk or network card: properties such as "rate=10M,iops=1000". -ENOENT: no
 * such device; -EOPNOTSUPP: a device without limits; -EINVAL: properties.
 */
CVMM_API int cvmm_machine_limit_device(struct cvmm_machine *m, unsigned int number,
				       const char *properties,
				       struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
