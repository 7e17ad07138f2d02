/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VHOST_USER_H
#define VN_VHOST_USER_H

/**
 * @file
 * The vhost-user transport: a back end of the public vhost-user protocol, as server (listens on a
 * socket path) or client (connects to it, and again whenever the connection is lost).
 *
 * The VMM owns the config space, the MAC address and the control queue; the data rings, receive
 * ring of pair n at index 2n and transmit ring at 2n + 1, are the device's. One VMM at a time.
 */

#include "vn_transport.h"

/** Control thread. */
extern const struct vn_transport_ops vn_vhost_user_ops;

#endif /* VN_VHOST_USER_H */
