/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A pool of clones: continues N machines from one saved machine, sends a line to a port
 * of each guest over vsock, waits for the same line, and prints the times.
 *
 *	clone-pool CVMM TEMPLATE N PORT
 *
 * TEMPLATE is the folder of "cvmm ctl SOCKET save TEMPLATE then=quit"; its machine has one device
 * --vsock, and its guest echoes what it receives at PORT.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_CLONES 1000
#define LINE "are you there?\n"

struct clone {
	pid_t pid;
	struct sockaddr_un vsock;	/* the host's side of the guest's ports */
	int fd;
	double ms;			/* from the start to the reply */
};

static struct clone clones[MAX_CLONES];

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The only option that a clone needs is a socket of its own. */
static int start(struct clone *c, const char *cvmm, const char *template, const char *folder,
		 unsigned int i)
{
	char from[4096], vsock[256];
	int null;

	c->vsock.sun_family = AF_UNIX;
	if (snprintf(c->vsock.sun_path, sizeof(c->vsock.sun_path), "%s/%u", folder, i) >=
	    (int)sizeof(c->vsock.sun_path))
		return -1;
	snprintf(from, sizeof(from), "--from=%s", template);
	snprintf(vsock, sizeof(vsock), "--vsock=cid=%u,path=%s", i + 3, c->vsock.sun_path);
	c->ms = now_ms();
	c->fd = -1;
	c->pid = fork();
	if (c->pid != 0)
		return c->pid < 0 ? -1 : 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	execlp(cvmm, cvmm, "run", from, "--clone", vsock, (char *)NULL);
	_exit(127);
}

static int is_running(const struct clone *c)
{
	return waitpid(c->pid, NULL, WNOHANG) == 0;
}

/* The socket exists when the devices of the clone do. */
static int connect_to(struct clone *c)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	const struct timeval limit = { .tv_sec = 60 };

	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	while (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&c->vsock, sizeof(c->vsock)) < 0) {
		if ((errno != ENOENT && errno != ECONNREFUSED) || !is_running(c))
			return -1;
		nanosleep(&ms, NULL);
	}
	return c->fd < 0 ? -1 : setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static int read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(fd, line + n, 1) == 1)
		if (line[n++] == '\n')
			break;
	line[n] = '\0';
	return n > 0 && line[n - 1] == '\n' ? 0 : -1;
}

/* "CONNECT port" is answered with "OK port"; from then on bytes are the guest's. */
static int ask(struct clone *c, unsigned int port)
{
	char line[64];

	if (connect_to(c) < 0 || dprintf(c->fd, "CONNECT %u\n", port) < 0 ||
	    read_line(c->fd, line, sizeof(line)) < 0 || strncmp(line, "OK ", 3) != 0 ||
	    write(c->fd, LINE, sizeof(LINE) - 1) < 0 ||
	    read_line(c->fd, line, sizeof(line)) < 0 || strcmp(line, LINE) != 0)
		return -1;
	c->ms = now_ms() - c->ms;
	return 0;
}

static void end(struct clone *c)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->pid <= 0)
		return;
	kill(c->pid, SIGKILL);	/* SIGTERM would let the guest shut down */
	waitpid(c->pid, NULL, 0);
	unlink(c->vsock.sun_path);
}

static int compare(const void *a, const void *b)
{
	const double x = ((const struct clone *)a)->ms, y = ((const struct clone *)b)->ms;

	return (x > y) - (x < y);
}

/* Returns the number of clones that did not reply. */
static unsigned int run(char **argv, const char *folder, unsigned int n, unsigned int port)
{
	unsigned int i, lost = 0;

	for (i = 0; i < n; i++)
		if (start(&clones[i], argv[1], argv[2], folder, i) < 0)
			return n;
	for (i = 0; i < n; i++)
		if (ask(&clones[i], port) < 0) {
			fprintf(stderr, "clone-pool: clone %u does not reply\n", i);
			lost++;
		}
	return lost;
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/clone-pool.XXXXXX";
	unsigned int i, lost, n = argc == 5 ? (unsigned int)atoi(argv[3]) : 0;

	if (!n || n > MAX_CLONES) {
		fprintf(stderr, "usage: clone-pool CVMM TEMPLATE N PORT; N is at most %d\n", MAX_CLONES);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(folder)) {
		perror("clone-pool: a folder for sockets");
		return 1;
	}
	lost = run(argv, folder, n, (unsigned int)atoi(argv[4]));
	for (i = 0; i < n; i++)
		end(&clones[i]);
	rmdir(folder);
	qsort(clones, n, sizeof(*clones), compare);
	if (!lost)
		printf("%u clones replied; ms from start to reply: first %.1f, median %.1f, last %.1f\n",
		       n, clones[0].ms, clones[n / 2].ms, clones[n - 1].ms);
	return lost ? 1 : 0;
}
