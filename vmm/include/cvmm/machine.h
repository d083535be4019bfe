/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtual machine in the caller's process, on KVM: CPUs, memory, bus, devices, boot.
 *
 *   new       opens, allocates and checks everything; no guest code runs. An owner that
 *             confines its process does so between new and start
 *   start     the guest boots, or continues where it was saved
 *   request   pause, save, migrate, add a device, ... (<cvmm/requests.h>)
 *   free      in any state
 *
 *	rc = cvmm_machine_new(options, &host, &m, &err);
 *	rc = cvmm_machine_start(m, &err);
 *	while (cvmm_machine_dispatch(m))
 *		poll(&(struct pollfd){ cvmm_machine_fd(m), POLLIN, 0 }, 1, -1);
 *	status = cvmm_machine_status(m, &why);
 *
 * A process may have any number of machines. The library prints nothing, installs no signal
 * handler, changes neither limits nor umask, starts no process except that of an address exec:
 * (of a migration, or of the option "incoming"), and does not end the process.
 *
 * Waiting: cvmm_machine_fd() never changes; when it is readable, call cvmm_machine_dispatch(),
 * which does not block, except in a device that does (virtdev_queue_blocks()). It includes
 * time limits.
 *
 * Threads: a machine is confined to one thread, on which all callbacks are made unless they
 * say otherwise. cvmm_machine_new() and cvmm_machine_start() may be called on different threads; from
 * the start on, use the thread that called it. A machine that does not run may be freed on any thread,
 * and cvmm_machine_kill() called on any until then. The machine has a thread per CPU, unless its owner lends them (cvmm_machine_run_cpu()), and
 * those that the options of its devices name. A save, a migration, a prefetch, a preallocation, and
 * with "incoming" the wait for the guest have one or more. All of these threads block all signals
 * except those of their own faults and SIGUSR2, which the machine sends to its CPUs; no handler of
 * SIGUSR2 is called.
 *
 * SIGBUS: memory and images are mapped files, which other processes can truncate. An owner
 * whose handler calls vmem_sigbus_fix() with the table of each machine survives this
 * (vm-memory/sigbus.h); without tables, the process ends.
 *
 * SIGPIPE: output of the guest to a pipe without a reader raises it, as write() does. An owner
 * whose standard output or ports can be pipes should ignore it.
 */
#ifndef CVMM_MACHINE_H
#define CVMM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cvmm/attributes.h>
#include <cvmm/events.h>
#include <cvmm/options.h>
#include <cvmm/servers.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sock.h>

VSU_BEGIN_DECLS

struct cvmm_machine;
struct varch_poison;
struct virtdev;

/* Lines for the operator, which fail no call. */
enum cvmm_log_level {
	CVMM_LOG_ERROR,		/* data or a device was lost */
	CVMM_LOG_WARNING,	/* a request was rejected, or the host fails a device */
	CVMM_LOG_INFO,		/* a peer connected or disconnected */
};

/* The work of a thread that the machine starts. */
enum cvmm_thread {
	CVMM_THREAD_CPU,	/* runs guest code */
	CVMM_THREAD_OTHER,	/* of a device, a save, a migration, ... */
};

/* Descriptors that a thread of the owner may close (vmm-sys-util/foreign.h). */
enum cvmm_closer {
	CVMM_CLOSER_PEERS,	/* that peers have sent */
	CVMM_CLOSER_FILES,	/* files of shared folders */
};

/*
 * Fixed layout. A device of the owner, a model on <virtio-devices/device.h>, which the machine
 * serves on its bus as it does its own. The option "device" with the value "own:NAME" places
 * it, as does cvmm_machine_add_own_device().
 *
 * Ownership: the machine borrows dev and is its only server. The owner may free it after
 * cvmm_machine_free(), after CVMM_EVENT_DEVICE_REMOVED with its number, or if the call that
 * passed it failed. A device whose queue_drain does not return 0 within a second of
 * cvmm_machine_free() keeps its queues: it must complete its requests before it is freed.
 *
 * Threads: the model's functions are called on the machine's thread, except those of the
 * configuration space, which CPUs of the guest call; no two at once. The model changes its
 * configuration within them only, and waits for anything else by queue_host_fd. Its reports
 * (virtio-devices/report.h) go to the function log.
 *
 * A saved or migrated machine contains the state that the model's state_save wrote, and the
 * device's name. The owner of the machine that continues passes a device of the same name and
 * id, or that machine is refused before the source of a migration stops the guest.
 */
struct cvmm_own_device {
	const char *name;	/* 1 to 36 letters, digits, '-', '_' and '.' */
	struct virtdev *dev;
};

