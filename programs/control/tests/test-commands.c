/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the commands of the control socket: replies and effects. */
#include <config.h>

#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>

#include "machine/kernels.h"
#include "machine/plug_rig.h"

#define DISK 65536u		/* initial bytes of its file */
#define DEVICE_CONFIG 0x2000u	/* in BAR 0, as the capability says */

static uint64_t disk_size(void)
{
	struct stat st;

	ck_assert_int_eq(stat("disk", &st), 0);
	return (uint64_t)st.st_size;
}

static void run(void (*what)(void))
{
	machine_run("--transport=pci", OWN_MEMORY, what);
}

static void listing(void)
{
	user_says("status\n");
	ck_assert_ptr_nonnull(strstr(said, "{\"ok\":true,\"cpus\":2,\"max_cpus\":2,\"paused\":false,\"state\":\"running\",\"version\":\"" PACKAGE_VERSION "\",\"kernel\":\""));
	ck_assert_ptr_nonnull(strstr(said, "\",\"vcpus\":[{\"exits\":"));
	ck_assert_ptr_nonnull(strstr(said, "\"memory\":[{\"gpa\":0,\"size\":4194304,\"backend\":\"anon\",\"shared\":false,\"rom\":false,\"present\":"));
	ck_assert_ptr_nonnull(strstr(said, "\"windows\":[],\"devices\":[],\"counters\":{\"lost_devices\":0,"));
	assert_told("device-add rng\n", ADDED(0));
	assert_told("device-add blk,path=disk\n", ADDED(1));
	user_says("status\n");
	ck_assert_ptr_nonnull(strstr(said, "\"devices\":[{\"device\":0,\"id\":4,\"kind\":\"rng\",\"slot\":1,\"rings\":[],\"numbers\":{\""));
	ck_assert_ptr_nonnull(strstr(said, "}},{\"device\":1,\"id\":2,\"kind\":\"blk\",\"file\":\"disk\",\"slot\":2,\"rings\":[],\"numbers\":{\"reads\":0"));
	ck_assert_str_eq(said + strlen(said) - 3, "}}\n");
	assert_told("device-del rng\n", DONE);
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"slot\":1,\"leaving\":true,"));
	assert_given(1);
	wait_until_gone(0);
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"devices\":[{\"device\":1,"));
}

START_TEST(the_status_has_each_device_with_its_kind_slot_and_numbers)
{
	run(listing);
}
END_TEST

static const struct cvmm_statistics *shown;	/* in place of the machine's; or NULL */

int __real_cvmm_machine_get_statistics(struct cvmm_machine *m, struct cvmm_statistics *out, struct vsu_error *err);
int __wrap_cvmm_machine_get_statistics(struct cvmm_machine *m, struct cvmm_statistics *out, struct vsu_error *err);
int __wrap_cvmm_machine_get_statistics(struct cvmm_machine *m, struct cvmm_statistics *out, struct vsu_error *err)
{
	if (!shown)
		return __real_cvmm_machine_get_statistics(m, out, err);
	*out = *shown;
	return 0;
}

static void every_state(void)
{
	static const struct {
		enum cvmm_state state;
		const char *member;
	} states[] = {
		{ CVMM_STATE_NEW, "\"state\":\"new\"" }, { CVMM_STATE_WAITING, "\"state\":\"waiting\"" },
		{ CVMM_STATE_ENDED, "\"state\":\"ended\"" }, { CVMM_STATE_DAMAGED, "\"state\":\"damaged\"" },
	};
	struct cvmm_statistics s = { .size = sizeof(s) };
	size_t i;

	shown = &s;
	for (i = 0; i < COUNT(states); i++) {
		s.state = states[i].state;
		ck_assert_ptr_nonnull(strstr(user_says("status\n"), states[i].member));
	}
	shown = NULL;
}

START_TEST(the_status_names_states_without_a_guest)
{
	run(every_state);
}
END_TEST

/* The driver's indices of the second ring are 0: nothing was made available. */
static void rings(void)
{
	assert_told("device-add balloon\n", ADDED(0));
	drive(1, 2);
	user_says("status\n");
	ck_assert_ptr_nonnull(strstr(said, "\"rings\":[{\"ring\":0,\"name\":\"inflateq\",\"size\":16,\"available\":0,\"used\":0},{\"ring\":1,\"name\":\"deflateq\",\"size\":16,\"available\":0,\"used\":0}],\"numbers\""));
	status_out(1, 0);
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"rings\":[],"));
}

