/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the kinds of devices, each of them. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <device-kinds/kind.h>
#include <virtio-devices/report.h>

#include "suite.h"

static _Alignas(8) unsigned char config[DEVKIND_MAX_CONFIG];
static struct vsu_error err;

static void setup(void)
{
	memset(config, 0, sizeof(config));
	vsu_error_clear(&err);
}

static unsigned int nkinds(void)
{
	unsigned int n = 0;

	while (devkind_get(n))
		n++;
	return n;
}

static bool is_alike(const struct devkind_key *a,
		     const struct devkind_key *b)
{
	return !strcmp(a->option.name, b->option.name) ||
	       a->offset == b->offset;
}

START_TEST(a_kind_is_found_by_its_name)
{
	const struct devkind *kind = devkind_get(_i);
	const size_t len = strlen(kind->name);

	ck_assert_ptr_eq(devkind_find(kind->name, len), kind);
	ck_assert_ptr_null(devkind_find(kind->name, len - 1));
	ck_assert_ptr_nonnull(kind->open);
	ck_assert_uint_ge(kind->max_queues, 1);
}
END_TEST

static void check_option(const struct devkind *kind, const char *key,
			 const struct vsu_option_value *value, const char *option)
{
	const struct devkind_key *k = &kind->keys[devkind_key_index(kind, key)];
	char text[64];

	ck_assert_uint_eq(devkind_daemon_option(k, value, text, sizeof(text)), strlen(option));
	ck_assert_str_eq(text, option);
}

START_TEST(a_value_becomes_an_option_of_the_daemon)
{
	check_option(devkind_blk(), "path", &(struct vsu_option_value){ .text = "/a,b" }, "--blk-file=/a,b");
	check_option(devkind_blk(), "readonly", &(struct vsu_option_value){ .number = 1 }, "--read-only");
	check_option(devkind_net(), "mtu", &(struct vsu_option_value){ .number = 1500 }, "--mtu=1500");
}
END_TEST

START_TEST(a_key_is_found_by_its_name)
{
	const struct devkind *kind = devkind_get(_i);
	const unsigned int n = devkind_nkeys(kind);
	unsigned int i;

	for (i = 0; i < n; i++)
		ck_assert_uint_eq(devkind_key_index(kind, kind->keys[i].option.name), i);
	ck_assert_uint_eq(devkind_key_index(kind, "no key"), n);
}
END_TEST

START_TEST(keys_are_different_and_fit)
{
	const struct devkind *kind = devkind_get(_i);
	const unsigned int n = devkind_nkeys(kind);
	unsigned int i, j;

	ck_assert_uint_le(n, DEVKIND_MAX_KEYS);
	for (i = 0; i < n; i++) {
		ck_assert_ptr_nonnull(kind->keys[i].option.help);
		ck_assert_uint_le(kind->keys[i].offset + sizeof(uint64_t),
				  sizeof(config));
		for (j = 0; j < i; j++)
			ck_assert(!is_alike(&kind->keys[i], &kind->keys[j]));
	}
}
END_TEST

/* The starter and the sandbox rely on it. */
START_TEST(each_text_says_what_it_refers_to)
{
	const struct devkind_key *k = devkind_get(_i)->keys;

	for (; k->option.name; k++) {
		ck_assert_msg(k->option.kind != VSU_OPTION_STRING ||
			      k->refers != DEVKIND_REFERS_NOTHING, "%s: %s",
			      devkind_get(_i)->name, k->option.name);
		ck_assert_msg(!k->read_if[0] || k->refers == DEVKIND_REFERS_IMAGE ||
			      k->refers == DEVKIND_REFERS_FOLDER, "%s", k->option.name);
	}
}
END_TEST

/* An operand and a failed open name the first key. */
START_TEST(required_keys_come_first)
{
	const struct devkind_key *k = devkind_get(_i)->keys;

	if (k->required) {
		ck_assert_int_eq(k->option.kind, VSU_OPTION_STRING);
		ck_assert_ptr_nonnull(k->option.arg);
		ck_assert_ptr_eq(devkind_missing(devkind_get(_i),
						 config), k);
	}
	for (; k->option.name; k++)
		ck_assert(!k->required ||
			  (devkind_get(_i)->keys->required &&
			   k->option.arg));
}
END_TEST

