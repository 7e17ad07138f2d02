/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_EVENTFD_H
#define VN_EVENTFD_H

/**
 * Check that a peer's descriptor is an eventfd, and make it non-blocking: one that blocks could
 * hold a poller up for ever. Any thread.
 *
 * @return 0; -EINVAL: something else; other negative errno.
 */
int vn_eventfd_check(int fd);

#endif /* VN_EVENTFD_H */
