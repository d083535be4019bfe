/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about machines of guests with containers: their options, and the failure of an agent without containers. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cvmm/requests.h>
#include <vmm-sys-util/exit.h>

#include "guests.h"
#include "util.h"
#include "cvmm/guest.h"

#define PIPE 4096
#define SIZE .size = sizeof(struct cvmm_guest_config)

static struct vsu_error err;
static struct cvmm_exec_plan *plan;
static char first[64], second[64];

static void setup(void)
{
	strcpy(first, "/tmp/cvmm-guest.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(first));
	strcpy(second, "/tmp/cvmm-guest.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(second));
	plan = NULL;
	vsu_error_clear(&err);
}

static void after(void)
{
	cvmm_exec_plan_free(plan);
	rmdir(first);
	rmdir(second);
}

static int make(struct cvmm_guest_config c)
{
	c.size = sizeof(c);
	c.kernel = guest_word("builtin:agent");
	return cvmm_exec_plan_new_guest(&c, &plan, &err);
}

static bool has_word(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool has_word(const char *fmt, ...)
{
	char word[256], text[256];
	struct cvmm_option o;
	unsigned int i;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(word, sizeof(word), fmt, ap);
	va_end(ap);
	for (i = 0; !cvmm_options_get(cvmm_exec_plan_get_parts(plan)->options, i, &o, NULL); i++)
		if (snprintf(text, sizeof(text), "--%s=%s", o.name, o.value.text) > 0 && !strcmp(text, word))
			return true;
	return false;
}

START_TEST(folders_are_shared_as_they_are)
{
	const struct cvmm_exec_folder folders[] = {
		{ .path = first, .at = "/share", .writable = true, .suid = true, .dev = true },
		{ .path = second, .at = "/other" },
	};

	ck_assert_int_eq(make((struct cvmm_guest_config){ .folders = folders, .nfolders = 2 }), 0);
	ck_assert(has_word("--fs=path=%s,tag=root,readonly,announce-submounts", second));
	ck_assert(has_word("--fs=path=%s,tag=dir0,announce-submounts", first));
	ck_assert_ptr_nonnull(cvmm_exec_plan_get_parts(plan)->guest);
	ck_assert_ptr_null(cvmm_exec_plan_get_parts(plan)->session);
}
END_TEST

START_TEST(cards_are_those_of_the_machine)
{
	const struct cvmm_guest_card cards[] = { { .card = "tap=a0" }, { .card = "tap=b0", .interface = { .name = "eth1" } } };

	ck_assert_int_eq(make((struct cvmm_guest_config){ .cards = cards, .ncards = 2 }), 0);
	ck_assert(has_word("--net=tap=a0"));
	ck_assert(has_word("--net=tap=b0"));
}
END_TEST

static const struct cvmm_exec_folder odd_folders[] = { { .path = "/", .at = "/" }, { .path = "/", .at = "a" } };
static const struct cvmm_guest_card odd_card = { .card = NULL };
static const struct cvmm_guest_config odd[] = {
	{ SIZE, .folders = &odd_folders[0], .nfolders = 1 },
	{ SIZE, .folders = &odd_folders[1], .nfolders = 1 },
	{ SIZE, .folders = odd_folders, .nfolders = CVMM_EXEC_MAX_FOLDERS + 1 },
	{ SIZE, .nfolders = 1 },
	{ SIZE, .cards = &odd_card, .ncards = 1 },
	{ SIZE, .cards = &odd_card, .ncards = VAGENT_MAX_INTERFACES + 1 },
	{ SIZE, .ncards = 1 },
};

START_TEST(invalid_member_is_refused)
{
	ck_assert_int_eq(make(odd[_i]), -EINVAL);
	ck_assert_str_ne(err.msg, "");
}
END_TEST

static void turn_until_ready(struct cvmm_guest *g)
{
	while (!vagent_guest_is_ready(cvmm_guest_agent(g))) {
		ck_assert(cvmm_guest_dispatch(g));
		poll(&(struct pollfd){ cvmm_guest_fd(g), POLLIN, 0 }, 1, 100);
	}
}

START_TEST(machine_runs_while_its_agent_serves)
{
	const struct cvmm_guest_config c = { SIZE, .kernel = guest_word("builtin:agent"), .memory = "16M", .timeout_ms = 60000 };
	struct cvmm_guest *g;

	ck_assert_msg(!cvmm_guest_new(&c, NULL, &g, &err), "%s", err.msg);
	ck_assert_int_eq(cvmm_guest_status(g, NULL), -EAGAIN);
	ck_assert_msg(!cvmm_guest_start(g, &err), "%s", err.msg);
	ck_assert_int_eq(cvmm_guest_start(g, NULL), -EINVAL);
	turn_until_ready(g);
	ck_assert_int_eq(cvmm_guest_status(g, NULL), -EAGAIN);
	ck_assert_ptr_nonnull(cvmm_guest_machine(g));
	cvmm_guest_free(g);
}
END_TEST

START_TEST(agent_that_does_not_serve_ends_the_machine)
{
	const struct cvmm_guest_config c = { SIZE, .kernel = guest_word("builtin:agent"), .memory = "16M", .timeout_ms = 100,
		.append = "mute" };
	struct cvmm_guest *g;

	ck_assert_msg(!cvmm_guest_new(&c, NULL, &g, &err), "%s", err.msg);
	ck_assert_msg(!cvmm_guest_start(g, &err), "%s", err.msg);
	while (cvmm_guest_dispatch(g))
		poll(&(struct pollfd){ cvmm_guest_fd(g), POLLIN, 0 }, 1, -1);
	ck_assert_int_ge(cvmm_guest_status(g, &err), 0);
	ck_assert_msg(strstr(err.msg, "within the time limit"), "%s", err.msg);
	ck_assert(!vagent_guest_is_ready(cvmm_guest_agent(g)));
	cvmm_guest_free(g);
}
END_TEST

/* ------------------------------------------------------- requests of a machine that runs */

static void on_answer(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	(void)opaque;
	(void)why;
	(void)answer;
}

static int add_device(struct cvmm_machine *m)
{
	unsigned int number;

	return cvmm_machine_add_device(m, "rng", NULL, 0, &number, on_answer, NULL, &err);
}

static int remove_device(struct cvmm_machine *m)
{
	return cvmm_machine_remove_device(m, 0, true, on_answer, NULL, &err);
}

static int add_cpus(struct cvmm_machine *m)
{
	return cvmm_machine_add_cpus(m, 2, &err);
}

static int record_pages(struct cvmm_machine *m)
{
	return cvmm_machine_record_working_set(m, on_answer, NULL, &err);
}

static int save_over(struct cvmm_machine *m)
{
	const struct cvmm_save save = { .size = sizeof(save), .folder = "/tmp" };

	return cvmm_machine_save(m, &save, on_answer, NULL, &err);
}

static int migrate_nowhere(struct cvmm_machine *m)
{
	const struct cvmm_migration migration = { .size = sizeof(migration), .address = "nowhere" };

	return cvmm_machine_migrate(m, &migration, on_answer, NULL, &err);
}

static const struct {
	int (*request)(struct cvmm_machine *m);
	int code;
	const char *words;
} requests[] = {
	{ add_device, -EOPNOTSUPP, "device-add: the machine has no PCI bus" },
	{ remove_device, -EOPNOTSUPP, "device-del: the machine has no PCI bus" },
	{ add_cpus, -EINVAL, "cpus: 2 CPUs are more than the maximum of this machine" },
	{ record_pages, -EOPNOTSUPP, "working-set: the memory of this machine is not mapped" },
	{ save_over, -EOPNOTSUPP, "the guest serves the containers of this process" },
	{ migrate_nowhere, -EOPNOTSUPP, "the guest serves the containers of this process" },
};

START_TEST(refused_request_leaves_the_guest_as_it_is)
{
	const struct cvmm_exec_folder folder = { .path = first, .at = "/share", .writable = true };
	const struct cvmm_guest_config c = { SIZE, .kernel = guest_word("builtin:agent"), .memory = "16M", .timeout_ms = 60000,
		.folders = &folder, .nfolders = 1 };
	struct cvmm_guest *g;

	ck_assert_msg(!cvmm_guest_new(&c, NULL, &g, &err), "%s", err.msg);
	ck_assert_msg(!cvmm_guest_start(g, &err), "%s", err.msg);
	ck_assert_int_eq(requests[_i].request(cvmm_guest_machine(g)), requests[_i].code);
	ck_assert_msg(strstr(err.msg, requests[_i].words), "%s", err.msg);
	vsu_error_clear(&err);
	turn_until_ready(g);
	cvmm_guest_free(g);
}
END_TEST

START_TEST(killed_machine_ends_the_guest)
{
	const struct cvmm_guest_config c = { SIZE, .kernel = guest_word("builtin:agent"), .memory = "16M", .timeout_ms = 60000 };
	struct cvmm_guest *g;

	ck_assert_msg(!cvmm_guest_new(&c, NULL, &g, &err), "%s", err.msg);
	ck_assert_msg(!cvmm_guest_start(g, &err), "%s", err.msg);
	cvmm_machine_kill(cvmm_guest_machine(g));
	while (cvmm_guest_dispatch(g))
		poll(&(struct pollfd){ cvmm_guest_fd(g), POLLIN, 0 }, 1, -1);
	ck_assert_int_ge(cvmm_guest_status(g, NULL), 0);
	cvmm_guest_free(g);
}
END_TEST

/* ---------------------------------------------------------------- the last output */

static struct cvmm_guest *guest;
static struct vagent_process *process;
static int out[2];

static void turn(void)
{
	ck_assert(cvmm_guest_dispatch(guest));
	poll(&(struct pollfd){ cvmm_guest_fd(guest), POLLIN, 0 }, 1, 100);
}

/* Runs a process that writes without end, until the window of its stream is full. */
static void fill_pipe(void)
{
	const struct cvmm_guest_config c = { SIZE, .kernel = guest_word("builtin:agent"), .memory = "16M", .timeout_ms = 60000 };
	const struct vagent_container container = { .size = sizeof(container), .root = "/" };
	const char *const words[] = { "yes", NULL };
	const int streams[] = { -1, out[1], -1 };
	const struct vagent_process_config p = { .size = sizeof(p), .command = words, .streams = streams };
	unsigned int number;

	ck_assert_msg(!cvmm_guest_new(&c, NULL, &guest, &err), "%s", err.msg);
	ck_assert_msg(!cvmm_guest_start(guest, &err), "%s", err.msg);
	turn_until_ready(guest);
	ck_assert_msg(!vagent_guest_add_container(cvmm_guest_agent(guest), &container, &number, &err), "%s", err.msg);
	ck_assert_msg(!vagent_process_prepare(cvmm_guest_agent(guest), number, &p, &process, &err), "%s", err.msg);
	while (vagent_process_state(process) != VAGENT_WAITING)
		turn();
	ck_assert_int_eq(vagent_process_start(process, &err), 0);
	while (poll(&(struct pollfd){ out[1], POLLOUT, 0 }, 1, 0))
		turn();
	while (poll(&(struct pollfd){ cvmm_guest_fd(guest), POLLIN, 0 }, 1, 1000) > 0)
		ck_assert(cvmm_guest_dispatch(guest));
}

static void setup_output(void)
{
	ck_assert_int_eq(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(fcntl(out[1], F_SETPIPE_SZ, PIPE), PIPE);
	fill_pipe();
}

static void teardown_output(void)
{
	vagent_process_free(process);
	cvmm_guest_free(guest);
	close(out[0]);
	close(out[1]);
}

START_TEST(slow_reader_receives_what_arrived_before_the_end)
{
	char bytes[PIPE];
	ssize_t n, total = 0;

	cvmm_machine_end(cvmm_guest_machine(guest), VSU_EXIT_OK, "off");
	while (cvmm_guest_dispatch(guest)) {
		n = read(out[0], bytes, sizeof(bytes));
		total += n > 0 ? n : 0;
	}
	while ((n = read(out[0], bytes, sizeof(bytes))) > 0)
		total += n;
	ck_assert_int_gt(total, PIPE);
	ck_assert_int_eq(cvmm_guest_status(guest, NULL), VSU_EXIT_OK);
}
END_TEST

START_TEST(killed_machine_awaits_no_reader)
{
	cvmm_machine_kill(cvmm_guest_machine(guest));
	while (cvmm_guest_dispatch(guest))
		poll(&(struct pollfd){ cvmm_guest_fd(guest), POLLIN, 0 }, 1, -1);
	ck_assert_int_ge(cvmm_guest_status(guest, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("guest");
	TCase *tc = tcase_create("guest");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_test(tc, folders_are_shared_as_they_are);
	tcase_add_test(tc, cards_are_those_of_the_machine);
	tcase_add_loop_test(tc, invalid_member_is_refused, 0, (int)COUNT(odd));
	tcase_add_test_unless(tc, no_guest(), machine_runs_while_its_agent_serves);
	tcase_add_test_unless(tc, no_guest(), agent_that_does_not_serve_ends_the_machine);
	tcase_add_loop_test_unless(tc, no_guest(), refused_request_leaves_the_guest_as_it_is, 0, (int)COUNT(requests));
	tcase_add_test_unless(tc, no_guest(), killed_machine_ends_the_guest);
	suite_add_tcase(s, tc);
	tc = tcase_create("output");
	tcase_set_timeout(tc, 120);
	if (!no_guest())
		tcase_add_checked_fixture(tc, setup_output, teardown_output);
	tcase_add_test_unless(tc, no_guest(), slow_reader_receives_what_arrived_before_the_end);
	tcase_add_test_unless(tc, no_guest(), killed_machine_awaits_no_reader);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
