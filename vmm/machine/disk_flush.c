/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A flush of the disks: its thread, and the wait for it. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/thread.h>

#include "machine/disk_flush.h"
#include "machine/sharing.h"

/* Limits a flush that the end of the machine finds. */
#define END_LIMIT_MS 2000

/* Freed by the last of its two users: the machine and the thread. */
struct vmm_disk_flush {
	unsigned int users;	/* atomic */
	pthread_t thread;
	int done_fd;		/* readable when it is done */
	bool done;		/* atomic: rc and err are valid */
	int rc;
	struct vsu_error err;
	unsigned int n;
	struct {
		struct virtdev *dev;
		int (*flush)(struct virtdev *dev, struct vsu_error *err);
	} disks[VMM_MAX_DEVICES];
};

static void flush_unref(struct vmm_disk_flush *f)
{
	if (__atomic_sub_fetch(&f->users, 1, __ATOMIC_ACQ_REL))
		return;
	vsu_fd_close(&f->done_fd);
	free(f);
}

static void *flush_main(void *arg)
{
	struct vmm_disk_flush *f = arg;
	unsigned int i;

	for (i = 0; !f->rc && i < f->n; i++)
		f->rc = f->disks[i].flush(f->disks[i].dev, &f->err);
	__atomic_store_n(&f->done, true, __ATOMIC_RELEASE);
	vsu_event_signal(f->done_fd);
	flush_unref(f);
	return NULL;
}

static bool has_flush(const struct vmm_device *d)
{
	return vmm_machine_local_device(d) && d->spec.kind->flush;
}

static bool has_disks(const struct vmm_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->ndevices; i++)
		if (has_flush(&m->devices[i]))
			return true;
	return false;
}

static void add_disks(struct vmm_disk_flush *f, const struct vmm_machine *m)
{
	const struct vmm_device *d = m->devices;

	for (; d < m->devices + m->ndevices; d++) {
		if (!has_flush(d))
			continue;
		f->disks[f->n].dev = vmm_machine_local_device(d);
		f->disks[f->n++].flush = d->spec.kind->flush;
	}
}

static int flush_begin(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_disk_flush *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return vsu_error_sys(err, -ENOMEM, "the disks");
	vsu_error_clear(&f->err);
	f->users = 2;
	f->done_fd = vsu_event_new();
	add_disks(f, m);
	rc = f->done_fd < 0 ? f->done_fd :
	     vsu_thread_start(&m->process.threads, &f->thread, flush_main, f);
	if (rc < 0) {
		flush_unref(f);
		flush_unref(f);
		return vsu_error_sys(err, rc, "cannot start a thread");
	}
	m->flush = f;
	return 0;
}

static bool is_done(const struct vmm_disk_flush *f)
{
	return __atomic_load_n(&f->done, __ATOMIC_ACQUIRE);
}

/* Nothing remains of a flush that is done: neither its thread nor its descriptor. */
static void flush_release(struct vmm_machine *m)
{
	struct vmm_disk_flush *f = m->flush;

	m->flush = NULL;
	if (is_done(f))
		pthread_join(f->thread, NULL);
	else
		pthread_detach(f->thread);
	flush_unref(f);
}

/* Waits for the flush in progress. */
static int flush_wait(struct vmm_machine *m, int cancel_fd, uint64_t until_ns,
		      struct vsu_error *err)
{
	int rc = vsu_wait(m->flush->done_fd, POLLIN, cancel_fd, until_ns, err);

	return rc != -ETIMEDOUT ? rc :
	       vsu_error_set(err, rc, "the flush of a disk did not end in time; check whether the server of its file is available");
}

static int flush_result(struct vmm_machine *m, struct vsu_error *err)
{
	const int rc = is_done(m->flush) ? m->flush->rc : -EIO;

	if (rc < 0 && err)
		*err = m->flush->err;
	flush_release(m);
	return rc;
}

int vmm_disks_flush(struct vmm_machine *m, int cancel_fd, uint64_t until_ns,
		    struct vsu_error *err)
{
	int rc = m->flush ? flush_wait(m, cancel_fd, until_ns, err) : 0;

	if (rc < 0)
		return rc;
	if (m->flush)
		(void)flush_result(m, NULL);	/* of an earlier caller */
	if (!has_disks(m))
		return 0;
	rc = flush_begin(m, err);
	if (!rc)
		rc = flush_wait(m, cancel_fd, until_ns, err);
	return rc < 0 ? rc : flush_result(m, err);
}

bool vmm_disks_are_flushing(struct vmm_machine *m)
{
	if (m->flush && is_done(m->flush))
		flush_release(m);
	return m->flush;
}

bool vmm_disks_end_flush(struct vmm_machine *m)
{
	struct pollfd p = { .events = POLLIN };
	bool has_ended;

	if (!m->flush)
		return true;
	p.fd = m->flush->done_fd;
	(void)!poll(&p, 1, END_LIMIT_MS);
	has_ended = is_done(m->flush);
	flush_release(m);
	return has_ended;
}
