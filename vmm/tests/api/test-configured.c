/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about machines before they are made: the objects of the host that their options name. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>

#include "cvmm/configuration.h"
#include "cvmm/option_table.h"
#include "../guests.h"
#include "owner.h"

static struct cvmm_configuration *c;

static void setup(void)
{
	owner_setup();
	c = NULL;
}

static void teardown(void)
{
	cvmm_configuration_free(c);
	owner_teardown();
}

static int read_by(const struct cvmm_reader *reader, size_t n, const char *const *words)
{
	struct cvmm_options *o;
	int rc;

	OK(cvmm_options_new(&o, &err));
	OK(cvmm_options_add_words(o, n, words, &err));
	rc = cvmm_configuration_new(o, reader, &c, &err);
	cvmm_options_free(o);
	return rc;
}
#define READ(...) OK(read_by(NULL, WORDS(__VA_ARGS__)))

/* The only reference of this option. */
static struct cvmm_reference of(const char *option)
{
	struct cvmm_reference r = { .size = sizeof(r) }, found = { .size = 0 };
	unsigned int i;

	for (i = 0; !cvmm_configuration_get_reference(c, i, &r, NULL); i++) {
		if (strcmp(r.option, option) != 0)
			continue;
		ck_assert_uint_eq(found.size, 0);
		found = r;
	}
	ck_assert_msg(found.size, "no reference of %s", option);
	return found;
}

static const struct {
	const char *word, *option;
	enum cvmm_reference_kind kind;
	enum cvmm_access access;
	const char *text;
} references[] = {
	{ "--name=a", "kernel", CVMM_REFERENCE_FILE, CVMM_ACCESS_READ, "k" },
	{ "--initrd=i", "initrd", CVMM_REFERENCE_FILE, CVMM_ACCESS_READ, "i" },
	{ "--serial=s", "serial", CVMM_REFERENCE_FILE, CVMM_ACCESS_CREATE, "s" },
	{ "--serial=socket:s", "serial", CVMM_REFERENCE_SOCKET, CVMM_ACCESS_CREATE, "s" },
	{ "--serial=pty", "serial", CVMM_REFERENCE_TERMINAL, CVMM_ACCESS_CREATE, "pty" },
	{ "--serial-log=l", "serial-log", CVMM_REFERENCE_FILE, CVMM_ACCESS_APPEND, "l" },
	{ "--gdb=g", "gdb", CVMM_REFERENCE_SOCKET, CVMM_ACCESS_READ, "g" },
	{ "--memory=size=2M,backend=file,mem-path=m", "memory", CVMM_REFERENCE_FILE, CVMM_ACCESS_CREATE, "m" },
	{ "--memory=size=2M,backend=shm,share=on", "memory", CVMM_REFERENCE_FOLDER, CVMM_ACCESS_CREATE, "/dev/shm" },
	{ "d", "disk", CVMM_REFERENCE_FILE, CVMM_ACCESS_WRITE, "d" },
	{ "--disk=d,readonly", "disk", CVMM_REFERENCE_FILE, CVMM_ACCESS_READ, "d" },
	{ "--disk=nbd://h/n", "disk", CVMM_REFERENCE_SERVER, CVMM_ACCESS_WRITE, "nbd://h/n" },
	{ "--disk=backend=user:s", "disk", CVMM_REFERENCE_PEER, CVMM_ACCESS_READ, "s" },
	{ "--device=blk,path=d", "device", CVMM_REFERENCE_FILE, CVMM_ACCESS_WRITE, "d" },
	{ "--net=tap0", "net", CVMM_REFERENCE_INTERFACE, CVMM_ACCESS_READ, "tap0" },
	{ "--net=socket=s", "net", CVMM_REFERENCE_PEER, CVMM_ACCESS_READ, "s" },
	{ "--fs=d,tag=t", "fs", CVMM_REFERENCE_FOLDER, CVMM_ACCESS_WRITE, "d" },
	{ "--fs=d,tag=t,readonly", "fs", CVMM_REFERENCE_FOLDER, CVMM_ACCESS_READ, "d" },
	{ "--console=pty", "console", CVMM_REFERENCE_TERMINAL, CVMM_ACCESS_READ, "pty" },
	{ "--console=socket=s", "console", CVMM_REFERENCE_SOCKET, CVMM_ACCESS_READ, "s" },
	{ "--vsock=3,path=v", "vsock", CVMM_REFERENCE_SOCKET, CVMM_ACCESS_READ, "v" },
};

