/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the commands that are allowed while the machine does something. */
#include <config.h>

#include "control/line.h"
#include "kernels.h"
#include "machine/commands.h"
#include "machine/migrate.h"
#include "machine/migrate_private.h"
#include "rig.h"

enum state {
	RUNS, PAUSED, SAVES, COPIES, STOPPED, THERE, UNKNOWN, CONVERTS, DAMAGED, NSTATES
};

#define HANDED "the guest is about to continue at the destination; repeat it there, or here if the migration fails"
#define LOST "the guest lost a part of its memory"
#define MIGRATED "the machine is being migrated"
#define SAVED "the machine is being saved"
#define CONVERTED "devices are paused while the guest converts private memory; try again"
#define MIGRATION "a migration is in progress"
#define NONE "no migration is in progress"
#define RUNS_THERE "the guest already runs at the destination"
#define LIMITS "the destination already has the limits of this machine"
#define DISK "a disk cannot be resized while the machine is being migrated"
#define UNTESTED ""	/* test-migrate does */

static const char *const sentences[] = {
	HANDED, LOST, MIGRATED, SAVED, CONVERTED, "another save is in progress", MIGRATION, NONE,
	RUNS_THERE, LIMITS, DISK,
};

#define ALL(text) [COPIES] = text, [STOPPED] = text, [THERE] = text, [UNKNOWN] = text
#define CHANGES { [SAVES] = SAVED, [CONVERTS] = CONVERTED, ALL(MIGRATED) }

/* NULL: it is allowed. */
static const struct {
	const char *line, *refused[NSTATES];
} rows[] = {
	{ "pause", { [STOPPED] = HANDED, [THERE] = HANDED, [UNKNOWN] = HANDED } },
	{ "resume", { [STOPPED] = HANDED, [THERE] = HANDED, [UNKNOWN] = UNTESTED,
		[DAMAGED] = LOST " and cannot continue; see --on-memory-error" } },
	{ "power-button", { NULL } },
	{ "reset", CHANGES },
	{ "quit", { NULL } },
	{ "save .", { [SAVES] = "another save is in progress", ALL(MIGRATION), [DAMAGED] = LOST } },
	{ "working-set", { NULL } },
	{ "migrate unix:nowhere", { [RUNS] = UNTESTED, [PAUSED] = UNTESTED, [CONVERTS] = UNTESTED,
		[SAVES] = "another save is in progress", ALL(MIGRATION), [DAMAGED] = LOST } },
	{ "migrate-cancel", { [RUNS] = NONE, [PAUSED] = NONE, [SAVES] = NONE, [THERE] = RUNS_THERE,
		[UNKNOWN] = NONE, [CONVERTS] = NONE, [DAMAGED] = NONE } },
	{ "migrate-postcopy", { [RUNS] = NONE, [PAUSED] = NONE, [SAVES] = NONE, [UNKNOWN] = NONE,
		[CONVERTS] = NONE, [DAMAGED] = NONE } },
	{ "resize 0 128K", { [COPIES] = DISK, [STOPPED] = HANDED, [THERE] = HANDED,
		[UNKNOWN] = HANDED } },
	{ "resize balloon 1M", { [STOPPED] = HANDED, [THERE] = HANDED, [UNKNOWN] = HANDED } },
	{ "balloon 1M", { [STOPPED] = HANDED, [THERE] = HANDED, [UNKNOWN] = HANDED } },
	{ "limit 0 rate=1M", { ALL(LIMITS) } },
	{ "device-add nothing", CHANGES },
	{ "device-del 9", CHANGES },
	{ "memory", { NULL } },
	{ "log-level", { NULL } },
	{ "help", { NULL } },
};

static struct vmm_migration migration;
static union { unsigned char bytes[16384]; uint64_t aligned; } save;	/* read as zeros */

