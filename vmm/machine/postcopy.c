/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A guest that runs before its memory has arrived. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "log.h"
#include "machine/events.h"
#include "machine/plugged.h"
#include "machine/postcopy.h"
#include "migration/missing.h"
#include "migration/page_fetch.h"
#include "migration/userfault.h"
#include "process.h"

/* For the main thread to publish the loss, unless it waits for a page itself. */
#define LOST_MS 2000

struct vmm_postcopy {
	struct vmm_machine *m;
	int fd;			/* userfaultfd, until it belongs to fetch */
	struct vmem_map *map;	/* of missing */
	struct vmm_page_set missing;
	bool listed;		/* the source has switched */
	struct vmm_page_fetch *fetch;	/* from begin on */
	bool confirmed, held;
	uint64_t begun_ns;
	ev_io arrived, lost;
	int lost_fd;
	struct vsu_error why;	/* written before lost_fd is signalled */
	bool ends;		/* atomic: a thread ends the process */
};

/* --------------------------------------------------------------------- the loss */

/* Not as usual: threads wait for pages that will never arrive. */
static void end_lost(struct vmm_postcopy *p, const struct vsu_error *why, bool is_main)
{
	struct vmm_machine *m = p->m;
	struct vsu_error all;

	if (__atomic_exchange_n(&p->ends, true, __ATOMIC_ACQ_REL))
		for (;;)
			pause();
	vsu_error_set(&all, -ECONNRESET, "post-copy: %s; %" PRIu64 " bytes of the guest's memory had not arrived, and the guest is lost",
		      why->msg, vmm_page_fetch_left(p->fetch));
	if (is_main) {
		vmm_event_end(m, VSU_EXIT_HOST, &all);
		vmm_control_free(m->control);
	}
	if (m->console)
		vmm_console_restore(m->console);
	vmm_stdio_restore(m->stdio);
	prog_complain(&all);
	_exit(VSU_EXIT_HOST);
}

/* In the thread of fetch. */
static void on_thread_lost(void *opaque, const struct vsu_error *why)
{
	struct vmm_postcopy *p = opaque;

	p->why = *why;
	vsu_event_signal(p->lost_fd);
	poll(NULL, 0, LOST_MS);
	end_lost(p, why, false);
}

static void on_lost(struct ev_loop *loop, ev_io *w, int revents)
{
	struct vmm_postcopy *p = w->data;

	(void)loop;
	(void)revents;
	vsu_event_drain(p->lost_fd, NULL);
	end_lost(p, &p->why, true);
}

/* ------------------------------------------------------------------- the arrival */

static void release_devices(struct vmm_postcopy *p)
{
	if (p->held)
		(void)!vmm_plugged_hold(p->m, false, NULL);
	p->held = false;
}

static void on_arrived(struct ev_loop *loop, ev_io *w, int revents)
{
	struct vmm_postcopy *p = w->data;
	struct vmm_machine *m = p->m;

	(void)revents;
	ev_io_stop(loop, w);
	prog_log(PROG_LOG_INFO, "migration", "all memory of the guest has arrived after %" PRIu64 " ms; %" PRIu64 " pages were requested",
		 (vsu_now_ns() - p->begun_ns) / 1000000, vmm_page_fetch_requests(p->fetch));
	vmm_control_publish(m->control, "memory-arrived", "");
	vmm_postcopy_free(m);
}

static void watch_fetch(struct vmm_postcopy *p)
{
	ev_io_init(&p->arrived, on_arrived, vmm_page_fetch_fd(p->fetch), EV_READ);
	p->arrived.data = p;
	ev_io_start(p->m->loop, &p->arrived);
	ev_io_init(&p->lost, on_lost, p->lost_fd, EV_READ);
	p->lost.data = p;
	ev_io_start(p->m->loop, &p->lost);
}

/* ------------------------------------------------------------------------ begin */

int vmm_postcopy_open(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_postcopy *p = calloc(1, sizeof(*p));

	if (!p)
		return vsu_error_set(err, -ENOMEM, "no memory");
	m->restore.postcopy = p;
	p->m = m;
	p->lost_fd = vsu_event_new();
	p->fd = vmm_userfault_open(err);
	if (p->fd < 0)
		return p->fd;
	return p->lost_fd < 0 ? vsu_error_set(err, -EMFILE, "no descriptor is left") : 0;
}

/* Pieces that are not sent, because the source has passed their descriptors. */
static uint64_t shared_pieces(const struct vmm_machine *m)
{
	uint64_t mask = 0;
	unsigned int i;

	for (i = 0; i < VMM_MAX_MEMORY; i++)
		if (m->memory.given[i].len)
			mask |= UINT64_C(1) << i;
	return mask;
}

