/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the requests that are allowed while the machine does something. */
#include <config.h>

#include <limits.h>
#include <unistd.h>

#include "../machine/kernels.h"
#include "api/rules.h"
#include "cvmm/requests.h"
#include "cvmm/status.h"
#include "transfer/migrate.h"
#include "transfer/migration.h"
#include "../machine/rig.h"

enum state {
	GUEST_RUNS, PAUSED, SAVES, COPIES, STOPPED, THERE, UNKNOWN, CONVERTS, DAMAGED, NSTATES
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

static int do_save(struct cvmm_machine *m, struct vsu_error *err)
{
	const struct cvmm_save save = { .size = sizeof(save), .folder = "." };

	return cvmm_machine_save(m, &save, NULL, NULL, err);
}

static int do_core(struct cvmm_machine *m, struct vsu_error *err)
{
	const struct cvmm_core core = { .size = sizeof(core), .file = "./none/core" };

	return cvmm_machine_write_core(m, &core, NULL, NULL, err);
}

static int do_migrate(struct cvmm_machine *m, struct vsu_error *err)
{
	const struct cvmm_migration g = { .size = sizeof(g), .address = "unix:nowhere" };

	return cvmm_machine_migrate(m, &g, NULL, NULL, err);
}

static int do_working_set(struct cvmm_machine *m, struct vsu_error *err)
{
	return cvmm_machine_record_working_set(m, NULL, NULL, err);
}

static int do_resize_disk(struct cvmm_machine *m, struct vsu_error *err)
{
	return cvmm_machine_resize_device(m, 0, 128 << 10, err);
}

static int do_resize_balloon(struct cvmm_machine *m, struct vsu_error *err)
{
	return cvmm_machine_resize_device(m, 1, 1 << 20, err);
}

static int do_limit(struct cvmm_machine *m, struct vsu_error *err)
{
	return cvmm_machine_limit_device(m, 0, "rate=1M", err);
}

static int do_cpus(struct cvmm_machine *m, struct vsu_error *err)
{
	return cvmm_machine_add_cpus(m, 9, err);
}

static int do_add(struct cvmm_machine *m, struct vsu_error *err)
{
	return cvmm_machine_add_device(m, "nothing", NULL, 0, NULL, NULL, NULL, err);
}

static int do_remove(struct cvmm_machine *m, struct vsu_error *err)
{
	return cvmm_machine_remove_device(m, 9, false, NULL, NULL, err);
}

/* NULL: it is allowed. */
static const struct {
	int (*request)(struct cvmm_machine *m, struct vsu_error *err);
	const char *refused[NSTATES];
} rows[] = {
	{ cvmm_machine_pause, { [STOPPED] = HANDED, [THERE] = HANDED, [UNKNOWN] = HANDED } },
	{ cvmm_machine_resume, { [STOPPED] = HANDED, [THERE] = HANDED, [UNKNOWN] = UNTESTED,
		[DAMAGED] = LOST " and cannot continue; see --on-memory-error" } },
	{ cvmm_machine_press_power, { NULL } },
	{ cvmm_machine_reset, CHANGES },
	{ cvmm_machine_stop, { NULL } },
	{ do_save, { [CONVERTS] = UNTESTED, [SAVES] = "another save is in progress", ALL(MIGRATION), [DAMAGED] = LOST } },
	{ do_core, { [CONVERTS] = UNTESTED, [SAVES] = "another save is in progress", ALL(MIGRATION), [DAMAGED] = LOST } },
	{ do_working_set, { NULL } },
	{ do_migrate, { [GUEST_RUNS] = UNTESTED, [PAUSED] = UNTESTED, [CONVERTS] = UNTESTED,
		[SAVES] = "another save is in progress", ALL(MIGRATION), [DAMAGED] = LOST } },
	{ cvmm_machine_cancel_migration, { [GUEST_RUNS] = NONE, [PAUSED] = NONE, [SAVES] = NONE, [THERE] = RUNS_THERE,
		[UNKNOWN] = NONE, [CONVERTS] = NONE, [DAMAGED] = NONE } },
	{ cvmm_machine_start_postcopy, { [GUEST_RUNS] = NONE, [PAUSED] = NONE, [SAVES] = NONE, [UNKNOWN] = NONE,
		[CONVERTS] = NONE, [DAMAGED] = NONE } },
	{ do_resize_disk, { [COPIES] = DISK, [STOPPED] = HANDED, [THERE] = HANDED,
		[UNKNOWN] = HANDED } },
	{ do_resize_balloon, { [STOPPED] = HANDED, [THERE] = HANDED, [UNKNOWN] = HANDED } },
	{ do_limit, { ALL(LIMITS) } },
	{ do_cpus, { [SAVES] = SAVED, [CONVERTS] = CONVERTED, ALL(MIGRATED), [DAMAGED] = LOST } },
	{ do_add, CHANGES },
	{ do_remove, CHANGES },
};

static struct vmm_migration migration;
static union { unsigned char bytes[16384]; uint64_t aligned; } save;	/* read as zeros */

static const enum vmm_activity activities[NSTATES] = {
	[GUEST_RUNS] = VMM_RUNS, [PAUSED] = VMM_PAUSED, [SAVES] = VMM_SAVES, [COPIES] = VMM_MIGRATES,
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
	rig.owned.life = CVMM_LIFE_MADE;
	if (rig.machine.pause.life.guest != VMM_RUNS)
		varch_cpus_pause(rig.machine.cpus);
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
		    "--device=balloon");
}

