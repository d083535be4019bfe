/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Processes of containers. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/sized.h>

#include "host/guest_private.h"
#include "host/records.h"

/* ----------------------------------------------------------------------- life */

/* A terminal has no stream of errors. */
static int take_streams(struct vagent_process *p, const struct vagent_process_config *c)
{
	static const int none[VAGENT_STREAMS] = { -1, -1, -1 };
	const int *fds = c->streams ? c->streams : none, epfd = p->guest->epfd;
	int rc = vagent_priv_source_init(&p->in, epfd, fds[VAGENT_STDIN]);

	if (!rc)
		rc = vagent_priv_sink_init(&p->sinks[VAGENT_STDOUT], epfd, fds[VAGENT_STDOUT]);
	if (!rc)
		rc = vagent_priv_sink_init(&p->sinks[VAGENT_STDERR], epfd, p->terminal ? -1 : fds[VAGENT_STDERR]);
	p->sinks[VAGENT_STDERR].source_ended = p->terminal;
	return rc;
}

static void free_streams(struct vagent_process *p)
{
	vagent_priv_source_fini(&p->in);
	vagent_priv_sink_fini(&p->sinks[VAGENT_STDOUT]);
	vagent_priv_sink_fini(&p->sinks[VAGENT_STDERR]);
}

static struct vagent_process *new_process(struct vagent_guest *g, unsigned int container)
{
	struct vagent_process *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->guest = g;
	p->container = container;
	p->in.from.fd = p->sinks[VAGENT_STDOUT].to.fd = p->sinks[VAGENT_STDERR].to.fd = -1;
	return p;
}

int vagent_priv_process_make(struct vagent_guest *g, unsigned int container, const struct vagent_process_config *c,
			     struct vagent_process **out, struct vsu_error *err)
{
	struct vagent_process *p = new_process(g, container);
	int rc;

	if (!p)
		return vsu_error_set(err, -ENOMEM, "no memory for a process");
	p->terminal = c->terminal || (c->request && vagent_priv_has_record(c->request, 'T'));
	rc = vagent_priv_add_process(&p->records, c, err);
	if (!rc) {
		rc = take_streams(p, c);
		if (rc < 0)
			vsu_error_sys(err, rc, "cannot use the streams of a process");
	}
	if (rc < 0)
		vagent_process_free(p);
	else
		*out = p;
	return rc;
}

int vagent_priv_process_send(struct vagent_process *p, struct vsu_error *err)
{
	struct vagent_guest *g = p->guest;
	const struct vagent_prepare head = { g->nprocesses + 1, p->container };
	const int rc = vagent_priv_request(g, VAGENT_PREPARE, &head, sizeof(head), &p->records, err);

	if (rc < 0)
		return rc;
	vagent_request_free(&p->records);
	p->number = ++g->nprocesses;
	p->next = g->processes;
	g->processes = p;
	return 0;
}

int vagent_process_prepare(struct vagent_guest *g, unsigned int container, const struct vagent_process_config *config,
			   struct vagent_process **out, struct vsu_error *err)
{
	struct vagent_process_config c;
	struct vagent_process *p;
	int rc = vsu_copy_sized(&c, sizeof(c), config, "struct vagent_process_config", err);

	if (!rc)
		rc = vagent_priv_check_container(g, container, err);
	if (!rc)
		rc = vagent_priv_process_make(g, container, &c, &p, err);
	if (rc < 0)
		return rc;
	rc = vagent_priv_process_send(p, err);
	if (rc < 0)
		vagent_process_free(p);
	else
		*out = p;
	return rc;
}

/* An agent that cannot be asked to end a process is not served further. */
static void forget_process(struct vagent_process *p)
{
	struct vagent_guest *g = p->guest;
	struct vsu_error err;

	if (g->state == VAGENT_GUEST_SERVES &&
	    vagent_priv_request(g, VAGENT_FORGET, &p->number, sizeof(p->number), NULL, &err) < 0)
		vagent_priv_distrust(g, "nothing, and does not read its messages");
}

void vagent_process_free(struct vagent_process *p)
{
	struct vagent_process **at;

	if (!p)
		return;
	if (p->number) {
		forget_process(p);
		for (at = &p->guest->processes; *at != p; at = &(*at)->next)
			;
		*at = p->next;
	}
	vagent_request_free(&p->records);
	free_streams(p);
	free(p);
}

/* ------------------------------------------------------------------- requests */

enum vagent_process_state vagent_process_state(const struct vagent_process *p)
{
	return p->state;
}

uint32_t vagent_process_id(const struct vagent_process *p)
{
	return p->id;
}