START_TEST(sockets_need_a_path_and_a_cid)
{
	const struct vsu_option_value path = { .text = "/nowhere/at/all" };
	const struct vsu_option_value cid = { .number = 3 };
	const struct devkind_common common = { .queues = 1 };
	struct virtdev *dev;

	ck_assert_int_eq(devkind_set(devkind_vsock(), 0, "key 'path'",
				     &path, config, &err), 0);
	ck_assert_str_eq(devkind_missing(devkind_vsock(),
					 config)->option.name, "cid");
	ck_assert_int_eq(devkind_set(devkind_vsock(), 1, "key 'cid'", &cid,
				     config, &err), 0);
	ck_assert_ptr_null(devkind_missing(devkind_vsock(), config));
	ck_assert_int_eq(devkind_vsock()->open(config, &common, &dev, &err),
			 -ENOENT);
	ck_assert(strstr(err.msg, "/nowhere/at/all"));
}
END_TEST

START_TEST(a_disk_needs_its_file_only)
{
	const struct vsu_option_value value = { .text = "disk.img" };
	struct devkind_facts facts;

	ck_assert_int_eq(devkind_set(devkind_blk(), 0, "key 'path'", &value,
				     config, &err), 0);
	ck_assert_ptr_null(devkind_missing(devkind_blk(), config));
	facts = devkind_facts_of(devkind_blk(), config);
	ck_assert_str_eq(facts.file, "disk.img");
	ck_assert(facts.writes);
}
END_TEST

static bool is_opened(const struct devkind_facts *facts, const char *text)
{
	const struct devkind_opening *o;
	const char *const *socket;

	for (o = facts->opens; o->text; o++)
		if (!strcmp(o->text, text))
			return true;
	for (socket = facts->sockets; *socket; socket++)
		if (!strcmp(*socket, text))
			return true;
	return false;
}

/* Connections to sockets need no rule of a sandbox. */
static bool names_file(const struct devkind_key *key)
{
	return key->refers == DEVKIND_REFERS_IMAGE || key->refers == DEVKIND_REFERS_FOLDER ||
	       key->refers == DEVKIND_REFERS_SOCKET || key->refers == DEVKIND_REFERS_LOG;
}

/* The completion of words offers files for these. */
START_TEST(each_file_has_the_argument_of_one)
{
	static const char *const args[] = { "FILE", "FOLDER", "PATH" };
	const struct devkind_key *k = devkind_get(_i)->keys;
	bool found;
	int i;

	for (; k->option.name; k++) {
		found = !names_file(k) && k->refers != DEVKIND_REFERS_PEER;
		for (i = 0; !found && i < 3; i++)
			found = !strcmp(k->option.arg, args[i]);
		ck_assert_msg(found, "%s: %s", devkind_get(_i)->name, k->option.name);
	}
}
END_TEST

START_TEST(each_file_that_a_key_names_is_among_the_facts)
{
	const struct devkind *kind = devkind_get(_i);
	const struct vsu_option_value value = { .text = "name" }, first = { .text = "first" };
	struct devkind_facts facts;
	unsigned int i;

	for (i = 0; i < devkind_nkeys(kind); i++) {
		if (!names_file(&kind->keys[i]))
			continue;
		memset(config, 0, sizeof(config));
		/* others may be required */
		if (i)
			ck_assert_int_eq(devkind_set(kind, 0, "key", &first, config, NULL), 0);
		ck_assert_int_eq(devkind_set(kind, i, "key", &value, config, NULL), 0);
		facts = devkind_facts_of(kind, config);
		ck_assert_msg(is_opened(&facts, "name"), "%s: %s", kind->name,
			      kind->keys[i].option.name);
	}
}
END_TEST

