/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine of a program that embeds it. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

#include "api/machine_private.h"
#include "api/options.h"
#include "machine/events.h"
#include "cvmm/exit_status.h"
#include "run/console.h"
#include "run/run.h"
#include "setup/setup.h"

/* ---------------------------------------------------------------------- life */

/* 0, or an exit status. */
static int read_and_make(struct cvmm_machine *m, const struct cvmm_options *options,
			 const struct vmm_peer_guard *guard, struct vsu_error *err)
{
	struct cvmm_configuration *c = &m->configuration;
	int status = cvmm_priv_configuration_read(c, options, &m->machine->process.log, guard, err);

	if (status)
		return status;
	status = vmm_machine_make(m->machine, &c->options.machine, &c->options.start, err);
	if (status)
		vmm_machine_free(m->machine);
	return status;
}

static void machine_discard(struct cvmm_machine *m)
{
	cvmm_priv_configuration_fini(&m->configuration);
	if (m->arrives)
		cvmm_priv_arrival_free(&m->arrival);
	free(m->machine);
	free(m);
}

/* This version has the kinds of the first one alone. */
static int check_events(uint64_t events, const char *name, struct vsu_error *err)
{
	const uint64_t unknown = events & ~CVMM_EVENTS_DEFAULT;

	return events == CVMM_EVENTS_ALL || !unknown ? 0 :
	       vsu_error_set(err, -EINVAL, "%s: kind %d of events is unknown to this library; leave it out, or pass CVMM_EVENTS_ALL",
			     name, __builtin_ctzll(unknown));
}

static int check_servers(const struct cvmm_servers *s, struct vsu_error *err)
{
	return !s || (s->add && s->connect && s->pid && s->explain && s->remove) ? 0 :
	       vsu_error_set(err, -EINVAL, "host->servers: a function is NULL; all are required");
}

static int copy_host(struct cvmm_host *to, const struct cvmm_host *host, struct vsu_error *err)
{
	unsigned int i;
	int rc;

	memset(to, 0, sizeof(*to));
	if (!host)
		return 0;
	rc = vsu_copy_sized(to, sizeof(*to), host, "struct cvmm_host", err);
	if (rc < 0)
		return rc;
	for (i = 0; to->stdio && i < 2; i++)
		if (fcntl(to->stdio[i], F_GETFD) < 0)
			return vsu_error_set(err, -EBADF, "descriptor %d of stdio is not open",
					     to->stdio[i]);
	if (!to->events)
		to->events = CVMM_EVENTS_DEFAULT;
	rc = check_events(to->events, "host->events", err);
	if (!rc)
		rc = vsu_check_array(to->devices, to->ndevices, "host->devices", err);
	for (i = 0; !rc && i < to->ndevices; i++)
		rc = cvmm_priv_check_own(&to->devices[i], err);
	return rc ? rc : check_servers(to->servers, err);
}

int cvmm_host_check(const struct cvmm_host *host, struct vsu_error *err)
{
	struct cvmm_host copy;

	return copy_host(&copy, host, err);
}

int cvmm_priv_check_own(const struct cvmm_own_device *own, struct vsu_error *err)
{
	return own && own->name && own->dev ? 0 :
	       vsu_error_set(err, -EINVAL, "struct cvmm_own_device: %s is NULL; a device has a name and a model",
			     !own ? "it" : own->name ? "dev" : "name");
}

/* A machine of this owner that is to be made. */
static int machine_begin(const struct cvmm_host *host, struct cvmm_machine **out, struct vsu_error *err)
{
	struct cvmm_machine *m = calloc(1, sizeof(*m));
	struct cvmm_host owner;
	int rc;

	if (m)
		m->machine = calloc(1, sizeof(*m->machine));	/* most of its pages are never touched */
	rc = m && m->machine ? copy_host(&owner, host, err) :
			       vsu_error_set(err, -ENOMEM, "no memory for a machine");
	if (rc < 0) {
		free(m ? m->machine : NULL);
		free(m);
		return rc;
	}
	vmm_machine_set_owner(m->machine, &owner);
	*out = m;
	return 0;
}

/* Of a machine that was begun: rc is 0, or the errno of a failure with this status. */
static int machine_finish(struct cvmm_machine *m, int rc, int status, struct cvmm_machine **out)
{
	if (!rc) {
		*out = m;
		return 0;
	}
	if (m->machine->owner.status)
		*m->machine->owner.status = status;
	machine_discard(m);
	return rc;
}

