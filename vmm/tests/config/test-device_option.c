/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the keys of --disk, --rng and --device. */
#include <config.h>

#include "config/device_option.h"
#include "written.h"

static struct vmm_device_spec spec;
static struct vsu_error err;
static const struct devkind_common machine;

/* A list that is accepted is also written, and read again. */
static int parse(enum vmm_device_how how, const char *list)
{
	const struct vmm_device_option option = { how, list };

	int rc;

	vsu_error_clear(&err);
	rc = vmm_device_option_parse(&option, NULL, &spec, &err);
	if (!rc)
		ck_reads_back(&spec, how);
	return rc;
}

/* Address of the value of a key of the spec's kind. */
static const void *value_of(const char *name)
{
	const struct devkind_key *k = spec.kind->keys;

	while (strcmp(k->option.name, name))
		k++;
	return spec.config + k->offset;
}

static const char *text_of(const char *name)
{
	return *(const char *const *)value_of(name);
}

static uint64_t number_of(const char *name)
{
	return *(const uint64_t *)value_of(name);
}

START_TEST(operand_is_a_path_as_it_stands)
{
	ck_assert_int_eq(parse(VMM_DEVICE_DISK_PATH, "a,readonly=x"), 0);
	ck_assert_str_eq(text_of("path"), "a,readonly=x");
	ck_assert_uint_eq(spec.id, 2);
	ck_assert(!spec.remote && !number_of("readonly"));
}
END_TEST

START_TEST(disk_has_the_names_of_the_daemon)
{
	ck_assert_int_eq(parse(VMM_DEVICE_DISK, "blk-file=a,read-only,"
			       "num-queues=2"), 0);
	ck_assert_str_eq(text_of("path"), "a");
	ck_assert(number_of("readonly"));
	ck_assert_uint_eq(spec.queues, 2);
}
END_TEST

START_TEST(disk_has_its_keys)
{
	ck_assert_int_eq(parse(VMM_DEVICE_DISK, "path=a,,b,readonly,serial=S1,"
			       "queues=4,queue-size=128,engine=sync,"
			       "backend=inline"), 0);
	ck_assert_str_eq(text_of("path"), "a,b");
	ck_assert_str_eq(text_of("serial"), "S1");
	ck_assert(number_of("readonly") && !spec.remote);
	ck_assert_uint_eq(spec.queues, 4);
	ck_assert_uint_eq(spec.queue_size, 128);
	ck_assert_uint_eq(number_of("engine"), 2);
}
END_TEST

START_TEST(keyword_puts_a_disk_behind_a_socket)
{
	ck_assert_int_eq(parse(VMM_DEVICE_DISK, "backend=user:/run/s"), 0);
	ck_assert(spec.remote);
	ck_assert_str_eq(spec.socket, "/run/s");
	ck_assert_uint_eq(spec.id, 2);
}
END_TEST

START_TEST(device_has_a_connected_socket)
{
	ck_assert_int_eq(parse(VMM_DEVICE_DISK, "backend=user:fd:7:a,,b.qcow2"), 0);
	ck_assert(spec.remote);
	ck_assert_str_eq(spec.socket, "fd:7:a,b.qcow2");
}
END_TEST

START_TEST(keyword_gives_cards_and_sockets_to_the_kernel)
{
	ck_assert_int_eq(parse(VMM_DEVICE_NET, "tap=t,backend=kernel,mtu=1400"),
			 0);
	ck_assert(spec.kernel && !spec.remote);
	ck_assert_uint_eq(spec.id, 1);
	ck_assert_int_eq(parse(VMM_DEVICE_ANY, "vsock,cid=4,backend=kernel"),
			 0);
	ck_assert(spec.kernel && !spec.remote);
	ck_assert_uint_eq(spec.id, 19);
}
END_TEST

