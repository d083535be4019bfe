/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Lines that a user says and hears, whoever serves them. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/sock.h>

#include "user.h"

static int usual = -1;
char said[8192];

int user_connect(void)
{
	return rig.user->connect();
}

void user_sends(int user, const char *line)
{
	ck_assert_int_eq(write(user, line, strlen(line)), (ssize_t)strlen(line));
}

/* The signal that stops CPUs may interrupt it. */
const char *user_hears(int user)
{
	size_t n = 0;
	ssize_t got;

	do {
		ck_assert_uint_lt(n, sizeof(said) - 1);
		do {
			got = read(user, said + n, 1);
		} while (got < 0 && errno == EINTR);
		ck_assert_int_eq(got, 1);
	} while (said[n++] != '\n');
	said[n] = '\0';
	return said;
}

const char *user_says(const char *line)
{
	return user_passes(line, NULL, 0);
}

const char *user_passes(const char *line, const int *fds, unsigned int n)
{
	const struct iovec iov = { (void *)(uintptr_t)line, strlen(line) };

	if (usual < 0)
		usual = user_connect();
	ck_assert_int_eq(vsu_sock_send(usual, &iov, 1, fds, n), (ssize_t)iov.iov_len);
	return user_hears(usual);
}

void user_leaves(void)
{
	if (usual >= 0)
		close(usual);
	usual = -1;
}

void assert_told(const char *line, const char *answer)
{
	ck_assert_str_eq(user_says(line), answer);
}

void assert_refusal(const char *line, const char *why)
{
	user_says(line);
	ck_assert_msg(strstr(said, "\"ok\":false") && strstr(said, why), "%s: %s", line, said);
}

bool has_device(unsigned int number)
{
	char want[32];

	snprintf(want, sizeof(want), "{\"device\":%u,", number);
	return strstr(user_says("status\n"), want);
}

void wait_for_status(const char *words)
{
	while (!strstr(user_says("status\n"), words))
		;
}

/* Dispatches the machine between the replies. */
void wait_until_gone(unsigned int number)
{
	while (has_device(number))
		;
}
