/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The protocol between a host and its agent, the first process of a guest that executes one command.
 *
 * They share four ports of a console device, each a byte stream with its own flow control: control,
 * and the command's standard streams. The bytes of a standard stream are the port's, unchanged. A
 * stream's end is a message on the control port that contains its length in bytes, so that no order
 * between ports is assumed. Ports need no address and no name in the host's file system, and are
 * part of the oldest kernels; sockets (vsock) need a socket file per guest.
 *
 * A message is a header and len bytes. Numbers have the byte order of the guest,
 * which is that of its host: little-endian on x86-64 and arm64.
 *
 *	host                          agent
 *	                              READY        its ports are open
 *	MOMENT   time, random bytes
 *	REQUEST  records
 *	                              STARTED      the command is executed
 *	SIGNAL, SIZE, INPUT_END, OUTPUT_LOST
 *	                              ENDED        status; the host ends the machine when it has
 *	                                           received all bytes of both outputs
 *
 * A template is saved after READY. The host of a clone cannot have received that READY, and
 * sends HELLO, which the agent answers by READY until it has received a request.
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

/* The version of this protocol. A template may contain an agent of another version, which the host refuses. */
#define VAGENT_VERSION 1u

enum vagent_port {
	VAGENT_CONTROL, VAGENT_IN, VAGENT_OUT, VAGENT_ERR, VAGENT_PORTS,
};

/* Names of the ports, in this order. */
#define VAGENT_PORT_NAMES "cvmm.control", "cvmm.in", "cvmm.out", "cvmm.err"

enum vagent_message {
	/* to the agent */
	VAGENT_REQUEST = 1,	/* records; once */
	VAGENT_SIGNAL,	/* uint32_t: for the command's process group */
	VAGENT_SIZE,		/* 2 uint16_t: rows and columns of the terminal */
	VAGENT_INPUT_END,	/* uint64_t: length of the input */
	VAGENT_OUTPUT_LOST,	/* uint32_t: the port whose reader is gone */
	VAGENT_HELLO,	/* empty: repeat READY; before the request */
	VAGENT_MOMENT,	/* struct vagent_moment; before the request */
	/* from the agent */
	VAGENT_READY = 65,	/* uint32_t: VAGENT_VERSION; once per host */
	VAGENT_STARTED,	/* empty; once */
	VAGENT_ENDED,	/* struct vagent_ended, and a sentence or a cause; once */
};

struct vagent_header {
	uint32_t type, len;
};

/* Maximum of len. */
#define VAGENT_MAX_REQUEST (2u << 20)
#define VAGENT_MAX_MESSAGE 512u	/* of all other messages */

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
	VAGENT_FAILED,	/* the agent failed */
	VAGENT_HOWS,
};

struct vagent_ended {
	uint32_t how, status;
	uint64_t out, err;	/* bytes that the command wrote */
};

/*
 * A uint32_t that follows VAGENT_SIGNALLED. Older agents send none, and older hosts ignore it. A
 * sentence follows the failures, and nothing VAGENT_EXITED.
 */
enum vagent_cause {
	VAGENT_CAUSE_UNKNOWN,
	VAGENT_CAUSE_MEMORY,	/* the guest's kernel sent SIGKILL, because memory was used up */
	VAGENT_CAUSES,
};

/*
 * A request is a list of records: a letter, a text, and a NUL.
 *
 *	A WORD           of the command, in order
 *	E NAME=VALUE     of its environment, in order
 *	C FOLDER         its working folder
 *	H NAME           the guest's host name
 *	N ADDRESS/BITS GATEWAY RESOLVER MAC MTU
 *	                 IPv4 of its first network interface; "-" for one that is not configured. MAC and MTU
 *	                 of a clone, whose driver has read those of its template; "-" and 0: as the driver
 *	R ro|rw          the root file system: below an overlay in memory, or itself
 *	I                the root is in the first disk, not in the file system "root" of the host
 *	D TAG:ro|rw:PATH a further file system, and where it is mounted
 *	T ROWSxCOLUMNS   the command's streams are a terminal of this size
 */
#define VAGENT_ROOT_TAG "root"

#endif