START_TEST(stream_of_a_card_may_come_later)
{
	struct virtdev *dev;

	ck_assert_int_eq(parse(VMM_DEVICE_NET, "socket=/nowhere/s,reconnect=250"),
			 0);
	ck_assert_int_eq(vmm_device_open(&spec, &machine, &dev, &err), 0);
	virtdev_free(dev);
	ck_assert_int_eq(parse(VMM_DEVICE_NET, "socket=/nowhere/s"), 0);
	ck_assert_int_eq(vmm_device_open(&spec, &machine, &dev, &err), -ENOENT);
	ck_assert_int_eq(parse(VMM_DEVICE_NET, "fd=3,reconnect=250"), 0);
	ck_assert_int_eq(vmm_device_open(&spec, &machine, &dev, &err), -EINVAL);
	ck_assert(strstr(err.msg, "leave out 'reconnect'"));
}
END_TEST

START_TEST(device_has_its_keys)
{
	ck_assert_int_eq(parse(VMM_DEVICE_ANY, "id=26,backend=user:s,queues=2,"
			       "queue-size=64,config-size=44"), 0);
	ck_assert(spec.remote);
	ck_assert_uint_eq(spec.id, 26);
	ck_assert_uint_eq(spec.queues, 2);
	ck_assert_uint_eq(spec.queue_size, 64);
	ck_assert_uint_eq(spec.config_size, 44);
}
END_TEST

START_TEST(device_of_a_kind_has_the_keys_of_its_kind)
{
	ck_assert_int_eq(parse(VMM_DEVICE_ANY, "blk,path=a,readonly"), 0);
	ck_assert_uint_eq(spec.id, 2);
	ck_assert_str_eq(vmm_device_describe(&spec).file, "a");
	ck_assert(!vmm_device_describe(&spec).writes);
	ck_assert_int_eq(parse(VMM_DEVICE_ANY, "rng,rate=1k,queue-size=8"), 0);
	ck_assert_uint_eq(spec.id, 4);
	ck_assert_uint_eq(number_of("rate"), 1024);
	ck_assert_uint_eq(spec.queue_size, 8);
	ck_assert_ptr_null(vmm_device_describe(&spec).file);
}
END_TEST

START_TEST(shared_directory_without_threads_is_refused)
{
	ck_assert_int_eq(parse(VMM_DEVICE_ANY,
			       "fs,path=a,thread-pool-size=0"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "thread-pool-size': 0 is not possible: "));
}
END_TEST

START_TEST(shared_directory_of_this_process_has_threads)
{
	ck_assert_int_eq(parse(VMM_DEVICE_ANY, "fs,path=a"), 0);
	ck_assert_uint_eq(vmm_device_describe(&spec).workers, 4);
	ck_assert_int_eq(parse(VMM_DEVICE_ANY,
			       "fs,path=a,thread-pool-size=1"), 0);
	ck_assert_uint_eq(vmm_device_describe(&spec).workers, 1);
	ck_assert_int_eq(parse(VMM_DEVICE_ANY, "fs,backend=user:s"), 0);
	ck_assert_uint_eq(vmm_device_describe(&spec).workers, 0);
}
END_TEST

START_TEST(kind_alone_is_a_device)
{
	struct virtdev *dev;

	ck_assert_int_eq(parse(VMM_DEVICE_ANY, "rng"), 0);
	ck_assert(!spec.remote);
	ck_assert_int_eq(vmm_device_open(&spec, &machine, &dev, &err), 0);
	ck_assert_uint_eq(virtdev_get_info(dev)->id, 4);
	virtdev_free(dev);
}
END_TEST

START_TEST(rng_is_its_kind_by_another_name)
{
	ck_assert_int_eq(parse(VMM_DEVICE_RNG, "rate=64k,queue-size=8"), 0);
	ck_assert_ptr_eq(spec.kind, devkind_rng());
	ck_assert_uint_eq(spec.id, 4);
	ck_assert_uint_eq(number_of("rate"), 65536);
	ck_assert_uint_eq(spec.queue_size, 8);
	ck_assert_int_eq(parse(VMM_DEVICE_RNG, "backend=user:/run/s"), 0);
	ck_assert(spec.remote);
	ck_assert_str_eq(spec.socket, "/run/s");
	ck_assert_uint_eq(spec.id, 4);
}
END_TEST

