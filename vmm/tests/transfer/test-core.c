/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about ELF cores of a machine on the fake KVM. */
#include <config.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>

#include "../machine/plug_rig.h"

/* The host's disk. The function below replaces that of the C library. */
static int disk_error;	/* atomic; 0: a write succeeds */
static bool hangs;	/* atomic: the next write waits for go, an eventfd */
static int go;

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	struct pollfd p = { .fd = go, .events = POLLIN };

	if (__atomic_exchange_n(&hangs, false, __ATOMIC_ACQ_REL))
		ck_assert_int_eq(poll(&p, 1, -1), 1);
	errno = __atomic_load_n(&disk_error, __ATOMIC_ACQUIRE);
	return errno ? -1 : syscall(SYS_pwrite64, fd, bytes, len, at);
}

static struct {
	Elf64_Ehdr file;
	Elf64_Phdr segments[8];
	struct { Elf64_Nhdr head; char name[8]; unsigned char status[sizeof(struct elf_prstatus)]; } notes[2];
} core;

static void setup(void)
{
	rig_init();
	memset(&core, 0, sizeof(core));
	__atomic_store_n(&disk_error, 0, __ATOMIC_RELEASE);
	go = vsu_event_new();
}

static void teardown(void)
{
	unlink("core");
	close(go);
	rig_fini();
}

static void run_with(const char *cpus, void (*what)(void))
{
	const char *const words[] = {
		"kernel", OWN_MEMORY, "--memory=size=2M,at=4G", "--serial=null", cpus,
		"--device=rng", NULL
	};

	machine_run_words(words, what);
}

static void run(void (*what)(void))
{
	run_with("--cpus=2", what);
}

static void read_at(int fd, void *to, size_t len, uint64_t at)
{
	ck_assert_int_eq(pread(fd, to, len, (off_t)at), (ssize_t)len);
}

static void load_core(void)
{
	int fd = open("core", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	read_at(fd, &core.file, sizeof(core.file), 0);
	ck_assert_int_eq(memcmp(core.file.e_ident, ELFMAG, SELFMAG), 0);
	ck_assert_uint_eq(core.file.e_phnum, 3);
	read_at(fd, core.segments, 3 * sizeof(core.segments[0]), core.file.e_phoff);
	ck_assert_uint_eq(core.segments[0].p_filesz, sizeof(core.notes));
	read_at(fd, core.notes, sizeof(core.notes), core.segments[0].p_offset);
	close(fd);
}

static void assert_segment(const Elf64_Phdr *p, uint64_t gpa, uint64_t len)
{
	ck_assert_uint_eq(p->p_type, PT_LOAD);
	ck_assert_uint_eq(p->p_paddr, gpa);
	ck_assert_uint_eq(p->p_vaddr, gpa);
	ck_assert_uint_eq(p->p_filesz, len);
	ck_assert_uint_eq(p->p_memsz, len);
	ck_assert_uint_eq(p->p_offset % 4096, 0);
}

static const struct kvm_userspace_memory_region *slot_of(uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < FAKE_SLOTS; i++)
		if (fake.slot[i].memory_size && fake.slot[i].guest_phys_addr == gpa)
			return &fake.slot[i];
	ck_abort_msg("no slot");
	return NULL;
}

/* The last byte of the first region is found in its segment. */
static void memory_and_registers(void)
{
	unsigned char last = 0;
	int fd;

	((unsigned char *)slot_of(0)->userspace_addr)[(4u << 20) - 1] = 0x5a;
	assert_told("core core\n", DONE);
	load_core();
	ck_assert_uint_eq(core.file.e_type, ET_CORE);
	ck_assert_uint_eq(core.file.e_machine, EM_X86_64);
	assert_segment(&core.segments[1], 0, 4u << 20);
	assert_segment(&core.segments[2], UINT64_C(4) << 30, 2u << 20);
	fd = open("core", O_RDONLY | O_CLOEXEC);
	read_at(fd, &last, 1, core.segments[1].p_offset + (4u << 20) - 1);
	ck_assert_uint_eq(last, 0x5a);
	close(fd);
	wait_for_status("\"state\":\"running\"");
}

START_TEST(core_has_a_segment_for_each_region)
{
	run(memory_and_registers);
}
END_TEST

static void added(void)
{
	assert_told("cpus 2\n", DONE);
	assert_told("pause\n", DONE);
	fake.cpu[1].regs.rip = 0xfff0;
	assert_told("core core\n", DONE);
	load_core();
	assert_told("resume\n", DONE);
}

/* load_core() expects the notes of two. */
START_TEST(core_has_a_cpu_that_was_added)
{
	struct user_regs_struct regs;
	struct elf_prstatus status;

	run_with("--cpus=1,max=2", added);
	memcpy(&status, core.notes[1].status, sizeof(status));
	memcpy(&regs, status.pr_reg, sizeof(regs));
	ck_assert_int_eq(status.pr_pid, 2);
	ck_assert_uint_eq(regs.rip, 0xfff0);
}
END_TEST

