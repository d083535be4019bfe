/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about devices that are written as the list of an option: the reader gets the same values. */
#include <config.h>

#include <errno.h>

#include "config/device_rows.h"
#include "written.h"

enum server { INLINE, SPAWN, KERNEL, SERVERS };

static char commas[3001], longest[64];

/* Values that a writer could confuse with the syntax of a list, or with another back-end. */
static const char *const texts[] = {
	"a", ",", ",,", "a,b", "a,,b,", "=", "k=v,readonly=on", ",backend=spawn", "backend=user:s",
	"\"q\" 'r' \\", " two  spaces ", "fd:7", "fd:7:n,ame", "./fd:7", "name:fd:7", "/a/b:c,d",
	"\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e", "\n\t\x7f", "", "-", "saved", "none", commas,
	longest,
};

static struct vmm_device_spec typed, read_once;
static struct vsu_error err;
static bool lacks_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return lacks_memory ? NULL : __real_malloc(size);
}

static uint64_t number_for(const struct vsu_option *o, unsigned int n)
{
	unsigned int choices = 0;

	switch (o->kind) {
	case VSU_OPTION_FLAG:
		return 1;
	case VSU_OPTION_CHOICE:
		while (o->choices[choices])
			choices++;
		return n % choices;
	default:
		return n % 3 == 0 ? o->min + !o->min : n % 3 == 1 && o->max ? o->max :
		       o->max ? (o->min + o->max) / 2 : n % 3 == 1 ? UINT64_MAX : 12345678901;
	}
}

/* The value number n for the key; false: the key refuses it. */
static bool set(struct vmm_device_spec *spec, unsigned int key, unsigned int n)
{
	const struct devkind_key *k = &spec->kind->keys[key];
	struct vsu_option_value value = { texts[n % COUNT(texts)], number_for(&k->option, n) };

	memset(longest, 'x', sizeof(longest) - 1);
	if (value.text == longest && k->max_len && k->max_len < sizeof(longest))
		value.text += sizeof(longest) - 1 - k->max_len;
	return !devkind_set(spec->kind, key, "key", &value, spec->config, NULL);
}

/* A device whose required keys have values. */
static void begin(const struct devkind *kind, enum server server)
{
	unsigned int i;

	memset(commas, ',', sizeof(commas) - 1);
	memset(&typed, 0, sizeof(typed));
	typed.kind = kind;
	typed.id = kind->id;
	typed.spawned = server == SPAWN;
	typed.kernel = server == KERNEL;
	for (i = 0; kind->keys[i].option.name; i++)
		if (kind->keys[i].required && server != KERNEL)
			ck_assert(set(&typed, i, 0));
}

/* Reads what is written of typed; false: the reader refuses it. */
static bool reads(void)
{
	struct vmm_device_option option = { VMM_DEVICE_ANY, NULL };
	char *list;
	int rc;

	ck_assert_int_eq(vmm_device_option_write(&typed, VMM_DEVICE_ANY, false, &list, &err), 0);
	option.list = list;
	rc = vmm_device_option_parse(&option, NULL, &read_once, &err);
	free(list);
	return !rc;
}

static bool survives(const struct devkind *kind, enum server server, unsigned int key,
		     unsigned int n)
{
	struct vsu_option_value value;

	begin(kind, server);
	if (!set(&typed, key, n) || !devkind_get_value(kind, key, 0, typed.config, &value) || !reads())
		return false;
	ck_same_key(kind, key, &typed, &read_once);
	ck_reads_back(&read_once, VMM_DEVICE_ANY);
	return true;
}

START_TEST(every_value_of_every_key_is_read_as_it_was)
{
	const struct devkind *kind = devkind_get(_i);
	unsigned int key, n, accepted;
	int server;

	for (key = 0; kind->keys[key].option.name; key++) {
		accepted = 0;
		for (n = 0; n < COUNT(texts); n++)
			for (server = INLINE; server < SERVERS; server++)
				accepted += survives(kind, (enum server)server, key, n);
		/* only limits of length refuse a text, and an own device may refuse a key */
		ck_assert_msg(accepted >= COUNT(texts) / 2, "%s: %s: %u", kind->name,
			      kind->keys[key].option.name, accepted);
	}
}
END_TEST

