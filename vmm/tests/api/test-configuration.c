/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about command lines of saved machines and of a migration's source. */
#include <config.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "api/configuration.h"
#include "config/options.h"
#include "config/own_rows.h"
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
	strcpy(folder, "configuration.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/machine.json", folder);
	snprintf(address, sizeof(address), "--incoming=unix:%s/socket", folder);
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

/* The words are those of a command line. */
static int read_words(const struct vmm_peer_guard *guard)
{
	struct vmm_arguments given;
	int rc = vmm_own_rows_parse(NULL, argc, argv, &given, &err);

	if (!rc)
		rc = vmm_configuration_read(&c, NULL, &given, NULL, guard, &err);
	vmm_arguments_free(&given);
	return rc;
}

/* "run --from FOLDER" and one option, of a machine that was saved with others. */
static int try_saved(const char *options, const char *given)
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
	return read_words(NULL);
}

static void read_saved(const char *options, const char *given)
{
	ck_assert_msg(!try_saved(options, given), "%s", err.msg);
}

static bool has_word(const char *word)
{
	struct vmm_words w;
	bool found = false;
	int i;

	ck_assert_int_eq(vmm_arguments_write(c.merged ? &c.all : &c.given, &w, &err), 0);
	for (i = 0; i < w.n; i++)
		found |= !strcmp(w.words[i], word);
	vmm_words_free(&w);
	return found;
}

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

/* ------------------------------------------------------------------ descriptors */

static const struct {
	const char *word, *again;
} of_descriptors[] = {
	{ "--serial=fd:0", "--serial=null" }, { "--control=fd:0", "--control=x" },
	{ "--disk=fd:0", "--disk=x" }, { "--disk=path=fd:0:/a", "--disk=x" },
	{ "--disk=path=x,overlay=fd:0", "--disk=x" }, { "--net=fd=0", "--net=tap0" },
	{ "--console=fd=0", "--console=pty" }, { "--console=pty,port=a:fd:0", "--console=pty" },
	{ "--disk=backend=user:fd:0:a", "--disk=x" }, { "--device=id=26,backend=user:fd:0", "--device=id=26,backend=user:x" },
	{ "--pmem=fd:0", "--pmem=x" }, { "--device=blk,path=fd:0", "--device=blk,path=x" },
};

/* 0 is open here, but not the file that it was. */
START_TEST(d1_63_descriptor_of_the_former_process_is_refused)
{
	char saved[64];

	snprintf(saved, sizeof(saved), "\"%s\"", of_descriptors[_i].word);
	ck_assert_int_eq(try_saved(saved, NULL), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, of_descriptors[_i].word));
	ck_assert_ptr_nonnull(strstr(err.msg, "names a descriptor of the machine's former process; give this option again"));
}
END_TEST

START_TEST(option_in_place_of_a_former_descriptor_counts)
{
	char saved[64];

	snprintf(saved, sizeof(saved), "\"%s\"", of_descriptors[_i].word);
	read_saved(saved, of_descriptors[_i].again);
	ck_assert(has_word(of_descriptors[_i].again));
	ck_assert(!has_word(of_descriptors[_i].word));
}
END_TEST

START_TEST(given_descriptor_counts_beside_a_saved_machine)
{
	read_saved("\"--serial=fd:0\"", "--serial=fd:0");
	ck_assert(has_word("--serial=fd:0"));
}
END_TEST

START_TEST(d1_63_descriptors_of_the_guests_start_are_forgotten)
{
	struct vmm_options options, saved;

	read_saved("\"--initrd=fd:0:i\",\"--memory=size=2M,backend=file,mem-path=fd:0,offset=4k\"", NULL);
	ck_assert_int_eq(vmm_configuration_parse(&c, &options, &saved, &err), 0);
	ck_assert_str_eq(options.machine.initrd, "fd:former:i");
	ck_assert_str_eq(options.machine.arguments.list[1].value.text, "fd:former:i");
	ck_assert_str_eq(vmem_backend_text(options.machine.memory.list[0].backend, "mem-path"), "fd:former");
	vmm_options_free(&options);
}
END_TEST

static const char *const closed[] = {
	"--serial=fd:900", "--control=fd:900", "--disk=fd:900", "--disk=path=x,overlay=fd:900:y",
	"--net=fd=900", "--console=pty,port=a:fd:0,port=b:fd:900", "--initrd=fd:900",
	"--memory=16M,backend=file,mem-path=fd:900", "--from=fd:900", "fd:900:vmlinux",
};