START_TEST(the_status_has_the_indices_of_rings_that_are_set_up)
{
	run(rings);
}
END_TEST

static void pieces(void)
{
	user_says("memory\n");
	ck_assert_ptr_nonnull(strstr(said, "{\"ok\":true,\"memory\":[{\"gpa\":0,\"size\":4194304,\"backend\":\"memfd\",\"shared\":true,\"rom\":false,\"present\":"));
	ck_assert_str_eq(said + strlen(said) - 17, "}],\"windows\":[]}\n");
}

START_TEST(the_memory_has_a_command_of_its_own)
{
	machine_run("--transport=pci", SHARED_MEMORY, pieces);
}
END_TEST

static void in_a_file(void)
{
	user_says("memory\n");
	ck_assert_ptr_nonnull(strstr(said, "\"size\":4194304,\"backend\":\"anon\",\"shared\":false,\"rom\":false,\"present\":"));
	ck_assert_ptr_nonnull(strstr(said, "\"size\":32768,\"backend\":\"file\",\"shared\":false,\"rom\":true,\"file\":\"/"));
	ck_assert_ptr_nonnull(strstr(said, "/disk\",\"offset\":32768,\"readonly\":true,\"present\":"));
}

START_TEST(d5_01_memory_in_a_file_has_its_name_offset_and_rights)
{
	machine_run("--memory=size=32K,backend=file,mem-path=disk,offset=32K,readonly=on,at=16M",
		    "--memory=size=4M", in_a_file);
}
END_TEST

/* The sectors of the disk, from its configuration */
static uint32_t capacity(void)
{
	return access_of(&rig.machine.mmio, VARCH_PCI_WINDOW_GPA + DEVICE_CONFIG, 4,
			 false, 0);
}

static void growing(void)
{
	assert_told("device-add blk,path=disk\n", ADDED(0));
	common_out(1, STATUS, 1, 1);
	ck_assert_uint_eq(capacity(), DISK / 512);
	assert_told("resize blk 128K\n", DONE);
	ck_assert_uint_eq(disk_size(), 2 * DISK);
	ck_assert_uint_eq(capacity(), 2 * DISK / 512);
	ck_assert_int_eq(truncate("disk", 3 * DISK), 0);
	assert_told("resize 0 0\n", DONE);
	ck_assert_uint_eq(capacity(), 3 * DISK / 512);
	assert_refusal("resize 0 64K\n", "it can grow, but not shrink");
	ck_assert_uint_eq(disk_size(), 3 * DISK);
}

START_TEST(a_disk_has_the_size_that_is_asked_for_or_that_of_its_file)
{
	run(growing);
}
END_TEST

static void named(void)
{
	assert_told("device-add disk,path=disk\n", ADDED(0));
	assert_told("resize disk 128K\n", DONE);
	assert_told("device-add rng\n", ADDED(1));
	assert_told("device-add rng\n", ADDED(2));
	assert_refusal("device-del rng\n",
		       "device-del: 'rng' matches devices 1, 2; specify one by its number");
	assert_refusal("device-del rng force\n", "matches devices 1, 2");
	ck_assert(has_device(1) && has_device(2));
	assert_told("device-del 2\n", DONE);
	assert_given(3);
	wait_until_gone(2);
	assert_told("device-del rng\n", DONE);
	assert_told("device-del disk\n", DONE);
}

START_TEST(a_device_is_named_by_its_kind_or_option_where_it_is_the_only_one)
{
	run(named);
}
END_TEST

static void doubled(void)
{
	assert_told("device-add blk,path=disk\n", ADDED(0));
	assert_refusal("device-add blk,path=disk\n",
		       "'disk' is specified twice; only one device can write to a file");
	assert_refusal("device-add blk,path=./disk,readonly\n", "is specified twice");
	assert_refusal("device-add blk,./disk\n", "is specified twice");
	assert_told("device-add blk,path=disk,locking=off\n", ADDED(1));
}

START_TEST(a_file_is_behind_one_writable_disk)
{
	run(doubled);
}
END_TEST

static unsigned int runs(void)
{
	return __atomic_load_n(&fake.cpu[0].runs, __ATOMIC_ACQUIRE);
}

