/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A guest that runs before its memory has arrived. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <vhost/frontend_device.h>
#include <vhost/protocol.h>
#include <vm-memory/userfault.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "machine/events.h"
#include "migration/missing.h"
#include "migration/page_fetch.h"
#include "owner/owner.h"
#include "transfer/plugged.h"
#include "transfer/postcopy.h"

/* For the main thread to publish the loss, unless it waits for a page itself. */
#define LOST_MS 2000

enum stage {
	ANNOUNCED,	/* the source may switch */
	LISTED,		/* it has switched: the missing pages are known */
	FETCHES,	/* memory devices are held, and pages arrive */
	CONFIRMED,	/* the guest runs here */
	COMPLETE,	/* all pages have arrived */
};

/* The first event after the loss of the source: the machine's end, or its owner's free. */
enum fate {
	UNDECIDED,
	ABANDONED,	/* a thread ends the machine */
	FREED,		/* it is not lost then */
};

struct vmm_postcopy {
	enum stage stage;
	enum fate fate;		/* atomic: decided once */
	struct vmm_machine *m;
	int fd;			/* userfaultfd, until it belongs to fetch */
	struct vmem_map *map;	/* of missing */
	struct vmm_page_set missing;
	struct vmm_page_fetch *fetch;	/* from begin on */
	unsigned int nservers;	/* processes whose page faults are served */
	uint64_t begun_ns;
	struct vsu_io arrived, lost;
	int lost_fd;
	struct vsu_error why;	/* written before lost_fd is signalled */
};

/* --------------------------------------------------------------------- the loss */

static _Noreturn void wait_forever(void)
{
	for (;;)
		pause();
}

/* Returns the fate before. */
static enum fate decide_fate(struct vmm_postcopy *p, enum fate to)
{
	enum fate before = UNDECIDED;

	__atomic_compare_exchange_n(&p->fate, &before, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	return before;
}

/*
 * Not as usual: threads wait for pages that will never arrive. Returns if the owner frees the
 * machine, which joins this thread.
 */
static void end_lost(struct vmm_postcopy *p, const struct vsu_error *why, bool is_main)
{
	struct vmm_machine *m = p->m;
	enum fate before = decide_fate(p, ABANDONED);
	struct vsu_error all;

	if (before == FREED)
		return;
	if (before == ABANDONED)
		wait_forever();
	vsu_error_set(&all, -ECONNRESET, "post-copy: %s; %" PRIu64 " bytes of the guest's memory had not arrived, and the guest is lost",
		      why->msg, vmm_page_fetch_left(p->fetch));
	if (is_main) {
		vmm_event_end(m, VSU_EXIT_HOST, &all);
		vmm_answers_end(&m->answers);
	}
	vmm_machine_abandon(m, VSU_EXIT_HOST, &all);
	wait_forever();
}

/* Called in the thread of fetch. */
static void on_thread_lost(void *opaque, const struct vsu_error *why)
{
	struct vmm_postcopy *p = opaque;

	p->why = *why;
	vsu_event_signal(p->lost_fd);
	poll(NULL, 0, LOST_MS);
	end_lost(p, why, false);
}

static void on_lost(void *opaque)
{
	struct vmm_postcopy *p = opaque;

	vsu_event_drain(p->lost_fd, NULL);
	end_lost(p, &p->why, true);
}

/* ------------------------------------------------------------------- the arrival */

static void end_servers(struct vmm_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].virtio)
			vmm_virtio_postcopy_end(m->devices[i].virtio);
}

/* The last one may have been freed after the machine's part. */
static void on_server_ended(void *opaque)
{
	struct vmm_machine *m = opaque;
	struct vmm_postcopy *p = m->restore.postcopy;

	if (p && !--p->nservers && p->stage == COMPLETE)
		vmm_postcopy_free(m);
}

static int add_server(void *opaque, int fd, unsigned int *number, struct vsu_error *err)
{
	const struct vmm_machine *m = opaque;
	int rc = vmem_userfault_adopt(fd);

	if (!rc)
		rc = vmm_page_fetch_add(m->restore.postcopy->fetch, fd, number);
	return rc < 0 ? vsu_error_sys(err, rc, "the userfaultfd of its back-end") : 0;
}

