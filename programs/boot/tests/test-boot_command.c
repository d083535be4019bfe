/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about "cvmm boot": its options for "cvmm run", and the disk for cloud-init. */
#define _GNU_SOURCE
#include <config.h>

#include <sys/mman.h>

#include <vm-arch/layout.h>
#include <vmm-sys-util/fd.h>

#include "boot/boot_command.h"
#include "boot/cloud_init.h"
#include "boot/seed_disk.h"
#include "util.h"

#define SECTOR 2048

static struct vmm_boot_command boot;
static struct vmm_cloud_init cloud;
static struct vsu_error err;
static char path[] = "/tmp/test-boot-XXXXXX";
static uint8_t disk[64 * SECTOR];

static void setup(void)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	vsu_fd_close(&fd);
	boot = (struct vmm_boot_command){ .initrd_fd = -1, .seed_fd = -1, .server = VMM_IMAGE_SERVER_INIT, .network = VMM_USER_NETWORK_INIT };
	cloud = (struct vmm_cloud_init){ .is_given = false };
}

static void teardown(void)
{
	vmm_boot_command_free(&boot);
	vmm_cloud_init_free(&cloud);
	unlink(path);
	strcpy(path + strlen(path) - 6, "XXXXXX");
}

static void fill_file(const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	vsu_fd_close(&fd);
}

static int parse(const char *const *given)
{
	static char *words[32];
	int n = 0;

	words[n++] = (char *)(uintptr_t)"boot";
	while (*given)
		words[n++] = (char *)(uintptr_t)*given++;
	words[n] = NULL;
	return vmm_boot_command_parse(&boot, n, words, &err);
}

static int make(const char *const *given)
{
	const int rc = parse(given);

	return rc < 0 ? rc : vmm_boot_command_make(&boot, &err);
}

/* ------------------------------------------------------------------- options */

static const char *word(unsigned int i)
{
	return i < boot.line.n ? boot.line.items[i].word : "";
}

START_TEST(options_are_those_of_run_with_the_image_as_first_disk)
{
	static const char *const words[] = {
		"--net", "tap0", "image.raw", "--jail", "data.raw", "--kernel=bzImage", "--modules=none", "--init=/bin/true",
		"--append=a b", NULL,
	};
	char initrd[64];

	ck_assert_int_eq(make(words), 0);
	ck_assert_uint_eq(boot.line.n, 8);
	ck_assert_str_eq(word(0), "bzImage");
	ck_assert_str_eq(word(1), "--net=tap0");
	ck_assert_str_eq(word(2), "image.raw");
	ck_assert_str_eq(word(3), "--jail");
	ck_assert_str_eq(word(4), "data.raw");
	snprintf(initrd, sizeof(initrd), "--initrd=fd:%d:initrd", boot.initrd_fd);
	ck_assert_str_eq(word(5), initrd);
	ck_assert_str_eq(word(6), "--cmdline=console=ttyS0 quiet panic=-1" VARCH_CMDLINE_NO_BUS " cvmm.image -- a b");
	ck_assert_str_eq(word(7), "--memory=1G");
}
END_TEST

static unsigned int times_offered(const char *name)
{
	const struct vsu_option *o;
	unsigned int n = 0;

	for (o = boot.table; o->name; o++)
		n += !strcmp(o->name, name);
	return n;
}

static const struct { const char *name, *needs; } pairs[] = {
	{ "base", "from" }, { "clone", "from" }, { "prefetch", "from" }, { "changed-disks", "from" },
	{ "gdb-wait", "gdb" }, { "json", "dry-run" }, { "serial-log-size", "serial-log" },
};

START_TEST(options_of_run_are_offered_with_those_that_they_need)
{
	static const char *const words[] = { "image.raw", NULL };

	ck_assert_int_eq(parse(words), 0);
	ck_assert_int_eq(times_offered(pairs[_i].name), times_offered(pairs[_i].needs));
}
END_TEST

START_TEST(options_of_run_are_offered_once)
{
	static const char *const words[] = { "image.raw", NULL };
	struct vsu_option run[VMM_RUN_ROWS];
	const struct vsu_option *row;

	vmm_run_table(run);
	ck_assert_int_eq(parse(words), 0);
	for (row = run; row->name; row++)
		ck_assert_msg(times_offered(row->name) <= 1, "%s", row->name);
}
END_TEST

static const struct {
	const char *name;
	bool offered;
} options[] = {
	{ "from", false }, { "incoming", false }, { "base", false }, { "config", false }, { "initrd", false },
	{ "cmdline", false }, { "KERNEL", false }, { "DISK", false },
	{ "append", true }, { "help", true }, { "disk", true }, { "control", true }, { "sandbox", true },
	{ "gdb-wait", true }, { "dry-run", true }, { "json", true },
};

