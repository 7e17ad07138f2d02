/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * A guest: its memory, and what its driver does with a burst.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/virtio_net.h>

#include "guest.h"

#define MEM_BYTES (UINT64_C(16) << 20)
#define HDR_LEN   ((uint32_t)sizeof(struct virtio_net_hdr_v1))
/* mbufs as DPDK's pools have them: 128 bytes in front of the data, which has 2 KiB. */
#define HEADROOM 128
#define ROOM     2048u
#define PAGE     4096u
/* Buffers that take more than this would be a benchmark of the machine's memory. */
#define WORKING_SET (UINT32_C(4) << 20)

/* @return guest address of @p bytes. */
static uint64_t
take(struct guest *g, uint32_t bytes, uint32_t align)
{
	const uint64_t at = (g->used_bytes + align - 1) / align * align;

	if (at + bytes > g->size) {
		fprintf(stderr, "bench: guest memory is too small\n");
		abort();
	}
	g->used_bytes = at + bytes;
	return GUEST_GPA + at;
}

static void *
at(const struct guest *g, uint64_t gpa)
{
	return g->base + (gpa - GUEST_GPA);
}

static void
add_piece(struct guest *g, struct drv_chain *c, uint64_t gpa, uint32_t len)
{
	c->piece[c->n++] = (struct drv_piece){.gpa = gpa, .ptr = at(g, gpa), .len = len};
}

/* A buffer as an mbuf with room for @p room bytes. @return address of its data. */
static uint64_t
take_mbuf(struct guest *g, uint32_t room)
{
	/* Two more lines, as struct rte_mbuf: elements of a pool do not all begin in the same set.
	 */
	return take(g, HEADROOM + room + 128, 64) + HEADROOM;
}

static void
tx_chain(struct guest *g, struct drv_chain *c)
{
	const struct frame_kind *k = &g->c.size->kind;
	uint32_t left = k->len, part;
	uint64_t gpa;

	if (k->tso) {
		part = FRAME_L2_LEN + FRAME_L3_LEN + FRAME_L4_LEN;
		add_piece(g, c, take_mbuf(g, ROOM) - HDR_LEN, HDR_LEN + part);
		for (left -= part; left > 0; left -= part) {
			part = left < PAGE ? left : PAGE;
			add_piece(g, c, take(g, PAGE, PAGE), part);
		}
	} else if (left <= ROOM) {
		add_piece(g, c, take_mbuf(g, ROOM) - HDR_LEN, HDR_LEN + left);
	} else {
		add_piece(g, c, take(g, 64, 64), HDR_LEN);
		for (; left > 0; left -= part) {
			part = left < ROOM ? left : ROOM;
			gpa = take_mbuf(g, ROOM);
			add_piece(g, c, gpa, part);
		}
	}
	if (c->n > 1 && !g->c.path->in_order) {
		c->table_gpa = take(g, c->n * 16, 64);
		c->table = at(g, c->table_gpa);
	}
}

static void
rx_chain(struct guest *g, struct drv_chain *c)
{
	const struct frame_kind *k = &g->c.size->kind;

	if (g->c.path->mergeable) {
		add_piece(g, c, take_mbuf(g, ROOM) - HDR_LEN, HDR_LEN + ROOM);
	} else if (!k->tso) {
		const uint32_t room = k->len <= ROOM ? ROOM : (k->len + 1023) / 1024 * 1024;

		add_piece(g, c, take_mbuf(g, room) - HDR_LEN, HDR_LEN + room);
	} else {
		const uint64_t first = take(g, PAGE, PAGE);

		add_piece(g, c, first, HDR_LEN);
		add_piece(g, c, first + 16, PAGE - 16);
		for (uint32_t i = 0; i < 16; i++)
			add_piece(g, c, take(g, PAGE, PAGE), PAGE);
		c->table_gpa = take(g, c->n * 16, 64);
		c->table = at(g, c->table_gpa);
	}
}

