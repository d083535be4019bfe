/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A pool of clones: continues N machines from one saved machine in this process, sends a
 * line to a port of each guest over vsock, waits for the same line, and prints the times.
 *
 *	clone-pool TEMPLATE N PORT
 *
 * TEMPLATE is the folder of "cvmm ctl SOCKET save TEMPLATE then=quit", or of
 * cvmm_machine_save(); its machine has one device --vsock, and its guest echoes what it
 * receives at PORT.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cvmm/machine.h>

#define MAX_CLONES 1000
#define LINE "are you there?\n"
#define LIMIT_MS 60000	/* without an event of any clone */

struct clone {
	struct cvmm_machine *m;
	struct sockaddr_un vsock;	/* the host's side of the guest's ports */
	int fd;				/* -1: not connected */
	enum { CONNECTS, WAITS, REPLIED } state;
	char line[64];
	size_t len;
	double ms;			/* from the start to the reply */
};

static struct clone clones[MAX_CLONES];

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* "CONNECT port" is answered with "OK port"; from then on bytes are the guest's. */
static int connect_to(struct clone *c, unsigned int port)
{
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&c->vsock, sizeof(c->vsock)) < 0 ||
	    dprintf(c->fd, "CONNECT %u\n", port) < 0)
		return -1;
	return 0;
}

/* The only option that a clone needs is a socket of its own. */
static int begin(struct clone *c, const char *template, unsigned int cid, unsigned int port)
{
	char from[4096], vsock[256];
	const char *const words[] = { from, "--clone", vsock, "--serial=null" };
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_options *o;
	int rc = cvmm_options_new(&o, &err);

	c->ms = now_ms();
	if (rc < 0)
		return rc;
	snprintf(from, sizeof(from), "--from=%s", template);
	snprintf(vsock, sizeof(vsock), "--vsock=cid=%u,path=%s", cid, c->vsock.sun_path);
	rc = cvmm_options_add_words(o, 4, words, &err);
	if (!rc)
		rc = cvmm_machine_new(o, NULL, &c->m, &err);
	if (!rc)
		rc = cvmm_machine_start(c->m, &err);
	cvmm_options_free(o);
	if (rc < 0)
		fprintf(stderr, "clone-pool: %s\n", err.msg);
	return rc ? rc : connect_to(c, port);
}

/* Returns -1 if the line is not the expected one. */
static int on_line(struct clone *c)
{
	if (c->state == WAITS) {
		c->ms = now_ms() - c->ms;
		c->state = REPLIED;
		return strcmp(c->line, LINE) ? -1 : 0;
	}
	c->state = WAITS;
	return strncmp(c->line, "OK ", 3) || write(c->fd, LINE, sizeof(LINE) - 1) < 0 ? -1 : 0;
}

static int on_bytes(struct clone *c)
{
	if (c->len + 1 == sizeof(c->line) || read(c->fd, c->line + c->len, 1) != 1)
		return -1;
	if (c->line[c->len++] != '\n')
		return 0;
	c->line[c->len] = '\0';
	c->len = 0;
	return on_line(c);
}

/* One turn of n machines and their sockets; the number of new replies, or -1. */
static int turn(unsigned int n, int ms)
{
	static struct pollfd ready[2 * MAX_CLONES];
	unsigned int i;
	int replies = 0;

	for (i = 0; i < n; i++) {
		ready[2 * i] = (struct pollfd){ cvmm_machine_fd(clones[i].m), POLLIN, 0 };
		ready[2 * i + 1] = (struct pollfd){
			clones[i].state == REPLIED ? -1 : clones[i].fd, POLLIN, 0 };
	}
	if (poll(ready, 2 * (nfds_t)n, ms) == 0 && ms)
		return -1;
	for (i = 0; i < n; i++) {
		if ((ready[2 * i].revents && !cvmm_machine_dispatch(clones[i].m)) ||
		    (ready[2 * i + 1].revents && on_bytes(&clones[i]) < 0))
			return -1;
		replies += ready[2 * i + 1].revents && clones[i].state == REPLIED;
	}
	return replies;
}

/* Returns the number of replies. Clones that run are served while others are made. */
static unsigned int run(const char *template, const char *folder, unsigned int n, unsigned int port)
{
	unsigned int begun = 0, replied = 0;
	int replies = 0;

	while (replied < n && replies >= 0) {
		struct clone *c = &clones[begun];

		if (begun < n) {
			c->vsock.sun_family = AF_UNIX;
			snprintf(c->vsock.sun_path, sizeof(c->vsock.sun_path), "%s/%u", folder, begun);
			if (begin(c, template, 3 + begun++, port) < 0)
				break;
		}
		replies = turn(begun, begun < n ? 0 : LIMIT_MS);
		replied += replies < 0 ? 0 : (unsigned int)replies;
	}
	return replied;
}

static int compare(const void *a, const void *b)
{
	const double x = ((const struct clone *)a)->ms, y = ((const struct clone *)b)->ms;

	return (x > y) - (x < y);
}

/* Machines have tens of descriptors each. */
static void raise_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/clone-pool.XXXXXX";
	unsigned int i, replied, n = argc == 4 ? (unsigned int)atoi(argv[2]) : 0;

	if (!n || n > MAX_CLONES) {
		fprintf(stderr, "usage: clone-pool TEMPLATE N PORT; N is at most %d\n", MAX_CLONES);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	raise_limit();
	for (i = 0; i < n; i++)
		clones[i].fd = -1;
	if (!mkdtemp(folder)) {
		perror("clone-pool: a folder for sockets");
		return 1;
	}
	replied = run(argv[1], folder, n, (unsigned int)atoi(argv[3]));
	for (i = 0; i < n; i++) {
		if (clones[i].fd >= 0)
			close(clones[i].fd);
		cvmm_machine_free(clones[i].m);	/* removes its socket */
	}
	rmdir(folder);
	qsort(clones, n, sizeof(*clones), compare);
	if (replied == n)
		printf("%u clones replied; ms from start to reply: first %.1f, median %.1f, last %.1f\n",
		       n, clones[0].ms, clones[n / 2].ms, clones[n - 1].ms);
	else
		fprintf(stderr, "clone-pool: %u of %u clones replied\n", replied, n);
	return replied == n ? 0 : 1;
}