static int check_device(const struct vmm_device *d, unsigned int i, struct vsu_error *err)
{
	if (d->spec.kernel)
		return vsu_error_set(err, -EOPNOTSUPP, "device %u: the host's kernel serves it (vhost), and post-copy has not been tested with it; migrate without 'postcopy'",
				     i);
	if (d->spec.remote)
		return vsu_error_set(err, -EOPNOTSUPP, "device %u: the back-end at '%s' would not wait for missing pages; migrate without 'postcopy', or to a unix: address, to which shared memory is passed as files",
				     i, d->spec.socket);
	return 0;
}

/* The set is that of the sender: all memory that it sends. */
static int make_set(struct vmm_postcopy *p, struct vsu_error *err)
{
	const struct vmm_machine *m = p->m;
	int rc = vmm_window_map_saved(&m->shmem, &p->map);

	if (rc < 0)
		return vsu_error_sys(err, rc, "the memory to receive");
	return vmm_page_set_init(&p->missing, &m->memory, &m->shmem, shared_pieces(m),
				 p->map, err);
}

static int send_granule(struct vmm_stream *s, uint64_t granule, struct vsu_error *err)
{
	vmm_stream_begin(s, "postcopy");
	vmm_state_put_u64(&s->w, granule);
	return vmm_stream_send(s, err);
}

int vmm_postcopy_check(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_postcopy *p = m->restore.postcopy;
	uint64_t granule;
	unsigned int i;
	int rc;

	if (!p)
		return 0;
	rc = make_set(p, err);
	if (!rc)
		rc = vmm_placer_check(&p->missing, p->fd, &granule, err);
	for (i = 0; !rc && p->missing.n && i < m->ndevices; i++)
		rc = check_device(&m->devices[i], i, err);
	vmm_page_set_clear(&p->missing);
	return rc ? rc : send_granule(m->options->stream, granule, err);
}

int vmm_postcopy_receive(struct vmm_machine *m, struct vmm_state_section *section,
			 struct vsu_error *err)
{
	struct vmm_postcopy *p = m->restore.postcopy;
	int rc = 0;

	while (!rc && p && !strcmp(section->name, "missing")) {
		p->listed = true;
		rc = vmm_missing_receive(&p->missing, section, err);
		if (!rc)
			rc = vmm_stream_receive(m->options->stream, section, err);
	}
	return rc;
}

int vmm_postcopy_begin(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_postcopy *p = m->restore.postcopy;
	int rc;

	if (!p || !p->listed)
		return 0;
	rc = vmm_plugged_hold(m, true, err);
	if (rc < 0)
		return rc;
	p->held = true;
	p->begun_ns = vsu_now_ns();
	rc = vmm_page_fetch_new(&(struct vmm_page_fetch_config){
		.stream = m->options->stream, .missing = &p->missing, .map = p->map,
		.fd = &p->fd, .lost = on_thread_lost, .opaque = p,
	}, &p->fetch, err);
	if (!rc)
		rc = vmm_page_fetch_begin(p->fetch, err);
	if (!rc)
		watch_fetch(p);
	return rc;
}

bool vmm_postcopy_is_active(const struct vmm_machine *m)
{
	return m->restore.postcopy && m->restore.postcopy->fetch;
}

bool vmm_postcopy_is_confirmed(const struct vmm_machine *m)
{
	return m->restore.postcopy && m->restore.postcopy->confirmed;
}

int vmm_postcopy_say(struct vmm_machine *m, const char *name, struct vsu_error *err)
{
	m->restore.postcopy->confirmed = !strcmp(name, "running");
	return vmm_page_fetch_send(m->restore.postcopy->fetch, name, err);
}

int vmm_postcopy_go(struct vmm_machine *m, uint32_t *paused, struct vsu_error *err)
{
	return vmm_page_fetch_go(m->restore.postcopy->fetch, paused, err);
}

int vmm_postcopy_refuse(const struct vmm_machine *m, struct vsu_error *err)
{
	return vmm_postcopy_is_active(m) ?
	       vsu_error_set(err, -EBUSY, "the guest's memory is still arriving from the source of its migration; try again after the event 'memory-arrived'") : 0;
}

void vmm_postcopy_report(const struct vmm_machine *m, FILE *to)
{
	if (!vmm_postcopy_is_active(m))
		return;
	fprintf(to, ",\"arriving\":{\"left\":%" PRIu64 ",\"requests\":%" PRIu64 "}",
		vmm_page_fetch_left(m->restore.postcopy->fetch),
		vmm_page_fetch_requests(m->restore.postcopy->fetch));
}

void vmm_postcopy_free(struct vmm_machine *m)
{
	struct vmm_postcopy *p = m->restore.postcopy;

	if (!p)
		return;
	if (p->fetch && m->loop) {
		ev_io_stop(m->loop, &p->arrived);
		ev_io_stop(m->loop, &p->lost);
	}
	vmm_page_fetch_free(p->fetch);
	release_devices(p);
	vmm_page_set_free(&p->missing);
	vmem_map_unref(p->map);
	vsu_fd_close(&p->fd);
	vsu_fd_close(&p->lost_fd);
	free(p);
	m->restore.postcopy = NULL;
}