/* A number that is closed would be one of the machine's own files later. */
START_TEST(number_that_is_not_open_is_refused_before_anything_is_opened)
{
	const char *option = closed[_i];

	add_word("run");
	add_word(option);
	ck_assert_int_eq(read_words(NULL), -EBADF);
	ck_assert_ptr_nonnull(strstr(err.msg, "descriptor 900 of '"));
	add_word("--incoming=unix:socket");
	ck_assert_int_eq(read_words(NULL), -EBADF);
}
END_TEST

/* ------------------------------------------------------------------- --incoming */

static void *read_main(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)read_words(NULL);
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
	vsu_state_put(&s.w, arguments, strlen(arguments));
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

START_TEST(d1_63_descriptor_of_a_source_is_refused)
{
	pthread_t thread;
	void *rc;

	add_word("run");
	add_word(address);
	ck_assert_int_eq(pthread_create(&thread, NULL, read_main, NULL), 0);
	send_machine("{\"arguments\":[\"builtin:selftest\",\"--disk=path=fd:0:/a\"]}");
	pthread_join(thread, &rc);
	ck_assert_int_eq((int)(intptr_t)rc, -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "names a descriptor of the machine's former process"));
}
END_TEST

/* A process that cannot be confined, and does not wait for a source. */
static struct {
	unsigned int calls, words;
	int source, unread;	/* its descriptor, and bytes of it */
} guarded;

static int refuse_peer(void *opaque, const char *where, const struct vmm_arguments *given,
		       struct vmm_stream *source, enum cvmm_step *stage, struct vsu_error *e)
{
	ck_assert_ptr_eq(source, &c.stream);
	ck_assert_ptr_eq(opaque, &guarded);
	guarded.calls++;
	guarded.words = given->n;
	guarded.source = c.stream.fd;
	if (c.stream.fd >= 0)
		ck_assert_int_eq(ioctl(c.stream.fd, FIONREAD, &guarded.unread), 0);
	*stage = CVMM_STEP_OPTIONS;
	return vsu_error_set(e, -EPERM, "no peer of '%s'", where);
}

static int read_guarded(const char *incoming)
{
	const struct vmm_peer_guard guard = { refuse_peer, &guarded };

	memset(&guarded, 0, sizeof(guarded));
	add_word("run");
	add_word(incoming);
	add_word("--sandbox=log");
	return read_words(&guard);
}

START_TEST(guard_is_called_before_a_source_is_accepted)
{
	ck_assert_int_eq(read_guarded(address), -EPERM);
	ck_assert_uint_eq(guarded.calls, 1);
	ck_assert_uint_eq(guarded.words, 1);	/* without --incoming */
	ck_assert_int_eq(guarded.source, -1);
	ck_assert_int_eq(c.stage, CVMM_STEP_OPTIONS);
	ck_assert_int_eq(strncmp(err.msg, "no peer of 'unix:", 17), 0);
}
END_TEST

START_TEST(guard_is_called_before_a_descriptor_is_read)
{
	char text[32];
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(write(ends[0], "CVMMMIGR", 8), 8);
	snprintf(text, sizeof(text), "--incoming=fd:%d", ends[1]);
	ck_assert_int_eq(read_guarded(text), -EPERM);
	ck_assert_int_ge(guarded.source, 0);
	ck_assert_int_eq(guarded.unread, 8);
	close(ends[0]);
}
END_TEST

START_TEST(guard_is_not_called_without_a_peer)
{
	ck_assert_int_eq(read_guarded("builtin:selftest"), 0);
	ck_assert_uint_eq(guarded.calls, 0);
}
END_TEST

#define CPU "vendor=AuthenticAMD family=23 model=1 stepping=2\nsse3 # more\naes\n"
#define CPU_LIST "--cpu=list:vendor=AuthenticAMD,family=23,model=1,stepping=2,sse3,aes"

/* "run" with these words, where file has this text. */
static int read_cpu(const char *text, const char *first, const char *second)
{
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	add_word("run");
	add_word(first);
	if (second)
		add_word(second);
	add_word("--cpus=2");
	return read_words(NULL);
}

