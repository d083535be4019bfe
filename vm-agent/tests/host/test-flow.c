/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the ends of a stream. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "../suite.h"
#include "host/flow.h"

static unsigned int polls;

#pragma GCC visibility push(default)
int __real_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
#pragma GCC visibility pop

/* The first call comes before the input. */
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	return polls++ ? __real_poll(fds, n, ms) : 0;
}

/* A terminal that is read for another reason stops the process in its background. */
START_TEST(input_that_arrives_after_the_look_for_it_is_left)
{
	struct vagent_priv_flow_end end = { .is_terminal = _i };
	char byte;
	int pair[2];

	ck_assert_int_eq(pipe(pair), 0);
	ck_assert_int_eq(write(pair[1], "x", 1), 1);
	end.fd = pair[0];
	polls = 0;
	ck_assert_int_eq(vagent_priv_flow_read(&end, &byte, 1), -EAGAIN);
	ck_assert_uint_eq(polls, 1);
	ck_assert_int_eq(vagent_priv_flow_read(&end, &byte, 1), 1);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flow");
	TCase *tc = tcase_create("flow");

	tcase_add_loop_test(tc, input_that_arrives_after_the_look_for_it_is_left, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
