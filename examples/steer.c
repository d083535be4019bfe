/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtual machine in this process, steered by lines of standard input: each is a function
 * of the machine. Prints events, and the result of each line when it is known.
 *
 *	steer /boot/vmlinuz --disk=root.img --transport=pci
 *	pause | resume | power | reset | stop | status | save FOLDER [stop]
 *	migrate ADDRESS | postcopy | cancel | add KIND,OPTIONS [FILE]
 *	remove N [force] | resize N BYTES | limit N KEY=VALUE,... | cpus N
 *	working-set | quiet
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cvmm/machine.h>
#include <cvmm/requests.h>
#include <cvmm/status.h>

/* w: the words of a line; those that it does not have are empty. Returns as the function. */
typedef int (*line_fn)(struct cvmm_machine *m, char *const *w, struct vsu_error *err);

/* Names of lines that are answered later. */
static char saving[] = "save", moving[] = "migrate", adding[] = "add", removing[] = "remove",
	recording[] = "working-set";

static void on_answer(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	(void)answer;
	printf("%s: %s\n", (const char *)opaque, why ? why->msg : "done");
}

static unsigned int number_of(const char *word)
{
	return (unsigned int)strtoul(word, NULL, 10);
}

static int do_save(struct cvmm_machine *m, char *const *w, struct vsu_error *err)
{
	const struct cvmm_save save = {
		.size = sizeof(save), .folder = w[1],
		.then = strcmp(w[2], "stop") ? CVMM_THEN_RESUME : CVMM_THEN_STOP,
	};

	return cvmm_machine_save(m, &save, on_answer, saving, err);
}

static int do_migrate(struct cvmm_machine *m, char *const *w, struct vsu_error *err)
{
	const struct cvmm_migration migration = { .size = sizeof(migration), .address = w[1] };

	return cvmm_machine_migrate(m, &migration, on_answer, moving, err);
}

