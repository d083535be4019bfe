/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the rights of a process after --sandbox=on, in child processes. */
#define _GNU_SOURCE
#include <config.h>

#include <link.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../../../tests/support/no_landlock.h"
#include "common/confinement.h"
#include "parsed.h"
#include "util.h"

static char folder[64];

#define NO_SANDBOX 99

/* Fails a claim with its line number, which is the exit status. */
#define HOLDS(condition) do { if (!(condition)) return __LINE__ % 90 + 1; } while (0)

static int confine_by(struct vmm_confinement *c, const struct parsed *p, struct vsu_error *err)
{
	int rc = vmm_confinement_make(c, p->c, &p->options, false, err);

	return rc < 0 ? rc : vmm_confinement_close(c, p->c, &p->options, err);
}

static int confine(const struct parsed *p, struct vsu_error *err)
{
	static struct vmm_confinement c;

	return confine_by(&c, p, err);
}

static int lock_and_run(const char *line, int (*fn)(void))
{
	struct parsed o;
	int rc;

	if (chdir(folder) < 0 || parsed_line(&o, line, NULL) < 0 ||
	    confine(&o, NULL) < 0)
		return NO_SANDBOX;
	rc = fn();
	parsed_free(&o);
	return rc;
}

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1000;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Descriptor 9 is open, as options name it. */
static pid_t fork_child(void)
{
	pid_t pid = fork();

	if (!pid && dup3(STDIN_FILENO, 9, O_CLOEXEC) < 0)
		_exit(NO_SANDBOX);
	return pid;
}

/* The exit status of a child that runs fn with these options. */
static int locked(const char *line, int (*fn)(void))
{
	pid_t pid = fork_child();

	if (!pid)
		_exit(lock_and_run(line, fn));
	return status_of(pid);
}

static bool is_refused(int rc)
{
	const bool refused = rc < 0 && (errno == EACCES || errno == EPERM);

	if (rc >= 0)
		close(rc);
	return refused;
}

