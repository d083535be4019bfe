/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine of a program that embeds it. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

#include "api/arrival.h"
#include "api/machine_private.h"
#include "machine/events.h"
#include "run/console.h"
#include "run/loop.h"
#include "setup/setup.h"

/* ---------------------------------------------------------------------- life */

static void machine_discard(struct cvmm_machine *m)
{
	cvmm_priv_configuration_fini(&m->configuration);
	cvmm_priv_arrival_free(m->arrival);
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
	if (!rc && to->poison && !to->sigbus)
		rc = vsu_error_set(err, -EINVAL, "host->poison without host->sigbus, whose handler reports the lost pages; set both or neither");
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

/* Points *status to the place where the owner wants the exit status of a failure. */
static int machine_alloc(const struct cvmm_host *host, struct cvmm_machine **out, int **status,
			 struct vsu_error *err)
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
	*status = owner.status;
	owner.status = NULL;	/* it may be a variable of the caller's function */
	vmm_machine_set_owner(m->machine, &owner);
	*out = m;
	return 0;
}

/* Atomic: cvmm_machine_kill() and others read it on any thread. */
static void life_set(struct cvmm_machine *m, enum cvmm_life to)
{
	__atomic_store_n(&m->life, to, __ATOMIC_SEQ_CST);
}

int cvmm_machine_new_configured(const struct cvmm_configuration *c, const struct cvmm_host *host,
				struct cvmm_machine **out, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct cvmm_machine *m;
	int status, *wanted, rc = machine_alloc(host, &m, &wanted, err);

	*out = NULL;
	if (rc < 0)
		return rc;
	status = vmm_machine_make(m->machine, &c->options.machine, &c->options.start, &why);
	life_set(m, CVMM_LIFE_MADE);	/* perhaps in part: cvmm_machine_free() ends that, too */
	*out = m;
	if (!status)
		return 0;
	if (wanted)
		*wanted = status;
	if (err)
		*err = why;
	return why.code;
}

int cvmm_machine_new(const struct cvmm_options *options, const struct cvmm_host *host,
		     struct cvmm_machine **out, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct cvmm_machine *m;
	int status = VSU_EXIT_HOST, *wanted;
	int rc = options ? machine_alloc(host, &m, &wanted, err) :
			   vsu_error_set(err, -EINVAL, "options is NULL; make them by cvmm_options_new()");

	if (rc < 0)
		return rc;
	if (cvmm_priv_arrival_is_needed(options)) {
		rc = cvmm_priv_arrival_new(m, options, &m->arrival, &why);
	} else {
		status = cvmm_priv_machine_make(m, options, NULL, &why);
		rc = status ? why.code : 0;
		if (!status)
			life_set(m, CVMM_LIFE_MADE);
	}
	if (!rc) {
		*out = m;
		return 0;
	}
	if (wanted)
		*wanted = status;
	if (err)
		*err = why;
	machine_discard(m);
	return rc;
}

static void machine_end(struct cvmm_machine *m, int rc)
{
	life_set(m, CVMM_LIFE_ENDS);
	m->status = vmm_machine_end(m->machine, rc, &m->why);
	life_set(m, CVMM_LIFE_ENDED);
}

static int machine_start(struct cvmm_machine *m)
{
	int rc;

	life_set(m, CVMM_LIFE_STARTS);
	rc = vmm_machine_start(m->machine, &m->why);
	if (rc < 0)
		machine_end(m, rc);
	else
		life_set(m, CVMM_LIFE_RUNS);
	return rc;
}

int cvmm_machine_start(struct cvmm_machine *m, struct vsu_error *err)
{
	int rc = 0;

	if (m->life == CVMM_LIFE_MADE && m->machine->start->dry_run)
		return vsu_error_set(err, -EINVAL, "the machine was made by a dry run, which starts no guest");
	if (m->life == CVMM_LIFE_AWAITED)
		life_set(m, CVMM_LIFE_AWAITED_TO_START);
	else if (m->life == CVMM_LIFE_MADE)
		rc = machine_start(m);
	else
		return vsu_error_set(err, -EINVAL, "the machine was started before");
	if (rc < 0 && err)
		*err = m->why;
	return rc;
}

/* ------------------------------------------------------------ a guest that arrives */

static bool is_awaited(const struct cvmm_machine *m)
{
	return m->life == CVMM_LIFE_AWAITED || m->life == CVMM_LIFE_AWAITED_TO_START;
}

static bool is_asked_to_end(const struct cvmm_machine *m, enum cvmm_ask ask)
{
	return __atomic_load_n(&m->asked, __ATOMIC_SEQ_CST) & ask;
}

static void end_arrival(struct cvmm_machine *m, int status)
{
	const bool killed = is_asked_to_end(m, CVMM_ASK_KILL);
	struct cvmm_event event = { .kind = CVMM_EVENT_ENDED };

	life_set(m, CVMM_LIFE_FAILS);
	if (killed)
		vsu_error_set(&m->why, -ECANCELED, "the program ended the machine");
	m->status = event.status = killed ? VSU_EXIT_FAIL : status;
	event.cause = m->why.msg;
	vmm_event_publish(m->machine, &event);
	life_set(m, CVMM_LIFE_FAILED);
}

