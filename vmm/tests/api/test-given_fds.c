/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about descriptors that the list of a device names. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "../util.h"
#include "api/given_fds.h"

static const int fds[] = { 70, 81 };

static const struct {
	const char *properties;
	unsigned int n;
	const char *list;	/* NULL: it is refused */
	int code;
	const char *why;
} rows[] = {
	{ "blk,path=fd:1:/a,,b,serial=x", 2, NULL, -EINVAL, "descriptor 0 of the message is not used; name it as fd:0, or do not send it" },
	{ "blk,path=fd:1:/a,,b,serial=x,overlay=fd:0", 2, "disk,path=fd:81:/a,,b,serial=x,overlay=fd:70", 0, NULL },
	{ "net,fd=0,mtu=100", 1, "net,fd=70,mtu=100", 0, NULL },
	{ "net,net-fd=0,backend=spawn", 1, "net,backend=spawn,fd=70", 0, NULL },
	{ "console,port=log:fd:0,fd=1", 2, "console,fd=81,port=log:fd:70", 0, NULL },
	{ "blk,a,,fd:7,serial=fd:9", 0, "disk,path=a,,fd:7,serial=fd:9", 0, NULL },
	{ "blk,backend=user:fd:0:a", 1, "disk,backend=user:fd:70:a", 0, NULL },
	{ "id=26,backend=user:fd:0", 1, "backend=user:fd:70,id=26", 0, NULL },
	{ "blk,fd:1", 1, NULL, -EBADF, "'path=fd:1': 1 descriptors were sent with the command; attach this one to it, or name a file" },
	{ "blk,path=fd:x", 1, NULL, -EINVAL, "'path=fd:x' is not a descriptor of the message, such as fd:0" },
	{ "net,fd=1", 1, NULL, -EBADF, "'fd=1': 1 descriptors were sent with the command; attach this one to it, or name a file" },
	{ "rng", 1, NULL, -EINVAL, "descriptor 0 of the message is not used; name it as fd:0, or do not send it" },
};

START_TEST(indexes_become_numbers_where_a_key_refers_to_a_descriptor)
{
	const struct vmm_device_option option = { VMM_DEVICE_ANY, rows[_i].properties };
	struct vmm_device_spec *spec = malloc(sizeof(*spec));
	struct cvmm_given_fds given = { .fds = fds, .n = rows[_i].n };
	const struct vmm_device_fds passed = cvmm_priv_given_fds(&given);
	struct vsu_error err = VSU_ERROR_INIT;
	char *list;
	int rc = vmm_device_option_parse(&option, &passed, spec, &err);

	ck_assert_msg(rc == rows[_i].code, "%d: %s", rc, err.msg);
	if (rc < 0) {
		ck_assert_str_eq(err.msg, rows[_i].why);
	} else {
		ck_assert_int_eq(vmm_device_option_write(spec, VMM_DEVICE_ANY, false, &list, &err), 0);
		ck_assert_str_eq(list, rows[_i].list);
		free(list);
	}
	free(spec);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("given_fds");
	TCase *tc = tcase_create("given_fds");

	tcase_add_loop_test(tc, indexes_become_numbers_where_a_key_refers_to_a_descriptor, 0, COUNT(rows));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