static int
ring_open(struct guest *g, struct drv_ring *r, bool is_rx)
{
	const struct bench_case *c = &g->c;
	uint32_t bytes = c->size->kind.len + HDR_LEN;

	free(r->chain);
	*r = (struct drv_ring){
		.packed = c->path->packed,
		.in_order = c->path->in_order,
		.is_rx = is_rx,
		.size = c->size->kind.tso ? 1024 : 256,
	};
	g->desc_gpa[!is_rx] = take(g, drv_desc_bytes(r), PAGE);
	g->driver_gpa[!is_rx] = take(g, drv_driver_bytes(r), PAGE);
	g->device_gpa[!is_rx] = take(g, drv_device_bytes(r), PAGE);
	r->desc = at(g, g->desc_gpa[!is_rx]);
	r->driver = at(g, g->driver_gpa[!is_rx]);
	r->device = at(g, g->device_gpa[!is_rx]);

	r->num_chains = r->size;
	if (is_rx && c->path->mergeable)
		bytes = ROOM;
	while (r->num_chains * bytes > WORKING_SET && r->num_chains > 2 * MAX_BURST)
		r->num_chains /= 2;
	r->chain = calloc(r->num_chains, sizeof(r->chain[0]));
	if (r->chain == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->num_chains; i++) {
		if (is_rx)
			rx_chain(g, &r->chain[i]);
		else
			tx_chain(g, &r->chain[i]);
	}
	drv_tables(r);
	return 0;
}

/* The chain's bytes from @p skip on, piece by piece. @return false: fn did. */
static bool
each_piece(const struct drv_chain *c, uint32_t skip, uint32_t len,
	bool (*fn)(void *arg, uint32_t off, uint8_t *p, uint32_t len), void *arg)
{
	uint32_t off = 0;

	for (uint32_t i = 0; i < c->n && len > 0; i++) {
		uint32_t part = c->piece[i].len;

		if (skip >= part) {
			skip -= part;
			continue;
		}
		part = part - skip < len ? part - skip : len;
		if (!fn(arg, off, c->piece[i].ptr + skip, part))
			return false;
		off += part;
		len -= part;
		skip = 0;
	}
	return len == 0;
}

struct part {
	const struct frame_kind *kind;
	uint32_t number, off;
};

static bool
write_part(void *arg, uint32_t off, uint8_t *p, uint32_t len)
{
	const struct part *part = arg;

	frame_write(part->kind, part->number, part->off + off, p, len);
	return true;
}

static bool
check_part(void *arg, uint32_t off, uint8_t *p, uint32_t len)
{
	const struct part *part = arg;

	return frame_check(part->kind, part->number, part->off + off, p, len);
}

int
guest_open(struct guest *g)
{
	int err;

	memset(g, 0, sizeof(*g));
	g->size = MEM_BYTES;
	g->memfd = memfd_create("bench-guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (g->memfd < 0 || ftruncate(g->memfd, g->size) < 0)
		goto fail;
	g->base =
		mmap(NULL, g->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, g->memfd, 0);
	if (g->base != MAP_FAILED)
		return 0;
	g->base = NULL;

fail:
	err = -errno;
	guest_close(g);
	return err;
}

void
guest_close(struct guest *g)
{
	free(g->rx.chain);
	free(g->tx.chain);
	if (g->base != NULL)
		munmap(g->base, g->size);
	if (g->memfd >= 0)
		close(g->memfd);
	memset(g, 0, sizeof(*g));
	g->memfd = -1;
}

int
guest_prepare(struct guest *g, const struct bench_case *c)
{
	int err;

	g->c = *c;
	/* What another case has received must not be taken for something new. */
	memset(g->base, 0x5a, g->used_bytes);
	g->used_bytes = 0;
	err = ring_open(g, &g->rx, true);
	if (err == 0)
		err = ring_open(g, &g->tx, false);
	if (err < 0)
		return err;
	g->rx_buffers = 1;
	if (c->path->mergeable)
		g->rx_buffers =
			(HDR_LEN + c->size->kind.len + HDR_LEN + ROOM - 1) / (HDR_LEN + ROOM);
	for (uint32_t i = 0; i < g->tx.num_chains; i++) {
		struct part p = {.kind = &g->c.size->kind, .number = i};

		each_piece(&g->tx.chain[i], HDR_LEN, c->size->kind.len, write_part, &p);
	}
	return 0;
}

void
guest_reset(struct guest *g)
{
	drv_reset(&g->rx);
	drv_reset(&g->tx);
	g->received = g->looked_at = 0;
	g->error = NULL;
	drv_post(&g->rx, g->rx.num_chains);
}

static const struct virtio_net_hdr_v1 *
tx_hdr(const struct guest *g)
{
	static const struct virtio_net_hdr_v1 plain;
	static const struct virtio_net_hdr_v1 tso = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = FRAME_L2_LEN + FRAME_L3_LEN + FRAME_L4_LEN,
		.gso_size = FRAME_MSS,
		.csum_start = FRAME_L2_LEN + FRAME_L3_LEN,
		.csum_offset = 16,
	};

	return g->c.size->kind.tso ? &tso : &plain;
}