static void registers(void)
{
	struct user_regs_struct regs;
	struct elf_prstatus status;
	unsigned int i;

	assert_told("pause\n", DONE);
	fake.cpu[1].regs.rip = 0xffffffff81000000;
	fake.cpu[1].regs.r15 = 15;
	fake.cpu[1].sregs.gs.base = 0xffff888000000000;
	assert_told("core core\n", DONE);
	load_core();
	for (i = 0; i < 2; i++) {
		ck_assert_uint_eq(core.notes[i].head.n_type, NT_PRSTATUS);
		ck_assert_str_eq(core.notes[i].name, "CORE");
		memcpy(&status, core.notes[i].status, sizeof(status));
		ck_assert_int_eq(status.pr_pid, (pid_t)i + 1);
	}
	memcpy(&regs, &status.pr_reg, sizeof(regs));
	ck_assert_uint_eq(regs.rip, 0xffffffff81000000);
	ck_assert_uint_eq(regs.r15, 15);
	ck_assert_uint_eq(regs.gs_base, 0xffff888000000000);
	wait_for_status("\"state\":\"paused\"");
	assert_told("resume\n", DONE);
}

START_TEST(core_has_the_registers_of_each_cpu)
{
	run(registers);
}
END_TEST

/* ------------------------------------------------------ the note of a Linux guest */

/* A note at this address, of a kernel whose code begins there; n: the length of its text. */
static void put_kernel_note(uint64_t gpa, uint64_t code, uint32_t n)
{
	unsigned char *to = (unsigned char *)slot_of(0)->userspace_addr + gpa;
	const Elf64_Nhdr head = { .n_namesz = 11, .n_descsz = n };

	memcpy(to, &head, sizeof(head));
	memcpy(to + sizeof(head), "VMCOREINFO\0", 12);
	snprintf((char *)to + 24, 64, "OSRELEASE=6.1\nSYMBOL(_stext)=%lx\n", (unsigned long)code);
}

/* The text of the note behind those of two CPUs; "": no note. */
static const char *kernel_note(void)
{
	static struct { Elf64_Nhdr head; char name[12], text[64]; } note;
	Elf64_Phdr p;
	int fd = open("core", O_RDONLY | O_CLOEXEC);

	memset(&note, 0, sizeof(note));
	read_at(fd, &p, sizeof(p), sizeof(Elf64_Ehdr));
	if (p.p_filesz > sizeof(core.notes)) {
		read_at(fd, &note, sizeof(note), p.p_offset + sizeof(core.notes));
		ck_assert_uint_eq(p.p_filesz, sizeof(core.notes) + 24 + (note.head.n_descsz + 3) / 4 * 4);
		ck_assert_str_eq(note.name, "VMCOREINFO");
	}
	close(fd);
	unlink("core");
	return note.text;
}

static void kernel_notes(void)
{
	assert_told("pause\n", DONE);
	put_kernel_note(0x200000, 0xffffffff81000000, 61);
	assert_told("core core\n", DONE);
	ck_assert_str_eq(kernel_note(), "OSRELEASE=6.1\nSYMBOL(_stext)=ffffffff81000000\n");
	/* one that a former kernel left, behind it; both CPUs are in the first one */
	put_kernel_note(0x300000, 0xffffffff91000000, 61);
	fake.cpu[0].regs.rip = 0xffffffff81000040;
	fake.cpu[1].regs.rip = 0x401000;
	assert_told("core core\n", DONE);
	ck_assert_str_eq(kernel_note(), "OSRELEASE=6.1\nSYMBOL(_stext)=ffffffff81000000\n");
	fake.cpu[0].regs.rip = 0xffffffff91000040;
	assert_told("core core\n", DONE);
	ck_assert_str_eq(kernel_note(), "OSRELEASE=6.1\nSYMBOL(_stext)=ffffffff91000000\n");
	assert_told("resume\n", DONE);
}

START_TEST(core_has_the_note_of_the_kernel_that_runs)
{
	run(kernel_notes);
}
END_TEST

/* No note: a longer text than a page, an empty one, another place in the page; or too many. */
static void no_kernel_notes(void)
{
	uint64_t gpa;

	assert_told("pause\n", DONE);
	put_kernel_note(0x200000, 0, 4097);
	put_kernel_note(0x201000, 0, UINT32_MAX);
	put_kernel_note(0x202000, 0, 0);
	put_kernel_note(0x203800, 0, 61);
	assert_told("core core\n", DONE);
	ck_assert_str_eq(kernel_note(), "");
	put_kernel_note(0x3ff000, 0, 4096);	/* its text would end behind the region */
	assert_told("core core\n", DONE);
	ck_assert_str_eq(kernel_note(), "");
	for (gpa = 0x200000; gpa < 0x300000; gpa += 4096)
		put_kernel_note(gpa, 0, 4096);
	assert_told("core core\n", DONE);
	ck_assert_str_ne(kernel_note(), "");
	assert_told("resume\n", DONE);
}

