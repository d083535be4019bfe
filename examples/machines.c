/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Two machines and a clone of the first, in one loop of poll(). The first is saved as a
 * template while it runs; the clone shares its memory until one of them stores to it.
 * Ends when all three have ended; a line on standard input ends them.
 *
 *	machines FOLDER KERNEL [OPTION...]	options of cvmm(1), such as --initrd=FILE
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cvmm/machine.h>
#include <cvmm/requests.h>

#define MACHINES 3

struct guest {
	const char *name;
	struct cvmm_machine *m;	/* NULL: not made yet, or ended */
};

static struct guest guests[MACHINES] = { { .name = "first" }, { .name = "second" }, { .name = "clone" } };
static bool saved;

static void fail(const char *name, const struct vsu_error *err)
{
	fprintf(stderr, "machines: %s: %s\n", name, err->msg);
	exit(1);
}

static void on_event(void *opaque, const struct cvmm_event *event)
{
	const struct guest *g = opaque;

	printf("%s: %s\n", g->name, cvmm_event_name(event->kind));
	fflush(stdout);
}

static void on_log(void *opaque, enum cvmm_log_level level, const char *cause, const char *text)
{
	const struct guest *g = opaque;

	(void)level;
	(void)cause;
	fprintf(stderr, "%s: %s\n", g->name, text);
}

static void begin(struct guest *g, size_t n, const char *const *words)
{
	const struct cvmm_host host = {
		.size = sizeof(host), .opaque = g, .event = on_event, .log = on_log,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_options *o;
	int rc = cvmm_options_new(&o, &err);

	if (rc < 0)
		fail(g->name, &err);
	rc = cvmm_options_add_words(o, n, words, &err);
	if (!rc)
		rc = cvmm_machine_new(o, &host, &g->m, &err);
	if (!rc)
		rc = cvmm_machine_start(g->m, &err);
	cvmm_options_free(o);
	if (rc < 0)
		fail(g->name, &err);
}

static void on_saved(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	(void)opaque;
	(void)answer;
	if (why)
		fail("save", why);
	saved = true;
}

/* A clone is made outside of the callbacks of the machine that was saved. */
static void clone_saved(const char *folder)
{
	char from[4096];
	const char *const words[] = { from, "--clone" };

	saved = false;
	snprintf(from, sizeof(from), "--from=%s", folder);
	begin(&guests[2], 2, words);
	printf("the clone runs\n");
	fflush(stdout);
}

static void on_input(void)
{
	char line[64];
	int i;

	if (fgets(line, sizeof(line), stdin))
		for (i = 0; i < MACHINES; i++)
			if (guests[i].m)
				cvmm_machine_kill(guests[i].m);
}

static void dispatch(struct guest *g)
{
	struct vsu_error why;

	if (cvmm_machine_dispatch(g->m))
		return;
	printf("%s: ended with status %d\n", g->name, cvmm_machine_status(g->m, &why));
	cvmm_machine_free(g->m);
	g->m = NULL;
}

/* False: no machine is left. */
static bool turn(void)
{
	struct pollfd ready[MACHINES + 1] = { [MACHINES] = { .fd = 0, .events = POLLIN } };
	int i, n = 0;

	for (i = 0; i < MACHINES; i++) {
		ready[i].fd = guests[i].m ? cvmm_machine_fd(guests[i].m) : -1;
		ready[i].events = POLLIN;
		n += guests[i].m != NULL;
	}
	if (!n || (poll(ready, MACHINES + 1, -1) < 0 && errno != EINTR))
		return false;
	for (i = 0; i < MACHINES; i++)
		if (guests[i].m && ready[i].revents)
			dispatch(&guests[i]);
	if (ready[MACHINES].revents)
		on_input();
	return true;
}

int main(int argc, char **argv)
{
	const struct cvmm_save save = { .size = sizeof(save), .folder = argv[1] };
	struct vsu_error err = VSU_ERROR_INIT;

	if (argc < 3) {
		fprintf(stderr, "usage: machines FOLDER KERNEL [OPTION...]\n");
		return 64;
	}
	begin(&guests[0], (size_t)argc - 2, (const char *const *)argv + 2);
	begin(&guests[1], (size_t)argc - 2, (const char *const *)argv + 2);
	if (cvmm_machine_save(guests[0].m, &save, on_saved, NULL, &err) < 0)
		fail("save", &err);
	while (turn())
		if (saved)
			clone_saved(argv[1]);
	return 0;
}
