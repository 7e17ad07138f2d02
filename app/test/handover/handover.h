/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef HANDOVER_H
#define HANDOVER_H

/**
 * @file
 * Test program: one device over vfio-user whose server is replaced while its client is connected.
 * keeper.c is a small process without DPDK that starts servers one after the other and holds
 * duplicates of their descriptors; server.c is one of them.
 */

#include <stdbool.h>

/** What a server says to the keeper, a byte in a message of its own. */
#define HANDOVER_READY   'r' /**< the EAL is up: descriptors may come */
#define HANDOVER_SERVING 's'
/** And the keeper to a server that serves. */
#define HANDOVER_GIVE 'g'

struct handover_args {
	const char *socket; /**< path of the endpoint */
	const char *rep;    /**< representor */
	unsigned int pairs;
	bool packed; /**< packed rings are offered */
};

/**
 * Serve until the connection to the keeper ends, or the endpoint was given away.
 *
 * @param control
 *   SOCK_SEQPACKET socket: see above, and descriptors when they are given.
 * @param keeper
 *   SOCK_SEQPACKET socket for vn_vfio_user_set_keeper().
 * @param take
 *   Take over what comes from @p control, instead of beginning anew.
 * @return exit status.
 */
int handover_serve(const struct handover_args *args, int control, int keeper, bool take);

#endif /* HANDOVER_H */