/*
 * The process of a machine, which may have confined itself. All other members may be zero; the
 * machine copies the struct, and uses what it refers to until it is freed.
 */
struct cvmm_host {
	size_t size;		/* sizeof(struct cvmm_host), by which newer members are known; not 0 */
	void *opaque;		/* for the functions */
	/*
	 * event is valid during the call, which may begin a request, until CVMM_EVENT_ENDED, and
	 * must not free the machine. NULL: no timer looks for events.
	 */
	void (*event)(void *opaque, const struct cvmm_event *event);
	/* Called on any thread. cause names lines of one kind, whose number may be limited; or NULL. */
	void (*log)(void *opaque, enum cvmm_log_level level, const char *cause,
		    const char *text);
	/*
	 * Called on each thread that the machine starts, before its work: may narrow its rights. A negative
	 * errno with its sentence ends the machine, if the thread is that of a CPU; another one
	 * works without it.
	 */
	int (*begin_thread)(void *opaque, enum cvmm_thread kind, struct vsu_error *err);
	/*
	 * A thread cannot be ended, because it waits in the kernel for an unresponsive file or
	 * disk, so that the machine cannot be freed. Its terminal has its modes again. The owner may
	 * end the process, with this status and sentence. On any thread. If it returns, or is NULL,
	 * the machine waits without limit.
	 */
	void (*stuck)(void *opaque, int status, const struct vsu_error *why);
	struct vmem_sigbus *sigbus; /* of this machine alone; see above */
	/*
	 * Asked when the machine has such descriptors, so that the closer's threads may be started
	 * then. NULL, or returns NULL, with the reason if they cannot be started: the machine's
	 * threads close them.
	 */
	struct vsu_closer *(*closer)(void *opaque, enum cvmm_closer kind, struct vsu_error *err);
	/*
	 * Two descriptors for "stdio", input and output; NULL: none. A terminal is in raw mode until
	 * the machine ends.
	 */
	const int *stdio;
	const int *kvm;		/* a descriptor of /dev/kvm, duplicated; NULL: it is opened */
	/* For options "own:NAME", and for device-add, until the machine is freed. */
	const struct cvmm_own_device *devices;
	unsigned int ndevices;
	bool lends_cpus;	/* the machine starts no threads for CPUs: cvmm_machine_run_cpu() */
	/*
	 * Kinds that event receives: a union of CVMM_EVENT_BIT(), CVMM_EVENTS_DEFAULT and
	 * CVMM_EVENTS_ALL; 0: CVMM_EVENTS_DEFAULT. cvmm_machine_new() refuses a kind that the library
	 * does not have by -EINVAL, except in CVMM_EVENTS_ALL.
	 */
	uint64_t events;
	/*
	 * Pages that the host's memory has lost, by the handler of SIGBUS (vm-arch/poison.h). -EINVAL
	 * without sigbus.
	 */
	struct varch_poison *poison;
	/*
	 * A descriptor of /proc/self/pagemap that this process opened, for saves, migrations and
	 * working sets; NULL: it is opened. It is borrowed.
	 */
	const int *pagemap;
	const struct vsu_sock_access *sockets; /* of sockets that the machine creates; NULL: 0600 */
	const struct cvmm_servers *servers; /* starts back-ends (backend=spawn); NULL: none can be started */
	/* The sentence for a migration by TCP in a process without a network. NULL: it is tried. */
	const char *no_network;
	/*
	 * In a process that does not see all files: the sentence's end for a socket that does not exist,
	 * which begins "'PATH' ". NULL: the error of connect() alone.
	 */
	const char *no_path;
	/* Receives the exit status, one of enum vsu_exit, if cvmm_machine_new() fails; not kept. Or NULL. */
	int *status;
	/* A line for the user at the terminal, who has typed Ctrl-A c. NULL: none is printed. */
	void (*tell)(void *opaque, const char *line);
};

/*
 * Checks a host, which may be NULL, as cvmm_machine_new() does: for a program that opens other
 * files first. -EINVAL, -E2BIG and -EBADF.
 */
CVMM_API int cvmm_host_check(const struct cvmm_host *host, struct vsu_error *err) VSU_NODISCARD;

