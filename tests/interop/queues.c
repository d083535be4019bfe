/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A program of a Linux guest that changes the queues of its network card, like
 * ethtool(8), which small systems lack:
 *
 *   queues pairs CARD N          sets the number of queue pairs in use
 *   queues size CARD RX TX       sets the sizes of its rings, one after the other
 *
 * Ends with 1 if the driver reports other values afterwards.
 */
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

/* All structures of ethtool begin with the command. */
static int ask(const char *card, void *data, unsigned int command)
{
	struct ifreq request = { .ifr_data = data };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	memcpy(data, &command, sizeof(command));
	strncpy(request.ifr_name, card, IFNAMSIZ - 1);
	rc = ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
	if (rc < 0)
		fprintf(stderr, "queues: command %#x of %s: %s\n", command,
			card, strerror(-rc));
	return rc;
}

static bool set_pairs(const char *card, unsigned int n)
{
	struct ethtool_channels c;

	if (ask(card, &c, ETHTOOL_GCHANNELS))
		return false;
	c.combined_count = n;
	return !ask(card, &c, ETHTOOL_SCHANNELS) &&
	       !ask(card, &c, ETHTOOL_GCHANNELS) && c.combined_count == n;
}

static bool set_size(const char *card, unsigned int rx, unsigned int tx)
{
	struct ethtool_ringparam p;

	if (ask(card, &p, ETHTOOL_GRINGPARAM))
		return false;
	p.rx_pending = rx;
	p.tx_pending = tx;
	return !ask(card, &p, ETHTOOL_SRINGPARAM) &&
	       !ask(card, &p, ETHTOOL_GRINGPARAM) && p.rx_pending == rx &&
	       p.tx_pending == tx;
}

static unsigned int number(const char *text)
{
	return (unsigned int)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "pairs"))
		return !set_pairs(argv[2], number(argv[3]));
	if (argc == 5 && !strcmp(argv[1], "size"))
		return !set_size(argv[2], number(argv[3]), number(argv[4]));
	fprintf(stderr, "queues pairs CARD N | queues size CARD RX TX\n");
	return 2;
}