static void enter(enum state state)
{
	struct vmm_pause *p = &rig.machine.pause;

	migration = (struct vmm_migration){ .m = &rig.machine, .cancel_fd = -1, .console_in = -1 };
	migration.options.postcopy = true;
	migration.sender.progress.phase = state == THERE ? VMM_SENDER_POSTCOPY : VMM_SENDER_COPIES;
	migration.collected = state >= STOPPED;
	migration.undecided = state == UNKNOWN;
	if (state >= COPIES && state <= UNKNOWN)
		p->migration = &migration;
	if (state == SAVES)
		p->save = (void *)&save;
	p->converting.paused = state == CONVERTS;
	p->for_good = state == DAMAGED;
	p->by_user = state == PAUSED;
	if (p->for_good || p->by_user)
		vmm_cpus_pause(rig.machine.cpus);
}

/* The pointers of enter() are not objects of their own. */
static void leave(void)
{
	struct vmm_pause *p = &rig.machine.pause;

	if (p->save == (void *)&save)
		p->save = NULL;
	if (p->migration == &migration)
		p->migration = NULL;
	vmm_machine_free(&rig.machine);
	memset(&rig.machine, 0, sizeof(rig.machine));
}

static void setup(void)
{
	static const unsigned char bytes[65536];

	rig_init();
	kernel_pvh();
	rig_file("disk", bytes, sizeof(bytes));
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null", "--disk=disk",
		    "--device=balloon", "--control=control");
}

static int execute(const char *text, char **answer)
{
	char line[64];
	size_t len;
	FILE *to = open_memstream(answer, &len);
	int rc;

	snprintf(line, sizeof(line), "%s", text);
	vsu_error_clear(&rig.err);
	rc = vmm_control_execute(vmm_machine_commands, &rig.machine, line, 0, to, &rig.err);
	fclose(to);
	return rc;
}

static void assert_not_refused(const char *line, enum state state)
{
	unsigned int i;

	for (i = 0; i < COUNT(sentences); i++)
		ck_assert_msg(!strstr(rig.err.msg, sentences[i]), "%s in %d: %s", line, state, rig.err.msg);
}

static void assert_allowed(unsigned int row, enum state state)
{
	const char *why = rows[row].refused[state];
	char *answer;
	int rc;

	rig_make();
	enter(state);
	if (!why || *why) {
		rc = execute(rows[row].line, &answer);
		free(answer);
		if (!why)
			assert_not_refused(rows[row].line, state);
		else
			ck_assert_msg(rc < 0 && strstr(rig.err.msg, why), "%s in %d: %s", rows[row].line, state, rig.err.msg);
	}
	leave();
}

START_TEST(command_is_allowed_or_refused_by_what_the_machine_does)
{
	enum state state;

	for (state = 0; state < NSTATES; state++)
		assert_allowed((unsigned int)_i, state);
}
END_TEST

static const struct { const char *word, *paused; } words[NSTATES] = {
	[RUNS] = { "running", "false" }, [PAUSED] = { "paused", "true" },
	[SAVES] = { "saving", "false" }, [COPIES] = { "migrating", "false" },
	[STOPPED] = { "migrating", "false" }, [THERE] = { "migrating", "false" },
	[UNKNOWN] = { "undecided", "true" }, [CONVERTS] = { "running", "false" },
	[DAMAGED] = { "damaged", "true" },
};

START_TEST(status_has_a_word_for_what_the_machine_does)
{
	char expected[64], *answer;

	rig_make();
	enter((enum state)_i);
	ck_assert_int_eq(execute("status", &answer), 0);
	snprintf(expected, sizeof(expected), "\"paused\":%s,\"state\":\"%s\"", words[_i].paused, words[_i].word);
	ck_assert_msg(strstr(answer, expected) != NULL, "%s", answer);
	free(answer);
	leave();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("command rules");
	TCase *tc = tcase_create("command rules");

	tcase_add_checked_fixture(tc, setup, rig_fini);
	tcase_add_loop_test(tc, command_is_allowed_or_refused_by_what_the_machine_does, 0, COUNT(rows));
	tcase_add_loop_test(tc, status_has_a_word_for_what_the_machine_does, 0, NSTATES);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
