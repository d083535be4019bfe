/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about what the process of an owner provides: a handler of SIGBUS, and descriptors. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vm-arch/poison.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/fd.h>

#include "../guests.h"
#include "../machine/kernels.h"
#include "api/machine_private.h"
#include "owner.h"

static int open_new(const char *name, off_t size)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	return fd;
}

/* --------------------------------------------------------------------- events */

/* Whether a timer wakes the owner twice a second. */
static bool looks_at_balloon(void (*event)(void *opaque, const struct cvmm_event *event))
{
	struct one one;
	const struct cvmm_host host = { .size = sizeof(host), .opaque = &one, .event = event };
	bool looks;

	OK(make_by(&one, &host, WORDS(LOOPS, "--balloon=size=1M")));
	start(&one);
	ck_assert(cvmm_machine_dispatch(one.m));
	looks = one.m->machine->watch.look.active;
	cvmm_machine_free(one.m);
	return looks;
}

START_TEST(balloon_is_watched_for_a_listener_only)
{
	ck_assert(looks_at_balloon(on_event));
	ck_assert(!looks_at_balloon(NULL));
}
END_TEST

/* --------------------------------------------------------- members that are refused or not kept */

START_TEST(poison_needs_a_table_of_sigbus)
{
	struct varch_poison poison = VARCH_POISON_INIT;
	const struct cvmm_host host = { .size = sizeof(host), .poison = &poison };

	ck_assert_int_eq(cvmm_host_check(&host, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "host->sigbus"));
}
END_TEST

START_TEST(status_of_a_failure_is_not_kept)
{
	int status = -1;
	const struct cvmm_host host = { .size = sizeof(host), .status = &status };
	struct one one;

	ck_assert_int_lt(make_by(&one, &host, WORDS("missing-kernel")), 0);
	ck_assert_int_eq(status, VSU_EXIT_INPUT);
	OK(make_by(&one, &host, WORDS(LOOPS)));
	ck_assert_ptr_null(one.m->machine->owner.status);
	cvmm_machine_free(one.m);
}
END_TEST

/* --------------------------------------------------------------------- SIGBUS */

static struct vmem_sigbus *tables[2];
static volatile sig_atomic_t fixed[2];

/* As docs/embedding.md shows it: one table per machine. */
static void on_sigbus(int signo, siginfo_t *info, void *context)
{
	int i;

	(void)context;
	for (i = 0; i < 2; i++)
		if (vmem_sigbus_fix(tables[i], info)) {
			fixed[i]++;
			return;
		}
	signal(signo, SIG_DFL);
}

static void make_of_file(struct one *one, int i, const char *choice)
{
	const struct cvmm_host host = { .sigbus = tables[i] };
	char memory[160], on_error[64];

	snprintf(memory, sizeof(memory), "--memory=size=16M,backend=file,share=on,mem-path=%s/ram%d", folder, i);
	snprintf(on_error, sizeof(on_error), "--on-memory-error=%s", choice);
	OK(make_with(one, &host, WORDS("builtin:selftest", "--cmdline=interactive",
				       "--serial=null", memory, on_error)));
	start(one);
}

static struct one two[2];
static int files[2];

static void tables_make(const char *choice)
{
	const struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	int i;

	sigaction(SIGBUS, &action, NULL);
	for (i = 0; i < 2; i++) {
		char name[8];

		snprintf(name, sizeof(name), "ram%d", i);
		files[i] = open_new(name, 16 << 20);
		OK(vmem_sigbus_new(64, &tables[i], &err));
		make_of_file(&two[i], i, choice);
	}
}

static void tables_free(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		cvmm_machine_free(two[i].m);
		vsu_fd_close(&files[i]);
		vmem_sigbus_free(tables[i]);
	}
	signal(SIGBUS, SIG_DFL);
}

/* A device of this process reads the last page, which no CPU uses. */
static unsigned char read_last_page(struct one *one)
{
	const struct vmem_map *map = vmm_memory_map(&one->m->machine->memory);
	const struct vmem_region *region = vmem_map_region(map, 0);
	const volatile unsigned char *hva = vmem_region_hva(region);

	return hva[vmem_region_len(region) - 1];
}

START_TEST(truncated_memory_ends_only_its_machine)
{
	tables_make("stop");
	ck_assert_int_eq(ftruncate(files[1], 8 << 20), 0);
	ck_assert_uint_eq(read_last_page(&two[1]), 0);
	ck_assert(fixed[1] == 1 && !fixed[0]);
	ck_assert_int_eq(run_to_end(&two[1]), VSU_EXIT_HOST);
	ck_assert_ptr_nonnull(strstr(err.msg, " is lost: "));
	ck_assert_str_eq(two[1].cause, err.msg);
	ck_assert_int_eq(state_of(&two[0]), CVMM_STATE_RUNNING);
	tables_free();
}
END_TEST

