/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Clients of the control socket: they connect, send lines, partial lines and
 * other bytes, read or do not, wait for replies and disconnect, in the order of
 * the input.
 *
 * Invariants: each reply and event is a JSON object on one line, no client receives
 * more replies than it sent lines, and no descriptor leaks.
 *
 * Finally prints its reach: executed commands and their results.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "control/control.h"
#include "control/waiting.h"
#include "machine/answers.h"
#include "play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLIENTS	12u
#define SUBJECTS 4u
#define LINE	(VMM_CONTROL_LINE + 64)

static uint64_t obeyed, refused, waited, told, answers, ended;
static char folder[] = "/tmp/fuzz-control-XXXXXX", path[64];

struct user {
	int sock;
	uint64_t lines;		/* lines that it sent, and one for the last reply before its
				   end */
	size_t len;		/* of the answer so far */
	char answer[LINE * 2];
};

struct machine {
	struct vsu_loop *loop;
	struct vmm_control *control;
	struct vmm_answers answers;
	struct user users[CLIENTS];
	int fds;		/* number of open descriptors at its start */
};

static const char subjects[SUBJECTS];

/* ---------------------------------------------------------------- commands */

static int on_say(void *opaque, char *const *words, FILE *answer,
		  struct vsu_error *err)
{
	(void)opaque;
	(void)err;
	obeyed++;
	fprintf(answer, ",\"words\":%d", words[2] ? 2 : 1);
	return 0;
}

static int on_fail(void *opaque, char *const *words, FILE *answer,
		   struct vsu_error *err)
{
	(void)opaque;
	refused++;
	fputs(",\"dropped\":\"text that nobody may see\"", answer);
	return vsu_error_set(err, -EBUSY, "not '%s'", words[1]);
}

static void write_number(const struct cvmm_answer *answer, struct vsu_json *to)
{
	vsu_json_u64(to, "a", answer->device);
}

static int on_wait(void *opaque, char *const *words, FILE *answer,
		   struct vsu_error *err)
{
	struct machine *m = opaque;
	struct vmm_deferred *d = vmm_control_defer(m->control, write_number);

	(void)err;
	waited++;
	CHECK(d);
	vmm_answer_await(&m->answers, vmm_answer_new(vmm_deferred_answer, d),
			 &subjects[(uint8_t)words[1][0] % SUBJECTS]);
	return vmm_deferred_begin(d, 0, answer);
}

static int on_subscribe(void *opaque, char *const *words, FILE *answer,
			struct vsu_error *err)
{
	const struct machine *m = opaque;

	(void)words;
	(void)answer;
	return vmm_control_subscribe(m->control, err);
}

static int on_ring(void *opaque, char *const *words, FILE *answer,
		   struct vsu_error *err)
{
	const struct machine *m = opaque;

	(void)words;
	(void)answer;
	(void)err;
	vmm_control_publish(m->control, "{\"event\":\"bell\"}");
	return 0;
}

static const struct vmm_control_command commands[] = {
	{ .name = "say", "WORD [MORE]", 1, 2, on_say, "" },
	{ .name = "fail", "WORD", 1, 1, on_fail, "" },
	{ .name = "wait", "SUBJECT", 1, 1, on_wait, "" },
	{ .name = "subscribe", NULL, 0, 0, on_subscribe, "" },
	{ .name = "ring", NULL, 0, 0, on_ring, "" },
	{ .name = NULL },
};

/* ------------------------------------------------------------------- users */

static void user_leave(struct user *u)
{
	vsu_fd_close(&u->sock);
}

static void user_come(struct user *u)
{
	user_leave(u);
	memset(u, 0, sizeof(*u));
	u->sock = vsu_sock_connect(path, NULL);
	u->lines = 1;
}