START_TEST(option_refers_to_its_object)
{
	struct cvmm_reference r;

	READ("k", references[_i].word);
	r = of(references[_i].option);
	ck_assert_int_eq(r.kind, references[_i].kind);
	if (r.kind == CVMM_REFERENCE_FILE || r.kind == CVMM_REFERENCE_FOLDER)
		ck_assert_int_eq(r.access, references[_i].access);
	ck_assert_str_eq(r.text, references[_i].text);
	ck_assert_int_eq(r.fd, -1);
}
END_TEST

START_TEST(reference_has_the_descriptor_of_its_option)
{
	READ("k", "--initrd=fd:0:name");
	ck_assert_int_eq(of("initrd").fd, 0);
	ck_assert_str_eq(of("initrd").text, "name");
}
END_TEST

START_TEST(descriptor_without_a_name_has_no_text)
{
	READ("k", "--initrd=fd:0");
	ck_assert_int_eq(of("initrd").fd, 0);
	ck_assert_ptr_null(of("initrd").text);
}
END_TEST

START_TEST(reference_has_the_number_of_its_device)
{
	READ("k", "--rng=", "--net=tap0");
	ck_assert_int_eq(of("net").device, 1);
	ck_assert_int_eq(of("kernel").device, -1);
}
END_TEST

START_TEST(folder_states_the_files_that_require_capabilities)
{
	READ("k", "--fs=d,tag=t");
	ck_assert_uint_eq(of("fs").makes, CVMM_MAKES_NODES | CVMM_MAKES_CAPABILITIES);
}
END_TEST

static unsigned int count(void)
{
	struct cvmm_reference r = { .size = sizeof(r) };
	unsigned int n = 0;

	while (!cvmm_configuration_get_reference(c, n, &r, NULL))
		n++;
	return n;
}

START_TEST(device_of_another_process_refers_to_no_file)
{
	READ("k", "--disk=path=d,backend=spawn");
	ck_assert_uint_eq(count(), 1);
}
END_TEST

START_TEST(number_behind_the_last_is_refused)
{
	struct cvmm_reference r = { .size = sizeof(r) };

	READ("k");
	assert_refused(cvmm_configuration_get_reference(c, 1, &r, &err), -ENOENT,
		       "the configuration has no reference 1", err);
}
END_TEST

/* --------------------------------------------------------------- the owner's rows */

enum { COLOUR, SERVERS, ONCE };

static const struct cvmm_option_row rows[] = {
	[COLOUR] = { .option = { .name = "colour", .kind = VSU_OPTION_STRING }, .change = CVMM_CHANGE_VALUE,
		     .without = CVMM_WITHOUT_STREAM },
	[SERVERS] = { .option = { .name = "daemon-path", .kind = VSU_OPTION_STRING },
		      .change = CVMM_CHANGE_OWN, .refers = CVMM_REFERS_SERVERS },
	[ONCE] = { .option = { .name = "once", .kind = VSU_OPTION_FLAG }, .change = CVMM_CHANGE_START },
	{ .option = { .name = NULL } },
};

static int read_owned(const struct cvmm_reader *reader, size_t n, const char *const *words)
{
	struct cvmm_options *o;
	int rc;

	OK(cvmm_options_new_for(rows, &o, &err));
	rc = cvmm_options_add_words(o, n, words, &err);
	if (!rc)
		rc = cvmm_configuration_new(o, reader, &c, &err);
	cvmm_options_free(o);
	return rc;
}

/* The value of the row; NULL: it has none. */
static const char *text_of(const struct cvmm_configuration *of, int row)
{
	struct cvmm_option option;
	unsigned int i;

	for (i = 0; !cvmm_configuration_get_option(of, i, &option, NULL); i++)
		if (option.own == row)
			return option.value.text;
	return NULL;
}