START_TEST(truncated_memory_pauses_its_machine_for_good)
{
	struct cvmm_statistics s = { .size = sizeof(s) };

	tables_make("pause");
	ck_assert_int_eq(ftruncate(files[0], 8 << 20), 0);
	ck_assert_uint_eq(read_last_page(&two[0]), 0);
	ck_assert(fixed[0] == 1 && !fixed[1]);
	do {
		turn((struct one *const []){ &two[0] }, 1);
		OK(cvmm_machine_get_statistics(two[0].m, &s, &err));
	} while (s.state != CVMM_STATE_DAMAGED);
	ck_assert_int_eq(cvmm_machine_resume(two[0].m, &err), -EPERM);
	OK(cvmm_machine_get_statistics(two[1].m, &s, &err));
	ck_assert_int_eq(s.state, CVMM_STATE_RUNNING);
	tables_free();
}
END_TEST

/* ---------------------------------------------------------------- descriptors */

/* This thread and those that it starts open nothing by a path. */
static void confine(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_creat, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
	};
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
	ck_assert_int_lt(open("/dev/null", O_RDONLY), 0);
}

static struct cvmm_host given;
static char words[4][128];
static unsigned int nwords;
static int end;

static void *run_confined(void *opaque)
{
	const char *list[4] = { words[0], words[1], words[2], words[3] };
	struct one *one = opaque;

	confine();
	OK(make_with(one, &given, nwords, list));
	start(one);
	if (end < 0)
		OK(cvmm_machine_stop(one->m, &err));
	end = run_to_end(one);
	cvmm_machine_free(one->m);
	return NULL;
}