static int place_server(void *opaque, unsigned int number,
			const struct vhost_user_placed_region *regions, unsigned int n)
{
	const struct vmm_machine *m = opaque;
	struct vmm_fault_range ranges[2 * VHOST_USER_MAX_REGIONS];
	unsigned int i;

	for (i = 0; i < n; i++)
		ranges[i] = (struct vmm_fault_range){
			regions[i].gpa, regions[i].size, regions[i].address,
		};
	return vmm_page_fetch_set_ranges(m->restore.postcopy->fetch, number, ranges, n);
}

/* Servers may wait for pages that were never used until they have replied. */
static void on_arrived(void *opaque)
{
	struct vmm_postcopy *p = opaque;
	struct vmm_machine *m = p->m;

	vsu_io_stop(&p->arrived);
	vmm_log(&m->process.log, CVMM_LOG_INFO, "migration", "all memory of the guest has arrived after %" PRIu64 " ms; %" PRIu64 " pages were requested, %" PRIu64 " of them by back-ends",
		 (vsu_now_ns() - p->begun_ns) / 1000000, vmm_page_fetch_requests(p->fetch),
		 vmm_page_fetch_foreign(p->fetch));
	vmm_event_publish(m, &(struct cvmm_event){ .kind = CVMM_EVENT_MEMORY_ARRIVED });
	p->stage = COMPLETE;
	vmm_life_finish(&m->pause.life);
	if (!p->nservers)
		vmm_postcopy_free(m);
	else
		end_servers(m);
}

static void watch_fetch(struct vmm_postcopy *p)
{
	vsu_io_init(&p->arrived, on_arrived, p, vmm_page_fetch_fd(p->fetch), VSU_IO_READ);
	vsu_io_start(p->m->loop, &p->arrived);
	vsu_io_init(&p->lost, on_lost, p, p->lost_fd, VSU_IO_READ);
	vsu_io_start(p->m->loop, &p->lost);
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
	p->fd = vmem_userfault_open(err);
	if (p->fd < 0)
		return vsu_error_prefix(err, p->fd, "'postcopy' at the destination");
	return p->lost_fd < 0 ? vsu_error_set(err, -EMFILE, "no free descriptor") : 0;
}

/* Its mappings are files that cannot report missing pages to a back-end; plugged memory can. */
static const struct vmm_window *find_window(const struct vmm_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->shmem.n; i++)
		if (!m->shmem.windows[i].plugged)
			return &m->shmem.windows[i];
	return NULL;
}

/* The back-end waits for pages of all memory that it sees, sent or not. */
static int check_server(const struct vmm_machine *m, const struct vmm_device *d,
			struct vsu_error *err)
{
	const struct vmm_postcopy *p = m->restore.postcopy;
	const struct vmm_window *w = find_window(m);
	const bool own = d->spec.spawned;

	if (w)
		return vsu_error_set(err, -EOPNOTSUPP, "%s%s%s cannot wait for missing pages beside the window of '%s', into which files are mapped; migrate without 'postcopy'",
				     own ? "its daemon" : "the back-end at '", own ? "" : d->spec.socket,
				     own ? "" : "'", w->name);
	return vmm_placer_check_shared(p->map, p->fd, err);
}

static int check_device(const struct vmm_machine *m, unsigned int i, struct vsu_error *err)
{
	const struct vmm_device *d = &m->devices[i];
	int rc = d->spec.remote ? check_server(m, d, err) : 0;

	if (!rc && d->virtio)	/* else a free slot */
		rc = vmm_virtio_postcopy_advise(d->virtio, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "device %u", i) : 0;
}

/* The set is that of the sender: all memory that it sends. */
static int make_set(struct vmm_postcopy *p, struct vsu_error *err)
{
	const struct vmm_machine *m = p->m;
	int rc = vmm_window_map_saved(&m->shmem, &p->map);

	if (rc < 0)
		return vsu_error_sys(err, rc, "the memory to receive");
	return vmm_page_set_init(&p->missing, &m->memory, &m->shmem, vmm_memory_given(&m->memory),
				 p->map, err);
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
		rc = check_device(m, i, err);
	vmm_page_set_clear(&p->missing);
	if (rc < 0)
		return rc;
	vmm_stream_begin(m->restore.stream, "postcopy");
	vsu_state_put_u64(&m->restore.stream->w, granule);
	return vmm_stream_send(m->restore.stream, err);
}