START_TEST(option_of_the_owner_has_the_index_of_its_row)
{
	OK(read_owned(NULL, WORDS("k", "--once", "--colour", "red")));
	ck_assert_str_eq(text_of(c, COLOUR), "red");
	ck_assert_ptr_nonnull(text_of(c, ONCE));
	ck_assert_ptr_null(text_of(c, SERVERS));
}
END_TEST

START_TEST(operands_have_the_names_of_options)
{
	struct cvmm_option option;

	OK(read_owned(NULL, WORDS("k", "d")));
	OK(cvmm_configuration_get_option(c, 0, &option, &err));
	ck_assert_str_eq(option.name, "kernel");
	OK(cvmm_configuration_get_option(c, 1, &option, &err));
	ck_assert_str_eq(option.name, "disk");
	ck_assert_int_eq(option.own, -1);
	ck_assert_int_eq(cvmm_configuration_get_option(c, 2, &option, &err), -ENOENT);
}
END_TEST

START_TEST(option_that_no_row_has_is_refused)
{
	ck_assert_int_eq(read_owned(NULL, WORDS("k", "--jail")), -ENOENT);
	ck_assert_int_eq(read_owned(NULL, WORDS("k", "--color=red")), -ENOENT);
	ck_assert_str_eq(err.msg, "unknown option '--color'; did you mean '--colour'?");
}
END_TEST

static int try_row(struct vsu_option option)
{
	const struct cvmm_option_row wrong[] = { { .option = option }, { .option = { .name = NULL } } };
	struct cvmm_options *o;

	return cvmm_options_new_for(wrong, &o, &err);
}

START_TEST(row_with_the_name_of_a_machines_option_is_refused)
{
	ck_assert_int_eq(try_row((struct vsu_option){ .name = "memory", .kind = VSU_OPTION_STRING }), -EINVAL);
	ck_assert_int_eq(try_row((struct vsu_option){ .name = "FILE", .kind = VSU_OPTION_OPERAND }), -EINVAL);
	ck_assert_int_eq(try_row((struct vsu_option){ .name = "a", .kind = VSU_OPTION_ALIAS, .arg = "b" }), -EINVAL);
}
END_TEST

