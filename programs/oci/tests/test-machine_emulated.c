/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about how an emulated machine of a container ends; QEMU and the daemon of its folder are scripts. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/tests/scripts.h"
#include "oci/machine.h"
#include "util.h"

#define QEMU "qemu-system-x86_64"
#define DAEMON "cvmm-vhost-user-fs"

static char folder[] = "/tmp/test-emulated-XXXXXX";
static struct vsu_error err;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	setenv("PATH", folder, 1);
	script_write(folder, DAEMON, "");
	vsu_error_clear(&err);
}

static void after(void)
{
	script_remove(folder, QEMU);
	script_remove(folder, DAEMON);
	rmdir(folder);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

/* Turns until the end of a machine whose QEMU has these lines. */
static void run(const char *lines)
{
	static const struct oci_network none;
	const struct oci_settings settings = {
		.kernel = folder, .init = "/proc/self/exe", .modules = "none", .daemons = folder, .start_ms = 60000, .emulate = true,
	};
	const struct oci_machine_config config = {
		.settings = &settings, .share = folder, .network = &none, .memory = 64 * MIB, .cpus = 1,
	};
	struct oci_machine *m;
	struct pollfd p = { .events = POLLIN };

	script_write(folder, QEMU, lines);
	ck_assert_msg(!oci_machine_new(&config, &m, &err), "%s", err.msg);
	ck_assert_msg(!oci_machine_start(m, &err), "%s", err.msg);
	p.fd = oci_machine_fd(m);
	do
		ck_assert_int_eq(poll(&p, 1, -1), 1);
	while (oci_machine_dispatch(m, &err));
	oci_machine_free(m);
}

static const struct {
	const char *lines, *why;
} ends[] = {
	{ "echo 'last words' >&2; exit 1", "--emulate: last words" },
	{ "kill -KILL $$", "--emulate: " QEMU " was killed by signal 9" },
	{ "", "the guest ended before its command did; the setting log=FILE keeps its kernel's messages" },
};

START_TEST(end_of_qemu_is_told_in_place_of_the_silence_of_its_guest)
{
	run(ends[_i].lines);
	ck_assert_str_eq(err.msg, ends[_i].why);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("machine_emulated");
	TCase *tc = tcase_create("end");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, end_of_qemu_is_told_in_place_of_the_silence_of_its_guest, 0, (int)COUNT(ends));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
