/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The guest's own name, and addresses of it and of localhost, which programs resolve. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent.h"

#define HOSTS "/etc/hosts"
#define OWN_HOSTS "/run/cvmm.hosts"
#define MAX_HOSTS (16u << 20)
#define BLANKS " \t\r"

/* The address of the guest's name without a network. By convention, 127.0.1.1 has the machine's own names. */
#define NO_NETWORK "127.0.1.1"

/* --------------------------------------------------------------- the root's file */

/* NULL: it cannot be read; "" if it does not exist. The caller frees it. */
static char *read_hosts(void)
{
	const int fd = open(HOSTS, O_RDONLY | O_NONBLOCK | O_CLOEXEC);	/* a FIFO has no writer */
	struct stat st;
	char *text = NULL;
	ssize_t n = -1;

	if (fd < 0)
		return errno == ENOENT ? strdup("") : NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= MAX_HOSTS)
		text = malloc((size_t)st.st_size + 1);
	if (text)
		n = read(fd, text, (size_t)st.st_size);
	close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

static bool is_own(const char *address, const char *network)
{
	return !strncmp(address, "127.", 4) || !strcmp(address, "::1") || !strcmp(address, network);
}

/* Whether a line of the file, which this changes, has a name with an address of the guest. */
static bool line_has(char *line, const char *name, const char *network)
{
	char *at = line, *word;
	const char *address;

	line[strcspn(line, "#")] = '\0';
	address = strtok_r(line, BLANKS, &at);
	if (!address || !is_own(address, network))
		return false;
	while ((word = strtok_r(NULL, BLANKS, &at)))
		if (!strcasecmp(word, name))
			return true;
	return false;
}

static bool hosts_have(const char *text, const char *name, const char *network)
{
	char *copy = strdup(text), *at = copy, *line;
	bool found = false;

	while (copy && !found && (line = strsep(&at, "\n")))
		found = line_has(line, name, network);
	free(copy);
	return found;
}

/* --------------------------------------------------------------------- lines */

/* Finds the address of the guest's name: that of its network, if it has one. */
static void find_address(const struct agent_request *r, char address[32])
{
	snprintf(address, 32, "%.*s", r->network ? (int)strcspn(r->network, "/") : 0, r->network ? r->network : "");
	if (!address[0] || !strcmp(address, "-"))
		strcpy(address, NO_NETWORK);
}

/* Lines that the file lacks */
struct missing {
	bool localhost;
	const char *name;	/* the guest's; NULL: it has it */
	const char *address;	/* of the name */
};

/* The kernel accepts names that cannot be words of this file; these are left out. */
static bool is_word(const char *name)
{
	return *name && !strpbrk(name, BLANKS "\n#");
}

static struct missing find_missing(const char *hosts, const char *name, const char *address)
{
	return (struct missing){
		.localhost = !hosts_have(hosts, "localhost", address),
		.name = is_word(name) && !hosts_have(hosts, name, address) ? name : NULL,
		.address = address,
	};
}

/* Prints the line of the guest's name, also without its domain. */
static void print_own(FILE *f, const struct missing *m)
{
	const size_t len = strcspn(m->name, ".");

	fprintf(f, "%s\t%s", m->address, m->name);
	if (len && m->name[len])
		fprintf(f, " %.*s", (int)len, m->name);
	fputc('\n', f);
}

/* ------------------------------------------------------------------ the guest's file */

/* The first line with a name counts, so these precede those of the root. */
static int write_hosts(const char *path, const struct missing *m, const char *hosts)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	if (m->localhost)
		fputs("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n", f);
	if (m->name)
		print_own(f, m);
	fputs(hosts, f);
	return fclose(f) ? -errno : 0;
}

/*
 * Writes a file in the guest's memory in place, so that the command can replace it. Any other file may be the
 * host's: a file in memory is mounted over it.
 */
static int set_hosts(const struct missing *m, const char *hosts)
{
	int rc;

	if (!vagent_priv_require_file(HOSTS))
		return -EROFS;
	if (vagent_priv_is_in_memory(HOSTS))
		return write_hosts(HOSTS, m, hosts);
	rc = write_hosts(OWN_HOSTS, m, hosts);
	return !rc && mount(OWN_HOSTS, HOSTS, NULL, MS_BIND, NULL) < 0 ? -errno : rc;
}

static const char *explain_hosts(int rc)
{
	return rc == -EROFS ? "the file does not exist, and would be in a file system that the agent does not change" :
	       rc == -ENODATA ? "the file cannot be read, or exceeds 16 MiB" : strerror(-rc);
}

/* Failures are printed on the console only: a command that resolves no names runs without the lines. */
void vagent_priv_name_guest(const struct agent_request *r)
{
	char address[32], *hosts = read_hosts();
	struct missing m;
	int rc = -ENODATA;

	(void)!sethostname(r->hostname, strlen(r->hostname));
	find_address(r, address);
	if (hosts) {
		m = find_missing(hosts, r->hostname, address);
		rc = m.localhost || m.name ? set_hosts(&m, hosts) : 0;
	}
	if (rc < 0)
		dprintf(STDERR_FILENO, "cvmm-init: " HOSTS " of the guest lacks localhost or %s: %s\n", r->hostname, explain_hosts(rc));
	free(hosts);
}
