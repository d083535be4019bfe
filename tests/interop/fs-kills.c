/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Kills the daemon of a folder repeatedly under a load that knows every
 * expected reply.
 *
 *   fs-kills KILL|TERM ROUNDS SOCKET COMMAND…
 *
 * COMMAND is ended by that signal at random moments and restarted at once.
 * Several files of the folder go through a life in parallel: create, write,
 * read, rename, look up, create and remove a folder, remove. No request may
 * fail, or be answered twice or never; reads return what was written. Ends with
 * 0, or with 1 and a line that states the error. KILL_SEED selects the moments.
 */
#include <config.h>

#include <inttypes.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/event.h>

#include "fs-steps.h"
#include "killed.h"
#include "lasting.h"

#define FILES 14u		/* in parallel, one request each */
#define ROOM UINT64_C(0x4000)	/* of a request and its reply */
#define ANSWER UINT64_C(0x2000)	/* offset of the reply */
#define SLOTS_GPA (LASTING_BASE + 2 * LASTING_ROOM)
#define WATCH_MS 20

static struct lasting session;
static struct fs_life lives[FILES];
static struct killed server;
static uint64_t seed, last_unique, finished;
static unsigned int alone;	/* restarted servers that ended by themselves */
static bool settling;

/* --------------------------------------------------------------------- a life */

static uint64_t room_of(const struct fs_life *f)
{
	return SLOTS_GPA + f->index * ROOM;
}

static void life_post(struct fs_life *f, uint32_t opcode, const struct fs_request *r)
{
	const uint64_t in = room_of(f), out = in + ANSWER;
	const struct fuse_in_header header = {
		.len = (uint32_t)sizeof(header) + r->len, .opcode = opcode,
		.unique = f->unique = last_unique += 2, .nodeid = r->node,
	};
	const bool has_answer = r->answer != FS_STEP_QUIET;
	const uint32_t room = (uint32_t)sizeof(struct fuse_out_header) +
			      (has_answer ? r->answer : 0);
	const struct vq_buffer buffers[] = {
		{ in, header.len, 0 }, { out, room, 1 },
	};
	unsigned char *at = lasting_at(&session, in, ROOM);

	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), r->args, r->len);
	memset(at + ANSWER, 0xa5, ROOM - ANSWER);
	if (vq_driver_add(session.driver, buffers, 1 + has_answer, f->index) < 0)
		lasting_fail("the ring is full");
}

static void life_ask(struct fs_life *f)
{
	static struct fs_request r;

	r.node = FUSE_ROOT_ID;
	r.len = r.answer = 0;
	fs_steps[f->step].ask(f, &r);
	life_post(f, fs_steps[f->step].opcode, &r);
}

static void answer_judge(const struct fs_life *f, uint32_t used)
{
	const unsigned char *at = lasting_at(&session, room_of(f) + ANSWER,
					     ROOM - ANSWER);
	const uint32_t opcode = f->step < FS_STEPS ? fs_steps[f->step].opcode : FUSE_INIT;
	struct fuse_out_header out;

	if (!f->unique)
		lasting_fail("file %u: answered twice", f->index);
	if (opcode == FUSE_FORGET)
		return;
	memcpy(&out, at, sizeof(out));
	if (out.error || out.len != used || out.unique != f->unique)
		lasting_fail("file %u, operation %" PRIu32 ": error %d, %" PRIu32 " bytes, %" PRIu32 " used, number %" PRIu64 " and not %" PRIu64,
			     f->index, opcode, out.error, out.len, used,
			     out.unique, f->unique);
}

static void life_hear(void *opaque, uint64_t cookie, uint32_t used)
{
	struct fs_life *f = &lives[cookie];

	(void)opaque;
	answer_judge(f, used);
	f->unique = 0;
	finished++;
	if (fs_steps[f->step].hear)
		fs_steps[f->step].hear(f, lasting_at(&session, room_of(f) + ANSWER +
						  sizeof(struct fuse_out_header),
						  FS_STEP_BYTES));
	f->step = (f->step + 1) % FS_STEPS;
}

/* Restarts an ended server, as a supervisor does. */
static void watch(void)
{
	if (!killed_ended(&server))
		return;
	alone++;
	killed_start(&server);
}

/* At the end of a life starts another one, until the test ends. */
static void turn(int ms)
{
	unsigned int i;

	watch();
	for (i = 0; i < FILES; i++)
		if (!lives[i].unique && !(settling && !lives[i].step))
			life_ask(&lives[i]);
	lasting_publish(&session);
	lasting_wait(&session, ms, life_hear, NULL);
}

/* -------------------------------------------------------------------- session */

static void begun(void *opaque, uint64_t cookie, uint32_t used)
{
	(void)opaque;
	(void)cookie;
	lives[0].step = FS_STEPS;
	answer_judge(&lives[0], used);
	lives[0].unique = lives[0].step = 0;
}

static void begin_session(const char *socket)
{
	const struct lasting_config config = {
		.socket = socket, .ring = 1, .reconnect = true,
		.memory = SLOTS_GPA - LASTING_BASE + FILES * ROOM,
	};
	const struct fuse_init_in in = {
		.major = FUSE_KERNEL_VERSION, .minor = 31,
		.flags = FUSE_BIG_WRITES,
	};
	static struct fs_request r = { .answer = sizeof(struct fuse_init_out) };
	unsigned int i;

	for (i = 0; i < FILES; i++)
		lives[i].index = i;
	lasting_open(&session, &config);
	memcpy(r.args, &in, sizeof(in));
	r.len = sizeof(in);
	life_post(&lives[0], FUSE_INIT, &r);
	lasting_publish(&session);
	while (lives[0].unique)
		lasting_wait(&session, PATIENCE_MS, begun, NULL);
}

/* The next server is started immediately; it may also be killed early. */
static void kill_once(int number)
{
	const uint64_t goal = finished + lasting_random(&seed, 200);
	unsigned int turns;

	while (finished < goal)
		turn(WATCH_MS);
	do {
		killed_end(&server, number);
		killed_start(&server);
		for (turns = lasting_random(&seed, 40); turns; turns--)
			turn(0);
	} while (number == SIGKILL && !lasting_random(&seed, 3));
}

static void settle(void)
{
	const uint64_t goal = finished + 200;
	unsigned int i;

	while (finished < goal)
		turn(WATCH_MS);
	settling = true;
	for (i = 0; i < FILES; i++)
		while (lives[i].step || lives[i].unique)
			turn(WATCH_MS);
	lasting_close(&session, true);
}

int main(int argc, char **argv)
{
	const char *text = getenv("KILL_SEED");
	unsigned int rounds, i;

	if (argc < 5) {
		fprintf(stderr, "use: fs-kills KILL|TERM ROUNDS SOCKET COMMAND…\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	rounds = (unsigned int)strtoul(argv[2], NULL, 10);
	seed = (text ? strtoull(text, NULL, 10) : vsu_now_ns()) | 1;
	printf("KILL_SEED=%" PRIu64 "\n", seed);
	server.command = argv + 4;
	killed_start(&server);
	if (!killed_listens(&server, argv[3]))
		lasting_fail("the command does not listen");
	begin_session(argv[3]);
	for (i = 0; i < rounds; i++)
		kill_once(strcmp(argv[1], "TERM") ? SIGKILL : SIGTERM);
	settle();
	printf("%u ends, %" PRIu64 " requests; %u of the next ones ended by themselves\n",
	       rounds, finished, alone);
	killed_end(&server, SIGTERM);
	return 0;
}