/*
 * Makes a machine. host may be NULL. It connects to the back-ends of its devices, so it may
 * block up to their time limits.
 *
 * With "incoming" it returns at once, and a thread waits for the source (CVMM_STATE_WAITING),
 * opens what the options name and makes the machine. Until a dispatch has seen the end of
 * this, descriptors in options are borrowed, functions of own devices are called on that thread,
 * and requests fail with -EAGAIN. A start in this state takes effect when the guest has
 * arrived. If it does not arrive, the machine ends, with an exit status and a sentence.
 * cvmm_machine_kill() and cvmm_machine_free() end the wait, except for a back-end that
 * connects.
 *
 * -ENOENT, -EINVAL: an option, or a file or own device that it names; a host without its size, or an array that is NULL;
 * -E2BIG: a member of the host that this library does not have, see <vmm-sys-util/sized.h>;
 * -EBADF: stdio is not open; -EBUSY: an image or own device is in use; -ENODEV,
 * -EACCES: /dev/kvm; -EBADMSG: the folder of "from", is damaged;
 * -EOPNOTSUPP: the host lacks what err names. The options may be freed afterwards.
 */
CVMM_API int cvmm_machine_new(const struct cvmm_options *options, const struct cvmm_host *host,
			      struct cvmm_machine **out, struct vsu_error *err) VSU_NODISCARD;

/* Once. On failure the machine can only be freed. */
CVMM_API int cvmm_machine_start(struct cvmm_machine *m, struct vsu_error *err) VSU_NODISCARD;

/*
 * With lends_cpus: runs a CPU of the guest, from 0 on, on this thread, which its owner may pin,
 * limit or prioritize. It waits for cvmm_machine_start(), and returns when the machine has
 * ended: the dispatch that returns false waits for it, as does cvmm_machine_free(). Signals are
 * blocked meanwhile. A CPU without a thread does not run, and delays nothing.
 *
 * Any thread but that of the machine, until cvmm_machine_free(). To free a machine whose
 * threads may not have called yet, kill it, dispatch it to its end if it was started, and join
 * them. 0: the machine has ended; -EINVAL: no such CPU, or without lends_cpus; -EBUSY: another
 * thread runs the CPU; -EAGAIN: a guest has not arrived (CVMM_STATE_WAITING).
 */
CVMM_API int cvmm_machine_run_cpu(struct cvmm_machine *m, unsigned int cpu,
				  struct vsu_error *err) VSU_NODISCARD;

/* Readable when dispatch has work; owned by the machine. */
CVMM_API int cvmm_machine_fd(const struct cvmm_machine *m);

/* One turn; within a callback of m, none. False: the machine has ended. */
CVMM_API bool cvmm_machine_dispatch(struct cvmm_machine *m);

/*
 * How the machine ended: one of enum vsu_exit, with a sentence in *why, which may be empty
 * and may be NULL. VSU_EXIT_OK: powered off; VSU_EXIT_REBOOT: reset; VSU_EXIT_PANIC;
 * VSU_EXIT_MIGRATED; VSU_EXIT_FAIL: the guest reported a failure, or cvmm_machine_kill().
 * -EAGAIN: it has not ended.
 */
CVMM_API int cvmm_machine_status(const struct cvmm_machine *m, struct vsu_error *why) VSU_NODISCARD;

/*
 * Whether its owner ended the machine, by cvmm_machine_stop() or cvmm_machine_kill(), before the
 * guest did. False: it has not ended, or otherwise.
 */
CVMM_API bool cvmm_machine_was_ended(const struct cvmm_machine *m);

/* Asks the guest to power off, by ACPI or (arm64) a key of the device tree. -EOPNOTSUPP: a built-in guest; -EAGAIN: it does not run. */
CVMM_API int cvmm_machine_press_power(struct cvmm_machine *m, struct vsu_error *err) VSU_NODISCARD;

/* Ends the guest at once; a dispatch then returns false. Any thread. */
CVMM_API void cvmm_machine_kill(struct cvmm_machine *m);

/*
 * Ends the guest at once, with this status, one of enum vsu_exit, and sentence. No effect on a guest
 * that has ended, or before the machine is made (CVMM_STATE_WAITING). Any thread.
 */
CVMM_API void cvmm_machine_end(struct cvmm_machine *m, int status, const char *why);

/*
 * The terminal of the member stdio of the host: for SIGWINCH, before this process stops itself
 * (SIGTSTP), and after it was continued (SIGCONT). Without a terminal, or with "incoming" until the
 * guest has arrived, they have no effect. A process that ends without its machine calls suspend,
 * on any thread.
 */
CVMM_API void cvmm_machine_resize_terminal(struct cvmm_machine *m);
CVMM_API void cvmm_machine_suspend_terminal(struct cvmm_machine *m);
CVMM_API void cvmm_machine_resume_terminal(struct cvmm_machine *m);

/* Ends the guest if it runs, and frees the machine; m may be NULL. */
CVMM_API void cvmm_machine_free(struct cvmm_machine *m);

VSU_END_DECLS

#endif
