/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Parts of an owner of machines: its log on standard error, a thread that closes descriptors. */
#ifndef VMM_TESTS_OWNER_H
#define VMM_TESTS_OWNER_H

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include <vmm-sys-util/thread.h>

#include "owner/owner.h"

static inline void tests_line(void *opaque, enum cvmm_log_level level, const char *cause,
			      const char *text)
{
	(void)opaque;
	(void)level;
	(void)cause;
	(void)!dprintf(STDERR_FILENO, "%s\n", text);
}

static const struct vmm_log tests_log __attribute__((unused)) = { .line = tests_line };

static struct vsu_closer *tests_closing;	/* of this file's owner; or NULL: not started */

static inline void *tests_close(void *closer)
{
	while (vsu_closer_turn(closer) > 0)
		;
	return NULL;
}

static inline struct vsu_closer *tests_closer_get(void *opaque, struct vsu_error *err)
{
	struct vsu_closer *closer;
	pthread_t id;
	int rc;

	(void)opaque;
	if (tests_closing || vsu_closer_new(&closer, err) < 0)
		return tests_closing;
	rc = vsu_thread_start(NULL, &id, tests_close, closer);
	if (rc < 0) {
		vsu_error_sys(err, rc, "cannot start a thread that closes descriptors");
		vsu_closer_free(closer);
		return NULL;
	}
	pthread_detach(id);
	tests_closing = closer;
	return closer;
}

/* The member closer of struct cvmm_host. */
static inline struct vsu_closer *tests_closer_of(void *opaque, enum cvmm_closer kind, struct vsu_error *err)
{
	return kind == CVMM_CLOSER_PEERS ? tests_closer_get(opaque, err) : NULL;
}

static const struct vmm_closer tests_closer __attribute__((unused)) = { .get = tests_closer_get };

/* Waits until the thread has closed all, also files that stay open otherwise. */
static inline void tests_closer_settle(void)
{
	if (tests_closing)
		vsu_closer_set_keep(tests_closing, 0);
	while (tests_closing && vsu_closer_waiting(tests_closing))
		sched_yield();
}

#endif
