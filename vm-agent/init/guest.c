/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves a guest with containers: messages of the host, children and streams. */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/guest.h"

static struct guest_container itself = { .number = VAGENT_ITSELF, .state = CONTAINER_READY };
static bool serves_itself;
static struct guest_container *containers;
static unsigned int ncontainers;

/* ------------------------------------------------------------------ containers */

static struct guest_container *find_container(uint32_t number)
{
	struct guest_container *c = containers;

	while (c && c->number != number)
		c = c->next;
	return c;
}

static struct guest_container *find_place(uint32_t number)
{
	return number == VAGENT_ITSELF && serves_itself ? &itself : find_container(number);
}

/* Takes the payload. Removed ones count while they have processes. One too many is refused: its processes fail. */
static void add_container(char *payload, size_t len)
{
	struct guest_container *c;
	uint32_t number;

	if (ncontainers == VAGENT_MAX_CONTAINERS) {
		free(payload);
		return;
	}
	memcpy(&number, payload, sizeof(number));
	c = vagent_priv_container_new(number, payload, sizeof(number), len);
	c->next = containers;
	containers = c;
	ncontainers++;
}

static void remove_container(uint32_t number)
{
	struct guest_container *c = find_container(number);

	if (!c)
		return;
	c->removed = true;
	if (c->first)
		kill(c->first, SIGKILL);
}

static void free_removed(void)
{
	struct guest_container **at = &containers, *c;

	while ((c = *at)) {
		if (!c->removed || c->nprocesses) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		vagent_priv_container_free(c);
		ncontainers--;
	}
}

/* A list is sent in messages, of which the last one may be empty. */
struct list {
	struct {
		struct vagent_listed head;
		uint32_t pids[(VAGENT_MAX_MESSAGE - sizeof(struct vagent_listed)) / sizeof(uint32_t)];
	} m;
	unsigned int n;
};

static void send_list(struct list *l, bool more)
{
	l->m.head.more = more;
	vagent_priv_send(VAGENT_LISTED, &l->m, sizeof(l->m.head) + l->n * sizeof(l->m.pids[0]));
	l->n = 0;
}

static bool list_process(void *opaque, pid_t pid)
{
	struct list *l = opaque;

	if (l->n == sizeof(l->m.pids) / sizeof(l->m.pids[0]))
		send_list(l, true);
	l->m.pids[l->n++] = (uint32_t)pid;
	return true;
}

static void list_processes(uint32_t number)
{
	const struct guest_container *c = find_container(number);
	struct list l = { .m = { .head = { .container = number } } };

	if (c)
		vagent_priv_container_walk(c, list_process, &l);
	send_list(&l, false);
}

static bool count_process(void *opaque, pid_t pid)
{
	struct vagent_measured *m = opaque;

	(void)pid;
	m->processes++;
	return true;
}

static void measure_container(uint32_t number)
{
	const struct guest_container *c = find_container(number);
	struct vagent_measured m = { .container = number };

	if (c) {
		vagent_priv_container_measure(c, &m);
		vagent_priv_container_walk(c, count_process, &m);
	}
	vagent_priv_send(VAGENT_MEASURED, &m, sizeof(m));
}

/* -------------------------------------------------------------------- messages */

/* The length of a message, or of the struct before its records. */
static const struct {
	uint32_t type;
	size_t len;
} lengths[] = {
	{ VAGENT_CONTAINER, sizeof(uint32_t) }, { VAGENT_REMOVE, sizeof(uint32_t) },
	{ VAGENT_PREPARE, sizeof(struct vagent_prepare) }, { VAGENT_START, sizeof(uint32_t) },
	{ VAGENT_KILL, sizeof(struct vagent_kill) }, { VAGENT_RESIZE, sizeof(struct vagent_resize) },
	{ VAGENT_LIST, sizeof(uint32_t) }, { VAGENT_LOST, sizeof(struct vagent_stream) },
	{ VAGENT_FORGET, sizeof(uint32_t) }, { VAGENT_CREDIT, sizeof(struct vagent_credit) },
	{ VAGENT_MEASURE, sizeof(uint32_t) }, { VAGENT_MOMENT, sizeof(struct vagent_moment) },
};

static void check_length(const struct vagent_header *h)
{
	const bool has_records = h->type == VAGENT_CONTAINER || h->type == VAGENT_PREPARE;
	unsigned int i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		if (h->type == lengths[i].type && (h->len == lengths[i].len || (has_records && h->len > lengths[i].len)))
			return;
	vagent_init_fail("the host sent message %u of %u bytes", h->type, h->len);
}

union message {
	uint32_t number;
	struct vagent_prepare prepare;
	struct vagent_kill kill;
	struct vagent_resize resize;
	struct vagent_stream stream;
	struct vagent_credit credit;
};

