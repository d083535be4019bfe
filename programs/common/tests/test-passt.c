/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about networks of commands: their options, and passt, which is a script of the test. */
#define _GNU_SOURCE
#include <config.h>

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <vmm-sys-util/fd.h>

#include "common/passt.h"
#include "common/tests/scripts.h"
#include "util.h"

static char folder[] = "/tmp/test-passt-XXXXXX";
static struct vmm_exec_network network;
static struct vmm_passt passt;
static struct vsu_error err;
static int listener;
static uint16_t port;	/* of the listener */

static void setup(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	char path[256];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", folder);
	setenv("PATH", path, 1);
	passt = (struct vmm_passt)VMM_PASST_INIT;
	network = (struct vmm_exec_network){ .nports = 0 };
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	port = ntohs(a.sin_port);
}

static void after(void)
{
	vmm_passt_end(&passt);
	close(listener);
	script_remove(folder, "passt");
	rmdir(folder);
}

/* ------------------------------------------------------------------- options */

static const struct {
	const char *text;
	enum vmm_exec_net kind;
	const char *tap, *address, *gateway, *resolver, *block, *mac;
} networks[] = {
	{ "passt", VMM_EXEC_NET_PASST, "", "10.0.2.15/24", "10.0.2.2", "10.0.2.3", "local", "52:54:00:12:34:56" },
	{ "passt,resolver=9.9.9.9", VMM_EXEC_NET_PASST, "", "10.0.2.15/24", "10.0.2.2", "9.9.9.9", "local", "52:54:00:12:34:56" },
	{ "passt,address=192.0.2.2/8,gateway=192.0.2.1", VMM_EXEC_NET_PASST, "", "192.0.2.2/8", "192.0.2.1", "", "local", "52:54:00:12:34:56" },
	{ "passt,block=loopback,resolver=169.254.169.253", VMM_EXEC_NET_PASST, "", "10.0.2.15/24", "10.0.2.2", "169.254.169.253", "loopback", "52:54:00:12:34:56" },
	{ "tap:t,address=169.254.1.2/30,gateway=169.254.1.1", VMM_EXEC_NET_TAP, "t", "169.254.1.2/30", "169.254.1.1", "", "loopback", "" },
	{ "tap:t,block=local", VMM_EXEC_NET_TAP, "t", "", "", "", "local", "" },
	{ "tap:tap0", VMM_EXEC_NET_TAP, "tap0", "", "", "", "loopback", "" },
	{ "tap:t,address=192.0.2.2/24,gateway=192.0.2.1,resolver=192.0.2.3", VMM_EXEC_NET_TAP, "t", "192.0.2.2/24", "192.0.2.1", "192.0.2.3", "loopback", "" },
	{ "passt,mac=02:00:00:00:00:0A", VMM_EXEC_NET_PASST, "", "10.0.2.15/24", "10.0.2.2", "10.0.2.3", "local", "02:00:00:00:00:0A" },
	{ "tap:t,mac=02:00:00:00:00:0a", VMM_EXEC_NET_TAP, "t", "", "", "", "loopback", "02:00:00:00:00:0a" },
};

START_TEST(network_has_an_address_gateway_and_resolver)
{
	ck_assert_int_eq(vmm_exec_network_parse(&network, networks[_i].text, &err), 0);
	ck_assert_int_eq(network.kind, networks[_i].kind);
	ck_assert_str_eq(network.tap, networks[_i].tap);
	ck_assert_str_eq(network.address, networks[_i].address);
	ck_assert_str_eq(network.gateway, networks[_i].gateway);
	ck_assert_str_eq(network.resolver, networks[_i].resolver);
	ck_assert_str_eq(network.block, networks[_i].block);
	ck_assert_str_eq(network.mac, networks[_i].mac);
}
END_TEST