static bool is_opened(int fd)
{
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* A number of /proc/self/status in hexadecimal; prctl() is filtered. */
static uint64_t status_number(const char *name)
{
	FILE *from = fopen("/proc/self/status", "re");
	const size_t len = strlen(name);
	uint64_t number = UINT64_MAX;
	char line[256];

	while (from && fgets(line, sizeof(line), from))
		if (!strncmp(line, name, len) && line[len] == ':')
			number = strtoull(line + len + 1, NULL, 16);
	if (from)
		fclose(from);
	return number;
}

#ifndef UNDER_SANITIZER
/* The files of a process that cannot be dumped belong to root. */
static bool is_dumpable(void)
{
	struct stat st;

	return stat("/proc/self/status", &st) < 0 || st.st_uid == geteuid();
}
#endif

static int privileges_are_gone(void)
{
	const uint64_t others = UINT64_C(1) << CAP_SYS_ADMIN | UINT64_C(1) << CAP_NET_ADMIN;

	HOLDS(status_number("NoNewPrivs") == 1);
	HOLDS(!(status_number("CapBnd") & others) || geteuid());
#ifndef UNDER_SANITIZER
	HOLDS(!is_dumpable() || !geteuid());
#endif
	return 0;
}

START_TEST(privileges_are_dropped)
{
	ck_assert_int_eq(locked("k --sandbox=on", privileges_are_gone), 0);
}
END_TEST

#define NET (UINT64_C(1) << CAP_NET_ADMIN)
#define NODES (UINT64_C(1) << CAP_MKNOD)
#define GRANTS (UINT64_C(1) << CAP_SETFCAP)
#define OWNERS (UINT64_C(1) << CAP_CHOWN)
#define FOLDER (OWNERS | NODES | GRANTS)

/* The device's server decides, however its option is spelled. */
static const struct {
	const char *line;
	uint64_t kept;
} devices[] = {
	{ "k --device=rng", 0 },
	{ "k --disk=path=disk,,backend=spawn", 0 },
	{ "k --net=t0", NET }, { "k --device=net,tap=t0", NET },
	{ "k --net=t0,backend=kernel", NET },
	{ "k --net=backend=user:s", 0 }, { "k --device=net,backend=user:s", 0 },
	{ "k --net=t0,backend=spawn", 0 }, { "k --net=socket=s", 0 }, { "k --net=fd=9", 0 },
	{ "k --fs=share,tag=x", FOLDER }, { "k --device=fs,share,tag=x", FOLDER },
	{ "k --fs=share,tag=x,nodev", OWNERS | GRANTS }, { "k --fs=share,tag=x,nosuid", OWNERS | NODES },
	{ "k --fs=share,tag=x,nosuid,nodev", OWNERS }, { "k --fs=share,tag=x,readonly", OWNERS },
	{ "k --fs=share,tag=x,nosuid,nodev --fs=share,tag=y", FOLDER },
	{ "k --fs=tag=x,backend=user:s", 0 }, { "k --fs=share,backend=spawn", 0 },
	{ "k --fs=path=share,,backend=user:s", FOLDER },
};
static uint64_t wanted;

static int capabilities_are_wanted(void)
{
	HOLDS((status_number("CapPrm") & (NET | FOLDER)) == wanted);
	return 0;
}

START_TEST(capabilities_follow_the_server_of_a_device)
{
	wanted = devices[_i].kept & status_number("CapPrm");
	ck_assert_int_eq(locked(devices[_i].line, capabilities_are_wanted), 0);
}
END_TEST

/* The line arrives in a process that has the rights of any machine. */
static int receive_and_run(const char *line, int (*fn)(void))
{
	static struct vmm_confinement c;
	struct parsed o, own;
	int rc;

	if (chdir(folder) < 0 || parsed_line(&own, "k", NULL) < 0 ||
	    vmm_confinement_receive(&c, &own.options, false, NULL) < 0 || parsed_line(&o, line, NULL) < 0 ||
	    confine_by(&c, &o, NULL) < 0)
		return NO_SANDBOX;
	rc = fn();
	parsed_free(&o);
	parsed_free(&own);
	return rc;
}

START_TEST(machine_that_arrives_has_the_capabilities_of_its_devices)
{
	pid_t pid;

	wanted = devices[_i].kept & status_number("CapPrm");
	pid = fork_child();
	if (!pid)
		_exit(receive_and_run(devices[_i].line, capabilities_are_wanted));
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

/* Each machine has the capabilities for its files and for locked memory. */
#define COMMON (UINT64_C(1) << CAP_DAC_OVERRIDE | UINT64_C(1) << CAP_IPC_LOCK)

static int only_files_are_left(void)
{
	HOLDS(is_opened(open("/etc/passwd", O_RDONLY)));
	HOLDS(!(status_number("CapPrm") & ~COMMON));
	HOLDS(!(status_number("CapEff") & ~COMMON));
	HOLDS(status_number("NoNewPrivs") == 1);
	return 0;
}

START_TEST(e0_03_capabilities_are_dropped_without_landlock)
{
	pid_t pid = fork();

	if (!pid)
		_exit(landlock_is_hidden() ?
		      lock_and_run("k --sandbox=on", only_files_are_left) : NO_SANDBOX);
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

/* A container may have set it before. */
static int no_new_privs;

static int all_is_kept(void)
{
	HOLDS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == no_new_privs);
	HOLDS(is_opened(open("/etc/passwd", O_RDONLY)));
	return 0;
}

START_TEST(off_changes_nothing)
{
	no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	ck_assert_int_eq(locked("k --sandbox=off", all_is_kept), 0);
}
END_TEST

static int other_files_are_refused(void)
{
	HOLDS(is_refused(open("/etc/passwd", O_RDONLY)));
	HOLDS(is_refused(open("other", O_RDONLY)));
	HOLDS(is_refused(open("new", O_WRONLY | O_CREAT, 0600)));
	HOLDS(is_refused(open("/", O_RDONLY | O_DIRECTORY)));
	HOLDS(is_refused(unlink("disk")));
	HOLDS(is_refused(rename("disk", "moved")));
	HOLDS(is_refused(mkdir("saved", 0700)));
	HOLDS(is_refused(truncate("other", 0)));
	return 0;
}

START_TEST(other_files_are_not_opened)
{
	ck_assert_int_eq(locked("kernel disk --sandbox=on",
				other_files_are_refused), 0);
}
END_TEST

static int no_program_runs(void)
{
	char name[] = "true";
	char *const argv[] = { name, NULL };

	HOLDS(is_refused(execv("/bin/true", argv)));
	return 0;
}

START_TEST(programs_are_not_executed)
{
	ck_assert_int_eq(locked("k --sandbox=on,folder=/bin", no_program_runs),
			 0);
}
END_TEST

static int others_are_left_alone(void)
{
	HOLDS(kill(getppid(), 0) < 0 && errno == EPERM);
	return 0;
}

START_TEST(other_processes_are_not_signalled)
{
	ck_assert_int_eq(locked("k --sandbox=on", others_are_left_alone), 0);
}
END_TEST

static int named_files_are_used(void)
{
	HOLDS(is_opened(open("kernel", O_RDONLY)));
	HOLDS(is_refused(open("kernel", O_RDWR)));
	HOLDS(is_opened(open("disk", O_RDWR)));
	HOLDS(is_opened(open("a,b", O_RDONLY)));
	HOLDS(is_refused(open("a,b", O_RDWR)));
	HOLDS(is_opened(open("share/new", O_RDWR | O_CREAT, 0600)));
	HOLDS(unlink("share/new") == 0);
	HOLDS(is_opened(open("/proc/self/status", O_RDONLY)));
	HOLDS(is_opened(open("/dev/null", O_RDWR)));
	return 0;
}

START_TEST(files_of_the_options_are_opened)
{
	ck_assert_int_eq(locked("kernel disk --disk=path=a,,b,readonly --fs=share,tag=x --sandbox=on",
				named_files_are_used), 0);
}
END_TEST

START_TEST(descriptors_of_the_options_need_no_rule)
{
	ck_assert_int_eq(locked("fd:0:kernel --initrd=fd:0 --sandbox=on", other_files_are_refused), 0);
}
END_TEST

/* Files that running may require, which every host has. */
static int wanted_files;

enum { TERMINALS = 1, NAMES = 2, CHARACTERS = 4 };

static int common_files_are_wanted(void)
{
	HOLDS(is_refused(open("/dev/ptmx", O_RDWR | O_NOCTTY)) == !(wanted_files & TERMINALS));
	HOLDS(is_refused(open("/etc/hosts", O_RDONLY)) == !(wanted_files & NAMES));
	HOLDS(is_refused(open("/sys/dev/char", O_RDONLY)) == !(wanted_files & CHARACTERS));
	HOLDS(is_opened(open("/dev/null", O_RDWR)));
	return 0;
}

/* Later devices and migrations come over the control socket. */
static const struct { const char *line; int wanted; } causes[] = {
	{ "k --sandbox=on", 0 },
	{ "k --serial=pty --sandbox=on", TERMINALS },
	{ "k disk --sandbox=on", CHARACTERS },
	{ "k --memory=size=64M,backend=file,mem-path=mem --sandbox=on", CHARACTERS },
	{ "k --control=c.sock --sandbox=on", TERMINALS | NAMES | CHARACTERS },
	{ "k --control=fd:9 --sandbox=on", TERMINALS | NAMES | CHARACTERS },
};
#define NCAUSES (int)(sizeof(causes) / sizeof(causes[0]))

START_TEST(files_without_a_cause_are_not_opened)
{
	wanted_files = causes[_i].wanted;
	ck_assert_int_eq(locked(causes[_i].line, common_files_are_wanted), 0);
}
END_TEST

static int is_nbd(struct dl_phdr_info *info, size_t size, void *opaque)
{
	(void)size;
	(void)opaque;
	return strstr(info->dlpi_name, "/disk-nbd.so") != NULL;
}

static bool has_nbd(void)
{
	const char *const modules = getenv("CVMM_MODULES");
	char path[4096];

	snprintf(path, sizeof(path), "%s/disk-nbd.so", modules ? modules : "");
	return access(path, R_OK) == 0;
}

static int module_is_loaded(void)
{
	HOLDS(dl_iterate_phdr(is_nbd, NULL));
	return other_files_are_refused();
}

/* Afterwards it could not be read. */
START_TEST(module_of_an_nbd_disk_is_loaded_before)
{
	ck_assert_int_eq(locked("fd:0:kernel --disk=nbd://localhost/x --sandbox=on", module_is_loaded), 0);
}
END_TEST

static int file_with_commas_is_opened(void)
{
	HOLDS(is_opened(open("disk,backend=spawn", O_RDWR)));
	return 0;
}

START_TEST(file_that_is_named_like_a_back_end_is_opened)
{
	ck_assert_int_eq(locked("kernel --disk=path=disk,,backend=spawn", file_with_commas_is_opened), 0);
}
END_TEST

static int shared_files_are_read(void)
{
	HOLDS(is_opened(open("share", O_RDONLY | O_DIRECTORY)));
	HOLDS(is_refused(open("share/new", O_RDWR | O_CREAT, 0600)));
	HOLDS(is_opened(open("disk", O_RDONLY)));
	HOLDS(is_refused(open("disk", O_RDWR)));
	return 0;
}

START_TEST(what_is_only_read_is_opened_for_reading)
{
	ck_assert_int_eq(locked("k --device=fs,share,tag=x,readonly --pmem=disk,readonly",
				shared_files_are_read), 0);
	ck_assert_int_eq(locked("k --fs=share,tag=x,readonly --memory=size=2M,backend=file,mem-path=disk,readonly=on,share=on --sandbox=on",
				shared_files_are_read), 0);
}
END_TEST

static int file_is_created(void)
{
	HOLDS(is_opened(open("share/absent", O_RDWR | O_CREAT, 0600)));
	HOLDS(unlink("share/absent") == 0);
	return 0;
}

START_TEST(files_that_the_options_create_are_created)
{
	ck_assert_int_eq(locked("k --memory=size=2M,backend=file,mem-path=share/absent --sandbox=on",
				file_is_created), 0);
	ck_assert_int_eq(locked("k --serial=share/absent --sandbox=on",
				file_is_created), 0);
}
END_TEST

static int overlays_are_made(void)
{
	HOLDS(is_opened(open("share", O_TMPFILE | O_RDWR, 0600)));
	HOLDS(is_opened(open("a,b", O_RDWR)));
	HOLDS(is_opened(open("kernel", O_RDONLY)));
	HOLDS(is_refused(open("kernel", O_RDWR)));
	HOLDS(is_refused(open("disk", O_RDWR)));
	HOLDS(is_refused(open("other", O_RDWR)));
	return 0;
}

START_TEST(files_of_overlays_are_opened)
{
	setenv("TMPDIR", "share", 1);
	ck_assert_int_eq(locked("k --disk=disk,snapshot=on --disk=path=kernel,overlay=a,,b --sandbox=on",
				overlays_are_made), 0);
	unsetenv("TMPDIR");
}
END_TEST

static int shm_is_made(void)
{
	char name[64];

	snprintf(name, sizeof(name), "/cvmm-sandbox.%d", getpid());
	HOLDS(is_opened(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600)));
	HOLDS(shm_unlink(name) == 0);
	return 0;
}

START_TEST(shared_memory_is_made_if_it_is_an_option)
{
	ck_assert_int_eq(locked("k --memory=size=2M,backend=shm --sandbox=on",
				shm_is_made), 0);
	ck_assert_int_ne(locked("k --sandbox=on", shm_is_made), 0);
}
END_TEST

static int socket_only_is_made(void)
{
	struct sockaddr_un name = { AF_UNIX, "share/socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	HOLDS(bind(fd, (const struct sockaddr *)&name, sizeof(name)) == 0);
	HOLDS(unlink("share/socket") == 0);
	HOLDS(is_refused(open("share/new", O_RDWR | O_CREAT, 0600)));
	return 0;
}

static const char *const sockets[] = {
	"k --control=share/socket --sandbox=on",
	"k --console=socket=share/socket --sandbox=on",
	"k --console=stdio,port=a:socket:share/socket --sandbox=on",
	"k --vsock=cid=5,path=share/socket",
	"k --device=vsock,cid=5,path=share/socket --sandbox=on",
};
#define NSOCKETS (int)(sizeof(sockets) / sizeof(*sockets))

START_TEST(folders_of_sockets_are_for_sockets)
{
	ck_assert_int_eq(locked(sockets[_i], socket_only_is_made), 0);
}
END_TEST

static int folder_is_used(void)
{
	HOLDS(mkdir("share/a", 0700) == 0 && rename("share/a", "share/b") == 0);
	HOLDS(rmdir("share/b") == 0);
	return 0;
}

START_TEST(folder_is_for_saved_machines)
{
	ck_assert_int_eq(locked("k --sandbox=on,folder=share", folder_is_used),
			 0);
}
END_TEST

static const struct { const char *line, *says; } refused[] = {
	{ "k --sandbox=", "--sandbox" },
	{ "k --sandbox=maybe", "maybe" },
	{ "k --sandbox=on,log", "expected on, log, off" },
	{ "k --sandbox=on,off", "expected on, log, off" },
	{ "k --sandbox=folder=/tmp", "expected on, log, off" },
	{ "k --sandbox=on,folder=/no/such", "folder '/no/such'" },
	{ "k --sandbox=on,folder=/etc/passwd", "folder '/etc/passwd'" },
};
#define NREFUSED (int)(sizeof(refused) / sizeof(*refused))

START_TEST(mistakes_are_refused_and_named)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct parsed o;

	if (!parsed_line(&o, refused[_i].line, &err))
		ck_assert_int_lt(confine(&o, &err), 0);
	parsed_free(&o);
	ck_assert_msg(strstr(err.msg, refused[_i].says), "%s", err.msg);
}
END_TEST

/* Nothing is opened: no kernel is needed that has the device. */
START_TEST(d1_25_physical_memory_is_refused_with_the_remedy)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct parsed o;

	ck_assert_int_eq(chdir(folder), 0);
	if (mknod("mem", S_IFCHR | 0600, makedev(1, 1)) < 0)
		return;		/* not root */
	ck_assert_int_eq(parsed_line(&o, "kernel --memory=size=1M,backend=file,mem-path=mem", NULL), 0);
	ck_assert_int_eq(confine(&o, &err), -EOPNOTSUPP);
	ck_assert_str_eq(err.msg, "--memory: 'mem' requires CAP_SYS_RAWIO, which --sandbox=on drops; add --sandbox=off");
	parsed_free(&o);
	ck_assert_int_eq(unlink("mem"), 0);
}
END_TEST

