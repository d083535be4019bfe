/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a machine on a host that lacks memory, descriptors, mappings,
 * threads or a part of KVM. Each call fails in turn: the machine fails with a
 * message and the exit status for the host, unless it needs no such call, and
 * releases everything.
 */
#include <config.h>

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <virtio-devices/rng.h>
#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/sock.h>

#include "../machine/kernels.h"
#include "../machine/rig.h"
#include "arch/x86/kvm_x86.h"

/* Calls that succeed before one fails; negative: no call fails. */
static int left = -1;
static bool for_good;	/* all later ones fail, too */
static unsigned int failures;
static bool unnoticed;	/* the machine was made although a call failed */
static pthread_t main_thread;

static const char *failed;		/* the function that failed last, */
static unsigned long failed_request;	/* and of ioctl() the request */

static bool lacks(int code, const char *name)
{
	if (!pthread_equal(pthread_self(), main_thread) || left < 0)
		return false;
	if (left) {
		left--;
		return false;
	}
	left = for_good ? 0 : -1;
	failures++;
	failed = name;
	errno = code;
	return true;
}

static bool kvm_lacks(int code)
{
	if (!lacks(code, "ioctl"))
		return false;
	failed_request = fake_request;
	return true;
}

/* A machine works without these calls of KVM, and requires all others. */
static bool is_optional(void)
{
	return !strcmp(failed, "ioctl") &&
	       (failed_request == KVM_X86_GET_MCE_CAP_SUPPORTED || failed_request == KVM_X86_SETUP_MCE ||
		failed_request == KVM_ENABLE_CAP);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_vsu_event_new(void);
int __wrap_vsu_event_new(void);
int __real_vsu_timer_new(void);
int __wrap_vsu_timer_new(void);
int __real_vsu_fd_dup(int fd);
int __wrap_vsu_fd_dup(int fd);
int __real_vmm_thread_start(const struct vmm_threads *threads, pthread_t *id,
			     void *(*fn)(void *), void *arg);
int __wrap_vmm_thread_start(const struct vmm_threads *threads, pthread_t *id,
			     void *(*fn)(void *), void *arg);

void *__wrap_calloc(size_t n, size_t size)
{
	return lacks(ENOMEM, __func__) ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return lacks(ENOMEM, __func__) ? NULL : __real_malloc(size);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return lacks(ENOMEM, __func__) ? MAP_FAILED :
	       __real_mmap(at, len, prot, flags, fd, off);
}

int __wrap_memfd_create(const char *name, unsigned int flags)
{
	return lacks(EMFILE, __func__) ? -1 : __real_memfd_create(name, flags);
}

int __wrap_epoll_create1(int flags)
{
	return lacks(EMFILE, __func__) ? -1 : __real_epoll_create1(flags);
}

int __wrap_vsu_event_new(void)
{
	return lacks(EMFILE, __func__) ? -EMFILE : __real_vsu_event_new();
}

int __wrap_vsu_timer_new(void)
{
	return lacks(EMFILE, __func__) ? -EMFILE : __real_vsu_timer_new();
}

int __wrap_vsu_fd_dup(int fd)
{
	return lacks(EMFILE, __func__) ? -EMFILE : __real_vsu_fd_dup(fd);
}

int __wrap_vmm_thread_start(const struct vmm_threads *threads, pthread_t *id,
			     void *(*fn)(void *), void *arg)
{
	return lacks(EAGAIN, __func__) ? -EAGAIN :
	       __real_vmm_thread_start(threads, id, fn, arg);
}

static unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Mappings of files; the allocator decides about the number of others. */
static unsigned int file_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned int n = 0;
	unsigned long inode;
	char line[512];

	while (fgets(line, sizeof(line), file))
		n += sscanf(line, "%*s %*s %*s %*s %lu", &inode) == 1 && inode;
	fclose(file);
	return n;
}

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
	{ "a control socket", "--control=control", "--memory=size=4M" },
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
	fake.lacks = kvm_lacks;
	memset(&rig.machine, 0, sizeof(rig.machine));
	vsu_error_clear(&rig.err);
	failures = 0;
	rig_file("changes", "", 0);
	left = n;
	rig.status = rig_try(&rig.owner);
	unnoticed = !rig.status && failures && !for_good && !is_optional();
	if (!rig.status)
		rig_run_made();
	vmm_machine_free(&rig.machine);
	memset(&rig.machine, 0, sizeof(rig.machine));
	left = -1;
	rig_settle();
	return !failures;
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
	main_thread = pthread_self();
}

static void assert_clean(int n, unsigned int fds, unsigned int maps)
{
	ck_assert_msg(!unnoticed, "call %d: %s() %#lx failed unnoticed", n, failed, failed_request);
	if (rig.status)
		ck_assert_msg(rig.status == VSU_EXIT_HOST ||
			      rig.status == VSU_EXIT_INTERNAL,
			      "call %d: status %d: %s", n, rig.status,
			      rig.err.msg);
	ck_assert_msg(rig.err.msg[0], "call %d: status %d and no sentence", n,
		      rig.status);
	ck_assert_msg(open_fds() == fds, "call %d (%s): %u descriptors, not %u",
		      n, rig.err.msg, open_fds(), fds);
	ck_assert_msg(file_maps() == maps, "call %d (%s): %u mappings, not %u",
		      n, rig.err.msg, file_maps(), maps);
}

START_TEST(e1_05_any_failing_call_is_reported)
{
	const struct machine *machine = &machines[_i / 2];
	pid_t server = strstr(machine->device, "user:") ? start_server() : 0;
	unsigned int fds, maps;
	bool none_failed;
	int n = 0;

	for_good = _i % 2;
	prepare(machine);
	if (server)
		await_server();
	survives(-1);	/* opens what libraries open once */
	ck_assert_msg(!rig.status, "%s: %s", machine->what, rig.err.msg);
	fds = open_fds();
	maps = file_maps();
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
