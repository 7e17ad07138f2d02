/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef FRONT_END_H
#define FRONT_END_H

/**
 * @file
 * A vhost-user front end in this process: gives a guest's memory and rings to rte_vhost, as a VMM
 * would.
 */

#include <stdint.h>

#include "guest.h"

struct front_end {
	int sock;
	int kick[2], call[2]; /* eventfds of rx, tx */
};

/**
 * Connect to the back end at @p path and set all up, negotiating exactly @p features. Returns when
 * the back end has acknowledged the last message.
 * @return 0; -ENOTSUP: the back end has not all the features; other negative errno.
 */
int front_end_open(struct front_end *f, const char *path, const struct guest *g, uint64_t features);
void front_end_close(struct front_end *f);

#endif /* FRONT_END_H */