int vagent_process_start(struct vagent_process *p, struct vsu_error *err)
{
	int rc;

	if (p->state != VAGENT_WAITING)
		return vsu_error_set(err, -EAGAIN, "the process does not wait for its start");
	rc = vagent_priv_request(p->guest, VAGENT_START, &p->number, sizeof(p->number), NULL, err);
	if (!rc)
		p->state = VAGENT_STARTING;
	return rc;
}

static bool has_ended(const struct vagent_process *p)
{
	return p->ended || p->state == VAGENT_FINISHED;
}

static bool pass_signal(const struct vagent_process *p, int signo, bool all)
{
	const struct vagent_kill m = { p->number, (uint32_t)signo, all };

	return vagent_priv_request(p->guest, VAGENT_KILL, &m, sizeof(m), NULL, NULL) >= 0;
}

static void pass_signals(const struct vagent_process *p, uint64_t *signals, bool all)
{
	while (*signals && pass_signal(p, __builtin_ctzll(*signals) + 1, all))
		*signals &= *signals - 1;
}

static void pass_size(struct vagent_process *p)
{
	const struct vagent_resize m = { p->number, p->notices.rows, p->notices.columns };

	if (vagent_priv_request(p->guest, VAGENT_RESIZE, &m, sizeof(m), NULL, NULL) >= 0)
		p->notices.has_size = false;
}

static void pass_notices(struct vagent_process *p)
{
	if (p->state == VAGENT_PREPARING || has_ended(p))
		return;
	pass_signals(p, &p->notices.signals, false);
	pass_signals(p, &p->notices.signals_to_all, true);
	if (p->notices.has_size)
		pass_size(p);
}

void vagent_priv_pass_notices(struct vagent_guest *g)
{
	struct vagent_process *p;

	for (p = g->processes; p; p = p->next)
		pass_notices(p);
}

static int check_alive(const struct vagent_process *p, struct vsu_error *err)
{
	return has_ended(p) ? vsu_error_set(err, -EAGAIN, "the process has ended") : 0;
}

/* The guest has ended, the process perhaps before, and a reader that takes nothing must not delay what its user ends. */
static void discard_output(struct vagent_process *p)
{
	vagent_priv_sink_discard(&p->sinks[VAGENT_STDOUT]);
	vagent_priv_sink_discard(&p->sinks[VAGENT_STDERR]);
	vagent_priv_call_again(p->guest);
}

static uint64_t signal_bit(int signo)
{
	return UINT64_C(1) << (signo - 1);
}

/* As in the kernel, a signal that continues removes those that stop, and these remove it. */
static uint64_t opposite_signals(int signo)
{
	const uint64_t stops = signal_bit(SIGSTOP) | signal_bit(SIGTSTP) | signal_bit(SIGTTIN) | signal_bit(SIGTTOU);

	return signo == SIGCONT ? stops : signal_bit(signo) & stops ? signal_bit(SIGCONT) : 0;
}

static void add_signal(struct vagent_priv_notices *n, int signo, bool all)
{
	n->signals &= ~opposite_signals(signo);
	if (all)
		n->signals_to_all &= ~opposite_signals(signo);
	*(all ? &n->signals_to_all : &n->signals) |= signal_bit(signo);
}

int vagent_process_signal(struct vagent_process *p, int signo, bool all, struct vsu_error *err)
{
	const bool discards = signo == SIGKILL && p->guest->has_left && p->state != VAGENT_FINISHED;
	const int rc = discards ? 0 : check_alive(p, err);

	if (rc < 0)
		return rc;
	if (signo < 1 || signo > SIGRTMAX)
		return vsu_error_set(err, -EINVAL, "%d is no signal", signo);
	add_signal(&p->notices, signo, all);
	pass_notices(p);
	if (discards)
		discard_output(p);
	return 0;
}

int vagent_process_resize(struct vagent_process *p, unsigned int rows, unsigned int columns, struct vsu_error *err)
{
	const int rc = check_alive(p, err);

	if (rc < 0)
		return rc;
	if (!p->terminal)
		return vsu_error_set(err, -ENOTTY, "the process has no terminal, whose size could change");
	if (rows > UINT16_MAX || columns > UINT16_MAX)
		return vsu_error_set(err, -EINVAL, "a terminal of %u rows and %u columns", rows, columns);
	p->notices.rows = (uint16_t)rows;
	p->notices.columns = (uint16_t)columns;
	p->notices.has_size = true;
	pass_notices(p);
	return 0;
}

