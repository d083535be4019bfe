/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the commands that are allowed while the machine does something. */
#include <config.h>

#include <limits.h>
#include <unistd.h>

#include "control/line.h"
#include "../machine/kernels.h"
#include "commands/command_rules.h"
#include "commands/commands.h"
#include "transfer/migrate.h"
#include "transfer/migrate_private.h"
#include "../machine/rig.h"

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
#define UNTESTED ""	/* test-migrate does, or such a machine cannot be saved */

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
	{ "save .", { [CONVERTS] = UNTESTED, [SAVES] = "another save is in progress", ALL(MIGRATION), [DAMAGED] = LOST } },
	{ "core ./none/core", { [CONVERTS] = UNTESTED, [SAVES] = "another save is in progress", ALL(MIGRATION), [DAMAGED] = LOST } },
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
	{ "balloon", { NULL } },
	{ "limit 0 rate=1M", { ALL(LIMITS) } },
	{ "cpus 9", { [SAVES] = SAVED, [CONVERTS] = CONVERTED, ALL(MIGRATED), [DAMAGED] = LOST } },
	{ "device-add nothing", CHANGES },
	{ "device-del 9", CHANGES },
	{ "memory", { NULL } },
	{ "log-level", { NULL } },
	{ "help", { NULL } },
};

static struct vmm_migration migration;
static union { unsigned char bytes[16384]; uint64_t aligned; } save;	/* read as zeros */

static const enum vmm_activity activities[NSTATES] = {
	[RUNS] = VMM_RUNS, [PAUSED] = VMM_PAUSED, [SAVES] = VMM_SAVES, [COPIES] = VMM_MIGRATES,
	[STOPPED] = VMM_MIGRATES, [THERE] = VMM_MIGRATES, [UNKNOWN] = VMM_MIGRATES,
	[CONVERTS] = VMM_CONVERTS, [DAMAGED] = VMM_DAMAGED,
};

