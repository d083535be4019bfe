/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about command lines of saved machines and of a migration's source. */
#include <config.h>

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "api/configuration.h"
#include "migration/stream.h"
#include "../util.h"

#define SAVED "{\"arguments\":[\"builtin:selftest\",%s]}"

static struct vmm_configuration c;
static struct vsu_error err;
static char folder[64], file[96], address[96];
static char *argv[8];
static int argc;

static void setup(void)
{
	snprintf(folder, sizeof(folder), "configuration-%d", (int)getpid());
	snprintf(file, sizeof(file), "%s/machine.json", folder);
	snprintf(address, sizeof(address), "--incoming=unix:%s/socket", folder);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	vsu_error_clear(&err);
	argc = 0;
}

static void teardown(void)
{
	vmm_configuration_free(&c);
	unlink(file);
	rmdir(folder);
}

static void add_word(const char *word)
{
	argv[argc++] = (char *)(uintptr_t)word;
}

/* "run --from FOLDER" and one option, of a machine that was saved with others. */
static void read_saved(const char *options, const char *given)
{
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f, SAVED, options);
	fclose(f);
	add_word("run");
	add_word("--from");
	add_word(folder);
	if (given)
		add_word(given);
	ck_assert_int_eq(vmm_configuration_read(&c, argc, argv, NULL, &err), 0);
}

static bool has_word(const char *word)
{
	struct vmm_words merged = { .n = 0 };
	const struct vmm_words *w = c.merged ? &merged : &c.given;
	bool found = false;
	int i;

	if (c.merged)
		ck_assert_int_eq(vmm_arguments_write(&c.all, &merged, &err), 0);
	for (i = 0; i < w->n; i++)
		found |= !strcmp(w->words[i], word);
	vmm_words_free(&merged);
	return found;
}

/* "run --config FILE" of a file with these options, and words after it. */
static int read_config(const char *options, const char *first, const char *second)
{
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f, SAVED, options);
	fclose(f);
	add_word("run");
	add_word("--config");
	add_word(file);
	add_word(first);
	if (second)
		add_word(second);
	return vmm_configuration_read(&c, argc, argv, NULL, &err);
}

static const struct {
	const char *options, *first, *second;
} repeated[] = {
	{ "\"--control=a\"", "--control=b", NULL },
	{ "\"--control\",\"a\"", "--control", "b" },
	{ "\"--cpus=1\",\"--control\",\"a\"", "--verbose", "--control=a" },
};

START_TEST(option_of_file_and_command_line_is_refused_with_both_places)
{
	ck_assert_int_eq(read_config(repeated[_i].options, repeated[_i].first,
				     repeated[_i].second), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "--config 'configuration-"));
	ck_assert_ptr_nonnull(strstr(err.msg, "--control is in the file and on the command line; leave it out of one of them"));
}
END_TEST

START_TEST(options_that_repeat_are_in_both_places)
{
	ck_assert_int_eq(read_config("\"--disk=--cpus=1\",\"--cmdline\",\"--memory\"",
				     "--disk=b", "--memory=1G"), 0);
	ck_assert(has_word("--disk=--cpus=1") && has_word("--disk=b"));
}
END_TEST

START_TEST(d1_60_saved_machine_does_not_open_the_sandbox)
{
	read_saved("\"--sandbox=off\",\"--daemon-path\",\"/x\",\"--verbose\"", NULL);
	ck_assert(!has_word("--sandbox=off"));
	ck_assert(!has_word("--daemon-path=/x"));
	ck_assert(has_word("--verbose"));
	ck_assert(has_word("builtin:selftest"));
}
END_TEST

START_TEST(d1_60_saved_restrictions_are_kept)
{
	read_saved("\"--jail\",\"--user=nobody\",\"--sandbox=on\"", NULL);
	ck_assert(has_word("--jail"));
	ck_assert(has_word("--user=nobody"));
	ck_assert(has_word("--sandbox=on"));
}
END_TEST

START_TEST(given_sandbox_counts)
{
	read_saved("\"--sandbox=on,folder=/x\"", "--sandbox=off");
	ck_assert(has_word("--sandbox=off"));
	ck_assert(!has_word("--sandbox=on,folder=/x"));
}
END_TEST

/* ------------------------------------------------------------------- --incoming */

static void *read_main(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)vmm_configuration_read(&c, argc, argv, NULL, &err);
}

static int connect_it(void)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/socket", folder);
	do	/* until the other thread listens */
		fd = vsu_sock_connect(path, NULL);
	while (fd < 0);
	return fd;
}

static void expect_end(int fd)
{
	char byte[256];
	struct vmm_stream s;

	vmm_stream_init(&s);
	s.fd = fd;
	while (!vmm_stream_wait_input(&s, 0, NULL) && recv(fd, byte, sizeof(byte), 0) > 0)
		;
	vmm_stream_close(&s);
}

static void send_machine(const char *arguments)
{
	struct vmm_stream s;

	vmm_stream_init(&s);
	s.fd = connect_it();
	ck_assert_int_eq(vmm_stream_send_header(&s, &err), 0);
	vmm_stream_begin(&s, "arguments");
	vmm_state_put(&s.w, arguments, strlen(arguments));
	ck_assert_int_eq(vmm_stream_send(&s, &err), 0);
	vmm_stream_close(&s);
}

static const char *const strangers[] = {
	"", "GET / HTTP/1.0\r\n\r\n", "CVMMMIGR\2\0\0\0\0\0\0", "CVMM",
};

START_TEST(e2_52_stranger_does_not_end_the_wait_for_a_source)
{
	const size_t len = strlen(strangers[_i]);
	pthread_t thread;
	void *rc;
	int fd;

	add_word("run");
	add_word(address);
	ck_assert_int_eq(pthread_create(&thread, NULL, read_main, NULL), 0);
	fd = connect_it();
	ck_assert_int_eq(send(fd, strangers[_i], len, 0), (ssize_t)len);
	shutdown(fd, SHUT_WR);
	expect_end(fd);
	send_machine("{\"arguments\":[\"builtin:selftest\",\"--control\",\"x\",\"--sandbox=off\",\"--jail\"]}");
	pthread_join(thread, &rc);
	ck_assert_ptr_null(rc);
	ck_assert(has_word("builtin:selftest"));
	ck_assert_uint_eq(c.all.n, 1);	/* options of the source's process do not count */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cli");
	TCase *tc = tcase_create("configuration");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, option_of_file_and_command_line_is_refused_with_both_places, 0,
			    COUNT(repeated));
	tcase_add_test(tc, options_that_repeat_are_in_both_places);
	tcase_add_test(tc, d1_60_saved_machine_does_not_open_the_sandbox);
	tcase_add_test(tc, d1_60_saved_restrictions_are_kept);
	tcase_add_test(tc, given_sandbox_counts);
	tcase_add_loop_test(tc, e2_52_stranger_does_not_end_the_wait_for_a_source, 0,
			    COUNT(strangers));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