static int request(int (*fn)(struct cvmm_machine *m, struct vsu_error *err))
{
	vsu_error_clear(&rig.err);
	return fn(&rig.owned, &rig.err);
}

static void assert_not_refused(unsigned int row, enum state state)
{
	unsigned int i;

	for (i = 0; i < COUNT(sentences); i++)
		ck_assert_msg(!strstr(rig.err.msg, sentences[i]), "row %u in %d: %s", row, state, rig.err.msg);
}

static void assert_allowed(unsigned int row, enum state state)
{
	const char *why = rows[row].refused[state];
	int rc;

	rig_make();
	enter(state);
	if (!why || *why) {
		rc = request(rows[row].request);
		if (!why)
			assert_not_refused(row, state);
		else
			ck_assert_msg(rc < 0 && strstr(rig.err.msg, why), "row %u in %d: %s", row, state, rig.err.msg);
	}
	leave();
}

START_TEST(request_is_allowed_or_refused_by_what_the_machine_does)
{
	enum state state;

	for (state = 0; state < NSTATES; state++)
		assert_allowed((unsigned int)_i, state);
}
END_TEST

/* To repeat a command after the job would not help. */
START_TEST(lasting_reason_precedes_that_of_a_job)
{
	rig_make();
	enter(SAVES);
	rig.machine.pause.life.guest = VMM_DAMAGED;
	ck_assert_int_eq(request(do_save), -EPERM);
	ck_assert_str_eq(rig.err.msg, "save: " LOST);
	ck_assert_int_eq(request(cvmm_machine_reset), -EBUSY);
	leave();
}
END_TEST

START_TEST(migration_of_a_damaged_guest_can_be_cancelled)
{
	rig_make();
	enter(COPIES);
	rig.machine.pause.life.guest = VMM_DAMAGED;
	ck_assert_int_eq(request(cvmm_machine_cancel_migration), 0);
	leave();
}
END_TEST

static const struct { enum cvmm_state state; bool paused; } states[NSTATES] = {
	[GUEST_RUNS] = { CVMM_STATE_RUNNING, false }, [PAUSED] = { CVMM_STATE_PAUSED, true },
	[SAVES] = { CVMM_STATE_SAVING, false }, [COPIES] = { CVMM_STATE_MIGRATING, false },
	[STOPPED] = { CVMM_STATE_MIGRATING, false }, [THERE] = { CVMM_STATE_MIGRATING, false },
	[UNKNOWN] = { CVMM_STATE_UNDECIDED, true }, [CONVERTS] = { CVMM_STATE_RUNNING, false },
	[DAMAGED] = { CVMM_STATE_DAMAGED, true },
};

START_TEST(statistics_have_what_the_machine_does)
{
	struct cvmm_statistics s = { .size = sizeof(s) };

	rig_make();
	enter((enum state)_i);
	ck_assert_int_eq(cvmm_machine_get_statistics(&rig.owned, &s, &rig.err), 0);
	ck_assert_int_eq(s.state, states[_i].state);
	ck_assert(s.paused == states[_i].paused);
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

static void print_row(FILE *to, enum vmm_rule rule, const char *command, const char *manner,
		      const struct vmm_refusal **all)
{
	const struct vmm_refusal *why;
	enum vmm_condition c;

	fprintf(to, "| `%s`%s |", command, manner);
	for (c = 0; c < VMM_NCONDITIONS; c++) {
		why = vmm_rule_refusal(rule, c);
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
	enum vmm_rule rule;
	unsigned int i;

	fputs("| command |", to);
	for (i = 0; i < VMM_NCONDITIONS; i++)
		fprintf(to, " %s |", columns[i]);
	fputs("\n|---|", to);
	for (i = 0; i < VMM_NCONDITIONS; i++)
		fputs("---|", to);
	fputs("\n", to);
	for (rule = 0; rule < VMM_NRULES; rule++) {
		print_row(to, rule, vmm_rule_name(rule), rule == VMM_RULE_RESIZE_DISK ? " of a disk" : "", all);
		if (rule == VMM_RULE_RESIZE_DISK)
			print_row(to, VMM_RULE_RESIZE, "balloon", " with a size", all);
	}
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

/* --page prints the table. */
int main(int argc, char **argv)
{
	Suite *s = suite_create("rules");
	TCase *tc = tcase_create("rules"), *paper = tcase_create("page");

	if (argc > 1 && !strcmp(argv[1], "--page")) {
		print_page(stdout);
		return 0;
	}
	tcase_add_checked_fixture(tc, setup, rig_fini);
	tcase_add_loop_test(tc, request_is_allowed_or_refused_by_what_the_machine_does, 0, COUNT(rows));
	tcase_add_loop_test(tc, statistics_have_what_the_machine_does, 0, NSTATES);
	tcase_add_test(tc, lasting_reason_precedes_that_of_a_job);
	tcase_add_test(tc, migration_of_a_damaged_guest_can_be_cancelled);
	tcase_add_test_unless(paper, has_page(page, sizeof(page)) ? NULL : "docs/control.md is not beside these tests", control_page_has_the_table);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, paper);
	return run_suite(s);
}
