/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves the user of a machine: a word for each function of <cvmm/requests.h>. */
#include <config.h>

#include <sys/socket.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/json.h>
#include <vmm-sys-util/parse.h>
#include <vmm-sys-util/sock.h>

#include "user.h"

#define USERS 8
#define WORDS 8

/* A connection, and the request that it awaits. */
static struct user {
	struct vsu_io readable;
	int sock;		/* 0: closed */
	bool is_served;		/* the answer is still to come, also when it is closed */
	int fds[4];
	unsigned int nfds;
} users[USERS];

static int door[2];		/* brings connections to the machine's thread */
static struct vsu_io coming;

/* ------------------------------------------------------------------ replies */

static void reply(struct user *u, const struct vsu_error *why, void (*write)(struct vsu_json *to, const void *what),
		  const void *what)
{
	char text[sizeof(said)] = "";
	FILE *to = fmemopen(text, sizeof(text), "w");
	struct vsu_json j = { .to = to };

	vsu_json_open(&j, NULL, '{');
	vsu_json_bool(&j, "ok", !why);
	if (why)
		vsu_json_text(&j, "error", why->msg);
	else if (write)
		write(&j, what);
	vsu_json_close(&j, '}');
	fputc('\n', to);
	fclose(to);
	(void)!send(u->sock, text, strlen(text), MSG_NOSIGNAL);
}

static void write_answer(struct vsu_json *to, const void *what)
{
	const struct cvmm_answer *a = what;

	if (a->sent) {
		vsu_json_u64(to, "sent", a->sent);
		vsu_json_u64(to, "downtime_us", a->downtime_us);
	}
	if (a->bytes) {
		vsu_json_u64(to, "bytes", a->bytes);
		vsu_json_u64(to, "ranges", a->ranges);
	}
}

static void write_addition(struct vsu_json *to, const void *what)
{
	vsu_json_u64(to, "device", ((const struct cvmm_answer *)what)->device);
}

static void give(struct user *u, const struct vsu_error *why,
		 void (*write)(struct vsu_json *to, const void *what), const void *what)
{
	u->is_served = false;
	if (!u->sock)
		return;
	reply(u, why, write, what);
	vsu_io_start(rig.machine.loop, &u->readable);
}

static void on_answer(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	give(opaque, why, write_answer, answer);
}

static void on_addition(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	give(opaque, why, write_addition, answer);
}

/* --------------------------------------------------------------- the status */

static void write_device(struct vsu_json *to, unsigned int number)
{
	struct cvmm_device d = { .size = sizeof(d) };
	struct cvmm_counter all[64];
	unsigned int i, n = 0;

	if (cvmm_machine_get_device(&rig.owned, number, &d, NULL) < 0)
		return;
	vsu_json_open(to, NULL, '{');
	vsu_json_u64(to, "device", number);
	vsu_json_u64(to, "id", d.id);
	if (d.kind)
		vsu_json_text(to, "kind", d.kind);
	if (d.leaving)
		vsu_json_bool(to, "leaving", true);
	if (d.coming)
		vsu_json_bool(to, "coming", true);
	(void)!cvmm_machine_get_counters(&rig.owned, number, all, COUNT(all), &n, NULL);
	for (i = 0; i < n; i++)
		vsu_json_u64(to, all[i].name, all[i].value);
	vsu_json_close(to, '}');
}

static void write_status(struct vsu_json *to, const void *what)
{
	static const char *const states[] = {
		[CVMM_STATE_RUNNING] = "running", [CVMM_STATE_PAUSED] = "paused",
		[CVMM_STATE_DAMAGED] = "damaged", [CVMM_STATE_SAVING] = "saving",
		[CVMM_STATE_MIGRATING] = "migrating", [CVMM_STATE_UNDECIDED] = "undecided",
	};
	const struct cvmm_statistics *s = what;
	struct cvmm_cpu c = { .size = sizeof(c) };
	unsigned int i;

	vsu_json_u64(to, "cpus", s->cpus);
	vsu_json_u64(to, "max_cpus", s->max_cpus);
	vsu_json_bool(to, "paused", s->paused);
	vsu_json_open(to, "vcpus", '[');
	for (i = 0; !cvmm_machine_get_cpu(&rig.owned, i, &c, NULL); i++)
		vsu_json_u64(to, NULL, c.exits);
	vsu_json_close(to, ']');
	vsu_json_open(to, "devices", '[');
	for (i = 0; i < s->devices; i++)
		write_device(to, i);
	vsu_json_close(to, ']');
	if (s->saves) {
		vsu_json_open(to, "saving", '{');
		vsu_json_close(to, '}');
	}
	if (s->progress.phase != CVMM_PHASE_NONE) {
		vsu_json_open(to, "migration", '{');
		vsu_json_text(to, "phase", s->progress.phase == CVMM_PHASE_STOPPED ? "stopped" : "another");
		vsu_json_close(to, '}');
	}
	vsu_json_text(to, "state", states[s->state]);
}