START_TEST(all_keys_together_are_read_as_they_were)
{
	const struct devkind *kind = devkind_get(_i);
	unsigned int key, n;

	for (n = 0; n < COUNT(texts); n++) {
		/* only the daemon has all keys of a folder */
		begin(kind, kind == devkind_fs() ? SPAWN : INLINE);
		typed.queues = n % 2 ? kind->max_queues : 1;
		typed.queue_size = n % 2 ? 32768 : kind->min_queue_size;
		for (key = 0; kind->keys[key].option.name; key++)
			if (texts[n] != commas)
				set(&typed, key, kind->keys[key].required ? 0 : n);
		ck_assert_msg(reads(), "%s", err.msg);
		for (key = 0; kind->keys[key].option.name; key++)
			ck_same_key(kind, key, &typed, &read_once);
		ck_assert_uint_eq(read_once.queues, typed.queues);
		ck_assert_uint_eq(read_once.queue_size, typed.queue_size);
		ck_reads_back(&read_once, VMM_DEVICE_ANY);
	}
}
END_TEST

START_TEST(repeated_keys_keep_their_order)
{
	const struct devkind *kind = devkind_get(_i);
	unsigned int key, n;

	for (key = 0; kind->keys[key].option.name; key++) {
		begin(kind, INLINE);
		for (n = 0; n < kind->keys[key].max_times; n++)
			ck_assert(set(&typed, key, n));
		if (!n)
			continue;
		ck_assert_msg(reads(), "%s", err.msg);
		ck_same_key(kind, key, &typed, &read_once);
		ck_reads_back(&read_once, VMM_DEVICE_ANY);
	}
}
END_TEST

/* Keys of devices that another process serves, by their tables. */
static bool key_survives(const struct vmm_spec_key *key, uint32_t id, unsigned int n)
{
	const struct vsu_option_value value = { NULL, number_for(&key->option, n) };
	struct vsu_option_value before, after;

	memset(&typed, 0, sizeof(typed));
	typed.id = id;
	typed.remote = true;
	snprintf(typed.socket, sizeof(typed.socket), "%s", texts[n]);
	if (!vsu_place_store(&key->place, &typed, &value) || !reads())
		return false;
	ck_assert(vsu_place_load(&key->place, &typed, &before));
	ck_assert(vsu_place_load(&key->place, &read_once, &after));
	ck_assert_uint_eq(before.number, after.number);
	ck_assert_str_eq(typed.socket, read_once.socket);
	ck_reads_back(&read_once, VMM_DEVICE_ANY);
	return true;
}

START_TEST(keys_of_a_back_end_are_read_as_they_were)
{
	unsigned int i, n, accepted = 0;

	for (n = 0; n < COUNT(texts); n++) {
		for (i = 0; i < VMM_KEYS_ANY; i++)
			accepted += key_survives(&vmm_any_keys[i], 1 + n, n);
		for (i = 0; i < VMM_KEYS_COMMON; i++)
			accepted += key_survives(&vmm_common_keys[i], 63 - n, n);
	}
	ck_assert_uint_ge(accepted, COUNT(texts) * 8);
}
END_TEST

static const struct {
	enum vmm_device_how how;
	const char *list, *written;
	bool names;
} lists[] = {
	{ VMM_DEVICE_ANY, "none", "none", false },
	{ VMM_DEVICE_ANY, "own:a.b-c_d", "own:a.b-c_d", false },
	{ VMM_DEVICE_ANY, "blk,a,,b", "disk,path=a,,b", false },
	{ VMM_DEVICE_DISK_PATH, "a,b", "path=a,,b", false },
	{ VMM_DEVICE_RNG, "", "", false },
	{ VMM_DEVICE_ANY, "rng", "rng", false },
	{ VMM_DEVICE_BALLOON, "deflate-on-oom,size=1M", "size=1048576,deflate-on-oom=on", false },
	{ VMM_DEVICE_ANY, "fs,backend=user:s,tag=t", "backend=user:s,id=26,config-size=44,tag=t", false },
	{ VMM_DEVICE_FS, "backend=user:s,tag=t", "backend=user:s,config-size=44,tag=t", false },
	{ VMM_DEVICE_DISK, "backend=user:s,reconnect=1s", "backend=user:s,reconnect=1000ms", false },
	{ VMM_DEVICE_DISK, "a,backend=spawn", "backend=spawn,path=a,reconnect=100ms", false },
	{ VMM_DEVICE_NET, "socket=s,reconnect=1s,backend=spawn",
	  "backend=spawn,socket=s,reconnect=1000ms", false },
	{ VMM_DEVICE_NET, "tap=t,backend=kernel,queues=2", "backend=kernel,tap=t,queues=2", false },
	{ VMM_DEVICE_DISK, "fd:17:/a,,b,serial=fd:1:x,overlay=fd:18:c",
	  "path=/a,,b,serial=fd:1:x,overlay=c", true },
	{ VMM_DEVICE_DISK, "fd:17:/a", "path=fd:17:/a", false },
	{ VMM_DEVICE_DISK, "fd:17", "path=fd:17", true },
	{ VMM_DEVICE_NET, "fd=7", "fd=7", true },
};