static void boot_confined(void)
{
	const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	pthread_t thread;
	struct one one;

	given.kvm = &kvm;
	ck_assert_int_eq(pthread_create(&thread, NULL, run_confined, &one), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(end, VSU_EXIT_OK);
	close(kvm);
}

static int open_selftest(void)
{
	const int fd = open(guest_word("builtin:selftest"), O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(confined_owner_boots_by_descriptors)
{
	const int before = vsu_fd_count();
	int disk = open_new("disk", 1 << 20), kernel = open_selftest();

	snprintf(words[0], sizeof(words[0]), "fd:%d:selftest", kernel);
	strcpy(words[1], "--serial=null");
	snprintf(words[2], sizeof(words[2]), "--disk=path=fd:%d", disk);
	nwords = 3;
	boot_confined();
	vsu_fd_close(&disk);
	vsu_fd_close(&kernel);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(confined_owner_loads_kernel_and_initrd_by_descriptors)
{
	int kernel, initrd = open_new("initrd", 4096);

	ck_assert_int_eq(chdir(folder), 0);
	kernel_pvh();
	kernel = open("kernel", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(chdir("/"), 0);
	snprintf(words[0], sizeof(words[0]), "fd:%d:vmlinux", kernel);
	snprintf(words[1], sizeof(words[1]), "--initrd=fd:%d", initrd);
	strcpy(words[2], "--serial=null");
	nwords = 3;
	end = -1;
	boot_confined();
	vsu_fd_close(&kernel);
	vsu_fd_close(&initrd);
}
END_TEST

START_TEST(confined_owner_passes_memory_and_serial_port)
{
	int memory = open_new("ram", 0), serial = open_new("serial", 0), kernel = open_selftest();
	struct stat st;

	snprintf(words[0], sizeof(words[0]), "fd:%d:selftest", kernel);
	snprintf(words[1], sizeof(words[1]), "--serial=fd:%d", serial);
	snprintf(words[2], sizeof(words[2]), "--memory=size=16M,backend=file,share=on,mem-path=fd:%d", memory);
	nwords = 3;
	boot_confined();
	ck_assert_int_eq(fstat(memory, &st), 0);
	ck_assert_int_eq(st.st_size, 16 << 20);
	ck_assert_int_eq(fstat(serial, &st), 0);
	ck_assert_int_gt(st.st_size, 0);
	vsu_fd_close(&memory);
	vsu_fd_close(&serial);
	vsu_fd_close(&kernel);
}
END_TEST

static const struct {
	const char *first, *word;
	int code;
} lacking[] = {
	{ "builtin:selftest", "--memory=size=16M,backend=file,share=on,mem-path=fd:900", -EBADF },
	{ "builtin:selftest", "--memory=size=16M,backend=file,mem-path=fd:x", -EINVAL },
	{ "builtin:selftest", "--serial=fd:900", -EBADF },
	{ "--clone", "--from=fd:900", -EBADF },
};

START_TEST(descriptor_that_is_not_open_is_refused)
{
	const int before = vsu_fd_count();
	const struct cvmm_host none = { 0 };
	struct one one;
	const int rc = make_with(&one, &none, WORDS(lacking[_i].first, lacking[_i].word));

	ck_assert_msg(rc == lacking[_i].code, "%d: %s", rc, err.msg);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

/* Output of the guest would be lost. */
START_TEST(serial_port_needs_a_descriptor_for_writing)
{
	static const char *const names[] = { "/dev/null", "/" };
	const struct cvmm_host none = { 0 };
	int fd = open(names[_i], O_RDONLY | O_CLOEXEC);
	const int before = vsu_fd_count();
	char serial[32];
	struct one one;

	snprintf(serial, sizeof(serial), "--serial=fd:%d", fd);
	ck_assert_int_eq(make_with(&one, &none, WORDS("builtin:selftest", serial)), -EBADF);
	ck_assert_ptr_nonnull(strstr(err.msg, "is not open for writing"));
	ck_assert_int_eq(vsu_fd_count(), before);
	vsu_fd_close(&fd);
}
END_TEST

/* By its name in /proc, which the device needs in any case. */
START_TEST(folder_is_named_by_a_descriptor)
{
	const struct cvmm_host none = { 0 };
	const int shared = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char fs[64];
	struct one one;

	snprintf(fs, sizeof(fs), "--fs=/proc/self/fd/%d,tag=x", shared);
	OK(make_with(&one, &none, WORDS(LOOPS, fs)));
	close(shared);
	start(&one);
	OK(cvmm_machine_pause(one.m, &err));
	cvmm_machine_free(one.m);
}
END_TEST

/* ------------------------------------------------------------------ a template */

static const char *const of_memory[] = { "--memory=size=16M", "--memory=size=16M,prealloc=on" };

/* Mapped by clones, or read into memory of their own. */
static void save_template(int saved, const char *memory)
{
	const struct cvmm_save save = {
		.size = sizeof(save), .fds = &saved, .nfds = 1, .then = CVMM_THEN_STOP,
	};
	const struct cvmm_host none = { 0 };
	struct one one;

	OK(make_with(&one, &none, WORDS("builtin:selftest", "--cmdline=interactive",
					"--serial=null", memory)));
	start(&one);
	OK(cvmm_machine_save(one.m, &save, on_answer, &one, &err));
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_OK);
	ck_assert(one.answered && !one.why.code);
	cvmm_machine_free(one.m);
}

START_TEST(clones_continue_from_an_open_template)
{
	const int saved = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), before = vsu_fd_count();
	const struct cvmm_host none = { 0 };
	struct one clones[2];
	char from[64];
	int i;

	snprintf(from, sizeof(from), "--from=fd:%d:template", saved);
	save_template(saved, of_memory[_i]);
	for (i = 0; i < 2; i++)
		OK(make_with(&clones[i], &none, WORDS(from, "--clone")));
	close(saved);
	for (i = 0; i < 2; i++)
		start(&clones[i]);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(state_of(&clones[i]), CVMM_STATE_RUNNING);
		cvmm_machine_free(clones[i].m);
	}
	ck_assert_int_eq(vsu_fd_count(), before - 1);
}
END_TEST

START_TEST(descriptor_that_is_no_kernel_is_refused)
{
	const struct cvmm_host none = { 0 };
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), wrong = 900;
	const struct cvmm_host bad = { .kvm = &wrong };
	char word[32];
	struct one one;

	snprintf(word, sizeof(word), "fd:%d:boot", fd);
	ck_assert_int_eq(make_with(&one, &none, WORDS(word)), -ENODEV);
	ck_assert_ptr_nonnull(strstr(err.msg, "kernel 'boot' is "));
	ck_assert_int_eq(make_with(&one, &none, WORDS("fd:900")), -EBADF);
	ck_assert_int_eq(make_with(&one, &none, WORDS("fd:x")), -EINVAL);
	ck_assert_int_eq(make_with(&one, &bad, WORDS(LOOPS)), -EBADF);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("host");
	TCase *tc = tcase_create("host");
	const char *why = no_guest();

	tcase_add_checked_fixture(tc, owner_setup, owner_teardown);
	tcase_set_timeout(tc, 0);
	tcase_add_test_unless(tc, why, balloon_is_watched_for_a_listener_only);
	tcase_add_test(tc, poison_needs_a_table_of_sigbus);
	tcase_add_test_unless(tc, why, status_of_a_failure_is_not_kept);
	tcase_add_test_unless(tc, why, truncated_memory_ends_only_its_machine);
	tcase_add_test_unless(tc, why, truncated_memory_pauses_its_machine_for_good);
	tcase_add_test_unless(tc, why, confined_owner_boots_by_descriptors);
	tcase_add_test_unless(tc, why, confined_owner_loads_kernel_and_initrd_by_descriptors);
	tcase_add_test_unless(tc, why, confined_owner_passes_memory_and_serial_port);
	tcase_add_loop_test_unless(tc, why, descriptor_that_is_not_open_is_refused, 0,
				   COUNT(lacking));
	tcase_add_loop_test_unless(tc, why, serial_port_needs_a_descriptor_for_writing, 0, 2);
	tcase_add_test_unless(tc, why, folder_is_named_by_a_descriptor);
	tcase_add_loop_test_unless(tc, why, clones_continue_from_an_open_template, 0,
				   COUNT(of_memory));
	tcase_add_test_unless(tc, why, descriptor_that_is_no_kernel_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
