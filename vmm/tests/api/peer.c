/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The destination of a machine that migrates. */
#define _GNU_SOURCE
#include <config.h>

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vm-memory/userfault.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../machine/fake_kvm.h"
#include "peer.h"

struct one one;
struct peer peer;

void peer_setup(void)
{
	int pair[2];

	owner_setup();
	ck_assert_int_eq(chdir(folder), 0);
	fake_kvm_init();
	fake.has_msi = true;
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	peer.sock = pair[0];
	vmm_stream_init(&peer.stream);
	peer.stream.fd = pair[1];
	peer.nbytes = 0;
}

void peer_teardown(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	owner_teardown();
}

void peer_close(void)
{
	vsu_fd_close(&peer.sock);
	vmm_stream_close(&peer.stream);
}

void peer_reply(const char *const *names)
{
	for (; *names; names++) {
		vmm_stream_begin(&peer.stream, *names);
		if (!strcmp(*names, "postcopy"))
			vsu_state_put_u64(&peer.stream.w, 4096);
		ck_assert_int_eq(vmm_stream_send(&peer.stream, NULL), 0);
	}
}

void peer_migrate(bool postcopy)
{
	const struct cvmm_migration g = { .size = sizeof(g), .sock = peer.sock, .postcopy = postcopy };

	start(&one);
	OK(cvmm_machine_migrate(one.m, &g, on_answer, &one, &err));
}

static bool was_sent(const char *name)
{
	char padded[VSU_STATE_NAME] = "";

	memcpy(padded, name, strlen(name));
	return memmem(peer.bytes, peer.nbytes, padded, sizeof(padded)) != NULL;
}

/* Whether something was there. */
static bool receive(void)
{
	const size_t room = PEER_BYTES - peer.nbytes < 4096 ? PEER_BYTES - peer.nbytes : 4096;
	const ssize_t n = recv(peer.stream.fd, peer.bytes + peer.nbytes, room, MSG_DONTWAIT);

	peer.nbytes += n > 0 ? (size_t)n : 0;
	return n > 0;
}

static void read_some(void)
{
	struct pollfd ready[] = { { .fd = cvmm_machine_fd(one.m), .events = POLLIN },
				  { .fd = peer.stream.fd, .events = POLLIN } };

	ck_assert_int_gt(poll(ready, 2, -1), 0);
	cvmm_machine_dispatch(one.m);
	receive();
}

void peer_read_until(const char *name)
{
	while (!was_sent(name)) {
		ck_assert_msg(!one.answered, "%s", one.why.msg);
		read_some();
	}
}

void peer_record(bool postcopy)
{
	if (postcopy)
		REPLY("postcopy");
	REPLY("ready", "loaded", "running");
	if (postcopy)
		REPLY("complete");
	peer_migrate(postcopy);
	while (!one.answered)
		read_some();
	while (receive())
		;
	ck_assert_msg(!one.why.code, "%s", one.why.msg);
	cvmm_machine_free(one.m);
	peer_close();
}

bool peer_has_userfault(void)
{
	int fd = vmem_userfault_open(NULL);
	const bool has = fd >= 0;

	vsu_fd_close(&fd);
	return has;
}
