/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Values and keys of other programs, and cvmm's in their place. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <vmm-sys-util/option_list.h>

#include "common/foreign_values.h"

/* By option; a key ends with "=", a prefix of values with ":", others are whole values. */
static const struct foreign {
	const char *option, *theirs, *ours;
} foreign[] = {
	{ "serial", "off", "--serial null" },
	{ "serial", "none", "--serial null" },
	{ "serial", "sink", "--serial null" },
	{ "serial", "tty", "--serial stdio" },
	{ "serial", "stdout", "--serial stdio" },
	{ "serial", "mon:", "--serial stdio, and --control SOCKET for commands" },
	{ "serial", "chardev:", "--serial stdio, null, FILE, pty or socket:PATH" },
	{ "serial", "vc", "--serial stdio" },
	{ "serial", "syslog", "--serial FILE" },
	{ "serial", "file=", "the file alone: --serial FILE" },
	{ "serial", "file:", "the file alone: --serial FILE" },
	{ "serial", "path=", "the file alone: --serial FILE" },
	{ "serial", "type=", "--serial stdio, null, FILE, pty or socket:PATH" },
	{ "serial", "pipe:", "--serial FILE" },
	{ "serial", "socket=", "--serial socket:PATH" },
	{ "serial", "unix:", "--serial socket:PATH" },
	{ "serial", "unix-socket", "--serial socket:PATH" },
	{ "serial", "tcp:", "a UNIX socket: --serial socket:PATH" },
	{ "serial", "udp:", "a UNIX socket: --serial socket:PATH" },
	{ "serial", "telnet:", "a UNIX socket: --serial socket:PATH" },
	{ "control", "path=", "the socket alone: --control SOCKET" },
	{ "control", "unix:", "the socket alone: --control SOCKET" },
	{ "control", "tcp:", "a UNIX socket: --control SOCKET" },
	{ "control", "telnet:", "a UNIX socket: --control SOCKET" },
	{ "control", "vsock:", "a UNIX socket: --control SOCKET" },
	{ "control", "stdio", "a UNIX socket: --control SOCKET" },
	{ "control", "none", "no socket unless --control is given" },
	{ "cpus", "boot=", "the number first: --cpus N,max=N" },
	{ "cpus", "num-cores=", "the number alone: --cpus N" },
	{ "cpus", "cpus=", "the number first: --cpus N,max=N" },
	{ "cpus", "maxcpus=", "--cpus N,max=N" },
	{ "cpus", "sockets=", "one topology: --cpus N" },
	{ "memory", "hugepages=", "backend=memfd,hugetlb=on" },
	{ "memory", "hugepage_size=", "hugetlbsize=SIZE" },
	{ "memory", "shared=", "share=on" },
	{ "memory", "mergeable=", "merge=on" },
	{ "memory", "prefault=", "prealloc=on" },
	{ "memory", "file=", "backend=file,mem-path=FILE" },
	{ "memory", "hotplug_size=", "a device: --mem size=SIZE" },
	{ "memory", "hotplug_method=", "a device: --mem size=SIZE" },
	{ "memory", "maxmem=", "a device: --mem size=SIZE" },
	{ "memory", "slots=", "a device: --mem size=SIZE" },
	{ "disk", "file=", "path=FILE" },
	{ "disk", "filename=", "path=FILE" },
	{ "disk", "direct=", "cache=none" },
	{ "disk", "o_direct=", "cache=none" },
	{ "disk", "ro=", "readonly" },
	{ "disk", "aio=", "engine=io_uring or sync" },
	{ "disk", "image_type=", "format=raw" },
	{ "disk", "lock=", "locking=on or off" },
	{ "disk", "block_size=", "block-size=BYTES" },
	{ "disk", "logical_block_size=", "block-size=BYTES" },
	{ "disk", "num_queues=", "queues=N" },
	{ "disk", "queue_size=", "queue-size=N" },
	{ "disk", "bw_size=", "rate-burst=BYTES, and rate=BYTES for each second" },
	{ "disk", "ops_size=", "iops-burst=N, and iops=N for each second" },
	{ "disk", "vhost_user=", "backend=user:SOCKET" },
	{ "disk", "socket=", "backend=user:SOCKET" },
	{ "disk", "if=", "no bus to choose: leave it out" },
	{ "disk", "media=", "no media: leave it out, or readonly for a CD image" },
	{ "disk", "id=", "no names: devices are numbered in the order of the options" },
	{ "net", "user", "--net passt in its place" },
	{ "net", "host", "--net passt in its place" },
	{ "net", "slirp", "--net passt in its place" },
	{ "net", "passt", "it on the command lines of run, boot and exec only: elsewhere, start 'passt --socket PATH' and use --net socket=PATH" },
	{ "net", "none", "no card unless --net is given" },
	{ "net", "nic", "one card for each --net" },
	{ "net", "bridge", "a tap interface: --net TAP" },
	{ "net", "mode=", "--net TAP, or --net socket=PATH" },
	{ "net", "ifname=", "tap=NAME" },
	{ "net", "tap-name=", "tap=NAME" },
	{ "net", "ip=", "no addresses: configure the interface on the host" },
	{ "net", "mask=", "no addresses: configure the interface on the host" },
	{ "net", "br=", "no bridge: add the interface to one on the host" },
	{ "net", "script=", "no scripts: configure the interface on the host" },
	{ "net", "guest_mac=", "mac=MAC" },
	{ "net", "macaddr=", "mac=MAC" },
	{ "net", "num_queues=", "queues=N, counted in pairs" },
	{ "net", "vq-pairs=", "queues=N" },
	{ "net", "queue_size=", "queue-size=N" },
	{ "net", "vhost=", "backend=kernel" },
	{ "net", "vhost-net=", "backend=kernel" },
	{ "net", "vhost_user=", "backend=user:SOCKET" },
	{ "net", "vhost_socket=", "backend=user:SOCKET" },
	{ "net", "id=", "no names: devices are numbered in the order of the options" },
	{ "fs", "socket=", "backend=user:SOCKET" },
	{ "fs", "shared_dir=", "the folder alone: --fs FOLDER" },
	{ "fs", "mount_tag=", "tag=NAME" },
	{ "fs", "num_queues=", "queues=N" },
	{ "fs", "queue_size=", "queue-size=N" },
	{ "fs", "dax=", "dax-window=SIZE" },
	{ "fs", "cache_size=", "dax-window=SIZE" },
	{ "fs", "id=", "no names: devices are numbered in the order of the options" },
	{ "vsock", "socket=", "path=PATH" },
	{ "vsock", "uds_path=", "path=PATH" },
	{ "vsock", "guest_cid=", "cid=N" },
	{ "pmem", "file=", "path=FILE" },
	{ "pmem", "mem-path=", "path=FILE" },
	{ "pmem", "discard_writes=", "readonly" },
	{ "balloon", "deflate_on_oom=", "deflate-on-oom" },
	{ "rng", "src=", "the host's random numbers: --rng= without properties" },
	{ "console", "off", "no console unless --console is given" },
	{ "console", "null", "no console unless --console is given" },
	{ "console", "tty", "--console stdio" },
	{ "console", "file=", "--serial FILE" },
};