/* CPU 0 of this guest enters the guest repeatedly. */
static void paused(void)
{
	unsigned int before;

	assert_told("resume\n", DONE);
	assert_told("pause\n", DONE);
	before = runs();
	assert_told("pause\n", DONE);
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"paused\":true"));
	assert_told("device-add rng\n", ADDED(0));
	ck_assert_uint_eq(runs(), before);
	assert_told("resume\n", DONE);
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"paused\":false"));
	/* an access by CPU 0 */
	capacity();
	ck_assert_uint_gt(runs(), before);
	assert_refusal("pause now\n", "expected 'pause'");
}

START_TEST(no_processor_runs_between_pause_and_resume)
{
	run(paused);
}
END_TEST

static void with_private_memory(void)
{
	assert_refusal("save folder\n", "save: the guest has private memory (--memory private=on)");
	assert_refusal("core file\n", "core: the guest has private memory (--memory private=on)");
	ck_assert_int_lt(access("file", F_OK), 0);
	assert_refusal("migrate unix:socket\n", "migrate: the guest has private memory (--memory private=on)");
	ck_assert_int_lt(access("folder", F_OK), 0);
	user_says("memory\n");
	ck_assert_ptr_nonnull(strstr(said, ",\"private_bytes\":0,\"shared_bytes\":4194304,\"conversions\":0,\"failed_conversions\":0,\"released_bytes\":0}"));
}

START_TEST(a_machine_with_private_memory_is_neither_saved_nor_migrated)
{
	machine_run("--transport=pci", "--memory=size=4M,private=on",
		    with_private_memory);
}
END_TEST

static void balloon(void)
{
	assert_refusal("balloon\n", "balloon: the machine has no balloon");
	assert_told("device-add balloon,size=1M\n", ADDED(0));
	ck_assert_ptr_nonnull(strstr(user_says("balloon\n"), "{\"ok\":true,\"numbers\":{\"target\":1048576,\"actual\":0,"));
	ck_assert_ptr_nonnull(strstr(user_says("balloon 2M\n"), "\"target\":2097152,"));
	assert_refusal("balloon much\n", "balloon: 'much' is not a size");
	assert_told("device-del balloon force\n", DONE);
}

/* The guest ejects the device after all of them have ceased to wait. */
static void asked_in_vain(void)
{
	unsigned int i;

	assert_told("device-add rng\n", ADDED(0));
	for (i = 0; i < 20; i++)
		assert_refusal("device-del timeout=1ms 0 wait\n", "not complete after 1ms");
	ck_assert_ptr_null(rig.machine.answers.first);
	assert_given(1);
	wait_until_gone(0);
}

START_TEST(requests_that_nobody_awaits_leave_no_answers)
{
	run(asked_in_vain);
}
END_TEST

/* A line with these members and a time, which is not before that of the line before. */
static void assert_event(int from, const char *members)
{
	static uint64_t before = UINT64_C(1000000000) * 1000000;
	const char *line = user_hears(from), *rest = line + strlen(members);
	uint64_t us;

	ck_assert_msg(!strncmp(line, members, strlen(members)), "%s", line);
	ck_assert_msg(sscanf(rest, ",\"time_us\":%" SCNu64 "}\n", &us) == 1, "%s", line);
	ck_assert_uint_ge(us, before);
	before = us;
}

START_TEST(the_balloon_has_its_own_command)
{
	run(balloon);
}
END_TEST

#define ACTUAL (DEVICE_CONFIG + 4)	/* of a balloon: pages */

static void watching(void)
{
	const int from = user_connect();

	user_sends(from, "subscribe\n");
	ck_assert_str_eq(user_hears(from), DONE);
	assert_told("pause\n", DONE);
	assert_event(from, "{\"event\":\"paused\"");
	assert_told("pause\n", DONE);
	assert_told("resume\n", DONE);
	assert_event(from, "{\"event\":\"resumed\"");
	assert_told("device-add balloon,size=1M\n", ADDED(0));
	common_out(1, ACTUAL, 4, 3);
	assert_event(from, "{\"event\":\"balloon\",\"device\":0,\"actual\":12288,\"target\":1048576");
	close(from);
}

START_TEST(subscribers_receive_changes_of_processors_and_balloons)
{
	run(watching);
}
END_TEST

/* ------------------------------------------------------------ the end of a machine */

