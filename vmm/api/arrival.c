/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes a machine on a thread, which waits for the source of a migration. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/thread.h>

#include "api/arrival.h"
#include "api/machine_private.h"
#include "migration/address.h"

struct cvmm_arrival {
	struct cvmm_machine *m;
	struct cvmm_options *options;	/* a copy */
	struct vmm_peer_guard guard;	/* makes the source's stream end with cancel_fd */
	int fd;			/* an epoll descriptor with done_fd, later with the loop */
	int cancel_fd, done_fd;
	pthread_t thread;
	int status;		/* of the thread's work */
};

bool cvmm_priv_arrival_is_needed(const struct cvmm_options *o)
{
	return vmm_arguments_find(&o->arguments, "incoming") != NULL;
}

static int make_descriptors(struct cvmm_arrival *a)
{
	struct epoll_event event = { .events = EPOLLIN };

	a->cancel_fd = vsu_event_new();
	a->done_fd = vsu_event_new();
	a->fd = epoll_create1(EPOLL_CLOEXEC);
	if (a->cancel_fd < 0 || a->done_fd < 0)
		return a->cancel_fd < 0 ? a->cancel_fd : a->done_fd;
	return a->fd < 0 || epoll_ctl(a->fd, EPOLL_CTL_ADD, a->done_fd, &event) < 0 ? -errno : 0;
}

/* Called when the stream, or its listener, exists. */
static int set_cancel(void *opaque, const char *address, const struct vmm_arguments *given,
		      struct vmm_stream *source, enum cvmm_step *stage, struct vsu_error *err)
{
	const struct cvmm_arrival *a = opaque;

	(void)address;
	(void)given;
	(void)stage;
	(void)err;
	source->cancel_fd = a->cancel_fd;
	source->closer = vmm_closer_get(&a->m->machine->process.closer, NULL);
	return 0;
}

static void *arrival_main(void *opaque)
{
	struct cvmm_arrival *a = opaque;

	a->status = cvmm_priv_machine_make(a->m, a->options, &a->guard, &a->m->why);
	vsu_event_signal(a->done_fd);
	return NULL;
}

int cvmm_priv_arrival_new(struct cvmm_machine *m, const struct cvmm_options *options,
			  struct cvmm_arrival **out, struct vsu_error *err)
{
	struct cvmm_arrival *a;
	int rc = vmm_address_check(vmm_arguments_find(&options->arguments, "incoming")->value.text, err);

	if (rc < 0)
		return vsu_error_prefix(err, rc, "option --incoming");
	a = calloc(1, sizeof(*a));
	if (!a)
		return vsu_error_set(err, -ENOMEM, "no memory for a machine");
	a->m = m;
	a->fd = a->cancel_fd = a->done_fd = -1;
	a->guard = (struct vmm_peer_guard){ .begin = set_cancel, .opaque = a };
	*out = a;
	rc = cvmm_options_new(&a->options, err);
	if (!rc)
		a->options->own = vmm_own_rows_ref(options->own);
	if (!rc)
		rc = vmm_arguments_copy(&a->options->arguments, &options->arguments, err);
	if (!rc)
		rc = make_descriptors(a);
	if (!rc)
		rc = vsu_thread_start(&m->machine->process.threads, &a->thread, arrival_main, a);
	if (rc < 0) {
		cvmm_priv_arrival_free(a);
		*out = NULL;
		return vsu_error_sys(err, rc, "option --incoming");
	}
	return 0;
}

bool cvmm_priv_arrival_is_over(const struct cvmm_arrival *a)
{
	struct pollfd done = { .fd = a->done_fd, .events = POLLIN };

	return poll(&done, 1, 0) > 0;
}

int cvmm_priv_arrival_join(struct cvmm_arrival *a)
{
	pthread_join(a->thread, NULL);
	return a->status;
}

int cvmm_priv_arrival_fd(const struct cvmm_arrival *a)
{
	return a->fd;
}

int cvmm_priv_arrival_follow(const struct cvmm_arrival *a, int loop_fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(a->fd, EPOLL_CTL_ADD, loop_fd, &event) < 0)
		return -errno;
	epoll_ctl(a->fd, EPOLL_CTL_DEL, a->done_fd, NULL);
	return 0;
}

void cvmm_priv_arrival_cancel(const struct cvmm_arrival *a)
{
	vsu_event_signal(a->cancel_fd);
}

void cvmm_priv_arrival_free(struct cvmm_arrival *a)
{
	if (!a)
		return;
	cvmm_options_free(a->options);
	vsu_fd_close(&a->cancel_fd);
	vsu_fd_close(&a->done_fd);
	vsu_fd_close(&a->fd);
	free(a);
}
