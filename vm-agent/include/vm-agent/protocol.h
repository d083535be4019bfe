/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The protocol between a host and its agent, the first process of a guest, which executes one command or
 * serves containers.
 *
 * They share three ports of a console device, each a byte stream with its own flow control: control, and
 * frames of all streams in each direction. Ports need no address and no name in the host's file system, and are
 * part of the oldest kernels; sockets (vsock) need a socket file per guest.
 *
 * A message is a header and len bytes. Numbers have the byte order of the guest,
 * which is that of its host: little-endian on x86-64 and arm64.
 *
 *	host                          agent
 *	                              READY        its ports are open
 *	MOMENT   time, random bytes
 *	GUEST    records
 *	                              SERVES       its file systems and network cards are configured
 *	CONTAINER number, records
 *	PREPARE  number, records
 *	                              PREPARED     mounted, and the program was found
 *	START
 *	                              RUNNING      the program is executed
 *	KILL, RESIZE, LIST, LOST      LISTED
 *	MEASURE                       MEASURED
 *	MOMENT   after a pause
 *	                              PROCESS_ENDED
 *	FORGET, REMOVE
 *
 * A template is saved after READY. The host of a clone cannot have received that READY, and
 * sends HELLO, which the agent answers by READY until it has received GUEST.
 *
 * If the records of GUEST have a root, the agent enters it, and processes of container VAGENT_ITSELF run in it,
 * without namespaces of their own. A signal for one of them is for its group. PREPARE may follow GUEST at once.
 *
 * The host chooses the numbers, in ascending order from 1. Bytes of all streams are frames: the
 * host's on the port of the input, the agent's on that of the output.
 * A frame without bytes ends its stream. Each stream has a window of its own: its sender may have
 * sent VAGENT_WINDOW bytes more than its receiver has consumed and reported by CREDIT or CREDITED.
 * So the receiver has room for all bytes that arrive, and a slow reader stops its own stream only.
 *
 * Threads: no functions.
 */
#ifndef VM_AGENT_PROTOCOL_H
#define VM_AGENT_PROTOCOL_H

#include <stdint.h>

/* The word of the kernel's command line that makes the first process an agent. */
#define VAGENT_WORD "cvmm.exec"
/* Beside VAGENT_WORD: the command runs on the kernel of the first disk, or on this one if that is not possible. */
#define VAGENT_KERNEL_WORD "cvmm.kernel"
/* The word that makes the first process boot the first disk. Words after "--" are for the kernel of that disk. */
#define VAGENT_IMAGE_WORD "cvmm.image"

/* The version of this protocol. A template may contain an agent of another version. */
#define VAGENT_VERSION 4u

enum vagent_port {
	VAGENT_CONTROL, VAGENT_IN, VAGENT_OUT, VAGENT_PORTS,
};

/* Names of the ports, in this order. */
#define VAGENT_PORT_NAMES "cvmm.control", "cvmm.in", "cvmm.out"

enum vagent_message {
	/* to the agent */
	VAGENT_HELLO = 1,	/* empty: repeat READY; before GUEST */
	VAGENT_MOMENT,	/* struct vagent_moment; before GUEST, and after the machine was paused */
	VAGENT_GUEST,	/* records; once */
	VAGENT_CONTAINER,	/* uint32_t: its number; records */
	VAGENT_REMOVE,	/* uint32_t: a container, whose processes are killed */
	VAGENT_PREPARE,	/* struct vagent_prepare; records */
	VAGENT_START,	/* uint32_t: a process */
	VAGENT_KILL,	/* struct vagent_kill */
	VAGENT_RESIZE,	/* struct vagent_resize */
	VAGENT_LIST,	/* uint32_t: a container */
	VAGENT_LOST,	/* struct vagent_stream: an output whose reader is gone */
	VAGENT_FORGET,	/* uint32_t: a process, which is killed if it runs; no message about it follows */
	VAGENT_CREDIT,	/* struct vagent_credit: of an output */
	VAGENT_MEASURE,	/* uint32_t: a container */
	/* from the agent */
	VAGENT_READY = 65,	/* uint32_t: VAGENT_VERSION; once per host */
	VAGENT_FAILURE,	/* a sentence: the agent has failed; once */
	VAGENT_SERVES,	/* empty; once */
	VAGENT_PREPARED,	/* struct vagent_prepared */
	VAGENT_RUNNING,	/* uint32_t: a process */
	VAGENT_PROCESS_ENDED,	/* struct vagent_process_ended, and a sentence; once per process */
	VAGENT_LISTED,	/* struct vagent_listed, and process IDs */
	VAGENT_CREDITED,	/* struct vagent_credit: of an input */
	VAGENT_MEASURED,	/* struct vagent_measured */
};

struct vagent_header {
	uint32_t type, len;
};

/* Maxima of len. */
#define VAGENT_MAX_REQUEST (2u << 20)	/* of records; the members before them are not counted */
#define VAGENT_MAX_MESSAGE 512u	/* of messages without records */

/* All clones of a template have its clock and would draw the same random numbers. */
#define VAGENT_ENTROPY 64
struct vagent_moment {
	uint64_t seconds;	/* CLOCK_REALTIME of the host */
	uint32_t nanoseconds, reserved;
	uint8_t entropy[VAGENT_ENTROPY];
};

enum vagent_how {
	VAGENT_EXITED,	/* status: that of the command */
	VAGENT_SIGNALLED,	/* status: the signal */
	VAGENT_NOT_FOUND,	/* the command does not exist */
	VAGENT_NOT_EXECUTED,	/* the command exists, but execve() failed */
	VAGENT_FAILED,	/* the agent could not prepare or execute it */
	VAGENT_HOWS,
};