/* ----------------------------------------------------------------- requests */

/* Returns 1 if the answer follows. */
typedef int (*serve_fn)(struct user *u, char *const *words, struct vsu_error *err);

static int number(const char *word)
{
	return atoi(word);
}

static int serve_status(struct user *u, char *const *words, struct vsu_error *err)
{
	struct cvmm_statistics s = { .size = sizeof(s) };
	int rc = cvmm_machine_get_statistics(&rig.owned, &s, err);

	(void)words;
	if (rc < 0)
		return rc;
	give(u, NULL, write_status, &s);
	return 1;
}

static int after(int rc)
{
	return rc < 0 ? rc : 1;
}

static int serve_save(struct user *u, char *const *words, struct vsu_error *err)
{
	struct cvmm_save save = { .size = sizeof(save), .fds = u->nfds ? u->fds : NULL, .nfds = u->nfds };
	unsigned int i;

	if (!u->nfds)
		save.folder = words[1];
	for (i = 2; words[i]; i++) {
		save.incremental |= !strcmp(words[i], "incremental");
		if (!strcmp(words[i], "then=pause"))
			save.then = CVMM_THEN_PAUSE;
		if (!strcmp(words[i], "then=quit"))
			save.then = CVMM_THEN_STOP;
	}
	return after(cvmm_machine_save(&rig.owned, &save, on_answer, u, err));
}

static int serve_core(struct user *u, char *const *words, struct vsu_error *err)
{
	const bool is_fd = !strcmp(words[1], "fd:0");
	const struct cvmm_core core = {
		.size = sizeof(core), .file = is_fd ? NULL : words[1], .fd = is_fd ? u->fds[0] : 0,
	};

	return after(cvmm_machine_write_core(&rig.owned, &core, on_answer, u, err));
}

static int serve_working_set(struct user *u, char *const *words, struct vsu_error *err)
{
	(void)words;
	return after(cvmm_machine_record_working_set(&rig.owned, on_answer, u, err));
}

static int serve_migrate(struct user *u, char *const *words, struct vsu_error *err)
{
	struct cvmm_migration g = { .size = sizeof(g) };

	for (; words[2]; words++)
		if (!strncmp(words[1], "postcopy=", 9)) {
			g.postcopy = true;
			g.rounds = (unsigned int)number(words[1] + 9);
		} else {
			ck_assert_int_eq(vsu_parse_size(words[1] + strlen("rate="), &g.rate), 0);
		}
	if (!strcmp(words[1], "fd:0"))
		g.sock = u->fds[0];
	else
		g.address = words[1];
	return after(cvmm_machine_migrate(&rig.owned, &g, on_answer, u, err));
}

static int serve_add(struct user *u, char *const *words, struct vsu_error *err)
{
	return after(cvmm_machine_add_device(&rig.owned, words[1], u->fds, u->nfds, NULL, on_addition, u, err));
}

static int serve_remove(struct user *u, char *const *words, struct vsu_error *err)
{
	bool force = false, wait = false;
	unsigned int i;
	int rc;

	for (i = 2; words[i]; i++) {
		force |= !strcmp(words[i], "force");
		wait |= !strcmp(words[i], "wait");
	}
	rc = cvmm_machine_remove_device(&rig.owned, (unsigned int)number(words[1]), force,
					wait ? on_answer : NULL, u, err);
	return rc ? rc : wait;
}

static int serve_resize(struct user *u, char *const *words, struct vsu_error *err)
{
	uint64_t bytes;

	(void)u;
	ck_assert_int_eq(vsu_parse_size(words[2], &bytes), 0);
	return cvmm_machine_resize_device(&rig.owned, (unsigned int)number(words[1]), bytes, err);
}

static int serve_limit(struct user *u, char *const *words, struct vsu_error *err)
{
	(void)u;
	return cvmm_machine_limit_device(&rig.owned, (unsigned int)number(words[1]), words[2], err);
}

static int serve_cpus(struct user *u, char *const *words, struct vsu_error *err)
{
	(void)u;
	return cvmm_machine_add_cpus(&rig.owned, (unsigned int)strtoul(words[1], NULL, 10), err);
}