static const struct { const char *words, *says; } outside[] = {
	{ "--serial=pty", "a terminal for the serial port" },
	{ "--net=tap0", "--jail: 'tap0' is in the host's network" },
	{ "--net=backend=user:@name", "--jail: '@name' is in the host's network" },
};
#define NOUTSIDE (int)(sizeof(outside) / sizeof(*outside))

START_TEST(jail_that_is_refused_leaves_no_log)
{
	struct confine_plan plan = CONFINE_PLAN_INIT;
	struct vsu_error err = VSU_ERROR_INIT;
	struct parsed o;
	char line[256];

	ck_assert_int_eq(chdir(folder), 0);
	snprintf(line, sizeof(line), "kernel --serial-log=share/serial --console=socket=share/c,log=share/port %s",
		 outside[_i].words);
	ck_assert_msg(!parsed_line(&o, line, &err), "%s", err.msg);
	plan.root = CONFINE_ROOT_FILES;
	ck_assert_int_lt(vmm_confinement_files(&plan, o.c, &o.options, &err), 0);
	ck_assert_msg(strstr(err.msg, outside[_i].says), "%s", err.msg);
	ck_assert_int_lt(access("share/serial", F_OK), 0);
	ck_assert_int_lt(access("share/port", F_OK), 0);
	confine_plan_end(&plan);
	parsed_free(&o);
}
END_TEST

