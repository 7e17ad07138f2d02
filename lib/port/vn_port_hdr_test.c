/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "vn_port_hdr.h"

#define ALL                                                                  \
	(VN_PORT_ACCEPT_CSUM | VN_PORT_ACCEPT_TCPV4 | VN_PORT_ACCEPT_TCPV6 | \
		VN_PORT_ACCEPT_UDP_L4 | VN_PORT_ACCEPT_ECN)
#define CSUM  VN_NET_HDR_F_NEEDS_CSUM
#define VALID VN_NET_HDR_F_DATA_VALID
#define TCP4  VN_NET_HDR_GSO_TCPV4
#define TCP6  VN_NET_HDR_GSO_TCPV6
#define USO   VN_NET_HDR_GSO_UDP_L4
#define ECN   VN_NET_HDR_GSO_ECN

struct in {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset;
};

static struct vn_net_hdr
header(const struct in *in)
{
	struct vn_net_hdr hdr = {
		.flags = in->flags,
		.gso_type = in->gso_type,
		.hdr_len = rte_cpu_to_le_16(in->hdr_len),
		.gso_size = rte_cpu_to_le_16(in->gso_size),
		.csum_start = rte_cpu_to_le_16(in->csum_start),
		.csum_offset = rte_cpu_to_le_16(in->csum_offset),
		.num_buffers = 0xffff,
	};

	return hdr;
}

static void
accepted(void **state)
{
	static const struct {
		struct in in, out;
		uint32_t len, accept;
	} vec[] = {
		{{0}, {0}, 14, 0},
		{{0}, {0}, VN_MAX_FRAME, ALL},
		/* without meaning: cleared */
		{{0, 0, 54, 1448, 34, 16}, {0}, 60, ALL},
		{{0xfc, ECN, 1, 1, 1, 1}, {0}, 60, ALL},
		{{VALID, 0, 0, 0, 0, 0}, {VALID, 0, 0, 0, 0, 0}, 60, ALL},
		{{VALID, 0, 0, 0, 0, 0}, {0}, 60, 0},
		/* both flags contradict: the checksum is still to be made */
		{{CSUM | VALID, 0, 0, 0, 34, 16}, {CSUM, 0, 0, 0, 34, 16}, 60, ALL},
		{{CSUM, 0, 0, 0, 34, 16}, {CSUM, 0, 0, 0, 34, 16}, 52, VN_PORT_ACCEPT_CSUM},
		{{CSUM, TCP4, 54, 1448, 34, 16}, {CSUM, TCP4, 54, 1448, 34, 16}, 60000, ALL},
		{{CSUM, TCP4 | ECN, 54, 1448, 34, 16}, {CSUM, TCP4 | ECN, 54, 1448, 34, 16}, 60000,
			ALL},
		{{CSUM, TCP6, 74, 1428, 54, 16}, {CSUM, TCP6, 74, 1428, 54, 16}, 60000, ALL},
		{{CSUM, USO, 42, 1400, 34, 6}, {CSUM, USO, 42, 1400, 34, 6}, 60000, ALL},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(vec); i++) {
		struct vn_net_hdr hdr = header(&vec[i].in), want = header(&vec[i].out);

		want.num_buffers = 0;
		if (!vn_port_hdr_ok(&hdr, vec[i].len, vec[i].accept))
			fail_msg("case %zu refused", i);
		assert_memory_equal(&hdr, &want, sizeof(hdr));
	}
}

static void
refused(void **state)
{
	static const struct {
		struct in in;
		uint32_t len, accept;
	} vec[] = {
		{{0}, 0, ALL},
		{{0}, 13, ALL},
		{{0}, VN_MAX_FRAME + 1, ALL},
		{{0}, UINT32_MAX, ALL},
		/* not negotiated */
		{{CSUM, 0, 0, 0, 34, 16}, 60, ALL & ~VN_PORT_ACCEPT_CSUM},
		{{CSUM, TCP4, 54, 1448, 34, 16}, 60000, ALL & ~VN_PORT_ACCEPT_TCPV4},
		{{CSUM, TCP6, 74, 1448, 54, 16}, 60000, ALL & ~VN_PORT_ACCEPT_TCPV6},
		{{CSUM, USO, 42, 1448, 34, 6}, 60000, ALL & ~VN_PORT_ACCEPT_UDP_L4},
		{{CSUM, TCP4 | ECN, 54, 1448, 34, 16}, 60000, ALL & ~VN_PORT_ACCEPT_ECN},
		/* checksum beyond the frame, or in the Ethernet header */
		{{CSUM, 0, 0, 0, 34, 16}, 51, ALL},
		{{CSUM, 0, 0, 0, 0xffff, 0xffff}, VN_MAX_FRAME, ALL},
		{{CSUM, 0, 0, 0, 13, 16}, 60, ALL},
		/* segmentation without size, without checksum, or with too long a header */
		{{CSUM, TCP4, 54, 0, 34, 16}, 60000, ALL},
		{{0, TCP4, 54, 1448, 34, 16}, 60000, ALL},
		{{VALID, TCP4, 54, 1448, 34, 16}, 60000, ALL},
		{{CSUM, TCP4, 61, 1448, 34, 16}, 60, ALL},
		/* kinds that nobody offers, or that do not exist */
		{{CSUM, VN_NET_HDR_GSO_UDP, 42, 1448, 34, 6}, 60000, UINT32_MAX & ~RTE_BIT32(3)},
		{{CSUM, 2, 42, 1448, 34, 6}, 60000, ALL},
		{{CSUM, 7, 42, 1448, 34, 6}, 60000, ALL},
		{{CSUM, 31, 42, 1448, 34, 6}, 60000, ALL},
		{{CSUM, 32, 42, 1448, 34, 6}, 60000, ALL},
		{{CSUM, 0x7f, 42, 1448, 34, 6}, 60000, UINT32_MAX},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(vec); i++) {
		struct vn_net_hdr hdr = header(&vec[i].in);

		if (vn_port_hdr_ok(&hdr, vec[i].len, vec[i].accept))
			fail_msg("case %zu accepted", i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests_name("vn_port_hdr", tests, NULL, NULL);
}
