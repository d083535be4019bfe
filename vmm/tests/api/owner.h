/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The owner of embedded machines: its callbacks count, and its loop is poll(). */
#ifndef VMM_TESTS_API_OWNER_H
#define VMM_TESTS_API_OWNER_H

#include "cvmm/machine.h"
#include "cvmm/requests.h"
#include "cvmm/status.h"
#include "../util.h"

struct one {
	struct cvmm_machine *m;
	unsigned int seen[CVMM_EVENT_DEVICE_REMOVED + 1];
	bool answered;
	struct vsu_error why;	/* of the answer; code 0: none */
	struct cvmm_answer answer;
	unsigned int threads;	/* atomic */
	void (*then)(struct one *one, const struct cvmm_event *event); /* in the callback */
	struct cvmm_event last;	/* event; its strings are here: */
	char cause[256];
};

extern struct vsu_error err;
extern char folder[64];	/* new and empty */

void owner_setup(void);
void owner_teardown(void);

/* The word "builtin:NAME" is a test kernel (guests.h). */
int try_make(struct one *one, size_t n, const char *const *words);
/* Makes it with a host. */
int make_by(struct one *one, const struct cvmm_host *host, size_t n, const char *const *words);
/* Makes it with a host whose opaque and event are those of one. */
int make_with(struct one *one, const struct cvmm_host *given, size_t n, const char *const *words);

#define WORDS(...) (sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)), \
		   (const char *[]){ __VA_ARGS__ }
#define MAKE(one, ...) \
	ck_assert_msg(!try_make(one, WORDS(__VA_ARGS__)), "%s", err.msg)
#define LOOPS "builtin:selftest", "--cmdline=interactive", "--serial=null", "--memory=size=16M"
#define OK(call) ck_assert_msg(!(call), "%s", err.msg)

/* Waits for one of n machines, and dispatches those that are ready. */
void turn(struct one *const *all, unsigned int n);
int run_to_end(struct one *one);
void start(struct one *one);

/* Begins a save of the machine to a new folder. */
void begin_save(struct one *one, const char *path, enum cvmm_then then);
enum cvmm_state state_of(const struct one *one);

/* The function of a host for struct one. */
void on_event(void *opaque, const struct cvmm_event *event);

/* A cvmm_answer_fn for struct one. */
void on_answer(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer);
/* The answer comes, without an error. */
void wait_for_answer(struct one *one);

#endif