int cvmm_priv_machine_new(const struct vmm_config *config, const struct vmm_start *start,
			  const struct cvmm_host *host, struct cvmm_machine **out,
			  struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct cvmm_machine *m;
	int status, rc = machine_begin(host, &m, err);

	if (rc < 0)
		return rc;
	status = vmm_machine_make(m->machine, config, start, &why);
	m->made = true;	/* as far as it was: cvmm_machine_free() ends the rest, too */
	*out = m;
	if (!status)
		return 0;
	if (m->machine->owner.status)
		*m->machine->owner.status = status;
	if (err)
		*err = why;
	return why.code;
}

int cvmm_machine_new_configured(const struct cvmm_configuration *c, const struct cvmm_host *host,
				struct cvmm_machine **out, struct vsu_error *err)
{
	*out = NULL;
	return cvmm_priv_machine_new(&c->options.machine, &c->options.start, host, out, err);
}

int cvmm_machine_new(const struct cvmm_options *options, const struct cvmm_host *host,
		     struct cvmm_machine **out, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct cvmm_machine *m;
	int status = VSU_EXIT_HOST;
	int rc = options ? machine_begin(host, &m, err) :
			   vsu_error_set(err, -EINVAL, "options is NULL; make them by cvmm_options_new()");

	if (rc < 0)
		return rc;
	m->arrives = cvmm_priv_arrival_is_needed(options);
	if (m->arrives) {
		m->state = ARRIVES;
		rc = cvmm_priv_arrival_begin(m, options, read_and_make, &why);
	} else {
		status = read_and_make(m, options, NULL, &why);
		m->made = !status;
		rc = status ? why.code : 0;
	}
	if (rc < 0 && err)
		*err = why;
	return machine_finish(m, rc, status, out);
}

static void machine_end(struct cvmm_machine *m, int rc)
{
	m->state = ENDS;
	m->status = vmm_machine_end(m->machine, rc, &m->why);
	m->state = ENDED;
}

static int machine_start(struct cvmm_machine *m)
{
	int rc = vmm_machine_start(m->machine, &m->why);

	m->state = RUNS;
	if (rc < 0)
		machine_end(m, rc);
	return rc;
}

int cvmm_machine_start(struct cvmm_machine *m, struct vsu_error *err)
{
	int rc = 0;

	if ((m->state != MADE && m->state != ARRIVES) || m->arrival.starts)
		return vsu_error_set(err, -EINVAL, "the machine was started before");
	if (m->state == MADE && m->machine->start->dry_run)
		return vsu_error_set(err, -EINVAL, "the machine was made by a dry run, which starts no guest");
	m->arrival.starts = true;
	if (m->state == MADE)
		rc = machine_start(m);
	if (rc < 0 && err)
		*err = m->why;
	return rc;
}

/* ------------------------------------------------------------ a guest that arrives */

static void end_arrival(struct cvmm_machine *m, int status)
{
	struct cvmm_event event = {
		.kind = CVMM_EVENT_ENDED, .status = status, .cause = m->why.msg,
	};

	m->state = ENDS;
	m->status = status;
	vmm_event_publish(m->machine, &event);
	m->state = ENDED;
}

/* The thread has ended: the machine is this thread's. */
static void finish_arrival(struct cvmm_machine *m)
{
	bool killed;
	int rc;

	cvmm_priv_arrival_join(&m->arrival);
	if (m->arrival.status) {
		killed = __atomic_load_n(&m->killed, __ATOMIC_SEQ_CST);
		if (killed)
			vsu_error_set(&m->why, -ECANCELED, "the program ended the machine");
		end_arrival(m, killed ? VSU_EXIT_FAIL : m->arrival.status);
		return;
	}
	m->state = MADE;
	__atomic_store_n(&m->made, true, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&m->killed, __ATOMIC_SEQ_CST))
		varch_cpus_end(m->machine->cpus, VSU_EXIT_FAIL, "the program ended the machine");
	rc = cvmm_priv_arrival_follow(&m->arrival, vsu_loop_fd(m->machine->loop));
	if (rc < 0)
		varch_cpus_end(m->machine->cpus, VSU_EXIT_HOST, "the descriptor of the machine: %s", strerror(-rc));
	if (m->arrival.starts)
		(void)!machine_start(m);
}