static const struct bare {
	enum vmm_device_how how;
	const char *list, *key, *text;
	uint64_t number;
} bare_values[] = {
	{ VMM_DEVICE_DISK, "disk.img", "path", "disk.img", 0 },
	{ VMM_DEVICE_DISK, "disk.img,readonly", "path", "disk.img", 0 },
	{ VMM_DEVICE_DISK, "a,,b", "path", "a,b", 0 },
	{ VMM_DEVICE_FS, "/srv", "path", "/srv", 0 },
	{ VMM_DEVICE_PMEM, "file", "path", "file", 0 },
	{ VMM_DEVICE_NET, "tap0,mtu=1400", "tap", "tap0", 0 },
	{ VMM_DEVICE_VSOCK, "3,path=p", "cid", NULL, 3 },
	{ VMM_DEVICE_BALLOON, "1M", "size", NULL, 1 << 20 },
	{ VMM_DEVICE_RNG, "64k", "rate", NULL, 1 << 16 },
	{ VMM_DEVICE_ANY, "disk,disk.img", "path", "disk.img", 0 },
	{ VMM_DEVICE_ANY, "blk,disk.img,readonly", "path", "disk.img", 0 },
};

START_TEST(value_without_a_key_is_taken_where_it_is_clear)
{
	const struct bare *b = &bare_values[_i];

	ck_assert_msg(!parse(b->how, b->list), "%s", err.msg);
	if (b->text)
		ck_assert_str_eq(text_of(b->key), b->text);
	else
		ck_assert_uint_eq(number_of(b->key), b->number);
	ck_assert(!spec.kernel);
}
END_TEST

START_TEST(context_id_alone_is_a_device_of_the_kernel)
{
	ck_assert_int_eq(parse(VMM_DEVICE_VSOCK, "3"), 0);
	ck_assert_uint_eq(number_of("cid"), 3);
	ck_assert(spec.kernel);
}
END_TEST

START_TEST(every_kind_has_its_shorthand)
{
	ck_assert_str_eq(vmm_device_shorthand(devkind_blk()), "disk");
	ck_assert_str_eq(vmm_device_shorthand(devkind_rng()), "rng");
	ck_assert_ptr_null(vmm_device_shorthand(NULL));
}
END_TEST

START_TEST(kind_behind_a_socket_has_its_id)
{
	ck_assert_int_eq(parse(VMM_DEVICE_ANY, "rng,backend=user:/run/s"), 0);
	ck_assert(spec.remote);
	ck_assert_uint_eq(spec.id, 4);
}
END_TEST

