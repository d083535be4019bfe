/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about what a host without everything is told. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/needs.h"
#include "util.h"

static struct vsu_error err;

/* A host in a folder of its own. */
static char host[] = "/tmp/needs.XXXXXX";
static char kvm[64], boot[64], modules[64], release[64], path[64];

static void make_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void host_init(void)
{
	ck_assert_ptr_nonnull(mkdtemp(host));
	snprintf(kvm, sizeof(kvm), "%s/kvm", host);
	snprintf(boot, sizeof(boot), "%s/boot", host);
	snprintf(modules, sizeof(modules), "%s/modules", host);
	snprintf(release, sizeof(release), "%s/os-release", host);
	snprintf(path, sizeof(path), "/missing:%s/bin", host);
	mkdir(boot, 0755);
	mkdir(modules, 0755);
	vsu_error_clear(&err);
}

static void host_fini(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", host);
	ck_assert_int_eq(system(command), 0);
}

static void add_program(const char *name)
{
	char file[128];

	snprintf(file, sizeof(file), "%s/bin", host);
	mkdir(file, 0755);
	snprintf(file, sizeof(file), "%s/bin/%s", host, name);
	make_file(file, "");
	ck_assert_int_eq(chmod(file, 0755), 0);
}

/* A bzImage that states its version. */
static void add_kernel(void)
{
	unsigned char image[1024] = { 0 };
	char file[128];
	FILE *f;

	memcpy(image + 0x202, "HdrS", 4);
	image[0x20f] = 1;	/* at 0x300 */
	strcpy((char *)image + 0x300, "6.1.0-test (me)");
	snprintf(file, sizeof(file), "%s/vmlinuz-6.1.0-test", boot);
	f = fopen(file, "w");
	ck_assert_uint_eq(fwrite(image, 1, sizeof(image), f), sizeof(image));
	fclose(f);
}

static void add_modules(bool complete)
{
	char file[160];

	snprintf(file, sizeof(file), "%s/6.1.0-test", modules);
	mkdir(file, 0755);
	strcat(file, "/modules.dep");
	if (complete)
		make_file(file, "");
}

static struct vmm_needs needs(bool emulates)
{
	return (struct vmm_needs){
		.emulates = emulates, .may_emulate = true, .kvm = kvm, .boot = boot,
		.module_folder = modules, .release = release, .path = path,
	};
}

static const char *check(bool emulates)
{
	const struct vmm_needs n = needs(emulates);

	vsu_error_clear(&err);
	ck_assert_int_eq(vmm_needs_check(&n, &err), -EOPNOTSUPP);
	return err.msg;
}

static void assert_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

START_TEST(bare_host_is_told_all_in_one_sentence)
{
	const char *msg;

	make_file(release, "NAME=x\nID=debian\n");
	msg = check(false);
	assert_has(msg, "kvm does not exist");
	assert_has(msg, "or use --emulate");
	assert_has(msg, "no kernel in ");
	assert_has(msg, "'apt install linux-image-");
	assert_has(msg, " qemu-system-x86' installs what is missing");
}
END_TEST

START_TEST(packages_are_those_of_the_distribution)
{
	make_file(release, "ID=nobara\nID_LIKE=\"rhel fedora\"\n");
	assert_has(check(true), "no qemu-system-x86_64 for --emulate");
	assert_has(err.msg, "'dnf install kernel-core qemu-system-x86-core' installs what is missing");
	make_file(release, "ID_LIKE=debian\nID=ubuntu\n");
	assert_has(check(true), "'apt install linux-image-generic qemu-system-x86'");
	make_file(release, "ID=other\n");
	ck_assert_ptr_null(strstr(check(true), "installs what is missing"));
}
END_TEST

START_TEST(only_what_is_missing_is_named)
{
	make_file(release, "ID=debian\n");
	make_file(kvm, "");
	ck_assert_ptr_null(strstr(check(false), "--emulate"));
	assert_has(err.msg, "no kernel in ");
	add_program("qemu-system-x86_64");
	ck_assert_ptr_null(strstr(check(true), "qemu"));
}
END_TEST

START_TEST(modules_are_needed_with_their_list)
{
	make_file(kvm, "");
	add_kernel();
	assert_has(check(false), "no modules of the kernel '");
	ck_assert_ptr_null(strstr(err.msg, "no kernel in"));
	add_modules(false);
	assert_has(check(false), "run 'depmod 6.1.0-test'");
}
END_TEST