START_TEST(a_value_that_is_too_long_is_refused)
{
	const struct vsu_option_value value = {
		.text = "012345678901234567890",
	};

	ck_assert_int_eq(devkind_set(devkind_blk(), 2, "key 'serial'",
				     &value, config, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "key 'serial': '012345678901234567890' has "
			 "21 bytes, at most 20 are possible");
}
END_TEST

START_TEST(required_value_is_not_empty)
{
	const struct vsu_option_value value = { .text = "" };

	ck_assert_int_eq(devkind_set(devkind_blk(), 0, "key 'path'",
				     &value, config, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "key 'path': the value is empty"));
	ck_assert_int_eq(devkind_set(devkind_blk(), 2, "key 'serial'",
				     &value, config, &err), 0);
}
END_TEST

static void set_by_name(const struct devkind *kind, const char *name)
{
	const struct vsu_option_value value = { .text = "/nowhere", .number = 4096 };
	unsigned int i;

	for (i = 0; i < devkind_nkeys(kind); i++)
		if (!strcmp(kind->keys[i].option.name, name))
			break;
	ck_assert_uint_lt(i, devkind_nkeys(kind));
	ck_assert_int_eq(devkind_set(kind, i, name, &value, config, &err), 0);
}

/* NULL: no further key. */
static const char *const of_the_host[] = { NULL, "path", "seqpacket-path", "connections", "buffer" };

START_TEST(sockets_of_the_kernel_have_a_cid_only)
{
	const char *name = of_the_host[_i];

	ck_assert_int_eq(devkind_vsock()->kernel->check(config, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "needs 'cid=N'");
	set_by_name(devkind_vsock(), "cid");
	if (name)
		set_by_name(devkind_vsock(), name);
	ck_assert_int_eq(devkind_vsock()->kernel->check(config, &err), name ? -EINVAL : 0);
}
END_TEST

START_TEST(rng_device_needs_no_key)
{
	const struct devkind_common common = { .queue_size = 32 };
	struct virtdev *dev;

	ck_assert_ptr_null(devkind_missing(devkind_rng(), config));
	ck_assert_int_eq(devkind_rng()->open(config, &common, &dev, &err), 0);
	ck_assert_uint_eq(virtdev_get_info(dev)->id, devkind_rng()->id);
	ck_assert_uint_eq(virtdev_get_info(dev)->queue_size_max, 32);
	virtdev_free(dev);
}
END_TEST

/* Keys of a console by their place in its table. */
enum { STDIO, PTY, SOCKET, FD, NAME, ROWS_FIRST, PORT, LOG, LOG_SIZE };

static int set_console(unsigned int key, const char *text)
{
	const struct vsu_option_value value = { .text = text, .number = 1 };

	return devkind_set(devkind_console(), key, "key", &value, config,
			   &err);
}

/* The last line of a device, and its cause, by which programs limit lines. */
static struct {
	char cause[64], text[256];
} warned;

static void on_warning(void *opaque, const char *cause, const char *text)
{
	(void)opaque;
	snprintf(warned.cause, sizeof(warned.cause), "%s", cause);
	snprintf(warned.text, sizeof(warned.text), "%s", text);
}

static const struct devkind_host host = { .warn = on_warning };

static struct virtdev *make_disk(void)
{
	static char name[] = "/tmp/test-kind.XXXXXX";
	static struct devkind_reporter reporter;
	const struct devkind_common common = {
		.queues = 1, .queue_size = 8, .host = &host, .reporter = &reporter,
	};
	const char *path = name;
	struct virtdev *dev;
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	close(fd);
	memcpy(config + devkind_blk()->keys[0].offset, &path, sizeof(path));
	ck_assert_int_eq(devkind_make(devkind_blk(), config, &common, &dev,
				      &err), 0);
	unlink(name);
	return dev;
}

static struct virtdev *make_entropy(void)
{
	static struct devkind_reporter reporter;
	const struct devkind_common common = {
		.queues = 1, .queue_size = 8, .host = &host, .reporter = &reporter,
	};
	struct virtdev *dev;

	ck_assert_int_eq(devkind_make(devkind_rng(), config, &common, &dev,
				      &err), 0);
	return dev;
}

/* A file of 2 MiB with that beginning. */
static int make_image(char *name, const char *head)
{
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 2 << 20), 0);
	ck_assert_int_eq(pwrite(fd, head, 4, 0), 4);
	return fd;
}

static int open_kind(const struct devkind *kind, bool continues)
{
	const struct devkind_common common = { .queue_size = 8, .continues = continues };
	struct virtdev *dev;
	int rc = kind->open(config, &common, &dev, &err);

	if (rc >= 0)
		virtdev_free(dev);
	return rc;
}

