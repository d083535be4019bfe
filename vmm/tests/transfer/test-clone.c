/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about resources that a clone must not share with the saved machine. */
#include <config.h>

#include <fcntl.h>

#include "transfer/clone.h"
#include "../util.h"

static struct vmm_device_spec of_clone, original;
static struct vsu_error err;
static char folder[] = "/tmp/test-clone.XXXXXX";

static void setup(void)
{
	int fd;

	memset(&of_clone, 0, sizeof(of_clone));
	memset(&original, 0, sizeof(original));
	vsu_error_clear(&err);
	strcpy(folder, "/tmp/test-clone.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	close(open("disk", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(link("disk", "same"), 0);
	fd = open("disk", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(dup3(fd, 100, O_CLOEXEC), 100);
	close(fd);
}

static void teardown(void)
{
	close(100);
	unlink("disk");
	unlink("same");
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void parse(const char *list, struct vmm_device_spec *spec)
{
	const struct vmm_device_option option = { VMM_DEVICE_ANY, list };

	ck_assert_msg(!vmm_device_option_parse(&option, NULL, spec, &err), "%s", err.msg);
}

static const struct {
	const char *clone, *original;
	const char *shares;	/* NULL: nothing */
	const char *remedy;
} pairs[] = {
	{ "rng", "rng", NULL, NULL },
	{ "blk,path=disk", "blk,path=disk", "disk", "--disk, or add readonly or an overlay" },
	{ "blk,path=same", "blk,path=disk", "same", "--disk, or add readonly or an overlay" },
	{ "blk,path=disk,backend=spawn", "blk,path=disk", "disk", "--disk, or add readonly or an overlay" },
	{ "blk,path=fd:100", "blk,path=disk", "fd:100", "--disk, or add readonly or an overlay" },
	{ "blk,path=fd:100:new", "blk,path=same,overlay=top", "new", "--disk, or add readonly or an overlay" },
	{ "pmem,path=fd:100:new", "pmem,path=fd:100:same", "new", "--pmem, or add readonly" },
	{ "blk,path=disk", "blk,path=fd:100", NULL, NULL },	/* of another process */
	{ "blk,path=fd:100,readonly", "blk,path=disk", NULL, NULL },
	{ "fs,path=.,tag=t", "fs,path=.,tag=t", ".", "--fs, or add readonly" },
	{ "fs,path=.,tag=t,readonly", "fs,path=.,tag=t", NULL, NULL },
	{ "pmem,path=disk", "pmem,path=disk", "disk", "--pmem, or add readonly" },
	{ "blk,path=disk,readonly=on", "blk,path=disk", NULL, NULL },
	{ "blk,path=other", "blk,path=disk", NULL, NULL },
	{ "blk,path=same", "blk,path=disk,overlay=top", "same", "--disk, or add readonly or an overlay" },
	{ "blk,path=other,overlay=disk", "blk,path=disk,overlay=top", "disk", "--disk, or add readonly or an overlay" },
	{ "blk,path=disk,overlay=new", "blk,path=disk,overlay=top", NULL, NULL },
	{ "blk,path=disk,overlay=top", "blk,path=disk,overlay=top", "top", "--disk, or add readonly or an overlay" },
	{ "blk,path=disk,readonly", "blk,path=disk,overlay=top", NULL, NULL },
	{ "blk,path=disk", "blk,path=disk,snapshot", "disk", "--disk, or add readonly or an overlay" },
	{ "console,socket=a", "console,socket=a", "a", "--console" },
	{ "console,socket=a", "console,socket=b", NULL, NULL },
	{ "console,socket=b,port=x:socket:a", "console,socket=a", "a", "--console" },
	{ "console,socket=a", "console,socket=b,port=x:socket:c,port=y:socket:a", "a",
	  "--console" },
	{ "console,socket=a,port=x:socket:b", "console,socket=c,port=x:socket:d", NULL, NULL },
	{ "net,tap=a", "net,tap=a", "a", "--net" }, { "net,tap=a", "net,tap=b", NULL, NULL },
	{ "blk,backend=user:a", "blk,backend=user:a", "a", "--disk" },
	{ "blk,backend=user:a", "blk,backend=user:b", NULL, NULL },
	{ "blk,backend=user:disk", "blk,path=disk", NULL, NULL },
};

START_TEST(shared_resource_is_refused_by_name)
{
	char message[160];

	parse(pairs[_i].clone, &of_clone);
	parse(pairs[_i].original, &original);
	if (!pairs[_i].shares) {
		ck_assert_msg(!vmm_device_check_clone(&of_clone, &original, &err), "%s", err.msg);
		return;
	}
	snprintf(message, sizeof(message), "'%s' belongs to the saved machine; specify another with %s",
		 pairs[_i].shares, pairs[_i].remedy);
	ck_assert_int_eq(vmm_device_check_clone(&of_clone, &original, &err), -EBUSY);
	ck_assert_str_eq(err.msg, message);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("clone");
	TCase *tc = tcase_create("clone");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, shared_resource_is_refused_by_name, 0, COUNT(pairs));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
