/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The source of a migration: sends the guest's memory while the guest runs, repeats
 * pages that were written meanwhile, and at last the state of the stopped machine.
 *
 * Threads: vmm_sender_run() has a thread of its own; the owner reads the progress and
 * cancels. The machine is changed by the owner's function call_main, in the main thread.
 */
#ifndef VMM_MIGRATION_SENDER_H
#define VMM_MIGRATION_SENDER_H

#include <vhost/dirty_log.h>
#include <vm-arch/slots.h>

#include "migration/channels.h"
#include "migration/page_set.h"

/* The sender asks its owner to do one of these, and waits. */
enum vmm_sender_call {
	VMM_SENDER_MARK,	/* devices mark the pages they write in a new map */
	VMM_SENDER_THROTTLE,	/* the guest shall run less */
	VMM_SENDER_STOP,	/* stop the guest, and collect its state */
	VMM_SENDER_RELEASE,	/* unlock what the destination will lock */
};

enum vmm_sender_phase {
	VMM_SENDER_CONNECTS,
	VMM_SENDER_COPIES,
	VMM_SENDER_STOPPED,	/* the guest is stopped */
	VMM_SENDER_COMMITTED,	/* the destination may run the guest */
	VMM_SENDER_POSTCOPY,	/* it does, and receives the rest of the memory */
};

struct vmm_sender_config {
	const struct vsu_threads *threads; /* or NULL */
	const char *address;
	const char *no_network;	/* as of a stream */
	struct vsu_closer *closer; /* likewise */
	struct vmm_memory *memory;
	uint64_t failed;	/* its pieces that were lost before */
	const struct vmm_windows *windows;
	const int *pagemap;	/* /proc/self/pagemap; or NULL */
	struct varch_slots *slots;
	const struct vhost_dirty_log *log; /* set by call_main: of other processes */
	char *const *words;	/* the command line */
	int nwords;
	struct vsu_state_writer head; /* finished; describes the machine */
	uint64_t downtime_ns;	/* limit of the last part */
	uint64_t rate;		/* bytes per second, 0: no limit */
	unsigned int channels;	/* additional connections for memory */
	bool converge;		/* may throttle the guest */
	bool postcopy;		/* the guest may run there before its memory is there ... */
	uint64_t rounds;	/* ... after that many rounds, or vmm_sender_switch() */
	bool paused;		/* set by call_main: the guest does not run there either */
	int cancel_fd;		/* readable: end with -ECANCELED */
	/* Waits until the main thread has executed it. */
	int (*call_main)(void *opaque, enum vmm_sender_call call, struct vsu_error *err);
	/*
	 * Writes the disks to stable storage; in the sender's thread. Ends with cancel_fd,
	 * and with -ETIMEDOUT at the deadline, in the time of vsu_now_ns(); 0: none.
	 */
	int (*flush)(void *opaque, uint64_t until_ns, struct vsu_error *err);
	void *opaque;
};

/* Numbers that any thread may read, atomically. */
struct vmm_sender_progress {
	uint32_t phase;		/* enum vmm_sender_phase */
	uint32_t round;
	uint64_t sent, left;	/* bytes */
	uint64_t rate;		/* bytes per second of this round, or else of the last one; 0: unknown */
	uint64_t round_ns, round_sent; /* when the round began; sent before it */
	bool switches;		/* to post-copy */
};

struct vmm_sender {
	struct vmm_sender_config config;
	struct vmm_sender_progress progress;
	struct vmem_map *map;	/* set by call_main: with bitmaps of written pages */
	struct vsu_state_writer state; /* set by call_main: state of the stopped machine */

	/* its own */
	struct vmm_stream stream; /* the first connection */
	struct vmm_channels channels;
	struct vmm_stream *streams[VMM_CHANNELS_MAX]; /* these, by number */
	unsigned int nstreams;
	uint64_t set_ns, set_sent; /* when the set began; set_ns 0: of the stopped guest */
	uint64_t shared;	/* pieces of memory that the destination has as well */
	struct vmm_page_set set;
	uint64_t granule;	/* of post-copy: bytes that the destination places at once */
	uint64_t running_ns;	/* post-copy: when the guest continued there */
};

/*
 * Returns 0 when the destination runs the guest. After a failure in phase
 * VMM_SENDER_COMMITTED the destination perhaps runs the guest; in VMM_SENDER_POSTCOPY the
 * guest is lost; in other phases it does not run there.
 */
int vmm_sender_run(struct vmm_sender *s, struct vsu_error *err);

void vmm_sender_progress(const struct vmm_sender *s,
			 struct vmm_sender_progress *out);

/*
 * With post-copy: the present round ends, and the guest continues there. Any thread. Without
 * effect once the pages of the stopped guest are being sent.
 */
void vmm_sender_switch(struct vmm_sender *s);

#endif