int vagent_process_end(const struct vagent_process *p, struct vagent_end *end, struct vsu_error *why)
{
	if (p->state != VAGENT_FINISHED)
		return vsu_error_set(why, -EAGAIN, "the process has not finished");
	*end = p->end;
	if (why)
		*why = p->why;
	return 0;
}

/* ------------------------------------------------------------------- messages */

struct vagent_process *vagent_priv_find_process(struct vagent_guest *g, uint32_t number)
{
	struct vagent_process *p = g->processes;

	if (!number || number > g->nprocesses)
		vagent_priv_distrust(g, "the number of an unknown process");
	while (p && p->number != number)
		p = p->next;
	return p;
}

void vagent_priv_serve_prepared(struct vagent_guest *g, const struct vagent_prepared *m)
{
	struct vagent_process *p = vagent_priv_find_process(g, m->process);

	if (!p)
		return;
	if (p->state != VAGENT_PREPARING || !m->pid || m->pid > INT32_MAX) {
		vagent_priv_distrust(g, "an invalid PREPARED");
		return;
	}
	p->id = m->pid;
	p->state = VAGENT_WAITING;
	pass_notices(p);
}

void vagent_priv_serve_running(struct vagent_guest *g, uint32_t process)
{
	struct vagent_process *p = vagent_priv_find_process(g, process);

	if (!p)
		return;
	if (p->state != VAGENT_STARTING || p->ended)
		vagent_priv_distrust(g, "an invalid RUNNING");
	else
		p->state = VAGENT_EXECUTED;
}

void vagent_priv_serve_credited(struct vagent_guest *g, const struct vagent_credit *m)
{
	struct vagent_process *p = vagent_priv_find_process(g, m->process);

	if (!p)
		return;
	if (m->stream != VAGENT_STDIN || !m->bytes || m->bytes > VAGENT_WINDOW - p->in.credit)
		vagent_priv_distrust(g, "an invalid CREDITED");
	else
		p->in.credit += m->bytes;
}

/* Only a signal may have a cause other than 0. A process that was not executed did not exit. */
static bool is_possible(const struct vagent_process *p, const struct vagent_process_ended *m)
{
	if (p->ended || m->how >= VAGENT_HOWS)
		return false;
	if (m->how == VAGENT_EXITED)
		return p->state == VAGENT_EXECUTED && m->status <= 255 && !m->cause;
	if (m->how == VAGENT_SIGNALLED)
		return p->state != VAGENT_PREPARING && m->status >= 1 && m->status <= 127 &&
		       (!m->cause || (m->cause == VAGENT_CAUSE_MEMORY && m->status == SIGKILL));
	return p->state != VAGENT_EXECUTED && !m->cause;
}

static void set_end(struct vagent_process *p, const struct vagent_process_ended *m, const char *text, size_t len)
{
	static const struct vagent_end failures[] = {
		[VAGENT_NOT_FOUND] = { VAGENT_END_NOT_FOUND, 0 },
		[VAGENT_NOT_EXECUTED] = { VAGENT_END_NOT_EXECUTED, 0 },
		[VAGENT_FAILED] = { VAGENT_END_MACHINE, VSU_EXIT_FAIL },
	};

	if (m->how == VAGENT_EXITED) {
		p->end = (struct vagent_end){ VAGENT_END_STATUS, (int)m->status };
	} else if (m->how == VAGENT_SIGNALLED && m->cause) {
		p->end = (struct vagent_end){ VAGENT_END_MEMORY, (int)m->status };
		vsu_error_set(&p->why, -ENOMEM, "the guest's kernel killed the command, because memory was used up");
	} else if (m->how == VAGENT_SIGNALLED) {
		p->end = (struct vagent_end){ VAGENT_END_SIGNAL, (int)m->status };
		vsu_error_set(&p->why, -ECANCELED, "signal %" PRIu32 " ended the command", m->status);
	} else {
		p->end = failures[m->how];
		vsu_error_set(&p->why, -ECANCELED, "in the guest: %.*s", (int)len, text);
	}
}

/* No frames follow a failure. */
void vagent_priv_serve_process_ended(struct vagent_guest *g, const struct vagent_process_ended *m, const char *text,
				     size_t len)
{
	struct vagent_process *p = vagent_priv_find_process(g, m->process);

	if (!p)
		return;
	if (!is_possible(p, m)) {
		vagent_priv_distrust(g, "an invalid end of a process");
		return;
	}
	set_end(p, m, text, len);
	p->ended = true;
	vagent_priv_source_fini(&p->in);
	if (m->how != VAGENT_EXITED && m->how != VAGENT_SIGNALLED)
		p->sinks[VAGENT_STDOUT].source_ended = p->sinks[VAGENT_STDERR].source_ended = true;
}