static const struct {
	const char *word;
	serve_fn serve;		/* or: */
	int (*request)(struct cvmm_machine *m, struct vsu_error *err);
} table[] = {
	{ "status", serve_status, NULL }, { "save", serve_save, NULL }, { "core", serve_core, NULL },
	{ "working-set", serve_working_set, NULL }, { "migrate", serve_migrate, NULL },
	{ "device-add", serve_add, NULL }, { "device-del", serve_remove, NULL },
	{ "resize", serve_resize, NULL }, { "limit", serve_limit, NULL }, { "cpus", serve_cpus, NULL },
	{ "pause", NULL, cvmm_machine_pause }, { "resume", NULL, cvmm_machine_resume },
	{ "power-button", NULL, cvmm_machine_press_power }, { "reset", NULL, cvmm_machine_reset },
	{ "quit", NULL, cvmm_machine_stop }, { "migrate-cancel", NULL, cvmm_machine_cancel_migration },
	{ "migrate-postcopy", NULL, cvmm_machine_start_postcopy },
};

/* The answer can come before the request returns. */
static void serve(struct user *u, char *const *words)
{
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int i = 0;
	int rc;

	while (i < COUNT(table) && strcmp(table[i].word, words[0]) != 0)
		i++;
	ck_assert_msg(i < COUNT(table), "no request '%s'", words[0]);
	u->is_served = true;
	vsu_io_stop(&u->readable);
	rc = table[i].serve ? table[i].serve(u, words, &err) : table[i].request(&rig.owned, &err);
	if (rc <= 0)
		give(u, rc < 0 ? &err : NULL, NULL, NULL);
}

/* -------------------------------------------------------------- connections */

/* Bytes one by one: the next line stays in the socket. False: the user has gone. */
static bool read_line(struct user *u, char *line, size_t size)
{
	const struct iovec iov = { line, 1 };
	size_t n = 0;
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int nfds;

	if (vsu_sock_recv(u->sock, &iov, 1, fds, &nfds) != 1)
		return false;
	ck_assert_uint_le(nfds, COUNT(u->fds));
	memcpy(u->fds, fds, nfds * sizeof(fds[0]));
	u->nfds = nfds;
	while (line[n++] != '\n') {
		ck_assert_uint_lt(n, size);
		ck_assert_int_eq(read(u->sock, line + n, 1), 1);
	}
	line[n - 1] = '\0';
	return true;
}

static void close_user(struct user *u)
{
	vsu_io_stop(&u->readable);
	close(u->sock);
	u->sock = 0;
}

static void on_readable(void *opaque)
{
	char line[512], *words[WORDS + 1] = { NULL }, *rest = NULL;
	struct user *u = opaque;
	unsigned int n = 0;

	if (!read_line(u, line, sizeof(line))) {
		close_user(u);
		return;
	}
	for (words[0] = strtok_r(line, " ", &rest); words[n]; words[n] = strtok_r(NULL, " ", &rest))
		ck_assert_uint_lt(++n, WORDS);
	serve(u, words);
	while (u->nfds)
		close(u->fds[--u->nfds]);
}

static void on_coming(void *opaque)
{
	struct user *u = users;
	int sock;

	(void)opaque;
	ck_assert_int_eq(read(door[0], &sock, sizeof(sock)), sizeof(sock));
	while (u->sock || u->is_served)
		ck_assert(++u < users + USERS);
	u->sock = sock;
	vsu_io_init(&u->readable, on_readable, u, sock, VSU_IO_READ);
	vsu_io_start(rig.machine.loop, &u->readable);
}

static int connect_user(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(write(door[1], &pair[1], sizeof(pair[1])), sizeof(pair[1]));
	return pair[0];
}

static int begin(struct vsu_error *err)
{
	(void)err;
	ck_assert_int_eq(pipe2(door, O_CLOEXEC), 0);
	memset(users, 0, sizeof(users));
	vsu_io_init(&coming, on_coming, NULL, door[0], VSU_IO_READ);
	vsu_io_start(rig.machine.loop, &coming);
	return 0;
}

static void end(void)
{
	unsigned int i;

	for (i = 0; i < USERS; i++)
		if (users[i].sock)
			close_user(&users[i]);
	vsu_io_stop(&coming);
	vsu_fd_close(&door[0]);
	vsu_fd_close(&door[1]);
}

const struct rig_user usual_user = { .begin = begin, .end = end, .connect = connect_user };