/* Stores of the guest would damage it. */
START_TEST(image_of_another_format_is_refused_for_each_key)
{
	const struct devkind *kind = devkind_get(_i);
	char raw[] = "/tmp/test-kind.XXXXXX", image[] = "/tmp/test-kind.XXXXXX", head[4];
	const struct vsu_option_value first = { .text = raw }, value = { .text = image };
	int raw_fd = make_image(raw, "\0\0\0"), fd = make_image(image, "QFI\xfb");
	unsigned int i;

	for (i = 0; i < devkind_nkeys(kind); i++) {
		if (kind->keys[i].refers != DEVKIND_REFERS_IMAGE)
			continue;
		memset(config, 0, sizeof(config));
		if (i)
			ck_assert_int_eq(devkind_set(kind, 0, "key", &first, config, NULL), 0);
		ck_assert_int_eq(devkind_set(kind, i, "key", &value, config, NULL), 0);
		ck_assert_int_lt(open_kind(kind, false), 0);
		ck_assert_msg(i || strstr(err.msg, "begins like a qcow2 image"), "%s", err.msg);
		ck_assert_int_eq(pread(fd, head, 4, 0), 4);
		ck_assert_mem_eq(head, "QFI\xfb", 4);
	}
	close(fd);
	close(raw_fd);
	unlink(image);
	unlink(raw);
}
END_TEST

static const struct devkind *(*const of_images[])(void) = { devkind_blk, devkind_pmem };

START_TEST(image_is_not_checked_on_request_or_after_a_reboot)
{
	const struct devkind *kind = of_images[_i]();
	const struct vsu_option_value raw = { .number = 1 };
	char image[] = "/tmp/test-kind.XXXXXX";
	const struct vsu_option_value value = { .text = image };
	unsigned int i = 0;

	close(make_image(image, "QFI\xfb"));
	ck_assert_int_eq(devkind_set(kind, 0, "key", &value, config, &err), 0);
	ck_assert_int_eq(open_kind(kind, false), -EINVAL);
	ck_assert_int_eq(open_kind(kind, true), 0);
	while (strcmp(kind->keys[i].option.name, "format") != 0)
		ck_assert_uint_lt(++i, devkind_nkeys(kind));
	ck_assert_int_eq(devkind_set(kind, i, "key", &raw, config, &err), 0);
	ck_assert_int_eq(open_kind(kind, false), 0);
	unlink(image);
}
END_TEST

/* A peer that provokes many lines of one device suppresses none of another's. */
START_TEST(reports_of_one_device_do_not_suppress_others)
{
	struct virtdev *loud = make_entropy(), *disk = make_disk();
	struct vsu_error what = VSU_ERROR_INIT;
	char cause[sizeof(warned.cause)];

	vsu_error_set(&what, -EPIPE, "trouble");
	virtdev_report(loud, &what);
	strcpy(cause, warned.cause);
	virtdev_report(disk, &what);
	ck_assert_str_ne(warned.cause, cause);
	ck_assert_ptr_nonnull(strstr(warned.text, "blk '/tmp/"));
	virtdev_free(loud);
	virtdev_free(disk);
}
END_TEST

static void describe_absent_socket(const void *of, struct devkind_facts *facts)
{
	(void)of;
	facts->sockets[0] = "/nowhere/at/all";
}

START_TEST(device_whose_sockets_cannot_be_shared_is_not_returned)
{
	const struct devkind_socket_access access = { .given = true, .access = { 0600, UINT32_MAX } };
	const struct devkind_common common = { .queues = 1, .queue_size = 8, .sockets = &access };
	struct devkind kind = *devkind_rng();
	struct virtdev *dev = NULL;

	kind.describe = describe_absent_socket;
	ck_assert_int_eq(devkind_make(&kind, config, &common, &dev, &err), -ENOENT);
	ck_assert_ptr_null(dev);
}
END_TEST

START_TEST(a_console_is_on_exactly_one_thing)
{
	const struct devkind_common common = { .queues = 1 };
	struct virtdev *dev;

	ck_assert_int_eq(devkind_console()->open(config, &common, &dev, &err),
			 -EINVAL);
	ck_assert_str_eq(err.msg, "a console requires one of stdio, pty, socket or fd; none is specified");
	ck_assert_int_eq(set_console(PTY, NULL), 0);
	ck_assert_int_eq(devkind_console()->open(config, &common, &dev, &err),
			 0);
	ck_assert_uint_eq(virtdev_get_info(dev)->nqueues, 2);
	virtdev_free(dev);
	ck_assert_int_eq(set_console(FD, "0"), 0);
	ck_assert_int_eq(devkind_console()->open(config, &common, &dev, &err),
			 -EINVAL);
	ck_assert_str_eq(err.msg, "a console requires one of stdio, pty, socket or fd; more than one is specified");
}
END_TEST

