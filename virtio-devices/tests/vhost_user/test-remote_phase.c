/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the phases of a device behind a socket. */
#include <config.h>

#include <check.h>

#include "../suite.h"
#include "vhost_user/remote_phase.h"

#define END REMOTE_EVENTS

/* Events from the creation on, and the phase after them. */
static const struct {
	const char *name;
	enum remote_event events[8];
	enum remote_phase phase;
} lives[] = {
	{ "serves", { REMOTE_ON_READY, REMOTE_ON_START, END }, REMOTE_SERVED },
	{ "fails at once", { REMOTE_ON_FAILED, END }, REMOTE_FAILED },
	{ "starts late", { REMOTE_ON_READY, REMOTE_ON_LOST, REMOTE_ON_START_AWAY, END }, REMOTE_WAITS },
	{ "late start", { REMOTE_ON_READY, REMOTE_ON_LOST, REMOTE_ON_START_AWAY, REMOTE_ON_BACK, END },
	  REMOTE_SERVED },
	{ "reset of it", { REMOTE_ON_READY, REMOTE_ON_START_AWAY, REMOTE_ON_RESET, END }, REMOTE_SERVED },
	{ "pauses", { REMOTE_ON_READY, REMOTE_ON_START, REMOTE_ON_PAUSE, END }, REMOTE_PAUSES },
	{ "paused", { REMOTE_ON_READY, REMOTE_ON_PAUSE, REMOTE_ON_STOPPED, END }, REMOTE_PAUSED },
	{ "no queue ran", { REMOTE_ON_READY, REMOTE_ON_STOPPED, END }, REMOTE_PAUSED },
	{ "resumed", { REMOTE_ON_READY, REMOTE_ON_PAUSE, REMOTE_ON_STOPPED, REMOTE_ON_RESUME, END },
	  REMOTE_SERVED },
	{ "given up", { REMOTE_ON_READY, REMOTE_ON_PAUSE, REMOTE_ON_RESUME, END }, REMOTE_RESUMES },
	{ "not given up", { REMOTE_ON_READY, REMOTE_ON_PAUSE, REMOTE_ON_RESUME, REMOTE_ON_PAUSE, END },
	  REMOTE_PAUSES },
	{ "stops after it", { REMOTE_ON_READY, REMOTE_ON_PAUSE, REMOTE_ON_RESUME, REMOTE_ON_STOPPED, END },
	  REMOTE_CONTINUES },
	{ "changed", { REMOTE_ON_READY, REMOTE_ON_PAUSE, REMOTE_ON_CHANGED, END }, REMOTE_SERVED },
	{ "given up and changed", { REMOTE_ON_READY, REMOTE_ON_PAUSE, REMOTE_ON_RESUME, REMOTE_ON_CHANGED,
				    END }, REMOTE_SERVED },
	{ "lost meanwhile", { REMOTE_ON_READY, REMOTE_ON_PAUSE, REMOTE_ON_LOST, END }, REMOTE_SERVED },
	{ "lost when paused", { REMOTE_ON_READY, REMOTE_ON_PAUSE, REMOTE_ON_STOPPED, REMOTE_ON_LOST, END },
	  REMOTE_PAUSED },
	{ "resumes away", { REMOTE_ON_READY, REMOTE_ON_LOAD, REMOTE_ON_LOST, REMOTE_ON_RESUME_AWAY, END },
	  REMOTE_CONTINUES },
	{ "and is back", { REMOTE_ON_READY, REMOTE_ON_LOAD, REMOTE_ON_RESUME_AWAY, REMOTE_ON_BACK, END },
	  REMOTE_SERVED },
	{ "reset when paused", { REMOTE_ON_READY, REMOTE_ON_LOAD, REMOTE_ON_RESET, END }, REMOTE_SERVED },
	{ "fails", { REMOTE_ON_READY, REMOTE_ON_PAUSE, REMOTE_ON_FAILED, REMOTE_ON_RESET, END },
	  REMOTE_FAILED },
};

START_TEST(each_event_leads_to_its_phase)
{
	enum remote_phase phase = REMOTE_CONNECTS;
	unsigned int i;

	for (i = 0; lives[_i].events[i] != END; i++)
		ck_assert_msg(virtdev_priv_remote_enter(&phase, lives[_i].events[i]), "%s: event %u",
			      lives[_i].name, i);
	ck_assert_msg(phase == lives[_i].phase, "%s: %d", lives[_i].name, phase);
}
END_TEST

/* Only those of a driver's reset, and of another failure. */
START_TEST(failed_device_stays_failed)
{
	enum remote_phase phase = REMOTE_FAILED;

	ck_assert_int_eq(virtdev_priv_remote_enter(&phase, (enum remote_event)_i), _i == REMOTE_ON_RESET);
	ck_assert_int_eq(phase, REMOTE_FAILED);
}
END_TEST

static const struct {
	enum remote_phase phase;
	enum remote_event event;
} impossible[] = {
	{ REMOTE_CONNECTS, REMOTE_ON_START }, { REMOTE_CONNECTS, REMOTE_ON_PAUSE },
	{ REMOTE_CONNECTS, REMOTE_ON_LOAD }, { REMOTE_PAUSED, REMOTE_ON_START },
	{ REMOTE_PAUSED, REMOTE_ON_LOAD }, { REMOTE_PAUSES, REMOTE_ON_START },
	{ REMOTE_WAITS, REMOTE_ON_START }, { REMOTE_WAITS, REMOTE_ON_PAUSE },
	{ REMOTE_CONTINUES, REMOTE_ON_PAUSE }, { REMOTE_CONTINUES, REMOTE_ON_LOAD },
	{ REMOTE_SERVED, REMOTE_ON_BACK }, { REMOTE_PAUSES, REMOTE_ON_BACK },
	{ REMOTE_SERVED, REMOTE_ON_CHANGED }, { REMOTE_PAUSED, REMOTE_ON_CHANGED },
};

START_TEST(impossible_event_changes_nothing)
{
	enum remote_phase phase = impossible[_i].phase;

	ck_assert(!virtdev_priv_remote_enter(&phase, impossible[_i].event));
	ck_assert_int_eq(phase, impossible[_i].phase);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("remote phase");
	TCase *tc = tcase_create("remote phase");

	tcase_add_loop_test(tc, each_event_leads_to_its_phase, 0, sizeof(lives) / sizeof(lives[0]));
	tcase_add_loop_test(tc, failed_device_stays_failed, 0, REMOTE_EVENTS);
	tcase_add_loop_test(tc, impossible_event_changes_nothing, 0, sizeof(impossible) / sizeof(impossible[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