static const struct refusal {
	enum vmm_device_how how;
	const char *list;
	int code;
	const char *msg;
} refusals[] = {
	{ VMM_DEVICE_DISK, "readonly", -EINVAL,
	  "--disk 'readonly': needs 'path=FILE' or 'backend=user:SOCKET'" },
	{ VMM_DEVICE_DISK, "path=a,backend=user:s", -EINVAL,
	  "--disk 'path=a,backend=user:s': 'path' is decided by the back-end; "
	  "leave it out, or 'backend=user:'" },
	{ VMM_DEVICE_DISK, "backend=user:s,engine=sync", -EINVAL,
	  "--disk 'backend=user:s,engine=sync': 'engine' is decided by the back-end; leave it "
	  "out, or 'backend=user:'" },
	{ VMM_DEVICE_DISK, "path=a,backend=usr:s", -EINVAL,
	  "--disk: key 'backend': 'usr:s' is neither 'inline', 'spawn', 'kernel' nor "
	  "'user:SOCKET'" },
	{ VMM_DEVICE_DISK, "path=a,backend=kernel", -EINVAL,
	  "--disk 'path=a,backend=kernel': 'backend=kernel' supports only 'net' and 'vsock'" },
	{ VMM_DEVICE_ANY, "id=19,backend=kernel", -EINVAL,
	  "--device 'id=19,backend=kernel': 'backend=kernel' supports only 'net' and 'vsock'" },
	{ VMM_DEVICE_NET, "socket=s,backend=kernel", -EINVAL,
	  "--net 'socket=s,backend=kernel': the kernel serves a tap interface: "
	  "give 'tap=NAME' or 'fd=N', leave out 'socket'" },
	{ VMM_DEVICE_NET, "tap=t,backend=kernel,reconnect=5", -EINVAL,
	  "--net 'tap=t,backend=kernel,reconnect=5': 'reconnect' needs "
	  "'backend=user:SOCKET'" },
	{ VMM_DEVICE_DISK, "backend=user:fd:x", -EINVAL,
	  "--disk: key 'backend': 'fd:x' is not a descriptor such as fd:3; write './fd:...' for a file of that name" },
	{ VMM_DEVICE_DISK, "backend=user:fd:3:a,reconnect=5", -EINVAL,
	  "--disk 'backend=user:fd:3:a,reconnect=5': 'reconnect' needs the path of a socket; 'fd:3:a' is one connection" },
	{ VMM_DEVICE_RNG, "reconnect=5", -EINVAL,
	  "--rng 'reconnect=5': 'reconnect' needs 'backend=user:SOCKET'" },
	{ VMM_DEVICE_NET, "tap=t,backend=kernel,read-only-windows", -EINVAL,
	  "--net 'tap=t,backend=kernel,read-only-windows': 'read-only-windows' requires "
	  "'backend=user:'" },
	{ VMM_DEVICE_VSOCK, "backend=kernel", -EINVAL,
	  "--vsock 'backend=kernel': needs 'cid=N'" },
	{ VMM_DEVICE_VSOCK, "cid=4,path=p,backend=kernel", -EINVAL,
	  "--vsock 'cid=4,path=p,backend=kernel': programs of the host reach "
	  "the kernel's sockets by AF_VSOCK; leave out 'path', "
	  "'seqpacket-path', 'connections' and 'buffer'" },
	{ VMM_DEVICE_DISK, "backend=user:", -EINVAL,
	  "--disk: key 'backend': 'user:' is neither 'inline', 'spawn', 'kernel' nor "
	  "'user:SOCKET'" },
	{ VMM_DEVICE_DISK, "path=a,readonli", -ENOENT,
	  "--disk: unknown key 'readonli'; did you mean 'readonly'?" },
	{ VMM_DEVICE_DISK, "path=a,id=2", -ENOENT, NULL },
	{ VMM_DEVICE_DISK, "path=a,path=b", -EINVAL,
	  "--disk: key 'path' is specified more than once" },
	{ VMM_DEVICE_DISK, "path=a,queues=0", -EINVAL,
	  "--disk: key 'queues': 0 is out of range; allowed is 1 to 256" },
	{ VMM_DEVICE_DISK, "path=a,engine=fast", -EINVAL,
	  "--disk: key 'engine': 'fast' is not one of auto, io_uring, "
	  "sync or mmap" },
	{ VMM_DEVICE_DISK, "path=a,serial=012345678901234567890", -EINVAL,
	  "--disk: key 'serial': '012345678901234567890' has 21 bytes, at "
	  "most 20 are possible" },
	{ VMM_DEVICE_RNG, "rate=1k,backend=user:s", -EINVAL,
	  "--rng 'rate=1k,backend=user:s': 'rate' is decided by the back-end; leave it out, or "
	  "'backend=user:'" },
	{ VMM_DEVICE_RNG, "rat=1k", -ENOENT,
	  "--rng: unknown key 'rat'; did you mean 'rate'?" },
	{ VMM_DEVICE_ANY, "backend=user:s", -EINVAL,
	  "--device 'backend=user:s': needs a kind first, or 'id=N', the VIRTIO device id" },
	{ VMM_DEVICE_ANY, "id=2", -EINVAL,
	  "--device 'id=2': needs 'backend=user:SOCKET'" },
	{ VMM_DEVICE_ANY, "id=2,backend=inline", -EINVAL,
	  "--device 'id=2,backend=inline': needs 'backend=user:SOCKET'" },
	{ VMM_DEVICE_ANY, "id=0,backend=user:s", -EINVAL,
	  "--device: key 'id': 0 is out of range; allowed is 1 to 63" },
	{ VMM_DEVICE_ANY, "id=2,backend=user:s,path=a", -ENOENT, NULL },
	{ VMM_DEVICE_ANY, "rgn", -ENOENT,
	  "--device: unknown device kind 'rgn'; did you mean 'rng'?" },
	{ VMM_DEVICE_ANY, "dsk,path=a", -ENOENT,
	  "--device: unknown device kind 'dsk'; did you mean 'disk'?" },
	{ VMM_DEVICE_MEM, "512M", -EINVAL,
	  "--mem '512M': a size without a key; memory that is plugged while the guest "
	  "runs is 'size=SIZE', and that of its start is the option 'memory'" },
	{ VMM_DEVICE_CONSOLE, "/run/s", -EINVAL,
	  "--console '/run/s': begin with 'stdio', 'pty', 'socket=PATH', 'fd=N' "
	  "or 'backend=user:SOCKET'" },
	{ VMM_DEVICE_VSOCK, "3,queue-size=64", -EINVAL,
	  "--vsock '3,queue-size=64': needs 'path=PATH', 'backend=kernel' or "
	  "'backend=user:SOCKET'" },
	{ VMM_DEVICE_VSOCK, "three", -EINVAL,
	  "--vsock: key 'cid': 'three' is not a number; give a decimal or 0x "
	  "hexadecimal number, 3 to 4294967294" },
	{ VMM_DEVICE_ANY, "thermometer,rate=3", -ENOENT,
	  "--device: unknown device kind 'thermometer'; begin with a kind, or specify 'id=N'" },
	{ VMM_DEVICE_ANY, "fs,id=2,backend=user:s", -EINVAL,
	  "--device 'fs,id=2,backend=user:s': its kind implies the id; leave 'id' out" },
	{ VMM_DEVICE_ANY, "gpu,tag=a,backend=user:s", -EINVAL,
	  "--device 'gpu,tag=a,backend=user:s': 'tag' requires a file system; "
	  "leave it out, or begin with 'fs'" },
	{ VMM_DEVICE_ANY, "fs,tag=,backend=user:s", -EINVAL,
	  "--device: key 'tag': '' does not have 1 to 36 characters" },
	{ VMM_DEVICE_ANY, "fs,tag=0123456789012345678901234567890123456,backend=user:s",
	  -EINVAL, "--device: key 'tag': '0123456789012345678901234567890123456' "
	  "does not have 1 to 36 characters" },
	{ VMM_DEVICE_FS, "path=/f,migration-on-error=abort", -EINVAL,
	  "--fs: key 'migration-on-error': it is for state that a vhost-user front-end "
	  "migrates; leave it out, it is an option of the daemon" },
	{ VMM_DEVICE_ANY, "fs,tag=a", -EINVAL,
	  "--device 'fs,tag=a': needs 'path=FOLDER' or 'backend=user:SOCKET'" },
	{ VMM_DEVICE_ANY, "rng,path=a", -ENOENT, NULL },
	{ VMM_DEVICE_ANY, "rng,id=4", -ENOENT, NULL },
	{ VMM_DEVICE_ANY, "rng,queues=2", -EINVAL,
	  "--device: key 'queues': 2 is out of range; allowed is only 1" },
	{ VMM_DEVICE_ANY, "rng,rate=1k,backend=user:s", -EINVAL,
	  "--device 'rng,rate=1k,backend=user:s': 'rate' is decided by the back-end; leave it "
	  "out, or 'backend=user:'" },
	{ VMM_DEVICE_DISK, "path=a,reconnect=5", -EINVAL,
	  "--disk 'path=a,reconnect=5': 'reconnect' needs "
	  "'backend=user:SOCKET'" },
	{ VMM_DEVICE_DISK, "path=a,read-only-windows", -EINVAL,
	  "--disk 'path=a,read-only-windows': 'read-only-windows' requires 'backend=user:'; "
	  "a device of this process accesses all memory" },
	{ VMM_DEVICE_ANY, "blk", -EINVAL,
	  "--device 'blk': needs 'path=FILE' or 'backend=user:SOCKET'" },
};