/* Subsets of stdio, pty, socket and fd, as bits */
static const unsigned int several[] = {
	0x3, 0x5, 0x6, 0x7, 0x9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf,
};

START_TEST(a_console_on_several_things_is_refused)
{
	const struct devkind_common common = { .queues = 1 };
	const char *const texts[] = { NULL, NULL, "/tmp/none/console", "0" };
	struct virtdev *dev;
	unsigned int way;

	for (way = 0; way < 4; way++)
		if (several[_i] & 1u << way)
			ck_assert_int_eq(set_console(way, texts[way]), 0);
	ck_assert_int_eq(devkind_console()->open(config, &common, &dev, &err), -EINVAL);
	ck_assert_msg(strstr(err.msg, "more than one is specified"), "%#x: %s", several[_i], err.msg);
}
END_TEST

START_TEST(console_describes_its_sockets_and_terminals)
{
	static const char *const ports[] = {
		"a:socket:/run/a", "b:pty", "socket:fd:0", "c:socket:/run/c",
	};
	struct devkind_facts facts;
	int i;

	ck_assert_int_eq(set_console(SOCKET, "/run/first"), 0);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(set_console(PORT, ports[i]), 0);
	facts = devkind_facts_of(devkind_console(), config);
	ck_assert_str_eq(facts.sockets[0], "/run/first");
	ck_assert_str_eq(facts.sockets[1], "/run/a");
	ck_assert_str_eq(facts.sockets[2], "/run/c");
	ck_assert_ptr_null(facts.sockets[3]);
	ck_assert_str_eq(facts.outside, "b:pty");
	ck_assert(!facts.stdio);
}
END_TEST

START_TEST(console_has_a_log)
{
	static char name[] = "/tmp/test-kind.XXXXXX", former[sizeof(name) + 2];
	const struct devkind_common common = { .queues = 1, .host = &host };
	struct virtdev *dev, *other;
	const char *text;
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	close(fd);
	snprintf(former, sizeof(former), "%s.1", name);
	ck_assert_int_eq(set_console(PTY, NULL), 0);
	ck_assert_int_eq(set_console(LOG, name), 0);
	ck_assert_int_eq(devkind_console()->open(config, &common, &dev, &err), 0);
	ck_assert_int_eq(virtdev_config_write(dev, 8, "!", 1), 0);
	ck_assert_int_eq(devkind_console()->open(config, &common, &other, &err), -EBUSY);
	text = devkind_facts_of(devkind_console(), config).names[0];
	ck_assert_str_eq(text, name);
	virtdev_free(dev);
	fd = open(name, O_RDONLY);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 1);
	close(fd);
	unlink(name);
	ck_assert_int_eq(unlink(former), 0);
}
END_TEST

START_TEST(size_of_a_log_needs_the_log)
{
	const struct devkind_common common = { .queues = 1 };
	struct virtdev *dev;

	ck_assert_int_eq(set_console(PTY, NULL), 0);
	ck_assert_int_eq(set_console(LOG_SIZE, NULL), 0);
	ck_assert_int_eq(devkind_console()->open(config, &common, &dev, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "log-size needs 'log=FILE'");
}
END_TEST

START_TEST(console_has_additional_streams)
{
	const struct devkind_common common = { .queues = 1 };
	struct virtdev *dev;
	static const char *const ports[] = {
		"a:pty", "b:pty", "c:pty", "d:pty", "e:pty", "f:pty", "g:pty",
		"ab:pty",
	};
	int i;

	ck_assert_int_eq(set_console(PTY, NULL), 0);
	for (i = 0; i < 8; i++)
		ck_assert_int_eq(set_console(PORT, ports[i]), 0);
	ck_assert_int_eq(set_console(PORT, "data:pty"), -EINVAL);
	ck_assert_str_eq(err.msg, "key: 'data:pty' exceeds the maximum of 8");
	ck_assert_int_eq(devkind_console()->open(config, &common, &dev, &err),
			 0);
	ck_assert_uint_eq(virtdev_get_info(dev)->nqueues, 20);
	virtdev_free(dev);
}
END_TEST

static const struct {
	const char *port, *sentence;
} bad_streams[] = {
	{ "pty", "port 'pty' has no name of 1 to 63 bytes before a colon" },
	{ ":pty", "port ':pty' has no name of 1 to 63 bytes before a colon" },
	{ "a:tty", "port a: 'tty' is not pty, fd:N or socket:PATH" },
	{ "a:fd:x", "port a: 'x' is not the number of a descriptor" },
	{ "a:fd:999", "port a: port on descriptors 999 and 999" },
	{ "a:socket:/nowhere/s", "/nowhere/s" },
};

START_TEST(impossible_stream_is_refused)
{
	const struct devkind_common common = { .queues = 1 };
	struct virtdev *dev;

	ck_assert_int_eq(set_console(PTY, NULL), 0);
	ck_assert_int_eq(set_console(PORT, bad_streams[_i].port), 0);
	ck_assert_int_lt(devkind_console()->open(config, &common, &dev, &err), 0);
	ck_assert_msg(strstr(err.msg, bad_streams[_i].sentence) != NULL, "%s",
		      err.msg);
}
END_TEST

START_TEST(two_ports_of_one_name_are_refused)
{
	const struct devkind_common common = { .queues = 1 };
	struct virtdev *dev;

	ck_assert_int_eq(set_console(PTY, NULL), 0);
	if (_i)
		ck_assert_int_eq(set_console(NAME, "data"), 0);
	else
		ck_assert_int_eq(set_console(PORT, "data:pty"), 0);
	ck_assert_int_eq(set_console(PORT, "other:pty"), 0);
	ck_assert_int_eq(set_console(PORT, "data:fd:0"), 0);
	ck_assert_int_eq(devkind_console()->open(config, &common, &dev, &err),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "port 'data:fd:0': another port has the name 'data'"));
}
END_TEST

