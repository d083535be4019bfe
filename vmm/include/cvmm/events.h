/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Events of a machine, which the function event of struct cvmm_host receives.
 *
 * Each kind sets the members that name it; the others are 0, and strings empty. Progress and
 * sizes of balloons are reported at most twice a second, whatever the guest does, and progress
 * once more at the end.
 *
 * Threads: events are reported on the thread of their machine. An event and its strings are
 * valid until the function returns.
 */
#ifndef CVMM_EVENTS_H
#define CVMM_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cvmm/status.h>

VSU_BEGIN_DECLS

/*
 * More may be added. An owner receives those of its mask (struct cvmm_host), so that a newer library
 * reports no kind to it that it does not know.
 */
enum cvmm_event_kind {
	CVMM_EVENT_PAUSED = 1,
	CVMM_EVENT_RESUMED,
	CVMM_EVENT_PANICKED,	/* the guest's kernel; CVMM_EVENT_ENDED follows */
	CVMM_EVENT_RESET,	/* requested by the guest; likewise */
	CVMM_EVENT_ENDED,	/* no CPU runs any more: status, cause */
	CVMM_EVENT_DEVICE_LOST,	/* its back-end: device, final, cause */
	CVMM_EVENT_DEVICE_BACK,	/* device, settings */
	CVMM_EVENT_BALLOON,	/* the guest has changed its size: device, actual, target */
	CVMM_EVENT_SAVING,	/* progress */
	CVMM_EVENT_MIGRATING,	/* progress */
	CVMM_EVENT_MIGRATION_FAILED, /* cause; the guest continues here, or see enum cvmm_state */
	CVMM_EVENT_MEMORY_ARRIVED, /* all of it, after post-copy */
	CVMM_EVENT_DEVICE_REMOVED, /* the machine has released it: device, whose number is free */
};

/* For masks: that of one kind, and those of the first version, which stay the same in later ones. */
#define CVMM_EVENT_BIT(kind) (UINT64_C(1) << (kind))
#define CVMM_EVENTS_DEFAULT \
	(CVMM_EVENT_BIT(CVMM_EVENT_DEVICE_REMOVED + 1) - CVMM_EVENT_BIT(CVMM_EVENT_PAUSED))
/* Each kind that the library has, also those that this header does not name. */
#define CVMM_EVENTS_ALL UINT64_MAX

/* The fate of all that the driver had set beside the queues of a device. */
enum cvmm_settings {
	CVMM_SETTINGS_REPEATED,	/* the machine has written it again */
	CVMM_SETTINGS_KEPT,	/* the back-end continues with its former state */
	CVMM_SETTINGS_UNKNOWN,	/* of a folder, whose daemon may have it in a file */
	CVMM_SETTINGS_RESET,	/* it is lost; the driver was asked to reset the device */
};

struct cvmm_event {
	size_t size;		/* of the library's struct: members beyond it do not exist */
	enum cvmm_event_kind kind;
	const char *cause;	/* a sentence; empty: none is needed */
	int status;		/* of enum vsu_exit, as cvmm_machine_status() returns later */
	unsigned int device;	/* its number */
	bool final;		/* no other back-end is accepted */
	enum cvmm_settings settings;
	uint64_t actual, target; /* bytes */
	uint64_t time_us;	/* of the host's clock (CLOCK_REALTIME), since 1970 */
	struct cvmm_progress progress;
};

/* The word of a kind, such as "device-lost": static; NULL: the library does not have the kind. */
CVMM_API const char *cvmm_event_name(enum cvmm_event_kind kind);

VSU_END_DECLS

#endif