/* "add blk,path=fd:0 disk.img": the machine uses the file that this program has opened. */
static int do_add(struct cvmm_machine *m, char *const *w, struct vsu_error *err)
{
	const int fd = w[2][0] ? open(w[2], O_RDWR | O_CLOEXEC) : -1;
	unsigned int number;
	int rc;

	if (w[2][0] && fd < 0)
		return vsu_error_sys(err, -errno, "%s", w[2]);
	rc = cvmm_machine_add_device(m, w[1], &fd, fd >= 0, &number, on_answer, adding, err);
	if (!rc)
		printf("add: device %u\n", number);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int do_remove(struct cvmm_machine *m, char *const *w, struct vsu_error *err)
{
	return cvmm_machine_remove_device(m, number_of(w[1]), !strcmp(w[2], "force"), on_answer,
					  removing, err);
}

static int do_resize(struct cvmm_machine *m, char *const *w, struct vsu_error *err)
{
	return cvmm_machine_resize_device(m, number_of(w[1]), strtoull(w[2], NULL, 10), err);
}

static int do_limit(struct cvmm_machine *m, char *const *w, struct vsu_error *err)
{
	return cvmm_machine_limit_device(m, number_of(w[1]), w[2], err);
}

static int do_cpus(struct cvmm_machine *m, char *const *w, struct vsu_error *err)
{
	return cvmm_machine_add_cpus(m, number_of(w[1]), err);
}

static int do_status(struct cvmm_machine *m, char *const *w, struct vsu_error *err)
{
	static const char *const states[] = {
		"new", "running", "paused", "saving", "migrating", "undecided", "damaged", "ended",
	};
	struct cvmm_statistics s = { .size = sizeof(s) };
	struct cvmm_device d = { .size = sizeof(d) };
	int rc = cvmm_machine_get_statistics(m, &s, err);
	unsigned int i;

	(void)w;
	if (rc < 0)
		return rc;
	printf("%s, %" PRIu64 " ms old, %" PRIu64 " of them paused; %u CPUs, %" PRIu64 " of %" PRIu64 " MiB present\n",
	       states[s.state], s.age_ns / 1000000, s.paused_ns / 1000000, s.cpus,
	       s.present >> 20, s.memory >> 20);
	for (i = 0; i < s.devices; i++)
		if (!cvmm_machine_get_device(m, i, &d, NULL))
			printf("device %u: %s%s\n", i, d.kind ? d.kind : "unknown",
			       d.leaving ? ", leaves" : "");
	return 0;
}

static int do_working_set(struct cvmm_machine *m, char *const *w, struct vsu_error *err)
{
	(void)w;
	return cvmm_machine_record_working_set(m, on_answer, recording, err);
}

/* No events from now on. */
static int do_quiet(struct cvmm_machine *m, char *const *w, struct vsu_error *err)
{
	(void)w;
	return cvmm_machine_choose_events(m, 0, err);
}

/* Without words: the function itself. */
static const struct {
	const char *name;
	int (*request)(struct cvmm_machine *m, struct vsu_error *err);
	line_fn line;
} lines[] = {
	{ "pause", cvmm_machine_pause, NULL },
	{ "resume", cvmm_machine_resume, NULL },
	{ "power", cvmm_machine_press_power, NULL },
	{ "reset", cvmm_machine_reset, NULL },
	{ "stop", cvmm_machine_stop, NULL },
	{ "postcopy", cvmm_machine_start_postcopy, NULL },
	{ "cancel", cvmm_machine_cancel_migration, NULL },
	{ "status", NULL, do_status },
	{ "save", NULL, do_save },
	{ "migrate", NULL, do_migrate },
	{ "add", NULL, do_add },
	{ "remove", NULL, do_remove },
	{ "resize", NULL, do_resize },
	{ "limit", NULL, do_limit },
	{ "cpus", NULL, do_cpus },
	{ "working-set", NULL, do_working_set },
	{ "quiet", NULL, do_quiet },
};

static void execute(struct cvmm_machine *m, char *text)
{
	struct vsu_error err = VSU_ERROR_INIT;
	char none[] = "", *w[3], *rest = NULL;
	const size_t n = sizeof(lines) / sizeof(lines[0]);
	size_t i;
	int rc;

	for (i = 0; i < 3; i++) {
		w[i] = strtok_r(i ? NULL : text, " \n", &rest);
		w[i] = w[i] ? w[i] : none;
	}
	for (i = 0; i < n && strcmp(lines[i].name, w[0]) != 0; i++)
		;
	if (i < n && lines[i].request)
		rc = lines[i].request(m, &err);
	else
		rc = i < n ? lines[i].line(m, w, &err) : vsu_error_set(&err, -EINVAL, "this line is unknown");
	printf("%s: %s\n", w[0], rc < 0 ? err.msg : "begun");
}

static void on_event(void *opaque, const struct cvmm_event *event)
{
	const uint64_t done = event->progress.save_done, total = event->progress.save_total;

	(void)opaque;
	if (event->kind == CVMM_EVENT_SAVING)
		printf("event: saved %" PRIu64 " of %" PRIu64 " MiB\n", done >> 20, total >> 20);
	else if (event->kind == CVMM_EVENT_ENDED)
		printf("event: ended with status %d: %s\n", event->status, event->cause);
	else
		printf("event: %s\n", cvmm_event_name(event->kind));
}

static int run(struct cvmm_machine *m)
{
	struct pollfd ready[2] = { { cvmm_machine_fd(m), POLLIN, 0 }, { 0, POLLIN, 0 } };
	char line[4096];

	while (cvmm_machine_dispatch(m)) {
		poll(ready, 2, -1);
		if (ready[1].revents && fgets(line, sizeof(line), stdin))
			execute(m, line);
		else if (ready[1].revents)
			ready[1].fd = -1;
	}
	return cvmm_machine_status(m, NULL);
}

int main(int argc, char **argv)
{
	const struct cvmm_host host = { .size = sizeof(host), .event = on_event, .events = CVMM_EVENTS_ALL };
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_machine *m = NULL;
	struct cvmm_options *o;
	int rc = cvmm_options_new(&o, &err), status = 1;

	setvbuf(stdin, NULL, _IONBF, 0);	/* poll() sees what is not read */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!rc)
		rc = cvmm_options_add_words(o, (size_t)argc - 1, (const char *const *)argv + 1, &err);
	if (!rc)
		rc = cvmm_machine_new(o, &host, &m, &err);
	if (!rc)
		rc = cvmm_machine_start(m, &err);
	if (rc < 0)
		fprintf(stderr, "steer: %s\n", err.msg);
	else
		status = run(m);
	cvmm_machine_free(m);
	cvmm_options_free(o);
	return status;
}