START_TEST(a_missing_image_is_named)
{
	const struct vsu_option_value value = { .text = "/nowhere/disk" };
	const struct devkind_common common = { .queues = 1 };
	struct virtdev *dev;

	ck_assert_int_eq(devkind_set(devkind_blk(), 0, "key 'path'", &value,
				     config, &err), 0);
	ck_assert_int_eq(devkind_blk()->open(config, &common, &dev, &err),
			 -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nowhere/disk"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kind");
	TCase *tc = tcase_create("kind");
	const int n = (int)nkinds();

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, a_kind_is_found_by_its_name, 0, n);
	tcase_add_test(tc, a_value_becomes_an_option_of_the_daemon);
	tcase_add_loop_test(tc, a_key_is_found_by_its_name, 0, n);
	tcase_add_loop_test(tc, keys_are_different_and_fit, 0, n);
	tcase_add_loop_test(tc, each_text_says_what_it_refers_to, 0, n);
	tcase_add_loop_test(tc, each_file_has_the_argument_of_one, 0, n);
	tcase_add_loop_test(tc, required_keys_come_first,
			    0, n);
	tcase_add_test(tc, a_disk_needs_its_file_only);
	tcase_add_loop_test(tc, each_file_that_a_key_names_is_among_the_facts, 0, 9);
	tcase_add_test(tc, a_value_that_is_too_long_is_refused);
	tcase_add_test(tc, required_value_is_not_empty);
	tcase_add_test(tc, sockets_need_a_path_and_a_cid);
	tcase_add_loop_test(tc, sockets_of_the_kernel_have_a_cid_only, 0,
			    (int)(sizeof(of_the_host) / sizeof(of_the_host[0])));
	tcase_add_test(tc, rng_device_needs_no_key);
	tcase_add_loop_test(tc, image_of_another_format_is_refused_for_each_key, 0, (int)nkinds());
	tcase_add_loop_test(tc, image_is_not_checked_on_request_or_after_a_reboot, 0, 2);
	tcase_add_test(tc, reports_of_one_device_do_not_suppress_others);
	tcase_add_test(tc, device_whose_sockets_cannot_be_shared_is_not_returned);
	tcase_add_test(tc, a_console_is_on_exactly_one_thing);
	tcase_add_loop_test(tc, a_console_on_several_things_is_refused, 0,
			    sizeof(several) / sizeof(*several));
	tcase_add_test(tc, console_describes_its_sockets_and_terminals);
	tcase_add_test(tc, console_has_a_log);
	tcase_add_test(tc, size_of_a_log_needs_the_log);
	tcase_add_test(tc, console_has_additional_streams);
	tcase_add_loop_test(tc, impossible_stream_is_refused, 0,
			    (int)(sizeof(bad_streams) / sizeof(bad_streams[0])));
	tcase_add_loop_test(tc, two_ports_of_one_name_are_refused, 0, 2);
	tcase_add_test(tc, a_missing_image_is_named);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
