/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The owner of embedded machines. */
#include <config.h>

#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../guests.h"
#include "owner.h"

struct vsu_error err;
char folder[64];

void owner_setup(void)
{
	vsu_error_clear(&err);
	strcpy(folder, "/tmp/cvmm-api.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(const char *path)
{
	char name[512];
	struct dirent *entry;
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir))) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.' && unlink(name) < 0)
			remove_folder(name);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

void owner_teardown(void)
{
	remove_folder(folder);
}

void on_event(void *opaque, const struct cvmm_event *event)
{
	struct one *one = opaque;

	ck_assert_ptr_nonnull(cvmm_event_name(event->kind));
	ck_assert_uint_eq(event->size, sizeof(*event));
	one->seen[event->kind]++;
	one->last = *event;
	snprintf(one->cause, sizeof(one->cause), "%s", event->cause);
	if (one->then)
		one->then(one, event);
}

static int on_thread(void *opaque, enum cvmm_thread kind, struct vsu_error *why)
{
	struct one *one = opaque;

	(void)kind;
	(void)why;
	__atomic_fetch_add(&one->threads, 1, __ATOMIC_RELAXED);
	return 0;
}

void on_answer(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	struct one *one = opaque;

	ck_assert(!one->answered);
	one->answered = true;
	vsu_error_clear(&one->why);
	if (why)
		one->why = *why;
	ck_assert_uint_eq(answer->size, sizeof(*answer));
	one->answer = *answer;
}

int make_by(struct one *one, const struct cvmm_host *host, size_t n, const char *const *words)
{
	const char *given[32];
	struct cvmm_options *o;
	size_t i;
	int rc;

	ck_assert_uint_le(n, sizeof(given) / sizeof(*given));
	for (i = 0; i < n; i++)
		given[i] = guest_word(words[i]);
	memset(one, 0, sizeof(*one));
	OK(cvmm_options_new(&o, &err));
	rc = cvmm_options_add_words(o, n, given, &err);
	if (!rc)
		rc = cvmm_machine_new(o, host, &one->m, &err);
	cvmm_options_free(o);
	return rc;
}

int make_with(struct one *one, const struct cvmm_host *given, size_t n, const char *const *words)
{
	struct cvmm_host host = *given;

	host.size = sizeof(host);
	host.opaque = one;
	host.event = on_event;
	return make_by(one, &host, n, words);
}

int try_make(struct one *one, size_t n, const char *const *words)
{
	const struct cvmm_host host = { .begin_thread = on_thread };

	return make_with(one, &host, n, words);
}

void turn(struct one *const *all, unsigned int n)
{
	struct pollfd ready[4];
	unsigned int i;

	for (i = 0; i < n; i++)
		ready[i] = (struct pollfd){ .fd = cvmm_machine_fd(all[i]->m), .events = POLLIN };
	poll(ready, n, -1);
	for (i = 0; i < n; i++)
		if (ready[i].revents)
			cvmm_machine_dispatch(all[i]->m);
}

int run_to_end(struct one *one)
{
	while (cvmm_machine_dispatch(one->m))
		turn((struct one *const []){ one }, 1);
	return cvmm_machine_status(one->m, &err);
}

void start(struct one *one)
{
	OK(cvmm_machine_start(one->m, &err));
}

void begin_save(struct one *one, const char *path, enum cvmm_then then)
{
	const struct cvmm_save save = { .size = sizeof(save), .folder = path, .then = then };

	one->answered = false;
	OK(cvmm_machine_save(one->m, &save, on_answer, one, &err));
}

enum cvmm_state state_of(const struct one *one)
{
	struct cvmm_statistics s = { .size = sizeof(s) };

	OK(cvmm_machine_get_statistics(one->m, &s, &err));
	return s.state;
}

void wait_for_answer(struct one *one)
{
	while (!one->answered)
		turn((struct one *const []){ one }, 1);
	ck_assert_msg(!one->why.code, "%s", one->why.msg);
}
