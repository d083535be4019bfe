/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of a machine, in any state of its life: what the commands "status" and "memory" of
 * docs/control.md print, as structs.
 *
 * The caller sets size in each struct; only members below it are written. Functions with a number
 * count from 0, and fail by -ENOENT behind the last:
 *
 *	for (i = 0; !cvmm_machine_get_cpu(m, i, &cpu, NULL); i++)
 *		use(&cpu);
 *
 * A ring, counter or latency of a device fails by -ENOENT also while the handshake with its back-end
 * is incomplete. Each function fails by -EINVAL if its struct has no size.
 *
 * Threads: that of the machine.
 */
#ifndef CVMM_STATUS_H
#define CVMM_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
	const char *initrd;	/* as kernel */
	bool saves;		/* a save has begun, also while it waits for devices */
	bool arrives;		/* memory comes from the source of a migration, after its guest */
	uint64_t arriving_requests; /* pages that were requested of that source */
};

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
	const char *option;	/* that is named for the kind, such as "disk"; static; NULL: none */
	pid_t process;		/* of its back-end; 0: this one, the kernel, or unknown */
	uint64_t gpa;		/* of its registers, if it is on no bus */
	uint32_t irq;
	const char *server;	/* of its queues; static: "inline", "kernel", "user", or "spawn" */
	const char *socket;	/* of its back-end, valid until it is removed; NULL: none */
};

/* -ENOENT: no device has this number, which can be free between others. */
CVMM_API int cvmm_machine_get_device(struct cvmm_machine *m, unsigned int number,
				     struct cvmm_device *out, struct vsu_error *err) VSU_NODISCARD;

struct cvmm_ring {
	size_t size;		/* sizeof(struct cvmm_ring); not 0 */
	bool ready;		/* the driver has set it up; the members below are 0 otherwise */
	char name[32];		/* of VIRTIO, such as "receiveq1"; empty: unknown */
	unsigned int entries;
	bool has_indices;	/* it is split, and its memory can be read: */
	uint16_t available, used;
	bool has_depth;		/* the device measures (option "latency"): */
	uint64_t in_flight, max_in_flight; /* requests that were popped and not pushed */
};

/* A queue of a device: each that the device has. */
CVMM_API int cvmm_machine_get_ring(struct cvmm_machine *m, unsigned int device, unsigned int ring,
				   struct cvmm_ring *out, struct vsu_error *err) VSU_NODISCARD;

/* Fixed layout. A statistic of a device. */
struct cvmm_counter {
	const char *name;	/* static, such as "reads" */
	uint64_t value;
};

/*
 * Stores up to max statistics of a device, and their total in *n. The driver of a balloon is asked for
 * newer ones, which arrive later.
 */
CVMM_API int cvmm_machine_get_counters(struct cvmm_machine *m, unsigned int device,
				       struct cvmm_counter *counters, unsigned int max,
				       unsigned int *n, struct vsu_error *err) VSU_NODISCARD;

#define CVMM_LATENCY_BUCKETS 23u

struct cvmm_latency {
	size_t size;		/* sizeof(struct cvmm_latency); not 0 */
	const char *request;	/* their kind; static, such as "read" */
	uint64_t nanoseconds;	/* sum of their times */
	uint64_t buckets[CVMM_LATENCY_BUCKETS];	/* requests up to virtdev_latency_bound(), each in one */
};

/* Times of a device's requests of one kind, with the option "latency". */
CVMM_API int cvmm_machine_get_latency(struct cvmm_machine *m, unsigned int device,
				      unsigned int kind, struct cvmm_latency *out,
				      struct vsu_error *err) VSU_NODISCARD;

struct cvmm_cpu {
	size_t size;		/* sizeof(struct cvmm_cpu); not 0 */
	uint64_t exits;		/* returns from KVM, of which these are: */
	uint64_t io, mmio;	/* accesses */
	uint64_t interrupted;	/* by this process */
};

CVMM_API int cvmm_machine_get_cpu(struct cvmm_machine *m, unsigned int cpu, struct cvmm_cpu *out,
				  struct vsu_error *err) VSU_NODISCARD;

struct cvmm_memory_piece {
	size_t size;		/* sizeof(struct cvmm_memory_piece); not 0 */
	uint64_t gpa, bytes;	/* where the guest has it */
	const char *backend;	/* static: "anon", "memfd", "file", ... */
	bool shared, rom;
	bool has_present;	/* false: an earlier piece of the same memory counts for both */
	uint64_t present;	/* bytes in the host's memory */
	int fd;			/* its file, valid until the next dispatch; -1: of no file */
	bool readonly;		/* the file */
	uint64_t offset;	/* in it */
	bool has_private;	/* pages of it can be private: */
	uint64_t private_bytes, shared_bytes;
	uint64_t conversions, failed_conversions;
	uint64_t released_bytes; /* of unused halves */
	const void *mapped;	/* where this process has it */
	bool writable;		/* by this process */
	const char *slot;	/* what KVM has; static: "plain", "readonly", "bound", or "two-layer" */
	int block_fd;		/* as fd, also of memory without a name; -1: it has none */
};

/* Memory of the guest, in the order of addresses, without the windows of back-ends. */
CVMM_API int cvmm_machine_get_memory(struct cvmm_machine *m, unsigned int piece,
				     struct cvmm_memory_piece *out,
				     struct vsu_error *err) VSU_NODISCARD;

struct cvmm_window {
	size_t size;		/* sizeof(struct cvmm_window); not 0 */
	unsigned int device;	/* that maps files into it */
	unsigned int shmid;	/* of the device */
	uint64_t gpa, bytes;
	unsigned int mappings;
	uint64_t mapped;	/* bytes */
};

/* A shared memory window of a device that the machine has. */
CVMM_API int cvmm_machine_get_window(struct cvmm_machine *m, unsigned int window,
				     struct cvmm_window *out,
				     struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