static void enter(enum state state)
{
	struct vmm_pause *p = &rig.machine.pause;

	migration = (struct vmm_migration){ .m = &rig.machine, .cancel_fd = -1, .console_in = -1 };
	migration.options.postcopy = true;
	migration.sender.progress.phase = state == THERE ? VMM_SENDER_POSTCOPY : VMM_SENDER_COPIES;
	migration.hand_over = state == STOPPED ? VMM_STOPPED : state == THERE ? VMM_RELEASED :
			      state == UNKNOWN ? VMM_UNKNOWN : VMM_OURS;
	if (state >= COPIES && state <= UNKNOWN)
		p->migration = &migration;
	if (state == SAVES)
		p->save = (void *)&save;
	rig.machine.pause.life.guest = state == DAMAGED ? VMM_DAMAGED :
				 state == PAUSED ? VMM_PAUSED : VMM_RUNS;
	rig.machine.pause.life.now = activities[state];
	if (rig.machine.pause.life.guest != VMM_RUNS)
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
	rig_free();
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
	struct vmm_line_terms terms = { .npassed = 0 };
	char line[64];
	size_t len;
	FILE *to = open_memstream(answer, &len);
	int rc;

	snprintf(line, sizeof(line), "%s", text);
	vsu_error_clear(&rig.err);
	rc = vmm_control_execute(vmm_machine_commands, &rig.machine, line, &terms, to, &rig.err);
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

/* To repeat a command after the job would not help. */
START_TEST(lasting_reason_precedes_that_of_a_job)
{
	char *answer;

	rig_make();
	enter(SAVES);
	rig.machine.pause.life.guest = VMM_DAMAGED;
	ck_assert_int_eq(execute("save .", &answer), -EPERM);
	ck_assert_str_eq(rig.err.msg, "save: " LOST);
	free(answer);
	ck_assert_int_eq(execute("reset", &answer), -EBUSY);
	free(answer);
	leave();
}
END_TEST

START_TEST(migration_of_a_damaged_guest_can_be_cancelled)
{
	char *answer;

	rig_make();
	enter(COPIES);
	rig.machine.pause.life.guest = VMM_DAMAGED;
	ck_assert_int_eq(execute("migrate-cancel", &answer), 0);
	free(answer);
	leave();
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

/* -------------------------------------------------------------------- the page */

static const char *const columns[VMM_NCONDITIONS] = {
	[VMM_WHILE_RUNS] = "running", [VMM_WHILE_PAUSED] = "paused",
	[VMM_WHILE_DAMAGED] = "damaged", [VMM_WHILE_ARRIVES] = "arriving",
	[VMM_WHILE_SAVES] = "saving", [VMM_WHILE_CONVERTS] = "converting",
	[VMM_WHILE_DEBUGGED] = "debugged",
	[VMM_WHILE_COPIES] = "copying", [VMM_WHILE_HANDED] = "stopped",
	[VMM_WHILE_THERE] = "post-copy", [VMM_WHILE_UNKNOWN] = "unknown",
};

/* A number for each reason, in the order of the table. */
static unsigned int number_of(const struct vmm_refusal *why, const struct vmm_refusal **all)
{
	unsigned int i = 0;

	while (all[i] && all[i] != why)
		i++;
	all[i] = why;
	return i + 1;
}

static void print_row(FILE *to, const char *name, const struct vmm_refusal **all)
{
	const struct vmm_refusal *why;
	enum vmm_condition c;

	fprintf(to, "| `%.*s`%s |", (int)strcspn(name, " "), name, name + strcspn(name, " "));
	for (c = 0; c < VMM_NCONDITIONS; c++) {
		why = vmm_command_rule(name, c);
		if (why)
			fprintf(to, " %u |", number_of(why, all));
		else
			fputs(" |", to);
	}
	fputs("\n", to);
}

static void print_page(FILE *to)
{
	const struct vmm_refusal *all[32] = { NULL };
	unsigned int i;

	fputs("| command |", to);
	for (i = 0; i < VMM_NCONDITIONS; i++)
		fprintf(to, " %s |", columns[i]);
	fputs("\n|---|", to);
	for (i = 0; i < VMM_NCONDITIONS; i++)
		fputs("---|", to);
	fputs("\n", to);
	for (i = 0; vmm_command_rule_name(i); i++)
		print_row(to, vmm_command_rule_name(i), all);
	fputs("\n", to);
	for (i = 0; all[i]; i++)
		fprintf(to, "%u. %s\n", i + 1, all[i]->text);
}

/* make exports srcdir to tests. */
static bool has_page(char *path, size_t size)
{
	const char *srcdir = getenv("srcdir");

	snprintf(path, size, "%s/../docs/control.md", srcdir ? srcdir : ".");
	return !access(path, R_OK);
}

static char page[PATH_MAX];

START_TEST(control_page_has_the_table)
{
	char *expected, *text;
	size_t len;
	FILE *to = open_memstream(&expected, &len), *from = fopen(page, "r");

	print_page(to);
	fclose(to);
	ck_assert_ptr_nonnull(from);
	text = calloc(1, 1 << 20);
	ck_assert_uint_gt(fread(text, 1, (1 << 20) - 1, from), 0);
	fclose(from);
	ck_assert_msg(strstr(text, expected) != NULL, "docs/control.md lacks this table:\n%s", expected);
	free(text);
	free(expected);
}
END_TEST

/* A row that no command has would be ignored. */
START_TEST(each_row_belongs_to_a_command)
{
	const struct vmm_control_command *c;
	unsigned int i;
	size_t len;

	for (i = 0; vmm_command_rule_name(i); i++) {
		len = strcspn(vmm_command_rule_name(i), " ");
		for (c = vmm_machine_commands; c->name; c++)
			if (strlen(c->name) == len && !strncmp(c->name, vmm_command_rule_name(i), len))
				break;
		ck_assert_msg(c->name && (c->check || vmm_command_rule_name(i)[len]), "%s", vmm_command_rule_name(i));
	}
}
END_TEST

/* --page prints the table. */
int main(int argc, char **argv)
{
	Suite *s = suite_create("command rules");
	TCase *tc = tcase_create("command rules"), *paper = tcase_create("page");

	if (argc > 1 && !strcmp(argv[1], "--page")) {
		print_page(stdout);
		return 0;
	}
	tcase_add_checked_fixture(tc, setup, rig_fini);
	tcase_add_loop_test(tc, command_is_allowed_or_refused_by_what_the_machine_does, 0, COUNT(rows));
	tcase_add_loop_test(tc, status_has_a_word_for_what_the_machine_does, 0, NSTATES);
	tcase_add_test(tc, lasting_reason_precedes_that_of_a_job);
	tcase_add_test(tc, migration_of_a_damaged_guest_can_be_cancelled);
	tcase_add_test(paper, each_row_belongs_to_a_command);
	tcase_add_test_unless(paper, has_page(page, sizeof(page)) ? NULL : "docs/control.md is not beside these tests", control_page_has_the_table);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, paper);
	return run_suite(s);
}
