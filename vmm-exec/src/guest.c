/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A machine whose guest runs containers, for a program that embeds it. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cvmm/requests.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "cvmm/guest.h"
#include "plan.h"

struct cvmm_guest {
	struct cvmm_exec_plan *plan;
	struct vagent_guest *agent; /* of the plan */
	struct cvmm_machine *m;
	int epfd;		/* readable when the agent or the machine has work */
	int control;		/* the guest's end of the agent's port, which no other object closes when the machine ends */
	/*
	 * GUEST_FAILED: the connection to the agent has failed, and the machine is to end. GUEST_EMPTIES: the machine
	 * has ended, and readers take the last output
	 */
	enum { GUEST_MADE, GUEST_RUNS, GUEST_FAILED, GUEST_EMPTIES, GUEST_ENDED } state;
	int status;		/* of one that has ended */
	struct vsu_error why;
};

/* The agent continues with its processes; messages and streams of this host would be lost. */
static const char bound[] = "the guest serves the containers of this process, which has their streams and cannot pass them on; a template is saved before";

/* ---------------------------------------------------------------------- life */

static int watch_fd(struct cvmm_guest *g, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(g->epfd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch_parts(struct cvmm_guest *g, struct vsu_error *err)
{
	int rc;

	g->epfd = epoll_create1(EPOLL_CLOEXEC);
	rc = g->epfd < 0 ? -errno : watch_fd(g, vagent_guest_fd(g->agent));
	if (!rc)
		rc = watch_fd(g, cvmm_machine_fd(g->m));
	return rc < 0 ? vsu_error_sys(err, rc, "cannot watch a guest") : 0;
}

static int make_parts(struct cvmm_guest *g, const struct cvmm_guest_config *c, const struct cvmm_host *host,
		      struct vsu_error *err)
{
	int rc = c->from ? 0 : cvmm_exec_check_kvm(c->kernel, err);

	if (!rc)
		rc = cvmm_exec_plan_new_guest(c, &g->plan, err);
	if (!rc && c->from)
		rc = cvmm_exec_check_kvm(cvmm_priv_plan_template(g->plan)->kernel, err);
	if (!rc)
		rc = cvmm_machine_new(g->plan->options, host, &g->m, err);
	if (rc < 0)
		return rc;
	cvmm_machine_refuse_copies(g->m, bound);
	g->agent = g->plan->parts.guest;
	g->control = vsu_fd_dup(vagent_guest_port(g->agent, VAGENT_CONTROL));
	cvmm_exec_plan_close_given(g->plan);
	return g->control < 0 ? vsu_error_sys(err, g->control, "cannot watch a guest") : watch_parts(g, err);
}

int cvmm_guest_new(const struct cvmm_guest_config *config, const struct cvmm_host *host, struct cvmm_guest **out,
		   struct vsu_error *err)
{
	struct cvmm_guest_config c;
	struct cvmm_guest *g;
	int rc = vsu_copy_sized(&c, sizeof(c), config, "struct cvmm_guest_config", err);

	if (!rc)
		rc = cvmm_host_check(host, err);
	if (rc < 0)
		return rc;
	g = calloc(1, sizeof(*g));
	if (!g)
		return vsu_error_set(err, -ENOMEM, "no memory for a guest");
	g->epfd = g->control = -1;
	rc = make_parts(g, &c, host, err);
	if (rc < 0)
		cvmm_guest_free(g);
	else
		*out = g;
	return rc;
}

/* The agent's connection fails after the output that has arrived, which a program that killed its machine does not await. */
static void empty_guest(struct cvmm_guest *g)
{
	const bool waits = g->state == GUEST_RUNS && !cvmm_machine_was_ended(g->m);

	(void)!epoll_ctl(g->epfd, EPOLL_CTL_DEL, cvmm_machine_fd(g->m), NULL);
	shutdown(g->control, SHUT_RDWR);
	g->state = vagent_guest_dispatch(g->agent) && waits ? GUEST_EMPTIES : GUEST_ENDED;
}

static void end_guest(struct cvmm_guest *g)
{
	struct vsu_error why = VSU_ERROR_INIT;

	g->status = cvmm_machine_status(g->m, &g->why);
	if (g->state == GUEST_FAILED && vagent_guest_failure(g->agent, &why) < 0) {
		g->status = VSU_EXIT_FAIL;
		g->why = why;
	}
	empty_guest(g);
}

int cvmm_guest_start(struct cvmm_guest *g, struct vsu_error *err)
{
	int rc;

	if (g->state != GUEST_MADE)
		return vsu_error_set(err, -EINVAL, "the guest was started before");
	g->state = GUEST_RUNS;
	rc = cvmm_machine_start(g->m, err);
	if (rc < 0)
		end_guest(g);
	return rc;
}

/* The devices of the machine use the plan's sockets. */
void cvmm_guest_free(struct cvmm_guest *g)
{
	if (!g)
		return;
	cvmm_machine_free(g->m);
	cvmm_exec_plan_free(g->plan);
	vsu_fd_close(&g->control);
	vsu_fd_close(&g->epfd);
	free(g);
}

/* --------------------------------------------------------------------- turns */

int cvmm_guest_fd(const struct cvmm_guest *g)
{
	return g->epfd;
}

static void end_machine(struct cvmm_guest *g)
{
	g->state = GUEST_FAILED;
	if (cvmm_machine_stop(g->m, NULL) < 0)
		cvmm_machine_kill(g->m);
}

bool cvmm_guest_dispatch(struct cvmm_guest *g)
{
	if (g->state == GUEST_RUNS && !vagent_guest_dispatch(g->agent))
		end_machine(g);
	if ((g->state == GUEST_RUNS || g->state == GUEST_FAILED) && !cvmm_machine_dispatch(g->m))
		end_guest(g);
	else if (g->state == GUEST_EMPTIES && !vagent_guest_dispatch(g->agent))
		g->state = GUEST_ENDED;
	return g->state != GUEST_ENDED;
}

struct vagent_guest *cvmm_guest_agent(struct cvmm_guest *g)
{
	return g->agent;
}

struct cvmm_machine *cvmm_guest_machine(struct cvmm_guest *g)
{
	return g->m;
}

int cvmm_guest_status(const struct cvmm_guest *g, struct vsu_error *why)
{
	if (g->state != GUEST_ENDED)
		return vsu_error_set(why, -EAGAIN, "the machine has not ended");
	if (why)
		*why = g->why;
	return g->status;
}
