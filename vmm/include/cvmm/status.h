/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of a machine, in any state of its life: numbers of the command "status" as structs.
 * The command has more: rings, latencies and statistics of devices, and pieces of memory.
 *
 * The caller sets size in each struct; only members below it are written.
 *
 * Threads: that of the machine.
 */
#ifndef CVMM_STATUS_H
#define CVMM_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cvmm/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct cvmm_machine;

/* More may be added. */
enum cvmm_state {
	CVMM_STATE_NEW,		/* not started */
	CVMM_STATE_RUNNING,
	CVMM_STATE_PAUSED,	/* by its owner */
	CVMM_STATE_SAVING,
	CVMM_STATE_MIGRATING,
	CVMM_STATE_UNDECIDED,	/* a migration failed, and another process perhaps runs the guest;
				   cvmm_machine_resume() continues it here */
	CVMM_STATE_DAMAGED,	/* a part of the guest's memory is lost: it does not run again */
	CVMM_STATE_ENDED,
	CVMM_STATE_WAITING,	/* "incoming": its guest has not arrived; other members are 0 */
};

/* More may be added. */
enum cvmm_phase {
	CVMM_PHASE_NONE,	/* no migration is in progress */
	CVMM_PHASE_CONNECTING,
	CVMM_PHASE_COPYING,	/* while the guest runs */
	CVMM_PHASE_STOPPED,	/* the destination has the guest's state */
	CVMM_PHASE_UNKNOWN,	/* its last reply is missing */
	CVMM_PHASE_POSTCOPY,	/* the guest runs there, and receives memory */
};

struct cvmm_progress {
	/* bytes of a save's memory; total 0: no save, or it waits for devices */
	uint64_t save_done, save_total;
	enum cvmm_phase phase;	/* of a migration; the others are 0 without one */
	uint32_t round;		/* of copying */
	uint64_t sent;		/* bytes */
	uint64_t left;		/* bytes of this round, or that the destination lacks */
	uint32_t throttle;	/* percent of the time in which CPUs do not run */
	uint64_t rate;		/* bytes per second of this round, or of the last; 0: not known yet */
};

struct cvmm_statistics {
	size_t size;		/* sizeof(struct cvmm_statistics); not 0 */
	enum cvmm_state state;
	bool paused;		/* also during a save or migration: the guest stays so */
	unsigned int cpus;	/* that the machine has */
	unsigned int devices;	/* their numbers are smaller; some may be free */
	uint64_t age_ns;	/* since the guest booted, here or where it came from */
	uint64_t paused_ns;	/* of it, here: pauses by the owner, saves, a migration's stop */
	uint64_t memory;	/* bytes of the guest */
	uint64_t present;	/* bytes of it in the host's memory */
	uint64_t arriving;	/* bytes that the source of a migration has not sent yet */
	uint64_t exits;		/* returns of all CPUs from KVM */
	uint64_t lost_devices;	/* whose back-end has failed for good */
	uint64_t memory_repairs; /* of lost memory */
	uint64_t memory_conversions, memory_failed_conversions; /* between private and shared */
	uint64_t window_changes; /* of mappings in shared memory regions */
	uint64_t console_lost_bytes; /* output of the serial port that no reader or file took */
	struct cvmm_progress progress;
	uint64_t uptime_ns;	/* since this process made the machine */
	/* Both are valid as long as the machine; NULL: not given, or its guest has not arrived. */
	const char *name;	/* of the option "name" */
	const char *kernel;	/* as it was named when the guest booted */
	uint64_t serial_unrecorded_bytes; /* that the option "serial-log" could not write */
	unsigned int max_cpus;	/* see cvmm_machine_add_cpus() */
};

/* -EINVAL: no size. */
CVMM_API int cvmm_machine_get_statistics(struct cvmm_machine *m, struct cvmm_statistics *out,
					 struct vsu_error *err) VSU_NODISCARD;

struct cvmm_device {
	size_t size;		/* sizeof(struct cvmm_device); not 0 */
	const char *kind;	/* "blk", as in the option "device"; static; NULL: of another VMM */
	uint32_t id;		/* of virtio */
	unsigned int slot;	/* on the PCI bus; 0: on none */
	bool coming;		/* the handshake with its back-end is incomplete */
	bool leaving;		/* the guest was asked to release it, or has done so */
	const char *name;	/* of the owner's device, valid until it is removed; else NULL */
	const char *file;	/* backing file or folder, as named; likewise */
};

/* -ENOENT: no device has this number; -EINVAL: no size. */
CVMM_API int cvmm_machine_get_device(struct cvmm_machine *m, unsigned int number,
				     struct cvmm_device *out, struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