static bool has_landlock(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(confine_new_privileges(NULL) < 0 ||
		      landlock_narrow(NULL, 0, true) < 0);
	return status_of(pid) == 0;
}

/* Version 6 of Landlock restricts signals. */
static bool can_restrict_signals(void)
{
#ifdef SYS_landlock_create_ruleset
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 6;
#else
	return false;
#endif
}

static void file_make(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		abort();
	close(fd);
}

static void files_make(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%.40s/cvmm-sandbox.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(folder) || chdir(folder) < 0 || mkdir("share", 0700) < 0)
		abort();
	file_make("kernel");
	file_make("disk");
	file_make("other");
	file_make("a,b");
	file_make("disk,backend=spawn");
}

static void files_remove(void)
{
	if (chdir(folder) < 0)
		return;
	unlink("kernel");
	unlink("disk");
	unlink("other");
	unlink("a,b");
	unlink("disk,backend=spawn");
	rmdir("share");
	rmdir(folder);
}

static void add_landlock_tests(TCase *tc)
{
#ifdef UNDER_COVERAGE
	puts("# left out: Landlock, which a coverage build does without");
#else
	if (!has_landlock()) {
		puts("# left out: Landlock, which this kernel or a program with a sanitizer does without");
		return;
	}
	tcase_add_test(tc, other_files_are_not_opened);
	tcase_add_test(tc, programs_are_not_executed);
	if (can_restrict_signals())
		tcase_add_test(tc, other_processes_are_not_signalled);
	else
		puts("# left out: signals, which this kernel does not restrict");
	tcase_add_test(tc, files_of_the_options_are_opened);
	tcase_add_test(tc, descriptors_of_the_options_need_no_rule);
	tcase_add_loop_test(tc, files_without_a_cause_are_not_opened, 0, NCAUSES);
	if (has_nbd())
		tcase_add_test(tc, module_of_an_nbd_disk_is_loaded_before);
	else
		puts("# left out: the module for NBD disks was not built");
	tcase_add_test(tc, file_that_is_named_like_a_back_end_is_opened);
	tcase_add_test(tc, what_is_only_read_is_opened_for_reading);
	tcase_add_test(tc, files_that_the_options_create_are_created);
	tcase_add_test(tc, files_of_overlays_are_opened);
	tcase_add_test(tc, shared_memory_is_made_if_it_is_an_option);
	tcase_add_loop_test(tc, folders_of_sockets_are_for_sockets, 0, NSOCKETS);
	tcase_add_test(tc, folder_is_for_saved_machines);
#endif
}

int main(void)
{
	Suite *s = suite_create("sandbox");
	TCase *tc = tcase_create("sandbox");
	int failed;

	files_make();
	suite_add_tcase(s, tc);
	tcase_add_test(tc, privileges_are_dropped);
	tcase_add_loop_test(tc, capabilities_follow_the_server_of_a_device, 0,
			    sizeof(devices) / sizeof(*devices));
	tcase_add_loop_test(tc, machine_that_arrives_has_the_capabilities_of_its_devices, 0,
			    sizeof(devices) / sizeof(*devices));
	tcase_add_test_unless(tc, no_filters(), e0_03_capabilities_are_dropped_without_landlock);
	tcase_add_test(tc, off_changes_nothing);
	tcase_add_loop_test(tc, mistakes_are_refused_and_named, 0, NREFUSED);
	tcase_add_test(tc, d1_25_physical_memory_is_refused_with_the_remedy);
	tcase_add_loop_test(tc, jail_that_is_refused_leaves_no_log, 0, NOUTSIDE);
	add_landlock_tests(tc);
	fflush(stdout);
	failed = run_suite(s);
	files_remove();
	return failed;
}
