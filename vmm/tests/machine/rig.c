/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A whole machine in a folder of its own. */
#include <config.h>

#include <dirent.h>

#include "../owner.h"
#include "../turns.h"
#include "rig.h"
#include "../parse.h"

struct rig rig;

static void tell(void *opaque, const char *line)
{
	(void)opaque;
	fprintf(stderr, "cvmm: %s\n", line);
}

static void pass_event(void *opaque, const struct cvmm_event *event)
{
	(void)opaque;
	if (rig.is_used && rig.user->event)
		rig.user->event(event);
}

/* As an owner of a machine that has its descriptors and terminal. */
static const int stdio[] = { STDIN_FILENO, STDOUT_FILENO };
static const struct cvmm_host an_owner = {
	.size = sizeof(an_owner), .log = tests_line, .closer = tests_closer_of, .event = pass_event,
	.stdio = stdio, .tell = tell,
};

void rig_init(void)
{
	fake_kvm_init();
	memset(&rig, 0, sizeof(rig));
	rig.poison = (struct varch_poison)VARCH_POISON_INIT;
	rig.owner = an_owner;
	rig.owner.poison = &rig.poison;
	strcpy(rig.folder, "/tmp/cvmm.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rig.folder));
	ck_assert_int_eq(chdir(rig.folder), 0);
}

void rig_free(void)
{
	if (rig.tried)
		vmm_machine_end_jobs(&rig.machine);
	if (rig.is_used)
		rig.user->end();
	rig.is_used = false;
	if (rig.tried)
		vmm_machine_free(&rig.machine);
	rig.tried = false;
	memset(&rig.machine, 0, sizeof(rig.machine));
}

void rig_fini(void)
{
	DIR *dir = opendir(".");
	struct dirent *entry;

	rig_free();
	vmm_options_free(&rig.options);
	vmem_sigbus_free(rig.owner.sigbus);
	while ((entry = readdir(dir)))
		unlink(entry->d_name);
	closedir(dir);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(rig.folder), 0);
}

void rig_file(const char *name, const void *bytes, size_t size)
{
	FILE *file = fopen(name, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
	ck_assert_int_eq(fclose(file), 0);
}

void rig_options(const char *const *words)
{
	static char text[32][128] = { "run" };
	static char *argv[32] = { text[0] };
	int argc = 1;

	for (; *words; words++, argc++) {
		snprintf(text[argc], sizeof(text[argc]), "%s", *words);
		argv[argc] = text[argc];
	}
	vmm_options_free(&rig.options);
	ck_assert_msg(!parse_options(&rig.options, argc, argv, &rig.err),
		      "%s", rig.err.msg);
}

int rig_try(const struct cvmm_host *owner)
{
	int rc;

	rig.tried = true;
	rig.owned = (struct cvmm_machine){ .machine = &rig.machine };
	vmm_machine_set_owner(&rig.machine, owner);
	rc = vmm_machine_make(&rig.machine, &rig.options.machine, &rig.options.start, &rig.err);
	if (!rc)
		rig.owned.life = CVMM_LIFE_MADE;
	if (!rc && rig.user) {
		rc = rig.user->begin(&rig.err);
		rig.is_used = !rc;
	}
	return rc;
}

void rig_make(void)
{
	ck_assert_msg(!rig_try(&rig.owner), "%s", rig.err.msg);
}

void rig_run(void)
{
	rig_make();
	rig_run_made();
}

void rig_run_made(void)
{
	struct pollfd turn = { .fd = vsu_loop_fd(rig.machine.loop), .events = POLLIN };
	int rc = vmm_machine_start(&rig.machine, &rig.err);

	while (!rc && (poll(&turn, 1, -1) < 0 || vsu_loop_dispatch(rig.machine.loop)))
		;
	rig.status = vmm_machine_end(&rig.machine, rc, &rig.err);
}

void rig_settle(void)
{
	tests_closer_settle();
}

void rig_read(uint64_t gpa, void *bytes, size_t n)
{
	const struct vmem_view *view =
		vmem_map_view(vmm_memory_map(&rig.machine.memory));

	ck_assert_int_eq(vmem_read_exact(view, gpa, bytes, n), 0);
}

uint64_t rig_number(uint64_t gpa, size_t n)
{
	uint64_t number = 0;

	rig_read(gpa, &number, n);
	return number;
}