START_TEST(refuses_with_a_sentence)
{
	const struct refusal *r = &refusals[_i];

	ck_assert_int_eq(parse(r->how, r->list), r->code);
	if (r->msg)
		ck_assert_str_eq(err.msg, r->msg);
	else
		ck_assert_ptr_nonnull(strstr(err.msg, "unknown key"));
}
END_TEST

START_TEST(d1_17_socket_longer_than_an_address_is_refused)
{
	char list[256] = "backend=user:";

	memset(list + 13, 's', 107);
	ck_assert_int_eq(parse(VMM_DEVICE_DISK, list), 0);
	ck_assert_uint_eq(strlen(spec.socket), 107);
	list[13 + 107] = 's';
	ck_assert_int_eq(parse(VMM_DEVICE_DISK, list), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "longer than 107 characters"));
}
END_TEST

START_TEST(disk_longer_than_a_path_is_refused)
{
	static char path[8192];

	memset(path, 'p', sizeof(path) - 1);
	ck_assert_int_eq(parse(VMM_DEVICE_DISK_PATH, path), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "is longer than"));
}
END_TEST

START_TEST(limits_of_a_back_end_are_taken)
{
	ck_assert_int_eq(parse(VMM_DEVICE_ANY, "id=26,backend=user:s,"
			       "allow-fuse,max-mappings=7,reconnect=250,"
			       "config-size=56,max-window-bytes=1M,"
			       "max-mapped-bytes=64K"), 0);
	ck_assert(spec.remote && spec.allow_fuse);
	ck_assert_uint_eq(spec.id, 26);
	ck_assert_uint_eq(spec.max_mappings, 7);
	ck_assert_uint_eq(spec.max_window_bytes, 1 << 20);
	ck_assert_uint_eq(spec.max_mapped_bytes, 1 << 16);
	ck_assert_uint_eq(spec.reconnect_ms, 250);
	ck_assert_uint_eq(spec.config_size, 56);
}
END_TEST