int cvmm_machine_fd(const struct cvmm_machine *m)
{
	return m->arrives ? m->arrival.fd : vsu_loop_fd(m->machine->loop);
}

static void turn(struct cvmm_machine *m)
{
	if (m->state == ARRIVES) {
		if (cvmm_priv_arrival_is_over(&m->arrival))
			finish_arrival(m);
	} else if (!vsu_loop_dispatch(m->machine->loop) && m->state == RUNS) {
		machine_end(m, 0);
	}
}

/* The loop has no turn within a turn, which a callback would begin. */
bool cvmm_machine_dispatch(struct cvmm_machine *m)
{
	if (m->inside || m->state == ENDS || m->state == ENDED)
		return m->state != ENDED;
	m->inside = true;
	turn(m);
	m->inside = false;
	return m->state != ENDED;
}

int cvmm_machine_run_cpu(struct cvmm_machine *m, unsigned int cpu, struct vsu_error *err)
{
	if (!__atomic_load_n(&m->made, __ATOMIC_SEQ_CST))
		return vsu_error_set(err, -EAGAIN, "the guest has not arrived");
	return varch_cpus_run(m->machine->cpus, cpu, err);
}

int cvmm_machine_status(const struct cvmm_machine *m, struct vsu_error *why)
{
	if (m->state != ENDED)
		return vsu_error_set(why, -EAGAIN, "the machine has not ended");
	if (why)
		*why = m->why;
	return m->status;
}

/* Pairs with finish_arrival(): one of the two sees what the other has stored. */
void cvmm_machine_kill(struct cvmm_machine *m)
{
	__atomic_store_n(&m->killed, true, __ATOMIC_SEQ_CST);
	if (m->arrives)
		cvmm_priv_arrival_cancel(&m->arrival);
	if (__atomic_load_n(&m->made, __ATOMIC_SEQ_CST))
		varch_cpus_end(m->machine->cpus, VSU_EXIT_FAIL, "the program ended the machine");
}

void cvmm_machine_end(struct cvmm_machine *m, int status, const char *why)
{
	if (__atomic_load_n(&m->made, __ATOMIC_SEQ_CST))
		varch_cpus_end(m->machine->cpus, status, "%s", why ? why : "");
}

void cvmm_machine_resize_terminal(struct cvmm_machine *m)
{
	if (__atomic_load_n(&m->made, __ATOMIC_SEQ_CST))
		vmm_machine_resize_stdio(m->machine);
}

void cvmm_machine_suspend_terminal(struct cvmm_machine *m)
{
	if (__atomic_load_n(&m->made, __ATOMIC_SEQ_CST))
		vmm_machine_suspend_terminal(m->machine);
}

void cvmm_machine_resume_terminal(struct cvmm_machine *m)
{
	if (__atomic_load_n(&m->made, __ATOMIC_SEQ_CST))
		vmm_machine_resume_terminal(m->machine);
}

/* Beside a guest that ends at the same time, whose status is another one. */
bool cvmm_machine_was_ended(const struct cvmm_machine *m)
{
	const bool killed = __atomic_load_n(&m->killed, __ATOMIC_SEQ_CST);

	if (m->state != ENDED)
		return false;
	return (killed && m->status == VSU_EXIT_FAIL) || (m->stopped && m->status == VSU_EXIT_OK);
}

int cvmm_machine_choose_events(struct cvmm_machine *m, uint64_t events, struct vsu_error *err)
{
	int rc = check_events(events, "events", err);

	if (!rc && events && !m->machine->owner.event)
		rc = vsu_error_set(err, -EINVAL, "the machine's host has no function event");
	if (!rc && !m->made)
		rc = vsu_error_set(err, -EAGAIN, "the guest has not arrived");
	if (!rc)
		m->machine->events = events;
	return rc;
}

void cvmm_machine_free(struct cvmm_machine *m)
{
	if (!m)
		return;
	if (m->state == ARRIVES) {
		cvmm_priv_arrival_cancel(&m->arrival);
		cvmm_priv_arrival_join(&m->arrival);
		m->made = !m->arrival.status;
	}
	if (m->state == RUNS) {
		varch_cpus_end(m->machine->cpus, VSU_EXIT_FAIL, "the program freed the machine");
		machine_end(m, 0);
	}
	if (m->made)
		vmm_machine_free(m->machine);
	machine_discard(m);
}
