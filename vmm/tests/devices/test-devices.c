/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the keys of --disk and --device. */
#include <config.h>

#include "devices/devices.h"
#include "../util.h"

static struct vmm_device_spec spec;
static struct vsu_error err;

static int parse(enum vmm_device_kind kind, const char *list)
{
	const struct vmm_device_option option = { kind, list };

	vsu_error_clear(&err);
	return vmm_device_parse(&option, &spec, &err);
}

START_TEST(operand_is_a_path_as_it_stands)
{
	ck_assert_int_eq(parse(VMM_DEVICE_DISK_PATH, "a,readonly=x"), 0);
	ck_assert_str_eq(spec.path, "a,readonly=x");
	ck_assert_uint_eq(spec.id, 2);
	ck_assert(!spec.remote && !spec.read_only);
}
END_TEST

START_TEST(disk_has_its_keys)
{
	ck_assert_int_eq(parse(VMM_DEVICE_DISK, "path=a,,b,readonly,serial=S1,"
			       "queues=4,queue-size=128,engine=sync,"
			       "backend=inline"), 0);
	ck_assert_str_eq(spec.path, "a,b");
	ck_assert_str_eq(spec.serial, "S1");
	ck_assert(spec.read_only && !spec.remote);
	ck_assert_uint_eq(spec.queues, 4);
	ck_assert_uint_eq(spec.queue_size, 128);
	ck_assert_uint_eq(spec.engine, 2);
}
END_TEST

START_TEST(keyword_puts_a_disk_behind_a_socket)
{
	ck_assert_int_eq(parse(VMM_DEVICE_DISK, "backend=user:/run/s"), 0);
	ck_assert(spec.remote);
	ck_assert_str_eq(spec.socket, "/run/s");
	ck_assert_uint_eq(spec.id, 2);
}
END_TEST

START_TEST(device_has_its_keys)
{
	ck_assert_int_eq(parse(VMM_DEVICE_ANY, "id=26,backend=user:s,queues=2,"
			       "queue-size=64,config-size=44"), 0);
	ck_assert(spec.remote);
	ck_assert_uint_eq(spec.id, 26);
	ck_assert_uint_eq(spec.queues, 2);
	ck_assert_uint_eq(spec.queue_size, 64);
	ck_assert_uint_eq(spec.config_size, 44);
}
END_TEST

static const struct refusal {
	enum vmm_device_kind kind;
	const char *list;
	int code;
	const char *msg;
} refusals[] = {
	{ VMM_DEVICE_DISK, "readonly", -EINVAL,
	  "--disk 'readonly': needs 'path=FILE' or 'backend=user:SOCKET'" },
	{ VMM_DEVICE_DISK, "path=a,backend=user:s", -EINVAL,
	  "--disk 'path=a,backend=user:s': 'path' and 'backend=user:' exclude "
	  "each other" },
	{ VMM_DEVICE_DISK, "backend=user:s,readonly", -EINVAL,
	  "--disk 'backend=user:s,readonly': 'serial' and 'readonly' are the "
	  "back-end's to say" },
	{ VMM_DEVICE_DISK, "backend=user:s,engine=sync", -EINVAL,
	  "--disk 'backend=user:s,engine=sync': 'engine' is the back-end's to "
	  "choose" },
	{ VMM_DEVICE_DISK, "path=a,backend=usr:s", -EINVAL,
	  "key 'backend': 'usr:s' is neither 'inline' nor 'user:SOCKET'" },
	{ VMM_DEVICE_DISK, "backend=user:", -EINVAL,
	  "key 'backend': 'user:' is neither 'inline' nor 'user:SOCKET'" },
	{ VMM_DEVICE_DISK, "path=a,readonli", -ENOENT,
	  "--disk: unknown key 'readonli'; did you mean 'readonly'?" },
	{ VMM_DEVICE_DISK, "path=a,id=2", -ENOENT, NULL },
	{ VMM_DEVICE_DISK, "path=a,path=b", -EINVAL,
	  "--disk: key 'path' is given more than once; give it once" },
	{ VMM_DEVICE_DISK, "path=a,queues=0", -EINVAL,
	  "--disk: key 'queues': 0 is out of range; allowed is 1 to 256" },
	{ VMM_DEVICE_DISK, "path=a,engine=fast", -EINVAL,
	  "--disk: key 'engine': 'fast' is not one of auto, io_uring, "
	  "sync or mmap" },
	{ VMM_DEVICE_DISK, "path=a,serial=012345678901234567890", -EINVAL,
	  "key 'serial': '012345678901234567890' is longer than 20 "
	  "characters" },
	{ VMM_DEVICE_ANY, "backend=user:s", -EINVAL,
	  "--device 'backend=user:s': needs 'id=N', the VIRTIO device id" },
	{ VMM_DEVICE_ANY, "id=2", -EINVAL,
	  "--device 'id=2': needs 'backend=user:SOCKET'" },
	{ VMM_DEVICE_ANY, "id=2,backend=inline", -EINVAL,
	  "--device 'id=2,backend=inline': needs 'backend=user:SOCKET'" },
	{ VMM_DEVICE_ANY, "id=0,backend=user:s", -EINVAL,
	  "--device: key 'id': 0 is out of range; allowed is 1 to 63" },
	{ VMM_DEVICE_ANY, "id=2,backend=user:s,path=a", -ENOENT, NULL },
};

START_TEST(refuses_with_a_sentence)
{
	const struct refusal *r = &refusals[_i];

	ck_assert_int_eq(parse(r->kind, r->list), r->code);
	if (r->msg)
		ck_assert_str_eq(err.msg, r->msg);
	else
		ck_assert_ptr_nonnull(strstr(err.msg, "unknown key"));
}
END_TEST

START_TEST(d1_17_socket_longer_than_an_address_is_refused)
{
	char list[256] = "backend=user:";

	memset(list + 13, 's', 107);
	ck_assert_int_eq(parse(VMM_DEVICE_DISK, list), 0);
	ck_assert_uint_eq(strlen(spec.socket), 107);
	list[13 + 107] = 's';
	ck_assert_int_eq(parse(VMM_DEVICE_DISK, list), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "longer than 107 characters"));
}
END_TEST

START_TEST(missing_file_is_named)
{
	struct virtdev *dev;

	ck_assert_int_eq(parse(VMM_DEVICE_DISK_PATH, "/nowhere/disk"), 0);
	ck_assert_int_eq(vmm_device_open(&spec, NULL, &dev, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nowhere/disk"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("devices");
	TCase *tc = tcase_create("keys");

	tcase_add_test(tc, operand_is_a_path_as_it_stands);
	tcase_add_test(tc, disk_has_its_keys);
	tcase_add_test(tc, keyword_puts_a_disk_behind_a_socket);
	tcase_add_test(tc, device_has_its_keys);
	tcase_add_loop_test(tc, refuses_with_a_sentence, 0, COUNT(refusals));
	tcase_add_test(tc, d1_17_socket_longer_than_an_address_is_refused);
	tcase_add_test(tc, missing_file_is_named);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