START_TEST(missing_file_is_named)
{
	struct virtdev *dev;

	ck_assert_int_eq(parse(VMM_DEVICE_DISK_PATH, "/nowhere/disk"), 0);
	ck_assert_int_eq(vmm_device_open(&spec, &machine, &dev, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nowhere/disk"));
}
END_TEST

START_TEST(a_spawned_disk_has_the_keys_of_its_kind)
{
	ck_assert_int_eq(parse(VMM_DEVICE_DISK, "a,,b,readonly,cache=none,block-size=4K,iops=7,"
			       "queues=2,queue-size=64,locking=off,backend=spawn"), 0);
	ck_assert(spec.spawned && spec.remote && spec.kind == devkind_blk());
	ck_assert(spec.queues == 2 && spec.queue_size == 64);
	ck_assert_uint_eq(spec.reconnect_ms, 100);
	ck_assert_str_eq(vmm_device_describe(&spec).file, "a,b");
}
END_TEST

START_TEST(keyword_may_come_first)
{
	ck_assert_int_eq(parse(VMM_DEVICE_DISK, "backend=spawn,path=a,readonly=off,"
			       "reconnect=7"), 0);
	ck_assert(spec.spawned);
	ck_assert_str_eq(text_of("path"), "a");
	ck_assert_uint_eq(spec.reconnect_ms, 7);
}
END_TEST

/* Each list has a backend only in the value of another key. */
static const struct {
	enum vmm_device_how how;
	const char *list, *path;
} commas[] = {
	{ VMM_DEVICE_DISK, "path=a,,backend=spawn", "a,backend=spawn" },
	{ VMM_DEVICE_DISK, "a,,backend=spawn,readonly", "a,backend=spawn" },
	{ VMM_DEVICE_FS, "path=a,,backend=user:s,tag=t", "a,backend=user:s" },
	{ VMM_DEVICE_ANY, "fs,path=a,,backend=spawn", "a,backend=spawn" },
};

START_TEST(doubled_comma_does_not_select_a_back_end)
{
	ck_assert_int_eq(parse(commas[_i].how, commas[_i].list), 0);
	ck_assert(!spec.remote && !spec.spawned && spec.kind);
	ck_assert_str_eq(text_of("path"), commas[_i].path);
}
END_TEST

/* The daemon may offer properties that cvmm's own device refuses. */
START_TEST(spawned_folder_has_the_keys_of_the_daemon)
{
	ck_assert_int_eq(parse(VMM_DEVICE_FS, "dir,tag=t,thread-pool-size=0,"
			       "migration-on-error=guest-error,backend=spawn"), 0);
	ck_assert_str_eq(text_of("tag"), "t");
	ck_assert_uint_ne(number_of("migration-on-error"), 0);
	ck_assert_uint_eq(number_of("thread-pool-size"), 0);
	ck_assert_uint_eq(spec.id, VIRTDEV_ID_FS);
}
END_TEST

START_TEST(card_of_a_daemon_reconnects_its_stream)
{
	ck_assert_int_eq(parse(VMM_DEVICE_NET, "socket=s,reconnect=9,backend=spawn"), 0);
	ck_assert_str_eq(text_of("socket"), "s");
	ck_assert_uint_eq(number_of("reconnect"), 9);
	ck_assert_uint_eq(spec.reconnect_ms, 100);
}
END_TEST

static const struct {
	enum vmm_device_how how;
	const char *list, *says;
} unspawned[] = {
	{ VMM_DEVICE_BALLOON, "1G,backend=spawn", "which have a daemon" },
	{ VMM_DEVICE_PMEM, "a,backend=spawn", "which have a daemon" },
	{ VMM_DEVICE_ANY, "id=26,backend=spawn", "which have a daemon" },
	{ VMM_DEVICE_DISK, "backend=spawn", "needs 'path=FILE'" },
	{ VMM_DEVICE_CONSOLE, "stdio,backend=spawn", "leave 'backend=spawn' out" },
	{ VMM_DEVICE_DISK, "a,backend=spawn,sandbox=none", "unknown key 'sandbox'" },
	{ VMM_DEVICE_DISK, "a,backend=spawned", "neither 'inline', 'spawn'" },
	{ VMM_DEVICE_DISK, "a,backend=spawn,backend=user:s", "backend" },
};

START_TEST(what_no_daemon_does_is_refused)
{
	ck_assert_int_lt(parse(unspawned[_i].how, unspawned[_i].list), 0);
	ck_assert_msg(strstr(err.msg, unspawned[_i].says), "%s", err.msg);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("device_option");
	TCase *tc = tcase_create("keys");

	tcase_add_test(tc, operand_is_a_path_as_it_stands);
	tcase_add_test(tc, disk_has_its_keys);
	tcase_add_test(tc, disk_has_the_names_of_the_daemon);
	tcase_add_test(tc, keyword_puts_a_disk_behind_a_socket);
	tcase_add_test(tc, device_has_a_connected_socket);
	tcase_add_test(tc, keyword_gives_cards_and_sockets_to_the_kernel);
	tcase_add_test(tc, stream_of_a_card_may_come_later);
	tcase_add_test(tc, device_has_its_keys);
	tcase_add_test(tc, device_of_a_kind_has_the_keys_of_its_kind);
	tcase_add_test(tc, shared_directory_without_threads_is_refused);
	tcase_add_test(tc, shared_directory_of_this_process_has_threads);
	tcase_add_test(tc, kind_alone_is_a_device);
	tcase_add_test(tc, rng_is_its_kind_by_another_name);
	tcase_add_loop_test(tc, value_without_a_key_is_taken_where_it_is_clear,
			    0, COUNT(bare_values));
	tcase_add_test(tc, context_id_alone_is_a_device_of_the_kernel);
	tcase_add_test(tc, every_kind_has_its_shorthand);
	tcase_add_test(tc, kind_behind_a_socket_has_its_id);
	tcase_add_loop_test(tc, doubled_comma_does_not_select_a_back_end, 0, COUNT(commas));
	tcase_add_loop_test(tc, refuses_with_a_sentence, 0, COUNT(refusals));
	tcase_add_test(tc, d1_17_socket_longer_than_an_address_is_refused);
	tcase_add_test(tc, disk_longer_than_a_path_is_refused);
	tcase_add_test(tc, limits_of_a_back_end_are_taken);
	tcase_add_test(tc, missing_file_is_named);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, a_spawned_disk_has_the_keys_of_its_kind);
	tcase_add_test(tc, keyword_may_come_first);
	tcase_add_test(tc, spawned_folder_has_the_keys_of_the_daemon);
	tcase_add_test(tc, card_of_a_daemon_reconnects_its_stream);
	tcase_add_loop_test(tc, what_no_daemon_does_is_refused, 0, COUNT(unspawned));
	return run_suite(s);
}