/* The cause of VAGENT_SIGNALLED. */
enum vagent_cause {
	VAGENT_CAUSE_UNKNOWN,
	VAGENT_CAUSE_MEMORY,	/* the guest's kernel sent SIGKILL, because memory was used up */
	VAGENT_CAUSES,
};

/* Maximum numbers of containers and processes that an agent serves at a time. */
#define VAGENT_MAX_CONTAINERS 256u
#define VAGENT_MAX_PROCESSES 1024u
/* The number of no container: processes of the guest itself. */
#define VAGENT_ITSELF 0u

struct vagent_prepare {
	uint32_t process, container;
};

struct vagent_prepared {
	uint32_t process, pid;	/* pid: in the first PID namespace of the guest; not 0 */
};

struct vagent_kill {
	uint32_t process, signo;
	uint32_t all;		/* 1: all processes of its container; 0: this one */
};

struct vagent_resize {
	uint32_t process;
	uint16_t rows, columns;
};

/* The cause is one of enum vagent_cause, and not 0 after VAGENT_SIGNALLED only. A sentence follows failures. */
struct vagent_process_ended {
	uint32_t process, how, status, cause;
};

/* Process IDs (uint32_t) of a container follow, up to the end of the message. */
struct vagent_listed {
	uint32_t container;
	uint32_t more;		/* 1: a further message of the list follows; 0: this one is the last */
};

/* Usage of the control group of a container; 0: unknown to the guest's kernel. */
struct vagent_measured {
	uint32_t container, processes;
	uint64_t memory, max_memory; /* bytes now, and at most until now */
	uint64_t cpu, user, system; /* microseconds */
};

enum vagent_standard {
	VAGENT_STDIN, VAGENT_STDOUT, VAGENT_STDERR, VAGENT_STREAMS,
};

struct vagent_stream {
	uint32_t process, stream;
};

#define VAGENT_WINDOW (64u << 10)
struct vagent_credit {
	uint32_t process, stream;
	uint32_t bytes;		/* consumed since the previous credit; not 0 */
};

/* Maximum of len. */
#define VAGENT_MAX_FRAME (32u << 10)
struct vagent_frame {
	uint32_t process, stream;
	uint32_t len;		/* bytes that follow; 0: the stream ends */
};

/*
 * A request is a list of records: a letter, a text, and a NUL.
 *
 *	A WORD           of the command, in order
 *	E NAME=VALUE     of its environment, in order
 *	e NAME=VALUE     likewise, which the host has preset
 *	C FOLDER         its working folder
 *	H NAME           the guest's host name
 *	N ADDRESS/BITS GATEWAY RESOLVER MAC MTU
 *	                 IPv4 of its first network interface; "-" for one that is not configured. MAC and MTU
 *	                 of a clone, whose driver has read those of its template; "-" and 0: as the driver
 *	R ro|rw          the root file system: below an overlay in memory, or itself
 *	I                the root is in the first disk, not in the file system "root" of the host
 *	D TAG:ro|rw:PATH a further file system, and where it is mounted
 *	T ROWSxCOLUMNS   the command's streams are a terminal of this size
 *
 * Records of GUEST: R, I, H, N and D as of a request without a command, or the following. Network cards are in the order of their devices; the records of a card follow its J.
 *
 *	D TAG:ro|rw:PATH a file system of the host, and where it is mounted for containers
 *	J NAME           the next network card, and its new name; empty: unchanged
 *	m MAC            of the card
 *	u MTU
 *	a ADDRESS/BITS   IPv4 or IPv6
 *	r DESTINATION GATEWAY
 *	                 a route: "default" or ADDRESS/BITS, and an address or "-" for a destination on the link
 *
 * Records of CONTAINER. Numbers are hexadecimal unless the text has another base. The records of a mount follow its M.
 *
 *	R PATH           its root, for the agent
 *	O                the root is read-only
 *	H NAME           host name
 *	N FLAGS          namespaces, flags of clone(2); those of PIDs and mounts are always its own
 *	M TARGET         a mount, in order; its target is made
 *	t TYPE  s SOURCE  o DATA  f FLAGS
 *	                 as of mount(2). cgroup2 is the group of the container, if its namespaces have none of groups
 *	c                the mount begins with copies of the files of its target
 *	B c|b|p MAJOR:MINOR MODE USER GROUP PATH
 *	                 a device node; decimal numbers, an octal mode
 *	K PATH           hidden
 *	k PATH           read-only
 *	S NAME=VALUE     sysctl
 *	L FILE=VALUE     a limit of its control group
 *
 * Records of PREPARE: A, E, e, C and T as of a request, and
 *
 *	U USER GROUP UMASK
 *	                 decimal numbers, an octal mask
 *	U @USER[:GROUP]
 *	                 names or decimal numbers, of the files passwd and group of the root. Without GROUP, that of the
 *	                 user and those that list it. HOME, USER and LOGNAME of records e become the user's
 *	G GROUP          a further group
 *	P BOUNDING EFFECTIVE INHERITABLE PERMITTED AMBIENT
 *	                 sets of capabilities; without it, those of the agent
 *	L RESOURCE SOFT HARD
 *	                 a limit of setrlimit(2)
 *	n                no_new_privs
 *	F FLAGS PROGRAM  of seccomp(2), each instruction as 16 digits: code, jt, jf, k
 *	X ADJUSTMENT     of the OOM killer; decimal
 *	b pack|unpack    a program of the agent in place of a file: the first word is the path of a file, which it
 *	                 writes to its output, or reads from its input
 */
#define VAGENT_ROOT_TAG "root"

#endif