/* All begin with the number of the process, which may have been forgotten. */
static void serve_process(uint32_t type, const union message *m)
{
	struct guest_process *p = vagent_priv_process_find(m->number);

	if (!p || p->forgotten)
		return;
	if (type == VAGENT_START)
		vagent_priv_process_start(p);
	else if (type == VAGENT_KILL)
		vagent_priv_process_kill(p, (int)m->kill.signo, m->kill.all);
	else if (type == VAGENT_RESIZE)
		vagent_priv_process_resize(p, m->resize.rows, m->resize.columns);
	else if (type == VAGENT_LOST)
		vagent_priv_streams_lose(p, m->stream.stream);
	else if (type == VAGENT_CREDIT)
		vagent_priv_streams_credit(p, m->credit.stream, m->credit.bytes);
	else
		vagent_priv_process_forget(p);
}

static void serve_message(void)
{
	struct vagent_header h;
	char *payload = vagent_priv_receive(&h);
	union message m;

	check_length(&h);
	memcpy(&m, payload, h.len < sizeof(m) ? h.len : sizeof(m));
	if (h.type == VAGENT_CONTAINER) {
		add_container(payload, h.len);
		return;
	}
	if (h.type == VAGENT_REMOVE)
		remove_container(m.number);
	else if (h.type == VAGENT_LIST)
		list_processes(m.number);
	else if (h.type == VAGENT_MEASURE)
		measure_container(m.number);
	else if (h.type == VAGENT_MOMENT)
		vagent_priv_enter_moment(payload, h.len, false);
	else if (h.type == VAGENT_PREPARE)
		vagent_priv_process_prepare(find_place(m.prepare.container), m.prepare.process,
					    payload + sizeof(m.prepare), h.len - sizeof(m.prepare));
	else
		serve_process(h.type, &m);
	free(payload);
}

/* ----------------------------------------------------------------------- turns */

static struct pollfd *watched;
static unsigned int nwatched, room;

static void watch_fd(int fd, short events)
{
	if (nwatched == room) {
		room = room ? 2 * room : 64;
		watched = realloc(watched, room * sizeof(*watched));
	}
	if (!watched)
		vagent_init_fail("the guest has no memory for its processes");
	watched[nwatched++] = (struct pollfd){ fd, events, 0 };
}

static void watch_output(const struct guest_process *p, const struct guest_output *o)
{
	if (o->fd >= 0 && (o->credit || o->lost) && p->state == PROCESS_EXECUTED && !vagent_priv_streams_are_full())
		watch_fd(o->fd, POLLIN);
}

static void watch_process(const struct guest_process *p)
{
	if (p->report >= 0)
		watch_fd(p->report, POLLIN);
	if (p->in.fd >= 0 && p->in.have && p->state == PROCESS_EXECUTED)
		watch_fd(p->in.fd, POLLOUT);
	watch_output(p, &p->out);
	watch_output(p, &p->err);
}

/* The control port is the first one. */
static void watch_all(int signals)
{
	const struct guest_process *p;

	nwatched = 0;
	watch_fd(vagent_priv_ports[VAGENT_CONTROL], POLLIN);
	watch_fd(vagent_priv_ports[VAGENT_IN], POLLIN);
	watch_fd(signals, POLLIN);
	if (vagent_priv_streams_are_full())
		watch_fd(vagent_priv_ports[VAGENT_OUT], POLLOUT);
	for (p = vagent_priv_guest_processes; p; p = p->next)
		watch_process(p);
}

/* Orphans become children of the first process. */
static void reap_children(int fd)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	(void)!read(fd, &info, sizeof(info));
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		vagent_priv_process_reaped(pid, status);
}

static bool turn_once(int signals)
{
	struct guest_process *p;
	bool moved;

	reap_children(signals);
	for (p = vagent_priv_guest_processes; p; p = p->next)
		vagent_priv_process_read_report(p);
	moved = vagent_priv_streams_turn();
	vagent_priv_process_free_forgotten();
	free_removed();
	return moved;
}

void vagent_priv_serve_guest(bool has_root)
{
	sigset_t child;
	int signals;
	bool moved;

	serves_itself = has_root;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	vagent_priv_watch_kills();
	vagent_priv_send(VAGENT_SERVES, NULL, 0);
	for (;;) {
		moved = turn_once(signals);
		watch_all(signals);
		if (poll(watched, nwatched, moved ? 0 : -1) > 0 && watched[0].revents & POLLIN)
			serve_message();
	}
}

/* ----------------------------------------------------------------------- begin */

/* The agent has a root of its own, since the initrd's cannot be left by pivot_root(2). */
void vagent_priv_enter_guest(char *records, size_t len)
{
	char **folder;
	char **folders = vagent_priv_collect_words('D', records, len);

	vagent_init_make_folders(AGENT_ROOT);
	vagent_priv_mount("tmpfs", AGENT_ROOT, "tmpfs", 0, "mode=0755");
	vagent_priv_mount_system();
	vagent_priv_switch_root(AGENT_ROOT);
	for (folder = folders; *folder; folder++)
		vagent_priv_mount_folder(*folder);
	free(folders);
	vagent_priv_raise_loopback();
	vagent_priv_raise_cards(records, len);
}