int vmm_postcopy_receive(struct vmm_machine *m, struct vsu_state_section *section,
			 struct vsu_error *err)
{
	struct vmm_postcopy *p = m->restore.postcopy;
	int rc = 0;

	while (!rc && p && !strcmp(section->name, "missing")) {
		p->stage = LISTED;
		rc = vmm_missing_receive(&p->missing, section, err);
		if (!rc)
			rc = vmm_stream_receive(m->restore.stream, section, err);
	}
	return rc;
}

static int listen_servers(struct vmm_postcopy *p, struct vsu_error *err)
{
	struct vmm_machine *m = p->m;
	const struct virtdev_page_faults to = {
		.add = add_server, .place = place_server, .ended = on_server_ended,
		.opaque = m,
	};
	unsigned int i;
	int rc = 0;

	for (i = 0; rc >= 0 && i < m->ndevices; i++) {
		if (!m->devices[i].virtio)
			continue;
		rc = vmm_virtio_postcopy_listen(m->devices[i].virtio, &to, err);
		p->nservers += rc > 0;
	}
	return rc < 0 ? vsu_error_prefix(err, rc, "device %u", i - 1) : 0;
}

static int begin_fetch(struct vmm_postcopy *p, struct vsu_error *err)
{
	int rc;

	p->begun_ns = vsu_now_ns();
	rc = vmm_page_fetch_new(&(struct vmm_page_fetch_config){
		.threads = &p->m->process.threads,
		.stream = p->m->restore.stream, .missing = &p->missing, .map = p->map,
		.fd = &p->fd, .lost = on_thread_lost, .opaque = p,
	}, &p->fetch, err);
	if (!rc)
		rc = vmm_page_fetch_begin(p->fetch, err);
	if (!rc)
		watch_fetch(p);
	return rc ? rc : listen_servers(p, err);
}

int vmm_postcopy_begin(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_postcopy *p = m->restore.postcopy;
	int rc;

	if (p && p->stage == ANNOUNCED)
		end_servers(m);	/* nothing is missing */
	if (!p || p->stage == ANNOUNCED)
		return 0;
	rc = vmm_plugged_hold(m, true, err);
	if (rc < 0)
		return rc;
	p->stage = FETCHES;
	return begin_fetch(p, err);
}

bool vmm_postcopy_is_active(const struct vmm_machine *m)
{
	return m->restore.postcopy && m->restore.postcopy->fetch;
}

bool vmm_postcopy_is_confirmed(const struct vmm_machine *m)
{
	return m->restore.postcopy && m->restore.postcopy->stage >= CONFIRMED;
}

int vmm_postcopy_say(struct vmm_machine *m, const char *name, struct vsu_error *err)
{
	if (!strcmp(name, "running"))
		m->restore.postcopy->stage = CONFIRMED;
	return vmm_page_fetch_send(m->restore.postcopy->fetch, name, err);
}

int vmm_postcopy_go(struct vmm_machine *m, uint32_t *paused, struct vsu_error *err)
{
	return vmm_page_fetch_go(m->restore.postcopy->fetch, paused, err);
}

uint64_t vmm_postcopy_left(const struct vmm_machine *m)
{
	return m->pause.life.now == VMM_ARRIVES ? vmm_page_fetch_left(m->restore.postcopy->fetch) : 0;
}

uint64_t vmm_postcopy_requests(const struct vmm_machine *m)
{
	return m->pause.life.now == VMM_ARRIVES ? vmm_page_fetch_requests(m->restore.postcopy->fetch) : 0;
}

void vmm_postcopy_free(struct vmm_machine *m)
{
	struct vmm_postcopy *p = m->restore.postcopy;

	if (!p)
		return;
	if (p->fetch && m->loop) {
		vsu_io_stop(&p->arrived);
		vsu_io_stop(&p->lost);
	}
	decide_fate(p, FREED);
	vmm_page_fetch_free(p->fetch);
	if (p->stage >= FETCHES)
		(void)!vmm_plugged_hold(m, false, NULL);
	vmm_page_set_free(&p->missing);
	vmem_map_unref(p->map);
	vsu_fd_close(&p->fd);
	vsu_fd_close(&p->lost_fd);
	free(p);
	m->restore.postcopy = NULL;
}