START_TEST(complete_host_lacks_nothing)
{
	struct vmm_needs n = needs(false);

	make_file(kvm, "");
	add_kernel();
	add_modules(true);
	ck_assert_int_eq(vmm_needs_check(&n, &err), 0);
	n = (struct vmm_needs){ .kernel = "builtin:agent", .kvm = "/missing", .boot = "/missing" };
	ck_assert_int_eq(vmm_needs_check(&n, &err), 0);
}
END_TEST

static const struct {
	const char *name, *part;
} images[] = {
	{ "debian:12", "images of registries are not fetched" },
	{ "alpine", "images of registries are not fetched" },
	{ "docker.io/library/debian:12", "images of registries are not fetched" },
	{ "r.qcow2,format=raw", "--disk=r.qcow2,format=raw" },
	{ "https://host/debian.qcow2", "images are not downloaded: fetch it first" },
	{ "./debian", "option --image: no such file: './debian'" },
	{ "debian.raw", "option --image: no such file: 'debian.raw'" },
};

START_TEST(image_that_is_no_file_is_explained)
{
	ck_assert_int_eq(vmm_needs_image(images[_i].name, "option --image: ", &err), -ENOENT);
	assert_has(err.msg, images[_i].part);
	ck_assert_ptr_null(strstr(err.msg, "truncate"));
}
END_TEST

START_TEST(image_that_exists_or_is_an_address_is_accepted)
{
	ck_assert_int_eq(vmm_needs_image("/dev/null", "", &err), 0);
	ck_assert_int_eq(vmm_needs_image("nbd://host/x", "", &err), 0);
	ck_assert_int_eq(vmm_needs_image("fd:3:disk", "", &err), 0);
}
END_TEST

static const struct {
	const char *command, *why, *explained;
} commands[] = {
	{ "debian:12", "in the guest: debian:12: No such file or directory", "in the guest: debian:12: No such file or directory; images of registries are not fetched; 'cvmm exec --oci=containers-storage:NAME' runs one that podman has fetched" },
	{ "quay.io/fedora/fedora:41", "in the guest: quay.io/fedora/fedora:41: No such file or directory", "images of registries are not fetched" },
	{ "./a:b", "in the guest: ./a:b: No such file or directory", "in the guest: ./a:b: No such file or directory" },
	{ "debian", "in the guest: debian: No such file or directory", "in the guest: debian: No such file or directory" },
	{ "debian:12", "", "" },
};

START_TEST(missing_first_program_of_images_is_named_with_its_package)
{
	snprintf(path, sizeof(path), "%s/cvmm-boot-init", host);
	ck_assert_int_eq(vmm_needs_boot_init(path, "option --image: ", &err), -ENOENT);
	ck_assert(strstr(err.msg, "option --image: ") == err.msg && strstr(err.msg, path));
	ck_assert(strstr(err.msg, "install the package cvmm-boot"));
	make_file(path, "");
	ck_assert_int_eq(vmm_needs_boot_init(path, "option --image: ", &err), 0);
	unlink(path);
}
END_TEST

START_TEST(command_that_is_an_image_is_explained)
{
	vsu_error_set(&err, -ECANCELED, "%s", commands[_i].why);
	vmm_needs_explain_command(commands[_i].command, &err);
	ck_assert_int_eq(err.code, -ECANCELED);
	assert_has(err.msg, commands[_i].explained);
	ck_assert_int_eq(!strstr(err.msg, "registries"), !strstr(commands[_i].explained, "registries"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("needs");
	Suite *s = suite_create("needs");

	tcase_add_checked_fixture(tc, host_init, host_fini);
	tcase_add_test(tc, bare_host_is_told_all_in_one_sentence);
	tcase_add_test(tc, packages_are_those_of_the_distribution);
	tcase_add_test(tc, only_what_is_missing_is_named);
	tcase_add_test(tc, modules_are_needed_with_their_list);
	tcase_add_test(tc, complete_host_lacks_nothing);
	tcase_add_loop_test(tc, image_that_is_no_file_is_explained, 0, COUNT(images));
	tcase_add_test(tc, missing_first_program_of_images_is_named_with_its_package);
	tcase_add_test(tc, image_that_exists_or_is_an_address_is_accepted);
	tcase_add_loop_test(tc, command_that_is_an_image_is_explained, 0, COUNT(commands));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