static const struct end {
	uint16_t port;
	uint8_t value;
	int status;
	const char *members[3];	/* of each line, before its time */
} ends[] = {
	{ VARCH_PORT_SLEEP_CONTROL, 0x34, VSU_EXIT_OK,
	  { "{\"event\":\"shutdown\",\"status\":0,\"reason\":\"the guest powered off\"" } },
	{ VARCH_PORT_RESET, VARCH_RESET_VALUE, VSU_EXIT_REBOOT,
	  { "{\"event\":\"reset\"",
	    "{\"event\":\"shutdown\",\"status\":2,\"reason\":\"the guest asked for a reboot\"" } },
	{ VARCH_PORT_PANIC, 1, VSU_EXIT_PANIC,
	  { "{\"event\":\"guest-panicked\"",
	    "{\"event\":\"shutdown\",\"status\":3,\"reason\":\"the guest's kernel panicked\"" } },
};

static const struct end *the_end;
static int watcher;

/* The subscription is answered before the guest ends. */
static int watched(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	if (cpu || n)
		return FAKE_COMPUTES;
	watcher = user_connect();
	user_sends(watcher, "subscribe\n");
	ck_assert_str_eq(user_hears(watcher), DONE);
	return fake_out(run, the_end->port, the_end->value);
}

START_TEST(subscribers_receive_the_end_of_the_machine)
{
	const char *const *members;
	char byte;

	kernel_pvh();
	the_end = &ends[_i];
	fake.guest = watched;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null");
	rig.user = &usual_user;
	rig_run();
	ck_assert_int_eq(rig.status, the_end->status);
	for (members = the_end->members; *members; members++)
		assert_event(watcher, *members);
	rig_free();
	ck_assert_int_eq(read(watcher, &byte, 1), 0);
	close(watcher);
}
END_TEST

static void limiting(void)
{
	assert_told("device-add blk,path=disk,iops=100,iops-burst=5\n", ADDED(0));
	assert_told("limit blk rate=10M,rate-burst=1M\n", DONE);
	assert_told("limit 0 iops=0,iops-burst=0\n", DONE);
	assert_refusal("limit 0 rate=0\n",
		       "limit: a burst of 1048576 bytes without a limit of bytes per second");
	assert_told("limit 0 rate=0,rate-burst=0\n", DONE);
	assert_refusal("limit 0 rate=16E\n", "limit: ");
	assert_refusal("limit 0 rate=2E\n", "at most 1152921504606846976 are possible");
	assert_refusal("limit 0 path=other\n", "path");
	assert_refusal("limit 0 rte=1M\n", "did you mean 'rate'");
	assert_refusal("limit 0 rate=fast\n", "limit: ");
	assert_refusal("limit 0 rate\n", "limit: ");
}

START_TEST(rate_limits_change_while_the_machine_runs)
{
	run(limiting);
}
END_TEST

static void levels(void)
{
	assert_told("log-level\n", "{\"ok\":true,\"level\":\"warning\"}\n");
	assert_told("log-level debug\n", "{\"ok\":true,\"level\":\"debug\"}\n");
	assert_told("log-level\n", "{\"ok\":true,\"level\":\"debug\"}\n");
	assert_refusal("log-level loud\n", "log-level: 'loud' is not a log level");
	assert_told("log-level warning\n", "{\"ok\":true,\"level\":\"warning\"}\n");
	ck_assert_ptr_nonnull(strstr(user_says("help\n"), "{\"ok\":true,\"commands\":[{\"name\":\"status\",\"help\":\""));
	ck_assert_ptr_nonnull(strstr(said, "{\"name\":\"resize\",\"arguments\":\"DEVICE SIZE\",\"help\":\""));
}

START_TEST(the_level_of_the_log_changes_while_the_machine_runs)
{
	run(levels);
}
END_TEST