static const char *const invalid_networks[] = {
	"", "pass", "passt0", "tap", "tap:", "tap:0123456789abcdef", "passt,address=192.0.2.2",
	"passt,address=192.0.2.2/24", "passt,address=192.0.2.2/33", "tap:t,address=192.0.2.2/0",
	"tap:t,address=fd00::1/64", "tap:t,gateway=192.0.2", "tap:t,resolver=host", "tap:t,mtu=9",
	"tap:t,gateway=192.0.2.1", "passt,gateway=192.0.2.1", "passt,block=none", "passt,block",
	"passt,mac=02:00:00:00:00", "passt,mac=02:00:00:00:00:0g", "tap:t,mac=02-00-00-00-00-00", "passt,mac=02:00:00:00:00:00:",
	"passt,resolver=127.0.0.53", "tap:t,address=127.0.0.2/8", "passt,address=192.0.2.2/24,gateway=0.0.0.0",
	"passt,resolver=169.254.169.253", "tap:t,address=169.254.1.2/30,block=local",
};

START_TEST(invalid_network_is_refused)
{
	ck_assert_int_lt(vmm_exec_network_parse(&network, invalid_networks[_i], &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "--net"));
}
END_TEST

static const struct {
	const char *text;
	struct vmm_exec_port port;
} published[] = {
	{ "8080:80", { "", 8080, 80, false } }, { "1:65535/tcp", { "", 1, 65535, false } },
	{ "127.0.0.1:53:5353/udp", { "127.0.0.1", 53, 5353, true } },
	{ "[::1]:8080:80", { "::1", 8080, 80, false } },
};

START_TEST(published_port_has_an_address_and_a_protocol)
{
	const struct vmm_exec_port *p = &network.ports[0], *wanted = &published[_i].port;

	ck_assert_int_eq(vmm_exec_network_publish(&network, published[_i].text, &err), 0);
	ck_assert_uint_eq(network.nports, 1);
	ck_assert_str_eq(p->address, wanted->address);
	ck_assert_uint_eq(p->host, wanted->host);
	ck_assert_uint_eq(p->guest, wanted->guest);
	ck_assert_int_eq(p->udp, wanted->udp);
}
END_TEST

static const char *const invalid_ports[] = {
	"", "80", ":80", "80:", "0:80", "80:0", "65536:80", "80:65536", "80:80/sctp", "80:80/", "x:80:80",
	"[127.0.0.1]:80:80", "::1:80:80", "80-90:80-90", "127.0.0.1/80:80", "-1:80",
};

START_TEST(invalid_port_is_refused)
{
	ck_assert_int_eq(vmm_exec_network_publish(&network, invalid_ports[_i], &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "option --publish '"));
	ck_assert_uint_eq(network.nports, 0);
}
END_TEST

START_TEST(published_ports_have_a_maximum_and_require_passt)
{
	int i;

	for (i = 0; i < VMM_EXEC_MAX_PORTS; i++)
		ck_assert_int_eq(vmm_exec_network_publish(&network, "80:80", &err), 0);
	ck_assert_int_eq(vmm_exec_network_publish(&network, "80:80", &err), -E2BIG);
	ck_assert_int_eq(vmm_exec_network_check(&network, &err), -EINVAL);
	network.kind = VMM_EXEC_NET_TAP;
	ck_assert_int_eq(vmm_exec_network_check(&network, &err), -EINVAL);
	network.kind = VMM_EXEC_NET_PASST;
	ck_assert_int_eq(vmm_exec_network_check(&network, &err), 0);
}
END_TEST

/* -------------------------------------------------------------------- program */

static int start(const char *text, const char *lines)
{
	if (lines)
		script_write(folder, "passt", lines);
	ck_assert_int_eq(vmm_exec_network_parse(&network, text, &err), 0);
	return vmm_passt_start(&passt, &network, &err);
}

/* Reads the question, sends a frame that is no answer, and an answer. */
#define ANSWER \
	"head -c 46 <&$fd >/dev/null; printf '\\0\\0\\0\\1x' >&$fd\n" \
	"printf '\\0\\0\\0\\16............\\10\\6' >&$fd\nexec cat <&$fd"

static const char *words(void)
{
	return script_words(folder, "passt");
}

START_TEST(passt_has_a_network_of_its_own_and_ports)
{
	ck_assert_int_eq(vmm_exec_network_publish(&network, "127.0.0.2:18099:80", &err), 0);
	ck_assert_msg(!start("passt", ANSWER), "%s", err.msg);
	ck_assert_ptr_nonnull(strstr(words(), "--foreground\n--quiet\n--no-map-gw\n--fd\n"));
	ck_assert_ptr_nonnull(strstr(words(), "--address\n10.0.2.15\n--netmask\n24\n--gateway\n10.0.2.2\n--dns-forward\n10.0.2.3\n--tcp-ports\n127.0.0.2/18099:80\n"));
}
END_TEST