/* The thread has ended: the machine is this thread's. */
static void finish_arrival(struct cvmm_machine *m)
{
	const bool starts = m->life == CVMM_LIFE_AWAITED_TO_START;
	int rc, status = cvmm_priv_arrival_join(m->arrival);

	if (status) {
		end_arrival(m, status);
		return;
	}
	life_set(m, CVMM_LIFE_MADE);
	if (is_asked_to_end(m, CVMM_ASK_KILL))
		varch_cpus_end(m->machine->cpus, VSU_EXIT_FAIL, "the program ended the machine");
	rc = cvmm_priv_arrival_follow(m->arrival, vsu_loop_fd(m->machine->loop));
	if (rc < 0)
		varch_cpus_end(m->machine->cpus, VSU_EXIT_HOST, "the descriptor of the machine: %s", strerror(-rc));
	if (starts)
		(void)!machine_start(m);
}

int cvmm_machine_fd(const struct cvmm_machine *m)
{
	return m->arrival ? cvmm_priv_arrival_fd(m->arrival) : vsu_loop_fd(m->machine->loop);
}

static bool has_ended(const struct cvmm_machine *m)
{
	return m->life == CVMM_LIFE_FAILED || m->life == CVMM_LIFE_ENDED;
}

/* Within a callback that is not the loop's, a turn has no work. */
bool cvmm_machine_dispatch(struct cvmm_machine *m)
{
	if (is_awaited(m)) {
		if (cvmm_priv_arrival_is_over(m->arrival))
			finish_arrival(m);
	} else if (m->life == CVMM_LIFE_MADE || m->life == CVMM_LIFE_RUNS) {
		if (!vsu_loop_dispatch(m->machine->loop) && m->life == CVMM_LIFE_RUNS)
			machine_end(m, 0);
	}
	return !has_ended(m);
}

int cvmm_machine_run_cpu(struct cvmm_machine *m, unsigned int cpu, struct vsu_error *err)
{
	if (!cvmm_priv_is_made(m))
		return vsu_error_set(err, -EAGAIN, "the guest has not arrived");
	return varch_cpus_run(m->machine->cpus, cpu, err);
}

int cvmm_machine_status(const struct cvmm_machine *m, struct vsu_error *why)
{
	if (!has_ended(m))
		return vsu_error_set(why, -EAGAIN, "the machine has not ended");
	if (why)
		*why = m->why;
	return m->status;
}

/* Pairs with finish_arrival(): one of the two sees what the other has stored. */
void cvmm_machine_kill(struct cvmm_machine *m)
{
	__atomic_fetch_or(&m->asked, CVMM_ASK_KILL, __ATOMIC_SEQ_CST);
	if (m->arrival)
		cvmm_priv_arrival_cancel(m->arrival);
	if (cvmm_priv_is_made(m))
		varch_cpus_end(m->machine->cpus, VSU_EXIT_FAIL, "the program ended the machine");
}

void cvmm_machine_end(struct cvmm_machine *m, int status, const char *why)
{
	if (cvmm_priv_is_made(m))
		varch_cpus_end(m->machine->cpus, status, "%s", why ? why : "");
}

void cvmm_machine_resize_terminal(struct cvmm_machine *m)
{
	if (cvmm_priv_is_made(m))
		vmm_machine_resize_stdio(m->machine);
}

void cvmm_machine_suspend_terminal(struct cvmm_machine *m)
{
	if (cvmm_priv_is_made(m))
		vmm_machine_suspend_terminal(m->machine);
}

void cvmm_machine_resume_terminal(struct cvmm_machine *m)
{
	if (cvmm_priv_is_made(m))
		vmm_machine_resume_terminal(m->machine);
}

/* A guest that ends at the same time has another status. */
bool cvmm_machine_was_ended(const struct cvmm_machine *m)
{
	if (!has_ended(m))
		return false;
	return (is_asked_to_end(m, CVMM_ASK_KILL) && m->status == VSU_EXIT_FAIL) ||
	       (is_asked_to_end(m, CVMM_ASK_STOP) && m->status == VSU_EXIT_OK);
}

int cvmm_machine_choose_events(struct cvmm_machine *m, uint64_t events, struct vsu_error *err)
{
	int rc = check_events(events, "events", err);

	if (!rc && events && !m->machine->owner.event)
		rc = vsu_error_set(err, -EINVAL, "the machine's host has no function event");
	if (!rc && !cvmm_priv_is_made(m))
		rc = vsu_error_set(err, -EAGAIN, "the guest has not arrived");
	if (!rc)
		m->machine->events = events;
	return rc;
}

void cvmm_machine_free(struct cvmm_machine *m)
{
	if (!m)
		return;
	if (is_awaited(m)) {
		cvmm_priv_arrival_cancel(m->arrival);
		life_set(m, cvmm_priv_arrival_join(m->arrival) ? CVMM_LIFE_FAILED : CVMM_LIFE_MADE);
	}
	if (m->life == CVMM_LIFE_RUNS) {
		varch_cpus_end(m->machine->cpus, VSU_EXIT_FAIL, "the program freed the machine");
		machine_end(m, 0);
	}
	if (cvmm_priv_is_made(m))
		vmm_machine_free(m->machine);
	machine_discard(m);
}
