/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the initrd of the machine of one command. */
#define _GNU_SOURCE
#include <config.h>

#include <sys/stat.h>

#include <vmm-sys-util/exit.h>

#include "guests.h"
#include "tree.h"
#include "util.h"
#include "plan.h"

static struct cvmm_exec_plan *plan;
static struct vsu_error err;
static char init[64], modules[64], initrd[65536];
static const char *const argv[] = { "true", NULL };
static struct cvmm_exec_config config;

static void setup(void)
{
	tree_make();
	tree_text("init", "program");
	snprintf(init, sizeof(init), "%s/init", tree);
	snprintf(modules, sizeof(modules), "%s", tree);
	config = (struct cvmm_exec_config){
		.size = sizeof(config), .command = argv, .kernel = "vmlinuz", .modules = modules,
		.init = init, .root = tree,
	};
}

static void teardown(void)
{
	cvmm_exec_plan_free(plan);
	plan = NULL;
	tree_remove();
}

static void forget_plan(void)
{
	cvmm_exec_plan_free(plan);
	plan = NULL;
}

/* Modules of a kernel, each without dependencies. */
static void make_modules(const char *const *names)
{
	char file[64], dep[1024] = "";

	for (; *names; names++) {
		snprintf(file, sizeof(file), "kernel/%s.ko", *names);
		tree_text(file, *names);
		strcat(strcat(dep, file), ":\n");
	}
	tree_text("modules.dep", dep);
}

static int make(void)
{
	ssize_t n;
	const int rc = cvmm_exec_plan_new(&config, &plan, &err);

	if (rc < 0)
		return rc;
	n = pread(plan->parts.initrd_fd, initrd, sizeof(initrd), 0);
	ck_assert_int_gt(n, 0);
	ck_assert_int_lt(n, (ssize_t)sizeof(initrd));
	return 0;
}

static bool initrd_has(const char *text)
{
	return memmem(initrd, sizeof(initrd), text, strlen(text));
}

static const char *const all[] = {
	"overlay", "pvpanic_mmio", "virtio_console", "virtio_mmio", "virtio_pci", "virtiofs", NULL,
};

START_TEST(initrd_has_the_drivers_of_both_transports)
{
	make_modules(all);
	ck_assert_int_eq(make(), 0);
	ck_assert(initrd_has("virtio_pci.ko"));
	ck_assert(initrd_has("virtio_mmio.ko"));
}
END_TEST

START_TEST(kernel_without_virtio_mmio_is_accepted)
{
	static const char *const few[] = { "overlay", "virtio_console", "virtio_pci", "virtiofs", NULL };

	make_modules(few);
	ck_assert_int_eq(make(), 0);
	ck_assert(!initrd_has("virtio_mmio.ko"));
}
END_TEST

START_TEST(given_kernel_runs_a_command_on_an_image)
{
	static const char *const more[] = {
		"overlay", "virtio_blk", "virtio_console", "virtio_pci", "virtiofs", NULL,
	};

	config.root = NULL;
	config.image = "disk";
	make_modules(more);
	ck_assert_int_eq(make(), 0);
	ck_assert(initrd_has("virtio_blk.ko"));
	ck_assert_ptr_nonnull(strstr(plan->cmdline, VAGENT_WORD));
	ck_assert_ptr_null(strstr(plan->cmdline, VAGENT_KERNEL_WORD));
}
END_TEST

START_TEST(driver_of_entropy_is_loaded_if_it_is_a_module)
{
	static const char *const more[] = {
		"overlay", "virtio_console", "virtio_pci", "virtio_rng", "virtiofs", NULL,
	};

	make_modules(all);
	ck_assert_int_eq(make(), 0);
	ck_assert(!initrd_has("virtio_rng.ko"));
	forget_plan();
	make_modules(more);
	ck_assert_int_eq(make(), 0);
	ck_assert(initrd_has("virtio_rng.ko"));
}
END_TEST

START_TEST(plan_without_a_command_is_refused)
{
	static const char *const nothing[] = { NULL };

	make_modules(all);
	config.command = _i ? nothing : NULL;
	ck_assert_int_eq(make(), -EINVAL);
	ck_assert_ptr_null(plan);
	ck_assert_int_eq(cvmm_exec_plan_new_waiting(&config, &plan, &err), 0);
}
END_TEST