START_TEST(two_rows_of_one_name_are_refused)
{
	const struct cvmm_option_row twice[] = {
		{ .option = { .name = "colour", .kind = VSU_OPTION_STRING } },
		{ .option = { .name = "once", .kind = VSU_OPTION_FLAG } },
		{ .option = { .name = "colour", .kind = VSU_OPTION_FLAG } },
		{ .option = { .name = NULL } },
	};
	struct cvmm_options *o = NULL;

	ck_assert_int_eq(cvmm_options_new_for(twice, &o, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "two rows have the name 'colour'");
	ck_assert_ptr_null(o);
}
END_TEST

START_TEST(more_rows_than_there_may_be_are_refused)
{
	char names[65][2];
	struct cvmm_option_row many[66] = { { .option = { .name = NULL } } };
	struct cvmm_options *o;
	int i;

	for (i = 0; i < 65; i++) {
		memcpy(names[i], (const char[]){ (char)('0' + i), '\0' }, 2);
		many[i].option = (struct vsu_option){ .name = names[i], .kind = VSU_OPTION_FLAG };
	}
	ck_assert_int_eq(cvmm_options_new_for(many, &o, &err), -E2BIG);
}
END_TEST

static bool has_name(const struct vsu_option *table, const char *name)
{
	while (table->name && strcmp(table->name, name) != 0)
		table++;
	return table->name;
}

START_TEST(table_has_the_rows_of_machine_and_owner)
{
	struct vsu_option table[80], few[1];
	const size_t n = cvmm_option_table(rows, table, COUNT(table));

	ck_assert_uint_lt(n, COUNT(table));
	ck_assert(has_name(table, "memory") && has_name(table, "colour") && has_name(table, "daemon-path"));
	ck_assert(!has_name(table, "jail") && !has_name(table, "help"));
	ck_assert_uint_eq(cvmm_option_table(rows, few, 1), n);
	ck_assert_uint_eq(cvmm_option_table(NULL, NULL, 0), n - 3);
}
END_TEST

START_TEST(keys_of_a_device_precede_those_of_every_device)
{
	struct vsu_option keys[64], few[1];
	size_t common = 0, any = 0;
	const size_t n = cvmm_option_keys("disk", keys, COUNT(keys), &common);

	ck_assert_uint_lt(n, COUNT(keys));
	ck_assert_str_eq(keys[common].name, "backend");
	ck_assert(has_name(keys, "readonly") && has_name(keys, "queues") && !keys[n - 1].name);
	ck_assert_uint_eq(cvmm_option_keys("disk", few, 1, NULL), n);
	ck_assert_uint_gt(cvmm_option_keys("device", keys, COUNT(keys), &any), any);
	ck_assert(has_name(keys, "id") && !has_name(keys, "readonly"));
	ck_assert_str_eq(keys[any].name, "backend");
	ck_assert_uint_eq(cvmm_option_keys("serial", keys, COUNT(keys), NULL), 0);
	ck_assert_uint_eq(cvmm_option_keys("DISK", keys, COUNT(keys), NULL), 0);
	ck_assert_uint_eq(cvmm_option_keys("blk", keys, COUNT(keys), NULL), 0);
}
END_TEST

START_TEST(keys_of_memory_include_its_address)
{
	struct vsu_option keys[64];
	const size_t n = cvmm_option_keys("memory", keys, COUNT(keys), NULL);

	ck_assert_uint_lt(n, COUNT(keys));
	ck_assert(has_name(keys, "at") && has_name(keys, "hugetlb") && !keys[n - 1].name);
}
END_TEST

START_TEST(option_and_kind_of_a_device_name_each_other)
{
	ck_assert_str_eq(cvmm_option_kind("disk"), "blk");
	ck_assert_str_eq(cvmm_option_kind("blk"), "blk");
	ck_assert_str_eq(cvmm_option_of_kind("blk"), "disk");
	ck_assert_ptr_null(cvmm_option_kind("device"));
	ck_assert_ptr_null(cvmm_option_kind("DISK"));
	ck_assert_ptr_null(cvmm_option_kind("memory"));
	ck_assert_ptr_null(cvmm_option_of_kind("disk"));
}
END_TEST

/* ------------------------------------------------------------- a saved machine */

static void write_saved(const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/machine.json", folder);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void read_saved(const char *given)
{
	char from[128];

	snprintf(from, sizeof(from), "--from=%s", folder);
	READ(from, given);
}

START_TEST(saved_machine_refers_to_its_folder_and_its_files)
{
	write_saved("{\"arguments\":[\"k\",\"--disk=d\"]}");
	read_saved("--serial=null");
	ck_assert_str_eq(of("from").text, folder);
	ck_assert_int_eq(of("from").kind, CVMM_REFERENCE_FOLDER);
	ck_assert_str_eq(of("disk").text, "d");
}
END_TEST

START_TEST(file_in_place_of_a_saved_one_is_the_reference)
{
	write_saved("{\"arguments\":[\"k\",\"--disk=d\"]}");
	read_saved("--disk=e");
	ck_assert_str_eq(of("disk").text, "e");
}
END_TEST

/* The options that a saved machine has, and those that another start adds. */
static const struct { const char *saved, *given, *colour; } continued[] = {
	{ "\"--colour=red\",\"--once\"", NULL, "red" },
	{ "\"--colour\",\"red\"", "--colour=blue", "blue" },
	{ "\"--cpus=1\"", "--colour=blue", "blue" },
};

START_TEST(saved_machine_has_the_options_of_its_owner)
{
	char text[128], from[128];
	const char *words[] = { from, continued[_i].given };

	snprintf(text, sizeof(text), "{\"arguments\":[\"k\",%s]}", continued[_i].saved);
	write_saved(text);
	snprintf(from, sizeof(from), "--from=%s", folder);
	OK(read_owned(NULL, continued[_i].given ? 2 : 1, words));
	ck_assert_str_eq(text_of(c, COLOUR), continued[_i].colour);
	ck_assert_ptr_null(text_of(c, ONCE));
}
END_TEST

START_TEST(saved_device_can_be_kept_by_its_rank)
{
	write_saved("{\"arguments\":[\"k\",\"--console=pty\"]}");
	read_saved("--console=saved");
	ck_assert_int_eq(of("console").kind, CVMM_REFERENCE_TERMINAL);
}
END_TEST

/* ------------------------------------------------------------------- a source */

static struct {
	const struct cvmm_configuration *c;
	char colour[8], address[32];
	int fd;			/* of the source, where it is connected before */
} received;

static int refuse_source(void *opaque, const struct cvmm_configuration *of, struct cvmm_source *source,
			 struct vsu_error *why)
{
	struct cvmm_reference r = { .size = sizeof(r) };

	ck_assert_ptr_eq(opaque, &received);
	ck_assert_uint_eq(source->size, sizeof(*source));
	ck_assert(!source->process && source->leash == -1);
	ck_assert_int_eq(cvmm_configuration_get_reference(of, 0, &r, NULL), -ENOENT);
	snprintf(received.colour, sizeof(received.colour), "%s", text_of(of, COLOUR));
	snprintf(received.address, sizeof(received.address), "%s", source->address);
	source->status = VSU_EXIT_BUSY;
	return vsu_error_set(why, -EPERM, "no source");
}

START_TEST(owner_can_confine_itself_before_a_source_is_read)
{
	int status = 0, ends[2];
	const struct cvmm_reader reader = {
		.size = sizeof(reader), .opaque = &received, .receive = refuse_source, .status = &status,
	};
	char incoming[32];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	snprintf(incoming, sizeof(incoming), "--incoming=fd:%d", ends[1]);
	assert_refused(read_owned(&reader, WORDS(incoming, "--colour=red")), -EPERM, "no source", err);
	ck_assert_str_eq(received.colour, "red");
	ck_assert_str_eq(received.address, incoming + strlen("--incoming="));
	ck_assert_int_eq(status, VSU_EXIT_BUSY);
	close(ends[0]);
}
END_TEST

START_TEST(option_of_one_start_is_refused_beside_a_source)
{
	assert_refused(read_owned(NULL, WORDS("--incoming=unix:/missing/s", "--once")), -EINVAL,
		       "option --incoming: '--once' cannot be combined with --incoming", err);
}
END_TEST

static unsigned int lines;

static void count_line(void *opaque, enum cvmm_log_level level, const char *cause, const char *text)
{
	(void)level;
	(void)cause;
	ck_assert_ptr_eq(opaque, &lines);
	ck_assert_ptr_nonnull(strstr(text, "--daemon-path=/x"));
	lines++;
}

START_TEST(reader_learns_of_ignored_options)
{
	const struct cvmm_reader reader = { .size = sizeof(reader), .opaque = &lines, .log = count_line };
	char from[128];

	lines = 0;
	write_saved("{\"arguments\":[\"k\",\"--daemon-path=/x\"]}");
	snprintf(from, sizeof(from), "--from=%s", folder);
	OK(read_by(&reader, WORDS(from)));
	ck_assert_uint_eq(lines, 1);
}
END_TEST

START_TEST(reader_receives_the_status_of_a_failure)
{
	int status = 0;
	const struct cvmm_reader reader = { .size = sizeof(reader), .status = &status };

	ck_assert_int_eq(read_by(&reader, WORDS("--from=/missing")), -ENOENT);
	ck_assert_int_eq(status, VSU_EXIT_INPUT);
	ck_assert_ptr_null(c);
}
END_TEST

static const char *kernel_named(void *opaque, const char *name)
{
	(void)opaque;
	return strcmp(name, "builtin:one") != 0 ? NULL : "/srv/one";
}

START_TEST(owner_knows_kernels_by_name)
{
	const struct cvmm_reader reader = { .size = sizeof(reader), .kernel = kernel_named };

	OK(read_by(&reader, WORDS("builtin:one")));
	ck_assert_str_eq(of("kernel").text, "/srv/one");
	cvmm_configuration_free(c);
	OK(read_by(&reader, WORDS("k")));
	ck_assert_str_eq(of("kernel").text, "k");
}
END_TEST

/* ------------------------------------------------------------------- machines */

static int make(struct cvmm_machine **m)
{
	const struct cvmm_host host = { .size = sizeof(host) };

	return cvmm_machine_new_configured(c, &host, m, &err);
}

START_TEST(machines_are_made_one_after_another)
{
	struct one one = { .m = NULL };
	int i;

	READ(guest_word("builtin:selftest"), "--serial=null", "--memory=size=16M");
	for (i = 0; i < 2; i++) {
		OK(make(&one.m));
		start(&one);
		ck_assert_int_eq(run_to_end(&one), VSU_EXIT_OK);
		cvmm_machine_free(one.m);
	}
}
END_TEST

START_TEST(guest_that_reboots_starts_from_its_kernel)
{
	struct one one = { .m = NULL };

	write_saved("{\"arguments\":[\"k\"]}");
	read_saved("--serial=null");
	ck_assert_int_eq(of("from").fd, -1);
	cvmm_configuration_reboot(c);
	ck_assert_int_lt(make(&one.m), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "kernel 'k'"));
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(dry_run_makes_a_machine_that_does_not_start)
{
	struct one one = { .m = NULL };

	READ(guest_word("builtin:selftest"), "--serial=null", "--memory=size=16M", "--dry-run");
	OK(make(&one.m));
	assert_refused(cvmm_machine_start(one.m, &err), -EINVAL,
		       "the machine was made by a dry run, which starts no guest", err);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(machine_that_failed_to_be_made_can_be_freed)
{
	struct cvmm_machine *m = NULL;

	READ("/missing", "--memory=size=16M");
	ck_assert_int_lt(make(&m), 0);
	ck_assert_ptr_nonnull(m);
	cvmm_machine_free(m);
}
END_TEST

START_TEST(refused_host_leaves_no_machine)
{
	const struct cvmm_host host = { .size = 0 };
	struct cvmm_machine *m = (struct cvmm_machine *)(uintptr_t)&err;

	READ("k");
	ck_assert_int_eq(cvmm_machine_new_configured(c, &host, &m, &err), -EINVAL);
	ck_assert_ptr_null(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("configured");
	TCase *tc = tcase_create("configured");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 0);
	tcase_add_loop_test(tc, option_refers_to_its_object, 0, COUNT(references));
	tcase_add_test(tc, reference_has_the_descriptor_of_its_option);
	tcase_add_test(tc, descriptor_without_a_name_has_no_text);
	tcase_add_test(tc, reference_has_the_number_of_its_device);
	tcase_add_test(tc, folder_states_the_files_that_require_capabilities);
	tcase_add_test(tc, device_of_another_process_refers_to_no_file);
	tcase_add_test(tc, number_behind_the_last_is_refused);
	tcase_add_test(tc, option_of_the_owner_has_the_index_of_its_row);
	tcase_add_test(tc, operands_have_the_names_of_options);
	tcase_add_test(tc, option_that_no_row_has_is_refused);
	tcase_add_test(tc, row_with_the_name_of_a_machines_option_is_refused);
	tcase_add_test(tc, two_rows_of_one_name_are_refused);
	tcase_add_test(tc, more_rows_than_there_may_be_are_refused);
	tcase_add_test(tc, table_has_the_rows_of_machine_and_owner);
	tcase_add_test(tc, keys_of_a_device_precede_those_of_every_device);
	tcase_add_test(tc, keys_of_memory_include_its_address);
	tcase_add_test(tc, option_and_kind_of_a_device_name_each_other);
	tcase_add_test(tc, saved_machine_refers_to_its_folder_and_its_files);
	tcase_add_test(tc, file_in_place_of_a_saved_one_is_the_reference);
	tcase_add_loop_test(tc, saved_machine_has_the_options_of_its_owner, 0, COUNT(continued));
	tcase_add_test(tc, saved_device_can_be_kept_by_its_rank);
	tcase_add_test(tc, owner_can_confine_itself_before_a_source_is_read);
	tcase_add_test(tc, option_of_one_start_is_refused_beside_a_source);
	tcase_add_test(tc, reader_learns_of_ignored_options);
	tcase_add_test(tc, reader_receives_the_status_of_a_failure);
	tcase_add_test(tc, owner_knows_kernels_by_name);
	tcase_add_test_unless(tc, no_guest(), guest_that_reboots_starts_from_its_kernel);
	tcase_add_test_unless(tc, no_guest(), dry_run_makes_a_machine_that_does_not_start);
	tcase_add_test_unless(tc, no_guest(), machines_are_made_one_after_another);
	tcase_add_test(tc, machine_that_failed_to_be_made_can_be_freed);
	tcase_add_test(tc, refused_host_leaves_no_machine);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