START_TEST(writes_the_keys_in_the_order_of_their_table)
{
	const struct vmm_device_option option = { lists[_i].how, lists[_i].list };
	char *list;

	ck_assert_int_eq(vmm_device_option_parse(&option, NULL, &typed, NULL), 0);
	ck_assert_int_eq(vmm_device_option_write(&typed, option.how, lists[_i].names, &list, NULL), 0);
	ck_assert_str_eq(list, lists[_i].written);
	free(list);
	ck_reads_back(&typed, option.how);
}
END_TEST

START_TEST(list_that_the_reader_would_refuse_is_not_written)
{
	static char path[4001];
	const struct vmm_device_option option = { VMM_DEVICE_DISK_PATH, path };
	char *list = NULL;

	memset(path, ',', sizeof(path) - 1);
	ck_assert_int_eq(vmm_device_option_parse(&option, NULL, &typed, NULL), 0);
	ck_assert_int_eq(vmm_device_option_write(&typed, VMM_DEVICE_DISK, false, &list, &err), -E2BIG);
	ck_assert_str_eq(err.msg, "the properties of the device have 8005 characters, at most 6143 fit");
	ck_assert_ptr_null(list);
}
END_TEST

/* The path takes all but the last character, and one more. */
START_TEST(list_fits_up_to_its_last_character)
{
	const size_t longest_path = VMM_DEVICE_TEXT_MAX - 1 - strlen("path=") - 2 * 2100;
	static char path[VMM_DEVICE_TEXT_MAX];
	const struct vmm_device_option option = { VMM_DEVICE_DISK_PATH, path };
	char *list = NULL;

	memset(path, 'x', longest_path + 2100);
	memset(path, ',', 2100);
	ck_assert_int_eq(vmm_device_option_parse(&option, NULL, &typed, NULL), 0);
	ck_assert_int_eq(vmm_device_option_write(&typed, VMM_DEVICE_DISK, false, &list, NULL), 0);
	ck_assert_uint_eq(strlen(list), VMM_DEVICE_TEXT_MAX - 1);
	free(list);
	path[longest_path + 2100] = 'x';
	ck_assert_int_eq(vmm_device_option_parse(&option, NULL, &typed, NULL), 0);
	ck_assert_int_eq(vmm_device_option_write(&typed, VMM_DEVICE_DISK, false, &list, &err), -E2BIG);
	ck_assert_ptr_nonnull(strstr(err.msg, " have 6144 characters, at most 6143 fit"));
}
END_TEST

START_TEST(list_without_memory_is_not_written)
{
	char *list = NULL;
	int rc;

	begin(devkind_get(0), INLINE);
	lacks_memory = true;
	rc = vmm_device_option_write(&typed, VMM_DEVICE_ANY, false, &list, &err);
	lacks_memory = false;
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_str_eq(err.msg, "no memory for the properties of a device");
	ck_assert_ptr_null(list);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("device_option_write");
	TCase *tc = tcase_create("lists");
	int n = 0;

	while (devkind_get(n))
		n++;
	tcase_add_loop_test(tc, every_value_of_every_key_is_read_as_it_was, 0, n);
	tcase_add_loop_test(tc, all_keys_together_are_read_as_they_were, 0, n);
	tcase_add_loop_test(tc, repeated_keys_keep_their_order, 0, n);
	tcase_add_test(tc, keys_of_a_back_end_are_read_as_they_were);
	tcase_add_loop_test(tc, writes_the_keys_in_the_order_of_their_table, 0, COUNT(lists));
	tcase_add_test(tc, list_that_the_reader_would_refuse_is_not_written);
	tcase_add_test(tc, list_fits_up_to_its_last_character);
	tcase_add_test(tc, list_without_memory_is_not_written);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