/* Whether the item, of len bytes, is theirs. */
static bool is_item(const char *theirs, const char *item, size_t len)
{
	const size_t n = strlen(theirs);

	if (theirs[n - 1] == '=' || theirs[n - 1] == ':')
		return len >= n && !memcmp(item, theirs, n);
	return len == n && !memcmp(item, theirs, n);
}

static const struct foreign *find_item(const char *option, const char *item, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (!strcmp(foreign[i].option, option) &&
		    is_item(foreign[i].theirs, item, len))
			return &foreign[i];
	return NULL;
}

static int refuse_item(const struct foreign *f, const char *item, size_t len,
		  struct vsu_error *err)
{
	const bool file = !strcmp(f->option, "serial") || !strcmp(f->option, "control");
	const bool list = !file && strcmp(f->option, "cpus") != 0;

	if (f->theirs[strlen(f->theirs) - 1] == '=' && list)
		return vsu_error_set(err, -ENOENT, "option --%s: unknown key '%.*s'; cvmm has %s",
				     f->option, (int)strlen(f->theirs) - 1, f->theirs, f->ours);
	return vsu_error_set(err, -EINVAL, "option --%s: '%.*s' is a value of other programs; cvmm has %s%s",
			     f->option, (int)len, item, f->ours,
			     file ? ", and for a file of this name ./ before it" : "");
}

int vmm_foreign_value_check(const struct vsu_option *row, const char *text, struct vsu_error *err)
{
	const char *list = text;
	const struct foreign *f;
	struct vsu_list_item item;

	while (row->kind == VSU_OPTION_STRING && vsu_list_next(&list, &item)) {
		f = find_item(row->name, item.text, item.len);
		/* other items are keys only */
		if (f && (item.text == text || strchr(f->theirs, '=')))
			return refuse_item(f, item.text, item.len, err);
	}
	return 0;
}