START_TEST(hostile_notes_of_a_kernel_are_ignored)
{
	run(no_kernel_notes);
}
END_TEST

static void full_disk(void)
{
	__atomic_store_n(&disk_error, ENOSPC, __ATOMIC_RELEASE);
	assert_refusal("core core\n", "No space left on device");
	ck_assert_int_lt(access("core", F_OK), 0);
	__atomic_store_n(&disk_error, 0, __ATOMIC_RELEASE);
	wait_for_status("\"state\":\"running\"");
	assert_told("core core\n", DONE);
	load_core();
}

static void write_hangs(void)
{
	rig.machine.pause.limit.seconds = 0.5;
	__atomic_store_n(&hangs, true, __ATOMIC_RELEASE);
	assert_refusal("core core\n", "nothing was written for 1.5 seconds");
	port_in(VARCH_PORT_SLEEP_STATUS);	/* does not return while the guest is paused */
	vsu_event_signal(go);
	wait_for_status("\"state\":\"running\"");
	ck_assert_int_lt(access("core", F_OK), 0);
	rig.machine.pause.limit.seconds = 0;
	assert_told("core core\n", DONE);
}

START_TEST(e2_44_write_that_hangs_ends_the_pause_of_a_core)
{
	run(write_hangs);
}
END_TEST

START_TEST(e2_44_full_disk_fails_the_core_and_removes_its_file)
{
	run(full_disk);
}
END_TEST

static void wrong_files(void)
{
	int pipes[2], file = open("core", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int reads = open("core", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	ck_assert_ptr_nonnull(strstr(user_passes("core fd:0\n", &pipes[1], 1), "'core' is a pipe; expected a regular file"));
	ck_assert_ptr_nonnull(strstr(user_passes("core fd:0\n", &reads, 1), "not open for writing"));
	assert_refusal("core core\n", "'core' exists; name a new file");
	assert_refusal("core none/core\n", "cannot create 'none/core'");
	ck_assert_str_eq(user_passes("core fd:0\n", &file, 1), DONE);
	load_core();
	ck_assert_ptr_nonnull(strstr(user_passes("core fd:0\n", &file, 1), "'core' is not empty"));
	close(file);
	close(reads);
	close(pipes[0]);
	close(pipes[1]);
}

START_TEST(e2_44_file_of_a_core_is_new_or_empty)
{
	run(wrong_files);
}
END_TEST

static void memory_is_truncated(void)
{
	ck_assert_int_eq(truncate("memory", 0), 0);
	assert_refusal("core core\n", "a part of the guest's memory is lost");
	ck_assert_int_lt(access("core", F_OK), 0);
}

START_TEST(e2_44_truncated_memory_fails_the_core)
{
	static const char *const words[] = {
		"kernel", "--memory=size=4M,backend=file,mem-path=memory,share=on", "--serial=null",
		"--on-memory-error=continue", "--device=rng", NULL
	};

	rig_file("memory", "", 0);
	ck_assert_int_eq(truncate("memory", 4 << 20), 0);
	machine_run_words(words, memory_is_truncated);
	unlink("memory");
}
END_TEST

static bool no_registers(int code)
{
	return fake_request == KVM_GET_REGS && code == ENOMEM;
}

static void registers_fail(void)
{
	assert_refusal("core core\n", "CPU 0: KVM_GET_REGS");
	ck_assert_int_lt(access("core", F_OK), 0);
	wait_for_status("\"state\":\"running\"");
}

START_TEST(guest_continues_after_a_failed_core)
{
	fake.lacks = no_registers;
	run(registers_fail);
	fake.lacks = NULL;
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("core");
	Suite *s = suite_create("core");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, core_has_a_segment_for_each_region);
	tcase_add_test(tc, core_has_a_cpu_that_was_added);
	tcase_add_test(tc, core_has_the_registers_of_each_cpu);
	tcase_add_test(tc, core_has_the_note_of_the_kernel_that_runs);
	tcase_add_test(tc, hostile_notes_of_a_kernel_are_ignored);
	tcase_add_test(tc, e2_44_write_that_hangs_ends_the_pause_of_a_core);
	tcase_add_test(tc, e2_44_full_disk_fails_the_core_and_removes_its_file);
	tcase_add_test(tc, e2_44_file_of_a_core_is_new_or_empty);
	tcase_add_test(tc, e2_44_truncated_memory_fails_the_core);
	tcase_add_test(tc, guest_continues_after_a_failed_core);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