START_TEST(passt_has_only_what_is_configured)
{
	ck_assert_msg(!start("passt,address=192.0.2.2/8,gateway=192.0.2.1", ANSWER), "%s", err.msg);
	ck_assert_ptr_nonnull(strstr(words(), "--address\n192.0.2.2\n--netmask\n8\n--gateway\n192.0.2.1\n"));
	ck_assert_ptr_null(strstr(words(), "--dns-forward"));
	ck_assert_ptr_null(strstr(words(), "-ports"));
}
END_TEST

/* The status of passt, which is not killed before. */
static int end_passt(bool kills)
{
	struct prog_leash leash = passt.leash;
	int status;

	passt.leash.fd = -1;
	vmm_passt_end(&passt);
	ck_assert(kills ? prog_leash_end(&leash, &status) : prog_leash_await(&leash, 30000, &status));
	vsu_fd_close(&leash.fd);
	return status;
}

START_TEST(passt_ends_with_its_card)
{
	ck_assert_msg(!start("passt", ANSWER), "%s", err.msg);
	ck_assert(WIFEXITED(end_passt(false)));
}
END_TEST

/* A stopped process does not read the end of its socket. */
START_TEST(stopped_passt_is_killed)
{
	int status;

	ck_assert_msg(!start("passt", ANSWER), "%s", err.msg);
	kill(passt.leash.pid, SIGSTOP);
	status = end_passt(true);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

static const struct {
	const char *lines;
	int rc;
	const char *why;
} failures[] = {
	{ NULL, -ENOPKG, "--net=passt: passt: No such file or directory; install the package passt" },
	{ "echo first; echo last >&2; exit 1", -EREMOTEIO, "--net=passt: passt ended: last" },
	{ "printf '\\377\\377\\377\\377' >&$fd; exec cat <&$fd", -EREMOTEIO, "--net=passt: passt does not answer" },
};

START_TEST(failure_of_passt_has_a_sentence)
{
	if (!failures[_i].lines)
		setenv("PATH", folder, 1);
	ck_assert_int_eq(start("passt", failures[_i].lines), failures[_i].rc);
	ck_assert_ptr_nonnull(strstr(err.msg, failures[_i].why));
}
END_TEST

START_TEST(port_in_use_is_refused_before_passt_is_started)
{
	char text[64];

	snprintf(text, sizeof(text), "127.0.0.1:%u:80", port);
	ck_assert_int_eq(vmm_exec_network_publish(&network, text, &err), 0);
	ck_assert_int_eq(start("passt", NULL), -EADDRINUSE);
	snprintf(text, sizeof(text), "option --publish: port %u of the host", port);
	ck_assert_ptr_nonnull(strstr(err.msg, text));
	ck_assert_int_eq(passt.fd, -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("passt");
	TCase *tcase = tcase_create("passt");

	tcase_add_checked_fixture(tcase, setup, after);
	tcase_add_loop_test(tcase, network_has_an_address_gateway_and_resolver, 0, COUNT(networks));
	tcase_add_loop_test(tcase, invalid_network_is_refused, 0, COUNT(invalid_networks));
	tcase_add_loop_test(tcase, published_port_has_an_address_and_a_protocol, 0, COUNT(published));
	tcase_add_loop_test(tcase, invalid_port_is_refused, 0, COUNT(invalid_ports));
	tcase_add_test(tcase, published_ports_have_a_maximum_and_require_passt);
	tcase_add_test(tcase, passt_has_a_network_of_its_own_and_ports);
	tcase_add_test(tcase, passt_has_only_what_is_configured);
	tcase_add_test(tcase, passt_ends_with_its_card);
	tcase_add_test(tcase, stopped_passt_is_killed);
	tcase_add_loop_test(tcase, failure_of_passt_has_a_sentence, 0, COUNT(failures));
	tcase_add_test(tcase, port_in_use_is_refused_before_passt_is_started);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