static const struct { const char *line, *why; } refusals[] = {
	{ "limit 0\n", "expected 'limit DEVICE KEY=VALUE,...'" },
	{ "limit 1 rate=1M\n", "limit: no device '1'; 'status' lists them" },
	{ "limit rng rate=1M\n", "limit: this device has no rate limits" },
	{ "resize\n", "expected 'resize DEVICE SIZE'" },
	{ "resize 0\n", "expected 'resize DEVICE SIZE'" },
	{ "resize 1 1M\n", "resize: no device '1'; 'status' lists them" },
	{ "resize net 1M\n", "resize: no device 'net'" },
	{ "resize rng 1M\n", "device 'rng' cannot be resized" },
	{ "resize 0 much\n", "resize: 'much' is not a size such as 512M" },
	{ "resize 0 -1\n", "'-1' is not a size" },
	{ "status now\n", "expected 'status'" },
	{ "migrate here\n", "migrate: 'here' is not an address; expected unix:PATH, tcp:HOST:PORT, tls:HOST:PORT,certificates=FOLDER, exec:COMMAND or fd:N" },
	{ "migrate rate=fast unix:a\n", "rate: 'fast' is not a number of bytes per second" },
	{ "migrate downtime=0 unix:a\n", "downtime: '0' is not a number of milliseconds" },
	{ "migrate auto-converge\n", "no address" },
	{ "migrate-cancel\n", "no migration is in progress" },
	{ "stats\n", "did you mean 'status'? There are: status, pause, resume, power-button, reset, quit, save, core, working-set, migrate, migrate-cancel, migrate-postcopy, resize, limit, balloon, cpus, device-add, device-del, memory, log-level, subscribe, help" },
	{ "device-del\n", "expected 'device-del [timeout=TIME] DEVICE [force] [wait]'" },
	{ "device-del 0 force wait now\n", "4 words follow" },
	{ "status timeout=5\n", "status: 'timeout=5': this command is answered at once; omit it" },
	{ "device-del timeout=0 0 wait\n", "device-del: 'timeout=0': expected seconds, or a time such as 1m30s, up to 1d" },
	{ "save timeout=2d folder\n", "save: 'timeout=2d': expected seconds, or a time such as 1m30s, up to 1d" },
	{ "migrate timeout=5 auto-converge\n", "no address" },
	{ "device-del 0 wait soon\n", "'soon' after the device" },
	{ "device-del 0 now\n", "expected 'force', 'wait', both or nothing" },
	{ "device-del blk now\n", "no device" },
	{ "device-del 18446744073709551615\n", "no device" },
	{ "device-add\n", "expected 'device-add [timeout=TIME] KIND,OPTIONS'" },
	{ "cpus 4294967298\n", "cpus: '4294967298' is not a number of CPUs, such as 4" },
	{ "cpus -3\n", "is not a number of CPUs" },
	{ "cpus +1\n", "is not a number of CPUs" },
	{ "cpus\n", "expected 'cpus N'" },
	{ "cpus 3 4\n", "expected 'cpus N'" },
	{ "save part incremental incremental\n", "'incremental': expected incremental" },
	{ "save incremental\n", "no folder before 'incremental'" },
	{ "save part then=pause then=quit\n", "'then=quit': expected incremental" },
	{ "core fd:0\n", "0 descriptors were sent" },
};

static void refused(void)
{
	unsigned int i;

	assert_told("device-add rng\n", ADDED(0));
	for_rows(i, COUNT(refusals))
		assert_refusal(refusals[i].line, refusals[i].why);
	ck_assert(has_device(0));
}

START_TEST(what_cannot_be_done_is_refused_with_its_reason)
{
	run(refused);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("commands");
	TCase *tc = tcase_create("commands");

	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_test(tc, the_status_has_each_device_with_its_kind_slot_and_numbers);
	tcase_add_test(tc, the_status_names_states_without_a_guest);
	tcase_add_test(tc, the_status_has_the_indices_of_rings_that_are_set_up);
	tcase_add_test(tc, the_memory_has_a_command_of_its_own);
	tcase_add_test(tc, d5_01_memory_in_a_file_has_its_name_offset_and_rights);
	tcase_add_test(tc, a_disk_has_the_size_that_is_asked_for_or_that_of_its_file);
	tcase_add_test(tc, a_device_is_named_by_its_kind_or_option_where_it_is_the_only_one);
	tcase_add_test(tc, a_file_is_behind_one_writable_disk);
	tcase_add_test(tc, no_processor_runs_between_pause_and_resume);
	tcase_add_test(tc, a_machine_with_private_memory_is_neither_saved_nor_migrated);
	tcase_add_test(tc, the_balloon_has_its_own_command);
	tcase_add_test(tc, subscribers_receive_changes_of_processors_and_balloons);
	tcase_add_loop_test(tc, subscribers_receive_the_end_of_the_machine, 0, COUNT(ends));
	tcase_add_test(tc, requests_that_nobody_awaits_leave_no_answers);
	tcase_add_test(tc, rate_limits_change_while_the_machine_runs);
	tcase_add_test(tc, the_level_of_the_log_changes_while_the_machine_runs);
	tcase_add_test(tc, what_cannot_be_done_is_refused_with_its_reason);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
