/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a machine on a host that lacks memory, descriptors, mappings,
 * threads or a part of KVM. Each call fails in turn: the machine fails with a
 * message and the exit status for the host, unless it needs no such call, and
 * releases everything.
 */
#include <config.h>

#include <signal.h>
#include <sys/wait.h>

#include <virtio-devices/rng.h>
#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../machine/kernels.h"
#include "../machine/lack.h"
#include "../machine/rig.h"

static bool unnoticed;	/* the machine was made although a call failed */

static int powers_off(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	(void)n;
	return fake_power_off(run);
}

static const struct machine {
	const char *what;
	const char *device, *memory;
} machines[] = {
	{ "a disk in memory of a file",
	  "--disk=path=image,engine=sync", "--memory=size=4M,backend=memfd" },
	{ "a device of every sort",
	  "--device=rng", "--memory=size=4M,private=on" },
	{ "a disk with an overlay", "--disk=path=image,overlay=changes", "--memory=size=4M,backend=memfd" },
	{ "a temporary overlay", "--disk=path=image,snapshot=on", "--memory=size=4M" },
	{ "a console", "--console=pty", "--memory=size=4M" },
	{ "a console at a socket", "--console=socket=console,port=a:pty", "--memory=size=4M" },
	{ "sockets", "--vsock=path=vsock,cid=3", "--memory=size=4M" },
	{ "a balloon", "--device=balloon", "--memory=size=4M" },
	{ "more memory", "--device=mem,size=128M", "--memory=size=4M" },
	{ "persistent memory", "--pmem=path=image", "--memory=size=4M" },
	{ "a folder", "--device=fs,path=.,tag=a", "--memory=size=4M,backend=memfd" },
	{ "a device of somebody else's",
	  "--device=id=4,backend=user:socket", "--memory=size=4M,backend=memfd" },
};

/*
 * Creates, runs and frees a machine whose n-th call fails. True: no call
 * failed.
 */
static bool survives(int n)
{
	fake_kvm_init();
	fake.guest = powers_off;
	vsu_error_clear(&rig.err);
	rig_file("changes", "", 0);
	lack_begin(n);
	rig.status = rig_try(&rig.owner);
	unnoticed = !rig.status && lack.failures && !lack.for_good && !lack_is_optional();
	if (!rig.status)
		rig_run_made();
	rig_free();
	lack_end();
	rig_settle();
	return !lack.failures;
}

/* A working device server in a process of its own. */
static pid_t start_server(void)
{
	const struct virtdev_rng_config config = { .size = sizeof(config) };
	pid_t server = fork();
	struct virtdev *dev;

	ck_assert_int_ge(server, 0);
	if (server)
		return server;
	signal(SIGALRM, SIG_DFL);	/* Check's handler would end the test, too */
	alarm(240);
	if (virtdev_rng_new(&config, &dev, NULL) ||
	    virtdev_vhost_user_serve(dev, "socket", -1, NULL, NULL, NULL))
		_exit(1);
	_exit(0);
}

/* Its socket exists as a file before the server listens. */
static void await_server(void)
{
	int sock;

	while ((sock = vsu_sock_connect("socket", NULL)) < 0)
		sched_yield();
	close(sock);
}

static void end_server(pid_t server)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static void prepare(const struct machine *machine)
{
	kernel_pvh();
	rig_file("image", "", 0);
	ck_assert_int_eq(truncate("image", 2 << 20), 0);
	ck_assert_int_eq(vmem_sigbus_new(64, &rig.owner.sigbus, NULL), 0);
	RIG_OPTIONS("kernel", machine->memory, machine->device,
		    "--serial=null", "--cpus=2");
}

static void assert_clean(int n, int fds, unsigned int maps)
{
	ck_assert_msg(!unnoticed, "call %d: %s() %#lx failed unnoticed", n, lack.failed, lack.request);
	if (rig.status)
		ck_assert_msg(rig.status == VSU_EXIT_HOST ||
			      rig.status == VSU_EXIT_INTERNAL,
			      "call %d: status %d: %s", n, rig.status,
			      rig.err.msg);
	ck_assert_msg(rig.err.msg[0], "call %d: status %d and no sentence", n,
		      rig.status);
	ck_assert_msg(vsu_fd_count() == fds, "call %d (%s): %d descriptors, not %d",
		      n, rig.err.msg, vsu_fd_count(), fds);
	ck_assert_msg(lack_file_maps() == maps, "call %d (%s): %u mappings, not %u",
		      n, rig.err.msg, lack_file_maps(), maps);
}

START_TEST(e1_05_any_failing_call_is_reported)
{
	const struct machine *machine = &machines[_i / 2];
	pid_t server = strstr(machine->device, "user:") ? start_server() : 0;
	unsigned int maps;
	int fds;
	bool none_failed;
	int n = 0;

	lack.for_good = _i % 2;
	prepare(machine);
	if (server)
		await_server();
	survives(-1);	/* opens what libraries open once */
	ck_assert_msg(!rig.status, "%s: %s", machine->what, rig.err.msg);
	fds = vsu_fd_count();
	maps = lack_file_maps();
	do {
		none_failed = survives(n++);
		assert_clean(n, fds, maps);
	} while (!none_failed && n < 1000);
	ck_assert_int_gt(n, 40);
	ck_assert_int_lt(n, 1000);
	ck_assert_int_eq(rig.status, VSU_EXIT_OK);
	if (server)
		end_server(server);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lack");
	TCase *tc = tcase_create("lack");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_loop_test(tc, e1_05_any_failing_call_is_reported,
			    0, 2 * COUNT(machines));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
