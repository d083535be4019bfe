/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the structs of callers of libvm-agent. */
#include <config.h>

#include <vm-agent/guest.h>
#include <vm-agent/initrd.h>
#include <vm-agent/process.h>
#include <vm-agent/request.h>
#include <vm-agent/session.h>

#include "../suite.h"
#include "../wrong_struct.h"

static struct vagent_guest *guest;
static struct vagent_session *waiting;

static void setup(void)
{
	const struct vagent_guest_config g = { .size = sizeof(g) };
	const struct vagent_session_config s = { .size = sizeof(s), .waits = true, .in = -1, .out = -1, .err = -1 };

	ck_assert_int_eq(vagent_guest_new(&guest, &g, NULL), 0);
	ck_assert_int_eq(vagent_session_new(&waiting, &s, NULL), 0);
}

static void after(void)
{
	vagent_session_free(waiting);
	vagent_guest_free(guest);
}

static int pass_guest(const void *config, struct vsu_error *err)
{
	struct vagent_guest *g;

	return vagent_guest_new(&g, config, err);
}

static int pass_container(const void *container, struct vsu_error *err)
{
	unsigned int number;

	return vagent_guest_add_container(guest, container, &number, err);
}

static int pass_process(const void *config, struct vsu_error *err)
{
	struct vagent_process *p;

	return vagent_process_prepare(guest, VAGENT_ITSELF, config, &p, err);
}

static int pass_session(const void *config, struct vsu_error *err)
{
	struct vagent_session *s;

	return vagent_session_new(&s, config, err);
}

static int pass_request(const void *config, struct vsu_error *err)
{
	return vagent_session_request(waiting, config, err);
}

static int pass_command(const void *command, struct vsu_error *err)
{
	return vagent_request_check_command(command, err);
}

static int pass_added_command(const void *command, struct vsu_error *err)
{
	struct vagent_request r = { NULL, 0, 0 };

	return vagent_request_add_command(&r, command, err);
}

static int pass_initrd(const void *initrd, struct vsu_error *err)
{
	int fd;

	return vagent_initrd_make(initrd, &fd, err);
}

#define STRUCT(name) #name, sizeof(struct name)

static const struct wrong_struct structs[] = {
	{ STRUCT(vagent_guest_config), pass_guest, STRUCT_NAMED, false },
	{ STRUCT(vagent_container), pass_container, STRUCT_NAMED, false },
	{ STRUCT(vagent_process_config), pass_process, STRUCT_NAMED, false },
	{ STRUCT(vagent_session_config), pass_session, STRUCT_NAMED, false },
	{ STRUCT(vagent_session_config), pass_request, STRUCT_NAMED, false },
	{ STRUCT(vagent_command), pass_command, STRUCT_NAMED, false },
	{ STRUCT(vagent_command), pass_added_command, STRUCT_NAMED, false },
	{ STRUCT(vagent_initrd), pass_initrd, STRUCT_NAMED, false },
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

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_loop_test(tc, struct_with_a_wrong_size_or_an_unknown_member_is_refused, 0,
			    (int)(sizeof(structs) / sizeof(structs[0])));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