START_TEST(image_has_its_kernel_and_its_machine_is_new)
{
	static const char *const words[] = { "image.raw", NULL };

	ck_assert_int_eq(parse(words), 0);
	ck_assert_msg(times_offered(options[_i].name) == options[_i].offered, "%s", options[_i].name);
}
END_TEST

START_TEST(disk_for_cloud_init_is_the_last_one)
{
	static const char *const words[] = {
		"--disk=image.raw,snapshot=on", "--cloud-init", "user=me", "--memory=2G", "--kernel=k", "--modules=none",
		"--init=/bin/true", "--cloud-init=hostname=h", NULL,
	};
	char seed[64];

	ck_assert_int_eq(make(words), 0);
	ck_assert_uint_eq(boot.line.n, 6);
	ck_assert_str_eq(word(1), "--disk=image.raw,snapshot=on");
	ck_assert_str_eq(word(2), "--memory=2G");
	snprintf(seed, sizeof(seed), "--disk=fd:%d:cloud-init,readonly", boot.seed_fd);
	ck_assert_str_eq(word(5), seed);
}
END_TEST

START_TEST(disk_for_cloud_init_is_kept_in_a_file)
{
	char option[64], disk_word[64];
	const char *words[] = { "a", "--kernel=k", "--modules=none", "--init=/bin/true", option, NULL };

	unlink(path);
	snprintf(option, sizeof(option), "--cloud-init=user=me,file=%s", path);
	snprintf(disk_word, sizeof(disk_word), "--disk=path=%s,readonly", path);
	ck_assert_int_eq(make(words), 0);
	ck_assert_str_eq(word(boot.line.n - 1), disk_word);
	vmm_boot_command_free(&boot);
	ck_assert_int_eq(make(words), 0);	/* the same content */
	vmm_boot_command_free(&boot);
	fill_file("something else");
	ck_assert_int_eq(make(words), -EEXIST);
	ck_assert_ptr_nonnull(strstr(err.msg, "exists with another content"));
}
END_TEST