/* Linux has 64 bytes for it; an agent that cannot set it would say nothing. */
START_TEST(host_name_that_linux_cannot_have_is_refused)
{
	static const char *const names[] = { "", "a23456789-123456789-123456789-123456789-123456789-123456789-12345" };

	make_modules(all);
	config.hostname = names[_i];
	ck_assert_int_eq(make(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, _i ? "has 65 bytes; 1 to 64 are possible" : "'' has 0 bytes"));
}
END_TEST

/* Another user would choose the file that the guest has. */
START_TEST(link_of_another_user_is_refused)
{
	char link[80];

	make_modules(all);
	snprintf(link, sizeof(link), "%s/link", tree);
	ck_assert_int_eq(symlink("init", link), 0);
	config.init = link;
	ck_assert_int_eq(make(), 0);
	ck_assert_int_eq(lchown(link, 12345, 12345), 0);
	forget_plan();
	ck_assert_int_eq(make(), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "init: "));
	forget_plan();
	config.init = NULL;
	config.kernel = link;
	ck_assert_int_eq(make(), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "kernel: "));
}
END_TEST

START_TEST(link_of_another_user_to_a_test_kernel_is_refused)
{
	char link[80];

	snprintf(link, sizeof(link), "%s/link", tree);
	ck_assert_int_eq(symlink(guest_word("builtin:agent"), link), 0);
	config.modules = config.init = NULL;
	config.kernel = link;
	ck_assert_int_eq(cvmm_exec_plan_new(&config, &plan, &err), 0);
	forget_plan();
	ck_assert_int_eq(lchown(link, 12345, 12345), 0);
	ck_assert_int_eq(cvmm_exec_plan_new(&config, &plan, &err), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "kernel: "));
}
END_TEST

START_TEST(kernel_without_a_console_is_refused)
{
	static const char *const few[] = { "overlay", "virtio_mmio", "virtio_pci", "virtiofs", NULL };

	make_modules(few);
	ck_assert_int_eq(make(), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "virtio_console"));
}
END_TEST

static const struct {
	int status;
	const char *had, *why;
	bool may_lack_modules;
} machine_ends[] = {
	{ VSU_EXIT_PANIC, "", "the guest's kernel panicked; a log keeps its messages", false },
	{ VSU_EXIT_REBOOT, "", "the guest ended before its command did; a log keeps", false },
	{ VSU_EXIT_HOST, "no KVM", "no KVM", false },
	{ VSU_EXIT_PANIC, "", "perhaps because it cannot load its compressed modules", true },
	{ VSU_EXIT_REBOOT, "", "perhaps because it cannot load its compressed modules", true },
	{ VSU_EXIT_HOST, "no KVM", "no KVM", true },
};

START_TEST(machine_that_ends_before_its_command_has_a_sentence)
{
	struct vagent_end end;

	make_modules(all);
	ck_assert_int_eq(make(), 0);
	plan->may_lack_modules = machine_ends[_i].may_lack_modules;
	vsu_error_clear(&err);
	if (*machine_ends[_i].had)
		vsu_error_set(&err, -ENODEV, "%s", machine_ends[_i].had);
	cvmm_exec_plan_get_end(plan, machine_ends[_i].status, "a log", &end, &err);
	ck_assert_int_eq(end.kind, VAGENT_END_MACHINE);
	ck_assert_int_eq(end.value, machine_ends[_i].status);
	ck_assert_msg(strstr(err.msg, machine_ends[_i].why), "%s", err.msg);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plan");
	TCase *t = tcase_create("plan");
	const char *why = getuid() ? "only root makes links of other users" : NULL;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, initrd_has_the_drivers_of_both_transports);
	tcase_add_test(t, kernel_without_virtio_mmio_is_accepted);
	tcase_add_test(t, given_kernel_runs_a_command_on_an_image);
	tcase_add_test(t, driver_of_entropy_is_loaded_if_it_is_a_module);
	tcase_add_loop_test(t, plan_without_a_command_is_refused, 0, 2);
	tcase_add_loop_test(t, host_name_that_linux_cannot_have_is_refused, 0, 2);
	tcase_add_test_unless(t, why, link_of_another_user_is_refused);
	tcase_add_test_unless(t, why ? why : no_guest_file(), link_of_another_user_to_a_test_kernel_is_refused);
	tcase_add_test(t, kernel_without_a_console_is_refused);
	tcase_add_loop_test(t, machine_that_ends_before_its_command_has_a_sentence, 0, COUNT(machine_ends));
	suite_add_tcase(s, t);
	return run_suite(s);
}
