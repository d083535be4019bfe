/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A whole machine in a folder of its own. */
#include <config.h>

#include <dirent.h>

#include "../owner.h"
#include "../turns.h"
#include "rig.h"

struct rig rig;

static void tell(void *opaque, const char *line)
{
	(void)opaque;
	fprintf(stderr, "cvmm: %s\n", line);
}

static const char *log_level(const char *name)
{
	static unsigned int level = VSU_LOG_WARNING;
	unsigned int i;

	for (i = 0; name && vsu_log_level_name(i) && strcmp(vsu_log_level_name(i), name); i++)
		;
	if (name && !vsu_log_level_name(i))
		return NULL;
	level = name ? i : level;
	return vsu_log_level_name(level);
}

static void on_line(void *opaque, enum cvmm_log_level level, const char *cause, const char *text)
{
	(void)level;
	tests_line(opaque, VMM_LOG_WARNING, cause, text);
}

static struct vsu_closer *closer(void *opaque)
{
	return tests_closer_get(opaque, NULL);
}

static int open_control(void *opaque, struct vsu_error *err)
{
	const struct vmm_process_options *p = &rig.options.process;
	const struct vmm_commands_config config = {
		.loop = rig.machine.loop, .log = on_line, .closer = closer,
		.path = p->control.path, .fd = p->control.fd, .access = &p->sockets,
	};

	(void)opaque;
	rig.owned.made = true;
	return p->control.path || p->control.inherited ? vmm_commands_open(&rig.commands, &config, err) : 0;
}

static void pass_event(void *opaque, const struct cvmm_event *event)
{
	(void)opaque;
	vmm_commands_event(&rig.commands, event);
}

/* As an owner of a machine that has its descriptors and terminal. */
static const struct vmm_owner an_owner = {
	.log = { .line = tests_line }, .closer = { .get = tests_closer_get },
	.listen = open_control, .event = pass_event,
	.pagemap_fd = -1, .in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO, .tell = tell,
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
	vmm_commands_close(&rig.commands);
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
	ck_assert_msg(!vmm_options_parse(&rig.options, argc, argv, &rig.err),
		      "%s", rig.err.msg);
	rig.owner.sockets = &rig.options.process.sockets;
	rig.owner.jailed = rig.options.process.jail;
}

int rig_try(const struct vmm_owner *owner)
{
	rig.tried = true;
	rig.owned = (struct cvmm_machine){ .machine = &rig.machine, .host.event = owner ? owner->event : NULL };
	rig.commands = (struct vmm_commands){ .machine = &rig.owned, .log_level = log_level };
	return vmm_machine_make(&rig.machine, &rig.options.machine, &rig.options.start, owner,
				&rig.err);
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