START_TEST(dry_run_writes_no_disk)
{
	char option[64];
	const char *words[] = { "a", "--dry-run", "--kernel=k", "--modules=none", "--init=/bin/true", option, NULL };

	unlink(path);
	snprintf(option, sizeof(option), "--cloud-init=user=me,file=%s", path);
	ck_assert_int_eq(make(words), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

static const struct {
	const char *words[4];
	int code;
	const char *why;
} refused[] = {
	{ { NULL }, -ENOENT, "boot: no disk image; example: 'cvmm boot debian.raw'" },
	{ { "--cpus=2", NULL }, -ENOENT, "boot: no disk image; example: 'cvmm boot debian.raw'" },
	{ { "a", "--initrd=b", NULL }, -ENOENT, NULL },
	{ { "a", "--from=b", NULL }, -ENOENT, NULL },
	{ { "a", "--cmdline=b", NULL }, -ENOENT, NULL },
	{ { "a", "--cloud-init=usr=me", NULL }, -ENOENT, NULL },
	{ { "a", "--cloud-init=user=a,user=b", NULL }, -EINVAL, NULL },
	{ { "a", "--cloud-init=a", "--cloud-init=b", NULL }, -EINVAL, "option --cloud-init: 'user-data' is given twice" },
};

START_TEST(wrong_command_lines_are_refused)
{
	ck_assert_int_eq(parse(refused[_i].words), refused[_i].code);
	if (refused[_i].why)
		ck_assert_str_eq(err.msg, refused[_i].why);
}
END_TEST

/* -------------------------------------------------------------------- disk */

static uint32_t get(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void read_disk(int fd)
{
	const ssize_t n = pread(fd, disk, sizeof(disk), 0);

	ck_assert_int_gt(n, 20 * SECTOR);
	ck_assert_int_eq(n % SECTOR, 0);
	ck_assert_uint_eq(get(disk + 16 * SECTOR + 80), (uint32_t)(n / SECTOR));
}

/* A file by its name in the field NM. */
static char *find_file(const char *name)
{
	const uint8_t *r = disk + get(disk + 16 * SECTOR + 156 + 2) * SECTOR;
	char *text;
	size_t k;

	for (; r[0]; r += r[0])
		for (k = 33; k + 5 < r[0]; k++)
			if (!memcmp(r + k, "NM", 2) && r[k + 2] == 5 + strlen(name) && !memcmp(r + k + 5, name, strlen(name))) {
				text = strndup((char *)disk + get(r + 2) * SECTOR, get(r + 10));
				ck_assert_ptr_nonnull(text);
				return text;
			}
	return NULL;
}

static void assert_file(const char *name, const char *text)
{
	char *found = find_file(name);

	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(found, text);
	free(found);
}

static void make_cloud(const char *given)
{
	int fd;

	ck_assert_int_eq(vmm_cloud_init_read(&cloud, given, &err), 0);
	ck_assert_int_eq(vmm_cloud_init_make(&cloud, &fd, &err), 0);
	read_disk(fd);
	vsu_fd_close(&fd);
}

START_TEST(settings_are_yaml)
{
	make_cloud("user=me,password=a\"\\,,b,hostname=box,instance-id=7,ssh-key=ssh-ed25519 AAAA me");
	assert_file("user-data", "#cloud-config\nhostname: \"box\"\nuser: \"me\"\npassword: \"a\\\"\\\\,b\"\n"
				 "chpasswd: { expire: false }\nssh_pwauth: true\nssh_authorized_keys:\n  - \"ssh-ed25519 AAAA me\"\n");
	assert_file("meta-data", "instance-id: \"7\"\nlocal-hostname: \"box\"\n");
	ck_assert_ptr_null(find_file("network-config"));
}
END_TEST

START_TEST(keys_of_a_file_are_its_lines)
{
	char list[64];

	fill_file("# mine\nssh-rsa AAAA a\r\n\necdsa-sha2-nistp256 BBBB\n");
	snprintf(list, sizeof(list), "ssh-key=%s", path);
	make_cloud(list);
	assert_file("user-data", "#cloud-config\nssh_authorized_keys:\n  - \"ssh-rsa AAAA a\"\n  - \"ecdsa-sha2-nistp256 BBBB\"\n");
}
END_TEST

/* The name is that of a file which 'ssh-keygen -f ssh-me' writes. */
START_TEST(name_of_a_file_is_no_key)
{
	const char *unique = path + strlen(path) - 6;
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[32], list[64];

	snprintf(name, sizeof(name), "ssh-%s", unique);
	snprintf(list, sizeof(list), "ssh-key=%s", name);
	fill_file("ssh-rsa AAAA a\n");
	ck_assert_int_eq(chdir("/tmp"), 0);
	ck_assert_int_eq(rename(path, name), 0);
	make_cloud(list);
	unlink(name);
	ck_assert_int_eq(fchdir(here), 0);
	vsu_fd_close(&here);
	assert_file("user-data", "#cloud-config\nssh_authorized_keys:\n  - \"ssh-rsa AAAA a\"\n");
}
END_TEST

START_TEST(files_are_copied)
{
	char list[64];

	fill_file("#!/bin/sh\necho\n");
	snprintf(list, sizeof(list), "network-config=%s", path);
	ck_assert_int_eq(vmm_cloud_init_read(&cloud, path, &err), 0);
	make_cloud(list);
	assert_file("user-data", "#!/bin/sh\necho\n");
	assert_file("network-config", "#!/bin/sh\necho\n");
}
END_TEST

START_TEST(equal_settings_are_the_same_instance)
{
	char *first, *second;

	make_cloud("user=me");
	first = find_file("meta-data");
	make_cloud("hostname=other");
	second = find_file("meta-data");
	ck_assert_str_ne(first, second);
	ck_assert_int_eq(strncmp(first, "instance-id: \"cvmm-", 19), 0);
	vmm_cloud_init_free(&cloud);
	memset(&cloud, 0, sizeof(cloud));
	make_cloud("user=me");
	assert_file("meta-data", first);
	free(first);
	free(second);
}
END_TEST

START_TEST(private_keys_and_missing_files_are_refused)
{
	char list[64];
	int fd;

	fill_file("-----BEGIN OPENSSH PRIVATE KEY-----\n");
	snprintf(list, sizeof(list), "ssh-key=%s", path);
	ck_assert_int_eq(vmm_cloud_init_read(&cloud, list, &err), 0);
	ck_assert_int_eq(vmm_cloud_init_make(&cloud, &fd, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "is a private key"));
	ck_assert_int_eq(vmm_cloud_init_read(&cloud, "/nonexistent/data", &err), 0);
	ck_assert_int_eq(vmm_cloud_init_make(&cloud, &fd, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "set them in '/nonexistent/data'"));
	vmm_cloud_init_free(&cloud);
	memset(&cloud, 0, sizeof(cloud));
	ck_assert_int_eq(vmm_cloud_init_read(&cloud, "/nonexistent/data", &err), 0);
	ck_assert_int_eq(vmm_cloud_init_make(&cloud, &fd, &err), -ENOENT);
}
END_TEST

/* The guest would start, and nobody could log in. */
START_TEST(file_without_a_key_is_refused)
{
	char list[64];
	int fd;

	fill_file("# none yet\nssh-rsa\n");
	snprintf(list, sizeof(list), "ssh-key=%s", path);
	ck_assert_int_eq(vmm_cloud_init_read(&cloud, list, &err), 0);
	ck_assert_int_eq(vmm_cloud_init_make(&cloud, &fd, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "has no public key"));
}
END_TEST

START_TEST(disk_is_sealed_and_its_limits_are_checked)
{
	struct vmm_seed_file files[VMM_SEED_FILES + 1] = { { "a", "", 0 }, { "b", "x", 1 }, { "c", "", 0 }, { "d", "", 0 }, { "e", "", 0 } };
	int fd = vmm_seed_disk_make("cidata", files, VMM_SEED_FILES);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
	read_disk(fd);
	assert_file("b", "x");
	assert_file("d", "");
	vsu_fd_close(&fd);
	ck_assert_int_eq(vmm_seed_disk_make("cidata", files, VMM_SEED_FILES + 1), -EINVAL);
	files[0].name = "a-name-of-more-than-30-characters";
	ck_assert_int_eq(vmm_seed_disk_make("cidata", files, 1), -EINVAL);
	files[0] = (struct vmm_seed_file){ "a", "", VMM_SEED_MAX_FILE + 1 };
	ck_assert_int_eq(vmm_seed_disk_make("cidata", files, 1), -EINVAL);
}
END_TEST

/* The programs are those of the machine that runs the test. */
START_TEST(other_programs_recognize_the_disk)
{
	static const struct vmm_seed_file file = { "user-data", "x", 1 };
	int fd = vmm_seed_disk_make("cidata", &file, 1);
	char command[128], line[64] = "";
	FILE *f;

	snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin:/sbin blkid -p -o value -s TYPE -s LABEL /proc/%d/fd/%d | xargs", getpid(), fd);
	f = popen(command, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert(fgets(line, sizeof(line), f) != NULL);
	pclose(f);
	vsu_fd_close(&fd);
	ck_assert_str_eq(line, "cidata iso9660\n");
}
END_TEST

static const char *no_blkid(void)
{
	return system("PATH=$PATH:/usr/sbin:/sbin command -v blkid >/dev/null") ? "blkid is not installed" : NULL;
}

START_TEST(boot_has_the_network_of_run)
{
	static const char *const words[] = { "disk.raw", "--publish=127.0.0.1:18098:22", "--net=passt,block=loopback", NULL };

	ck_assert_msg(!parse(words), "%s", err.msg);
	ck_assert_str_eq(word(2), "--publish=127.0.0.1:18098:22");
	ck_assert_str_eq(word(3), "--net=passt,block=loopback");
	ck_assert_int_eq(boot.network.passt.fd, -1);	/* starts when all options are read */
}
END_TEST

START_TEST(boot_has_one_network_of_passt)
{
	static const char *const words[] = { "disk.raw", "--net=passt", "--net=passt", "--kernel=k", "--modules=none", "--init=/bin/true", NULL };

	ck_assert_int_eq(make(words), -EEXIST);
	ck_assert_int_eq(boot.network.passt.fd, -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("boot_command");
	TCase *tc = tcase_create("boot_command");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, options_are_those_of_run_with_the_image_as_first_disk);
	tcase_add_loop_test(tc, options_of_run_are_offered_with_those_that_they_need, 0, COUNT(pairs));
	tcase_add_test(tc, options_of_run_are_offered_once);
	tcase_add_loop_test(tc, image_has_its_kernel_and_its_machine_is_new, 0, COUNT(options));
	tcase_add_test(tc, boot_has_the_network_of_run);
	tcase_add_test(tc, boot_has_one_network_of_passt);
	tcase_add_test(tc, disk_for_cloud_init_is_the_last_one);
	tcase_add_test(tc, disk_for_cloud_init_is_kept_in_a_file);
	tcase_add_test(tc, dry_run_writes_no_disk);
	tcase_add_loop_test(tc, wrong_command_lines_are_refused, 0, COUNT(refused));
	tcase_add_test(tc, settings_are_yaml);
	tcase_add_test(tc, keys_of_a_file_are_its_lines);
	tcase_add_test(tc, name_of_a_file_is_no_key);
	tcase_add_test(tc, files_are_copied);
	tcase_add_test(tc, equal_settings_are_the_same_instance);
	tcase_add_test(tc, private_keys_and_missing_files_are_refused);
	tcase_add_test(tc, file_without_a_key_is_refused);
	tcase_add_test(tc, disk_is_sealed_and_its_limits_are_checked);
	tcase_add_test_unless(tc, no_blkid(), other_programs_recognize_the_disk);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
