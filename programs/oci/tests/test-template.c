/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the choice of a template. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cvmm/template.h>
#include <vmm-sys-util/fd.h>

#include "oci/template.h"
#include "util.h"

static struct oci_settings settings;
static struct oci_shape shape;
static struct oci_report report;
static struct vsu_error err;
static char folder[64], kernel[96], log_path[96], found[PATH_MAX], text[2048];

static void write_kernel(void)
{
	FILE *f = fopen(kernel, "w");

	fputs("kernel", f);
	fclose(f);
}

static void init(void)
{
	strcpy(folder, "/tmp/oci-template.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(kernel, sizeof(kernel), "%s.kernel", folder);
	snprintf(log_path, sizeof(log_path), "%s.log", folder);
	write_kernel();
	settings = (struct oci_settings){ .templates = folder, .kernel = kernel };
	shape = (struct oci_shape){ .memory = 512 * MIB, .cpus = 2 };
	report = (struct oci_report)OCI_REPORT_INIT;
	ck_assert_int_eq(oci_report_open(&report, log_path, &err), 0);
	report.has_details = true;
}

static void fini(void)
{
	char command[512];

	oci_report_close(&report);
	snprintf(command, sizeof(command), "rm -rf %s %s %s", folder, kernel, log_path);
	ck_assert_int_eq(system(command), 0);
}

static void make_sharing(const char *name, const char *memory, unsigned int cpus, unsigned int cards, unsigned int folders)
{
	const struct cvmm_template_config c = {
		.size = sizeof(c), .kernel = kernel, .root = "/", .memory = memory, .cpus = cpus, .folders = folders, .cards = cards,
	};
	int fds[CVMM_TEMPLATE_FILES] = { -1, -1, -1 }, i;
	struct cvmm_template *t;

	ck_assert_msg(!cvmm_template_begin(folder, name, &c, fds, &t, &err), "%s", err.msg);
	ck_assert_msg(!cvmm_template_publish(t, &err), "%s", err.msg);
	cvmm_template_close(t);
	for (i = 0; i < CVMM_TEMPLATE_FILES; i++)
		vsu_fd_close(&fds[i]);
}

static void make(const char *name, const char *memory, unsigned int cpus, unsigned int cards)
{
	make_sharing(name, memory, cpus, cards, 4);
}

static int find(void)
{
	return oci_template_find(&settings, &shape, &report, found, &err);
}

static const char *find_name(void)
{
	ck_assert_msg(find() == 1, "%s", err.msg);
	return strrchr(found, '/') + 1;
}

static const char *reported(void)
{
	int fd = open(log_path, O_RDONLY | O_CLOEXEC);
	ssize_t n = vsu_fd_read_full(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

START_TEST(settings_without_a_folder_choose_none)
{
	settings = (struct oci_settings){ .kernel = "/no such kernel" };
	ck_assert_int_eq(find(), 0);
}
END_TEST

START_TEST(memory_and_cpus_decide)
{
	make("a", "512M", 1, 0);
	make("b", "1G", 2, 0);
	make("c", "size=512M,merge=off", 2, 0);
	ck_assert_str_eq(find_name(), "c");
	ck_assert_ptr_nonnull(strstr(reported(), "'a' is not used: it has another number of CPUs"));
	ck_assert_ptr_nonnull(strstr(reported(), "'b' is not used: it has another size of memory"));
}
END_TEST

START_TEST(first_name_precedes)
{
	make("b", "536870912", 2, 1);
	make("a", "512M", 2, 0);
	ck_assert_str_eq(find_name(), "a");
}
END_TEST

START_TEST(container_with_a_network_needs_a_card)
{
	make("a", "512M", 2, 0);
	shape.cards = 1;
	ck_assert_int_eq(find(), 0);
	make("b", "512M", 2, 1);
	ck_assert_str_eq(find_name(), "b");
	shape.cards = 2;
	ck_assert_int_eq(find(), 0);
}
END_TEST

START_TEST(kernel_is_that_of_the_settings)
{
	make("a", "512M", 2, 0);
	settings.kernel = log_path;
	ck_assert_int_eq(find(), 0);
	ck_assert_ptr_nonnull(strstr(reported(), "it has another kernel"));
}
END_TEST

START_TEST(unusable_template_is_reported)
{
	char path[128];

	make("a", "512M", 2, 0);
	snprintf(path, sizeof(path), "%s/a", folder);
	ck_assert_int_eq(chmod(path, 0777), 0);
	ck_assert_int_eq(find(), 0);
	ck_assert_ptr_nonnull(strstr(reported(), "warning: the template 'a' is not used: "));
}
END_TEST

START_TEST(container_needs_a_shared_folder)
{
	make_sharing("a", "512M", 2, 0, 0);
	make_sharing("b", "512M", 2, 0, 1);
	ck_assert_str_eq(find_name(), "b");
	ck_assert_ptr_nonnull(strstr(reported(), "'a' is not used: it shares no folder"));
}
END_TEST

START_TEST(missing_folder_has_none)
{
	settings.templates = "/nonexistent";
	ck_assert_int_eq(find(), 0);
	ck_assert_ptr_nonnull(strstr(reported(), "warning: no template is used: '/nonexistent': No such file or directory"));
}
END_TEST

START_TEST(folder_of_root_has_none_for_others)
{
	ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(find(), 0);
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_ptr_nonnull(strstr(reported(), "Permission denied"));
}
END_TEST

START_TEST(file_is_no_folder)
{
	settings.templates = kernel;
	ck_assert_int_eq(find(), -ENOTDIR);
}
END_TEST

int main(void)
{
	const char *why = getuid() ? "only root becomes another user" : NULL;
	Suite *s = suite_create("template");
	TCase *t = tcase_create("template");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_test(t, settings_without_a_folder_choose_none);
	tcase_add_test(t, memory_and_cpus_decide);
	tcase_add_test(t, first_name_precedes);
	tcase_add_test(t, container_with_a_network_needs_a_card);
	tcase_add_test(t, kernel_is_that_of_the_settings);
	tcase_add_test(t, unusable_template_is_reported);
	tcase_add_test(t, container_needs_a_shared_folder);
	tcase_add_test(t, missing_folder_has_none);
	tcase_add_test_unless(t, why, folder_of_root_has_none_for_others);
	tcase_add_test(t, file_is_no_folder);
	suite_add_tcase(s, t);
	return run_suite(s);
}
