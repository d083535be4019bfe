/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about --net=passt and --publish of a machine; passt is a script of the test. */
#define _GNU_SOURCE
#include <config.h>

#include <sys/wait.h>

#include "common/user_network.h"
#include "common/tests/scripts.h"
#include "util.h"

/* Reads the question, and answers it. */
#define ANSWER "head -c 46 <&$fd >/dev/null; printf '\\0\\0\\0\\16............\\10\\6' >&$fd\nexec cat <&$fd"
#define CARD ",mac=52:54:00:12:34:56,mtu=65520,block=local"

static char folder[] = "/tmp/test-user-network-XXXXXX";
static struct vmm_run_line l;
static struct vmm_user_network network;
static struct vsu_error err;
static char joined[1024];

static void setup(void)
{
	char path[256];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", folder);
	setenv("PATH", path, 1);
	script_write(folder, "passt", ANSWER);
	network = (struct vmm_user_network)VMM_USER_NETWORK_INIT;
	vsu_error_clear(&err);
}

static void after(void)
{
	vmm_user_network_end(&network);
	vmm_run_line_free(&l);
	script_remove(folder, "passt");
	rmdir(folder);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

/* Words are separated by a space; the result is in joined, with N for the number of passt's socket. */
static int make(const char *text)
{
	char *words[32], *copy = strdup(text), *at = copy, card[32];
	unsigned int i;
	int n = 0, rc;

	while ((words[n] = strsep(&at, " ")))
		n++;
	ck_assert_msg(!vmm_run_line_parse(&l, n, words, &err), "%s", err.msg);
	free(copy);
	rc = vmm_user_network_take(&network, &l, &err);
	snprintf(card, sizeof(card), "--net=fd=%d,", network.passt.fd);
	joined[0] = '\0';
	for (i = 0; !rc && i < l.n; i++) {
		const bool is_card = !strncmp(l.items[i].word, card, strlen(card));

		snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s%s", i ? " " : "", is_card ? "--net=fd=N," : "",
			 l.items[i].word + (is_card ? strlen(card) : 0));
	}
	return rc;
}

static const struct {
	const char *text, *words;
} lines[] = {
	{ "run kernel", "kernel" },
	{ "run kernel --net=passt", "kernel --net=fd=N" CARD },
	{ "run --net passt kernel disk", "--net=fd=N" CARD " kernel disk" },
	{ "run --net=passt,block=loopback kernel", "--net=fd=N,mac=52:54:00:12:34:56,mtu=65520,block=loopback kernel" },
	{ "run --net=tap0 --net=passt kernel --net socket=a", "--net=tap0 --net=fd=N" CARD " kernel --net=socket=a" },
	{ "run --publish=127.0.0.1:18098:80 k --net=passt --publish 18097:53/udp", "k --net=fd=N" CARD },
	/* of other options and words, none is read */
	{ "run --net=passt0 --net tap=passt k", "--net=passt0 --net=tap=passt k" },
	{ "run --cmdline=--net=passt k", "--cmdline=--net=passt k" },
	{ "run k -- --net=passt --publish=1:1", "k ./--net=passt ./--publish=1:1" },
};

START_TEST(card_of_passt_replaces_its_words)
{
	ck_assert_msg(!make(lines[_i].text), "%s", err.msg);
	ck_assert_str_eq(joined, lines[_i].words);
	ck_assert_int_eq(network.passt.fd >= 0, !!strstr(lines[_i].words, "fd=N"));
}
END_TEST

START_TEST(passt_publishes_the_ports)
{
	ck_assert_msg(!make("run k --net=passt --publish=127.0.0.1:18098:80 --publish=18097:53/udp"), "%s", err.msg);
	ck_assert_ptr_nonnull(strstr(script_words(folder, "passt"), "--tcp-ports\n127.0.0.1/18098:80\n--udp-ports\n18097:53\n"));
}
END_TEST

static const struct {
	const char *text;
	int rc;
	const char *why;
} refused[] = {
	{ "run k --publish=80:80", -EINVAL, "option --publish needs --net=passt" },
	{ "run k --net=tap0 --publish=80:80", -EINVAL, "option --publish needs --net=passt" },
	{ "run k --net=passt --publish=80", -EINVAL, "option --publish '80' is not [ADDRESS:]PORT:PORT[/udp]" },
	{ "run k --net=passt --net passt", -EEXIST, "option --net: a second 'passt'; a machine has one, beside other cards" },
	{ "run k --net=passt,mtu=1500", -ENOENT, "mtu" },
};

START_TEST(network_that_cannot_be_is_refused)
{
	ck_assert_int_eq(make(refused[_i].text), refused[_i].rc);
	ck_assert_msg(strstr(err.msg, refused[_i].why), "%s", err.msg);
	ck_assert_int_eq(network.passt.fd, -1);
}
END_TEST

START_TEST(missing_passt_is_named)
{
	setenv("PATH", "/nowhere", 1);
	ck_assert_int_eq(make("run k --net=passt"), -ENOPKG);
	ck_assert_ptr_nonnull(strstr(err.msg, "install the package passt"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("user_network");
	TCase *tcase = tcase_create("user_network");

	tcase_add_checked_fixture(tcase, setup, after);
	tcase_add_loop_test(tcase, card_of_passt_replaces_its_words, 0, COUNT(lines));
	tcase_add_test(tcase, passt_publishes_the_ports);
	tcase_add_loop_test(tcase, network_that_cannot_be_is_refused, 0, COUNT(refused));
	tcase_add_test(tcase, missing_passt_is_named);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