static void user_say(struct user *u, const char *text, size_t len)
{
	ssize_t n = send(u->sock, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	for (; n > 0; n--)
		u->lines += text[n - 1] == '\n';
}

static void user_hear(struct user *u, char c)
{
	static const char begin[] = "{\"ok\":", event[] = "{\"event\":\"bell\"}\n";

	CHECK(c && u->len < sizeof(u->answer));
	u->answer[u->len++] = c;
	if (c != '\n')
		return;
	CHECK(u->len > sizeof(begin));
	if (u->len == sizeof(event) - 1 && !memcmp(u->answer, event, u->len)) {
		u->len = 0;
		return;
	}
	CHECK(!memcmp(u->answer, begin, sizeof(begin) - 1));
	CHECK(u->answer[u->len - 2] == '}');
	CHECK(u->lines--);
	answers++;
	u->len = 0;
}

static void user_listen(struct user *u)
{
	char text[4096];
	ssize_t n, i;

	while ((n = recv(u->sock, text, sizeof(text), MSG_DONTWAIT)) > 0)
		for (i = 0; i < n; i++)
			user_hear(u, text[i]);
	ended += !n;
}

/* ------------------------------------------------------------------ actions */

static void send_line(struct user *u, struct input *in)
{
	static const char *const lines[] = {
		"say a\n", "say a b\n", "fail x\n", "wait a\n", "wait b\n",
		"say", "\n", "nothing\n", "say a\nwait a\nsay b\n", "fa",
		"wait c\nwait d\n", "say a b c\n", "\t say  a\r\n", "\"\\\n",
		"fail \"\\\x1b\x80\n", "wait a\nfail b\n", "subscribe\n", "ring\n",
	};
	const char *line = lines[take(in, 1) % 18];

	user_say(u, line, strlen(line));
}

static void send_bytes(struct user *u, struct input *in)
{
	const size_t left = (size_t)(in->end - in->p);
	const size_t wanted = take(in, 1);
	const size_t n = wanted < left ? wanted : left ? left - 1 : 0;

	user_say(u, (const char *)in->p, n);
	in->p += n;
}

static void send_much(struct user *u, struct input *in)
{
	char text[LINE];

	memset(text, (int)take(in, 1), sizeof(text));
	user_say(u, text, sizeof(text) - 128 + take(in, 1) % 128);
}

static void tell(struct machine *m, struct input *in)
{
	static const struct cvmm_answer one = { .size = sizeof(one), .device = 1 };
	const uint32_t how = take(in, 1);
	struct vsu_error err = VSU_ERROR_INIT;

	vsu_error_set(&err, -EIO, "it did not come");
	told += vmm_answers_send(&m->answers, &subjects[how % SUBJECTS],
				 how & 8 ? &one : NULL, how & 4 ? &err : NULL);
}

static void turn(struct machine *m)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		vsu_loop_dispatch(m->loop);
}

static void act(void *machine, struct input *in)
{
	struct machine *m = machine;
	const uint32_t what = take(in, 1);
	struct user *u = &m->users[(what >> 4) % CLIENTS];

	switch (what & 7) {
	case 0:
		user_come(u);
		break;
	case 1:
		send_line(u, in);
		break;
	case 2:
		send_bytes(u, in);
		break;
	case 3:
		user_leave(u);
		break;
	case 4:
		tell(m, in);
		break;
	case 5:
		user_listen(u);
		break;
	case 6:
		send_much(u, in);
		break;
	default:
		shutdown(u->sock, SHUT_WR);
		break;
	}
	/* a connection that is never accepted could block */
	if (!(what & 8) || !(what & 7))
		turn(m);
}

/* ------------------------------------------------------------------- course */

static void remove_folder(void)
{
	rmdir(folder);
}

static void make_folder(void)
{
	static bool is_made;

	if (is_made)
		return;
	is_made = true;
	CHECK(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	atexit(remove_folder);
}

static bool forget(void *opaque, const struct vmm_deferred *deferred)
{
	struct machine *m = opaque;

	return vmm_answers_forget(&m->answers, vmm_deferred_answer, deferred);
}

static void init(void *machine, struct input *in)
{
	struct machine *m = machine;
	unsigned int i;

	(void)in;
	make_folder();
	memset(m, 0, sizeof(*m));
	for (i = 0; i < CLIENTS; i++)
		m->users[i].sock = -1;
	m->fds = vsu_fd_count();
	CHECK(!vsu_loop_new(&m->loop, NULL));
	CHECK(!vmm_control_new(&(struct vmm_control_config){
		.loop = m->loop,
		.path = path,
		.commands = { commands, m, NULL },
		.forget = forget,
	}, &m->control, NULL));
}

static void fini(void *machine)
{
	struct machine *m = machine;
	unsigned int i;

	turn(m);
	for (i = 0; i < CLIENTS; i++) {
		user_listen(&m->users[i]);
		user_leave(&m->users[i]);
	}
	turn(m);
	vmm_control_free(m->control);
	vmm_answers_end(&m->answers);
	vsu_loop_free(m->loop);
	CHECK(vsu_fd_count() == m->fds);
	CHECK(access(path, F_OK) < 0);
}

static void print_reach(void)
{
	printf("# reach: %" PRIu64 " obeyed, %" PRIu64 " refused, %" PRIu64 " waited, %" PRIu64 " told, %" PRIu64 " answers, %" PRIu64 " ends\n",
	       obeyed, refused, waited, told, answers, ended);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play course = { init, act, fini, print_reach };
	static struct machine machine;

	return play(&course, &machine, data, size);
}