void
guest_touch_tx(struct guest *g, uint32_t i)
{
	const struct drv_chain *c = &g->tx.chain[i % g->tx.num_chains];
	uint8_t *frame = c->piece[0].len > HDR_LEN ? c->piece[0].ptr + HDR_LEN : c->piece[1].ptr;

	memcpy(c->piece[0].ptr, tx_hdr(g), HDR_LEN);
	/* Somebody has just written the frame: at least its headers, which are in one line. */
	for (unsigned int k = 0; k < 64; k += 8) {
		volatile uint64_t *p = (volatile uint64_t *)(frame + k);

		*p = *p;
	}
}

void
guest_touch_rx(const struct guest *g, uint32_t i)
{
	const struct drv_piece *p = &g->rx.chain[i % g->rx.num_chains].piece[0];

	for (unsigned int k = 0; k + 8 <= p->len && k < HDR_LEN + 64; k += 8)
		(void)*(volatile const uint32_t *)(p->ptr + k);
}

void
guest_send(struct guest *g)
{
	for (uint32_t i = 0; i < g->c.burst; i++)
		guest_touch_tx(g, g->tx.posted + i);
	if (drv_post(&g->tx, g->c.burst) != g->c.burst && g->error == NULL)
		g->error = "transmit ring is full";
}

uint32_t
guest_sent(struct guest *g)
{
	const uint32_t n = drv_reap(&g->tx);

	if (g->tx.error != NULL && g->error == NULL)
		g->error = g->tx.error;
	return n;
}

/* The frame that begins with chain @p first. @return what is wrong with it, or NULL. */
static const char *
check_frame(struct guest *g, uint32_t first, uint32_t chains, bool verify, uint32_t number)
{
	const struct frame_kind *k = &g->c.size->kind;
	struct virtio_net_hdr_v1 hdr, want = *tx_hdr(g);
	uint32_t total = 0;

	memcpy(&hdr, g->rx.chain[first % g->rx.num_chains].piece[0].ptr, HDR_LEN);
	want.num_buffers = g->rx_buffers;
	if (!g->c.path->mergeable && !g->num_buffers)
		want.num_buffers = hdr.num_buffers;
	want.hdr_len = hdr.hdr_len <= want.hdr_len ? hdr.hdr_len : want.hdr_len; /* a hint */
	if (memcmp(&hdr, &want, sizeof(hdr)) != 0)
		return "wrong virtio-net header in a received frame";
	for (uint32_t i = 0; i < chains; i++) {
		const struct drv_chain *c = &g->rx.chain[(first + i) % g->rx.num_chains];
		const uint32_t skip = i == 0 ? HDR_LEN : 0;
		struct part p = {.kind = k, .number = number, .off = total};

		if (c->used_len < skip)
			return "receive buffer given back without a header";
		if (verify && !each_piece(c, skip, c->used_len - skip, check_part, &p))
			return "wrong bytes in a received frame";
		total += c->used_len - skip;
	}
	return total == k->len ? NULL : "wrong length of a received frame";
}

uint32_t
guest_receive(struct guest *g, bool verify, uint32_t numbers)
{
	const uint32_t first = g->looked_at;
	uint32_t chains, frames;

	drv_reap(&g->rx);
	/* A device may show the buffers of a frame one by one. */
	frames = (g->rx.reaped - first) / g->rx_buffers;
	chains = frames * g->rx_buffers;
	g->looked_at += chains;
	if (g->error == NULL)
		g->error = g->rx.error;
	for (uint32_t i = 0; i < frames && g->error == NULL; i++, g->received++) {
		guest_touch_rx(g, first + i * g->rx_buffers);
		g->error = check_frame(
			g, first + i * g->rx_buffers, g->rx_buffers, verify, g->received % numbers);
	}
	if (g->error == NULL && drv_post(&g->rx, chains) != chains)
		g->error = "receive ring does not take its buffers back";
	return frames;
}
