/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the structs of callers of libvhost. */
#include <config.h>

#include <sys/socket.h>

#include <vhost/backend.h>
#include <vhost/frontend.h>
#include <vhost/frontend_device.h>
#include <vhost/kernel.h>
#include <vhost/server.h>
#include <vmm-sys-util/fd.h>

#include "suite.h"
#include "wrong_struct.h"

static const struct vhost_user_frontend_ops front_ops = { .size = sizeof(front_ops) };
static const struct vhost_user_backend_config back_config = { .size = sizeof(back_config) };
static const struct vhost_user_server_config server_config = { .size = sizeof(server_config) };

/* After a failure the socket is the caller's. */
static int pass_front_ops(const void *ops, struct vsu_error *err)
{
	struct vhost_user_frontend *f;

	return vhost_user_frontend_new_take_fd(-1, NULL, ops, NULL, &f, err);
}

static int pass_front_device(const void *device, struct vsu_error *err)
{
	struct vhost_user_frontend_ops ops = front_ops;
	struct vhost_user_frontend *f;

	ops.device = device;
	return vhost_user_frontend_new_take_fd(-1, NULL, &ops, NULL, &f, err);
}

static int pass_front_config(const void *config, struct vsu_error *err)
{
	struct vhost_user_frontend *f;

	return vhost_user_frontend_new_take_fd(-1, config, &front_ops, NULL, &f, err);
}

static int pass_back_config(const void *config, struct vsu_error *err)
{
	struct vhost_user_backend *b;

	return vhost_user_backend_new_take_fd(-1, config, NULL, NULL, &b, err);
}

static int pass_back_ops(const void *ops, struct vsu_error *err)
{
	struct vhost_user_backend *b;

	return vhost_user_backend_new_take_fd(-1, &back_config, ops, NULL, &b, err);
}

static int serve(const struct vhost_user_server_config *config, const struct vhost_user_server_ops *ops,
		 struct vsu_error *err)
{
	struct vhost_user_server *s;
	int pair[2], rc;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	rc = vhost_user_server_new(pair[0], config, ops, NULL, &s, err);
	vsu_fd_close(&pair[0]);
	vsu_fd_close(&pair[1]);
	return rc;
}

static int pass_server_config(const void *config, struct vsu_error *err)
{
	return serve(config, NULL, err);
}

static int pass_server_ops(const void *ops, struct vsu_error *err)
{
	return serve(&server_config, ops, err);
}

static int pass_kernel_config(const void *config, struct vsu_error *err)
{
	struct vhost_kern *k;

	return vhost_kern_open(config, &k, err);
}

#define STRUCT(name) #name, sizeof(struct name)

static const struct wrong_struct structs[] = {
	{ STRUCT(vhost_user_frontend_ops), pass_front_ops, STRUCT_NAMED, false },
	{ STRUCT(vhost_user_frontend_device_ops), pass_front_device, STRUCT_NAMED, true },
	{ STRUCT(vhost_user_frontend_config), pass_front_config, STRUCT_NAMED, false },
	{ STRUCT(vhost_user_backend_config), pass_back_config, STRUCT_NAMED, false },
	{ STRUCT(vhost_user_backend_ops), pass_back_ops, STRUCT_NAMED, false },
	{ STRUCT(vhost_user_server_config), pass_server_config, STRUCT_NAMED, false },
	{ STRUCT(vhost_user_server_ops), pass_server_ops, STRUCT_NAMED, false },
	{ STRUCT(vhost_kern_config), pass_kernel_config, STRUCT_NAMED, false },
};

START_TEST(struct_with_a_wrong_size_or_an_unknown_member_is_refused)
{
	assert_wrong_struct_refused(&structs[_i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wrong_calls");
	TCase *tc = tcase_create("structs");

	tcase_add_loop_test(tc, struct_with_a_wrong_size_or_an_unknown_member_is_refused, 0,
			    (int)(sizeof(structs) / sizeof(structs[0])));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