START_TEST(file_of_a_processor_becomes_part_of_the_command_line)
{
	char word[sizeof(file) + 8];

	snprintf(word, sizeof(word), "--cpu=%s", file);
	ck_assert_msg(!read_cpu(CPU, _i ? word : "--cpu", _i ? NULL : file), "%s", err.msg);
	ck_assert_int_eq(c.given.n, 2);
	ck_assert(has_word(CPU_LIST));
	ck_assert(has_word("--cpus=2"));
}
END_TEST

static const struct { const char *text, *complaint; } cpu_files[] = {
	{ CPU "sse5", ": line 4: 'sse5' is not a feature that this version knows; remove it" },
	{ "", ": it has no 'vendor='" },
};

START_TEST(refused_file_of_a_processor_is_named)
{
	ck_assert_int_eq(read_cpu(cpu_files[_i].text, "--cpu", file), -EBADMSG);
	ck_assert_int_eq(strncmp(err.msg, "option --cpu: '", 15), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, file));
	ck_assert_ptr_nonnull(strstr(err.msg, cpu_files[_i].complaint));
}
END_TEST

START_TEST(name_that_is_no_processor_and_no_file_is_refused)
{
	ck_assert_int_eq(read_cpu(CPU, "--cpu=old", NULL), -ENOENT);
	ck_assert_str_eq(err.msg, "option --cpu: 'old' is no file, and not one of host, plain, x86-64-v2, x86-64-v3 or x86-64-v4");
}
END_TEST

/* The machine's folder may come from another host. */
START_TEST(d1_64_saved_machine_opens_no_file_of_a_processor)
{
	static struct vmm_options options, saved;

	read_saved("\"--cpu=/dev/stdin\"", NULL);
	ck_assert_int_eq(vmm_configuration_parse(&c, &options, &saved, &err), VSU_EXIT_DATA);
	ck_assert_str_eq(err.msg, "option --cpu: '/dev/stdin' is not one of host, plain, x86-64-v2, x86-64-v3 or x86-64-v4");
}
END_TEST

START_TEST(saved_machine_remembers_its_processor)
{
	static struct vmm_options options, saved;

	read_saved("\"" CPU_LIST "\"", NULL);
	ck_assert_int_eq(vmm_configuration_parse(&c, &options, &saved, &err), 0);
	ck_assert_int_eq(options.machine.cpu.choice.model, VARCH_CPU_DESCRIBED);
	ck_assert_uint_eq(options.machine.cpu.choice.described.family, 23);
	vmm_options_free(&options);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cli");
	TCase *tc = tcase_create("configuration");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, d1_60_saved_machine_does_not_open_the_sandbox);
	tcase_add_test(tc, d1_60_saved_restrictions_are_kept);
	tcase_add_test(tc, given_sandbox_counts);
	tcase_add_loop_test(tc, d1_63_descriptor_of_the_former_process_is_refused, 0,
			    COUNT(of_descriptors));
	tcase_add_loop_test(tc, option_in_place_of_a_former_descriptor_counts, 0,
			    COUNT(of_descriptors));
	tcase_add_test(tc, given_descriptor_counts_beside_a_saved_machine);
	tcase_add_test(tc, d1_63_descriptors_of_the_guests_start_are_forgotten);
	tcase_add_loop_test(tc, number_that_is_not_open_is_refused_before_anything_is_opened, 0,
			    COUNT(closed));
	tcase_add_test(tc, d1_63_descriptor_of_a_source_is_refused);
	tcase_add_loop_test(tc, e2_52_stranger_does_not_end_the_wait_for_a_source, 0,
			    COUNT(strangers));
	tcase_add_test(tc, guard_is_called_before_a_source_is_accepted);
	tcase_add_test(tc, guard_is_called_before_a_descriptor_is_read);
	tcase_add_test(tc, guard_is_not_called_without_a_peer);
	tcase_add_loop_test(tc, file_of_a_processor_becomes_part_of_the_command_line, 0, 2);
	tcase_add_loop_test(tc, refused_file_of_a_processor_is_named, 0, COUNT(cpu_files));
	tcase_add_test(tc, name_that_is_no_processor_and_no_file_is_refused);
	tcase_add_test(tc, d1_64_saved_machine_opens_no_file_of_a_processor);
	tcase_add_test(tc, saved_machine_remembers_its_processor);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
