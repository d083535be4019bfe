/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Events and progress as JSON, for clients that listen.
 *
 * Threads: no state.
 */
#ifndef VMM_CONTROL_EVENT_LINE_H
#define VMM_CONTROL_EVENT_LINE_H

#include <vmm-sys-util/json.h>

#include <cvmm/events.h>

/* The line of docs/control.md, allocated; NULL: no memory. */
char *vmm_event_line(const struct cvmm_event *event);

/* Members of events and of the status: "saving", and "migration", if there is one. */
void vmm_progress_write_save(const struct cvmm_progress *p, struct vsu_json *to);
void vmm_progress_write_migration(const struct cvmm_progress *p, struct vsu_json *to);

#endif
