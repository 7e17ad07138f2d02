/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Fuzz target of the virtqueue engine: the input is a ring's configuration, and then a program of
 * what the guest writes into its memory and what the poller does with the ring, in any order.
 *
 * Guest memory lies between pages that cannot be accessed, one region is really read-only, and the
 * mbufs come from fuzz_pool.h. Beyond not crashing, what the engine hands on is checked.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "fuzz_pool.h"
#include "guestmem_test_map.h"
#include "vn_blackbox.h"
#include "vn_features.h"
#include "vn_net_hdr.h"
#include "vn_virtq.h"
#include "vn_virtq_view.h"
#include "vn_vring_packed.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold, in every build. */
#define CHECK(cond)                                                                \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

/* Guest memory: small addresses, which inputs hit easily. virtq_seeds.py knows them, too. */
enum { RINGS, DATA, CONST, BIG, NUM_REGIONS };
static const struct {
	uint64_t gpa, size;
} layout[NUM_REGIONS] = {
	[RINGS] = {0x1000, 0x1000},
	[DATA] = {0x2000, 0x2000},  /* goes on behind the rings' in the guest, not here */
	[CONST] = {0x6000, 0x1000}, /* read-only */
	[BIG] = {0x10000, 0x20000},
};
#define DESC_GPA  0x1000
#define AVAIL_GPA 0x1400
#define USED_GPA  0x1500
#define MAX_SIZE  64
#define LOG_SIZE  8

enum op {
	OP_WRITE, /* u16 offset into rings and data, u8 n, n bytes */
	/* u8 index, u24 address, u16 length, u8 flags, u8 next; packed: id in place of next, and of
	 * the flags bits 6 and 7 are USED and AVAIL
	 */
	OP_DESC,
	OP_DESC_WIDE, /* u8 index, u64 address, u32 length, u16 flags, u16 next or id */
	OP_PUSH,      /* u8 head; packed: u8 n, the driver makes so many descriptors available */
	OP_AVAIL_IDX, /* u16; packed: where the driver goes on, bit 15: its wrap counter */
	OP_MOVE,      /* u8 n, u16 length: dequeue, enqueue frames of that length, or take a command
		       * of which n bytes are read; its answer will be that long. Bit 7 of n: frames
		       * without mbufs
		       */
	OP_COMPLETE,  /* or answer */
	OP_PUBLISH,
	OP_INTERRUPT,
	OP_ARM,     /* u8: on, off */
	OP_SET_MEM, /* u8: which map */
	OP_SET_LOG, /* u8: on, off */
	OP_RESTART, /* a new ring object, at used->idx or where the black box says */
	OP_AVAIL,
	OP_COAL, /* u8: packets; 0: no wait */
	NUM_OPS,
};

struct input {
	const uint8_t *p, *end;
};

static struct rte_mempool *pool;
static unsigned int pool_size;
static struct vn_guestmem *maps[2]; /* all of memory; without the second region */
static uint8_t *memory[NUM_REGIONS];
static uint8_t log_base[LOG_SIZE];
static int call_fd;

static uint64_t
get(struct input *in, unsigned int bytes)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < bytes && in->p < in->end; i++)
		v |= (uint64_t)*in->p++ << 8 * i;
	return v;
}

/* Memory between two pages that cannot be touched. */
static uint8_t *
guarded(size_t size)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	uint8_t *p = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	CHECK(mprotect(p + page, size, PROT_READ | PROT_WRITE) == 0);
	return p + page;
}

static struct vn_guestmem *
make_map(bool with_data)
{
	struct vn_gm_slot slot[NUM_REGIONS];
	struct vn_guestmem *mem;
	unsigned int n = 0;

	for (unsigned int i = 0; i < NUM_REGIONS; i++) {
		if (i == DATA && !with_data)
			continue;
		slot[n++] = (struct vn_gm_slot){
			.gpa = layout[i].gpa,
			.size = layout[i].size,
			.base = memory[i],
			.read_only = i == CONST,
		};
	}
	mem = guestmem_test_map(slot, n);
	CHECK(mem != NULL);
	return mem;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	fuzz_eal_init((*argv)[0]);
	/* Few and small, so that frames have segments, and the pool runs dry. */
	pool = fuzz_pool_create(160, RTE_PKTMBUF_HEADROOM + 512);
	pool_size = rte_mempool_avail_count(pool);
	for (unsigned int i = 0; i < NUM_REGIONS; i++)
		memory[i] = guarded(layout[i].size);
	/* Descriptors into the data, now and then indirect or linked. */
	for (unsigned int i = 0; i < layout[CONST].size / sizeof(struct vn_vring_desc); i++) {
		((struct vn_vring_desc *)memory[CONST])[i] = (struct vn_vring_desc){
			.addr = 0x2000 + i * 64, .len = i, .flags = i % 8, .next = i + 1};
	}
	CHECK(mprotect(memory[CONST], layout[CONST].size, PROT_READ) == 0);
	maps[0] = make_map(true);
	maps[1] = make_map(false);
	call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK(call_fd >= 0);
	return 0;
}

/* What lib/virtio/vn_net_hdr.h promises to whoever gets a frame. */
static void
check_frame(struct rte_mbuf *m, uint64_t features)
{
	const struct vn_net_hdr *h = vn_mbuf_hdr(m);
	const uint8_t type = h->gso_type & ~VN_NET_HDR_GSO_ECN;
	uint32_t len = 0, sum = 0;
	unsigned int segs = 0;

	for (const struct rte_mbuf *s = m; s != NULL; s = s->next) {
		const uint8_t *p = rte_pktmbuf_mtod(s, const uint8_t *);

		CHECK(s->data_len > 0);
		for (unsigned int i = 0; i < s->data_len; i++)
			sum += p[i];
		len += s->data_len;
		segs++;
	}
	__asm__ volatile("" : : "r"(sum)); /* the bytes are to be read */
	CHECK(segs == m->nb_segs);
	CHECK(len == m->pkt_len);
	CHECK(len >= 14 && len <= VN_MAX_FRAME);

	CHECK((h->flags & ~VN_NET_HDR_F_NEEDS_CSUM) == 0);
	CHECK(h->hdr_len <= len);
	if (h->flags != 0) {
		CHECK(features & VN_NET_F_CSUM);
		CHECK((uint32_t)h->csum_start + h->csum_offset + 2 <= len);
	}
	if (h->gso_type == VN_NET_HDR_GSO_NONE)
		return;
	CHECK(h->flags != 0 && h->gso_size != 0);
	CHECK((type == VN_NET_HDR_GSO_TCPV4 && features & VN_NET_F_HOST_TSO4) ||
		(type == VN_NET_HDR_GSO_TCPV6 && features & VN_NET_F_HOST_TSO6) ||
		(type == VN_NET_HDR_GSO_UDP && features & VN_NET_F_HOST_UFO) ||
		(type == VN_NET_HDR_GSO_UDP_L4 && features & VN_NET_F_HOST_USO));
}

static void
dequeue(struct vn_virtq *vq, unsigned int n, uint64_t features)
{
	struct rte_mbuf *pkts[VN_VQ_MAX_BURST];
	uint16_t got = vn_virtq_dequeue(vq, pool, pkts, RTE_MIN(n, RTE_DIM(pkts)));

	CHECK(got <= n);
	for (uint16_t i = 0; i < got; i++)
		check_frame(pkts[i], features);
	rte_pktmbuf_free_bulk(pkts, got);
}

static void
take_views(struct vn_virtq *vq, unsigned int n)
{
	struct vn_view v;

	for (; n > 0 && vn_virtq_view(vq, &v); n--) {
		uint64_t len = v.head_len;
		uint32_t sum = 0;

		CHECK(v.len >= 14 && v.len <= VN_MAX_FRAME);
		CHECK(v.head_len == RTE_MIN(v.len, (uint32_t)VN_VIEW_HEAD));
		CHECK(v.hdr.hdr.hdr_len <= v.len && v.hdr.hash_value == 0);
		for (uint32_t i = 0; i < v.n_segs; i++) {
			CHECK(v.seg[i].len > 0);
			for (uint64_t b = 0; b < v.seg[i].len; b++)
				sum += v.seg[i].ptr[b];
			len += v.seg[i].len;
		}
		__asm__ volatile("" : : "r"(sum)); /* the bytes are to be read */
		CHECK(len == v.len);
	}
}

static void
put_views(struct vn_virtq *vq, unsigned int n, uint32_t len, const struct vn_net_hdr_hash *hdr)
{
	static uint8_t bytes[UINT16_MAX];
	const uint32_t head = RTE_MIN(len, (uint32_t)VN_VIEW_HEAD);
	const struct vn_view_seg seg[2] = {
		{bytes, (len - head) / 2}, {bytes, (len - head) - (len - head) / 2}};
	struct vn_view v = {.hdr = *hdr, .len = len, .head_len = head, .n_segs = 2, .seg = seg};

	for (n = RTE_MIN(n, 4u); n > 0; n--)
		CHECK(vn_virtq_put_view(vq, &v) <= VN_PUT_DROPPED);
}

/* Frames of @p len bytes whose header is @p hdr's: the port's, that is, possibly not negotiated. */
static void
enqueue(struct vn_virtq *vq, unsigned int n, uint32_t len, const struct vn_net_hdr_hash *hdr)
{
	struct rte_mbuf *pkts[4];
	unsigned int made;
	uint16_t took;

	n = RTE_MIN(n, RTE_DIM(pkts));
	for (made = 0; made < n; made++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		struct rte_mbuf *last = m;

		if (m == NULL)
			break;
		pkts[made] = m;
		*vn_mbuf_hdr_hash(m) = *hdr;
		for (uint32_t left = len;;) {
			uint32_t part = RTE_MIN(left, rte_pktmbuf_tailroom(last));

			memset(rte_pktmbuf_mtod(last, void *), 0xa5, part);
			last->data_len = part;
			m->pkt_len += part;
			left -= part;
			last->next = left > 0 ? rte_pktmbuf_alloc(pool) : NULL;
			if (last->next == NULL)
				break;
			last = last->next;
			m->nb_segs++;
		}
	}
	took = vn_virtq_enqueue(vq, pkts, made);
	CHECK(took <= made);
	rte_pktmbuf_free_bulk(pkts, made);
}

/* A command; what is read of it ends where its memory ends. */
static void
ctrl_next(struct vn_virtq *vq, uint32_t room)
{
	const uint16_t before = vn_virtq_position(vq);
	uint8_t *buf = malloc(room);
	uint32_t len = 0, reply_room = 0;
	int got;

	CHECK(buf != NULL || room == 0);
	got = vn_virtq_ctrl_next(vq, buf, room, &len, &reply_room);
	CHECK(got == 0 || got == 1);
	if (got == 1) {
		/* One at a time. */
		CHECK(vn_virtq_position(vq) != before);
		CHECK(vn_virtq_ctrl_next(vq, buf, room, &len, &reply_room) == 0);
	}
	free(buf);
}

static void
ctrl_reply(struct vn_virtq *vq, uint32_t len)
{
	uint8_t *data = malloc(len);

	CHECK(data != NULL || len == 0);
	if (len > 0)
		memset(data, 0x5a, len);
	vn_virtq_ctrl_reply(vq, data, len);
	free(data);
}

static uint8_t *
ring_mem(uint64_t gpa)
{
	return memory[RINGS] + (gpa - layout[RINGS].gpa);
}

static void
guest_write(struct input *in)
{
	uint32_t at = get(in, 2) % (layout[RINGS].size + layout[DATA].size);

	for (unsigned int n = get(in, 1); n > 0 && in->p < in->end; n--, at++) {
		if (at < layout[RINGS].size)
			memory[RINGS][at] = get(in, 1);
		else if (at - layout[RINGS].size < layout[DATA].size)
			memory[DATA][at - layout[RINGS].size] = get(in, 1);
	}
}

/* The driver of a packed ring: it makes available what is in the descriptors already. */
struct packed_driver {
	uint16_t size, at;
};

static void
packed_push(struct packed_driver *d, unsigned int n)
{
	struct vn_vring_packed_desc *ring = (void *)ring_mem(DESC_GPA);

	for (; n > 0; n--) {
		struct vn_vring_packed_desc *p = &ring[d->at & ~VN_EVENT_WRAP];

		p->flags &= ~(VN_DESC_F_AVAIL | VN_DESC_F_USED);
		p->flags |= d->at & VN_EVENT_WRAP ? VN_DESC_F_AVAIL : VN_DESC_F_USED;
		d->at = vn_vring_packed_advance(d->at, 1, d->size);
	}
}

static uint16_t
in_ring(uint16_t position, uint16_t size)
{
	return (position & VN_EVENT_WRAP) | (position & ~VN_EVENT_WRAP) % size;
}

static void
packed_desc(struct input *in, bool wide)
{
	struct vn_vring_packed_desc *d =
		(struct vn_vring_packed_desc *)ring_mem(DESC_GPA) + get(in, 1) % MAX_SIZE;
	uint16_t flags;

	d->addr = get(in, wide ? 8 : 3);
	d->len = get(in, wide ? 4 : 2);
	flags = get(in, wide ? 2 : 1);
	if (!wide)
		flags = (flags & ~0x40) | (flags & 0x40 ? VN_DESC_F_USED : 0);
	d->flags = flags;
	d->id = get(in, wide ? 2 : 1);
}

static void
guest_desc(struct input *in, bool wide)
{
	struct vn_vring_desc *d =
		(struct vn_vring_desc *)ring_mem(DESC_GPA) + get(in, 1) % MAX_SIZE;

	d->addr = get(in, wide ? 8 : 3);
	d->len = get(in, wide ? 4 : 2);
	d->flags = get(in, wide ? 2 : 1);
	d->next = get(in, wide ? 2 : 1);
}

static struct vn_virtq_conf
read_conf(struct input *in)
{
	static const uint64_t bits[16] = {VN_F_INDIRECT_DESC, VN_F_EVENT_IDX, VN_NET_F_MRG_RXBUF,
		VN_F_VERSION_1, VN_F_IN_ORDER, VN_NET_F_CSUM, VN_NET_F_GUEST_CSUM,
		VN_NET_F_HOST_TSO4, VN_NET_F_HOST_TSO6, VN_NET_F_HOST_ECN, VN_NET_F_HOST_UFO,
		VN_NET_F_HOST_USO, VN_NET_F_GUEST_TSO4, VN_NET_F_GUEST_TSO6, VN_NET_F_GUEST_ECN,
		VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6};
	const uint8_t first = get(in, 1);
	const uint16_t features = get(in, 2);
	const bool packed = first & 0x08;
	const uint16_t size = packed ? 1 + get(in, 1) % MAX_SIZE : 1 << (first & 7) % 7;
	struct vn_virtq_conf conf = {
		.size = size,
		.is_rx = first & 0x80,
		.is_ctrl = (first & 0xa0) == 0x20,
		.count_sizes = first & 0x40,
		.start = get(in, 2),
		.desc_gpa = DESC_GPA,
		.avail_gpa = AVAIL_GPA,
		.used_gpa = USED_GPA,
		.used_log_gpa = USED_GPA,
		.mem = maps[0],
		.call_fd = call_fd,
	};

	for (unsigned int i = 0; i < RTE_DIM(bits); i++)
		conf.features |= features & 1 << i ? bits[i] : 0;
	if (first & 0x10)
		conf.features |= VN_F_VERSION_1 | VN_NET_F_HASH_REPORT;
	if (packed) {
		conf.features |= VN_F_VERSION_1 | VN_F_RING_PACKED;
		conf.start = in_ring(conf.start, conf.size);
	}
	return conf;
}

/* Resume by a record that says of the ring what the data says. */
static void
resume_by_anything(const struct vn_virtq_conf *conf)
{
	struct vn_bb_ring lie = {.runs = VN_BB_PACKED};
	const uint8_t *p = memory[DATA];
	int at;

	lie.position = in_ring(p[0] | p[1] << 8, conf->size);
	lie.runs |= p[2] % (VN_BB_RUNS + 1);
	for (unsigned int i = 0; i < (lie.runs & ~VN_BB_PACKED); i++) {
		lie.run[i] = VN_BB_RUN((uint32_t)(p[3 + i] >> 6) << 30, 1 + (p[3 + i] & 3),
			1 + (p[3 + i] >> 2 & 3));
		lie.burst += VN_BB_RUN_CHAINS(lie.run[i]);
	}
	at = vn_virtq_packed_resume(maps[0], DESC_GPA, conf->size, &lie);
	CHECK(at == -EINVAL || (at >= 0 && (at & ~VN_EVENT_WRAP) < conf->size));
}

/* Where a process that comes after this one goes on. */
static uint16_t
resumed(const struct vn_virtq_conf *conf, const struct vn_bb_ring *bb, uint16_t position)
{
	int at;

	if (!(conf->features & VN_F_RING_PACKED))
		return vn_virtq_split_used_idx(maps[0], USED_GPA);
	at = vn_virtq_packed_resume(maps[0], DESC_GPA, conf->size, bb);
	CHECK(at == -EINVAL || (at >= 0 && (at & ~VN_EVENT_WRAP) < conf->size));
	resume_by_anything(conf);
	return at >= 0 ? at : position;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	const struct vn_dirty_log log = {log_base, LOG_SIZE};
	struct vn_virtq_stats stats = {0};
	struct vn_bb_ring bb = {0};
	struct vn_virtq_conf conf = read_conf(&in);
	struct vn_vring_avail *avail = (void *)ring_mem(AVAIL_GPA);
	struct vn_vring_used *used = (void *)ring_mem(USED_GPA);
	struct vn_net_hdr_hash hdr = {0};
	const bool packed = conf.features & VN_F_RING_PACKED;
	struct packed_driver driver = {conf.size, conf.start};
	uint32_t answer = 0;
	struct vn_virtq *vq;

	memset(memory[RINGS], 0, layout[RINGS].size);
	memset(memory[DATA], 0, layout[DATA].size);
	memset(memory[BIG], 0, layout[BIG].size);
	if (!packed)
		avail->idx = used->idx = conf.start;
	conf.bb = &bb;
	conf.stats = &stats;
	vn_bb_ring_start(&bb, packed, conf.size, DESC_GPA, USED_GPA, conf.start);
	CHECK(vn_virtq_create(&conf, &vq) == 0);

	while (in.p < in.end) {
		const enum op op = get(&in, 1) % NUM_OPS;
		unsigned int n;
		uint32_t len;
		bool views;

		switch (op) {
		case OP_WRITE:
			guest_write(&in);
			break;
		case OP_DESC:
		case OP_DESC_WIDE:
			if (packed)
				packed_desc(&in, op == OP_DESC_WIDE);
			else
				guest_desc(&in, op == OP_DESC_WIDE);
			break;
		case OP_PUSH:
			n = get(&in, 1);
			if (packed) {
				packed_push(&driver, n % (MAX_SIZE + 1));
				break;
			}
			avail->ring[avail->idx % conf.size] = n;
			avail->idx++;
			break;
		case OP_AVAIL_IDX:
			n = get(&in, 2);
			if (packed)
				driver.at = in_ring(n, conf.size);
			else
				avail->idx = n;
			break;
		case OP_MOVE:
			n = get(&in, 1);
			views = n & 0x80;
			n %= VN_VQ_MAX_BURST + 1;
			len = get(&in, 2);
			/* The header that the port gives is whatever the data begins with. */
			memcpy(&hdr, memory[DATA], sizeof(hdr));
			answer = len;
			if (conf.is_ctrl)
				ctrl_next(vq, n);
			else if (views && conf.is_rx)
				put_views(vq, n, len, &hdr);
			else if (views)
				take_views(vq, n);
			else if (conf.is_rx)
				enqueue(vq, n, len, &hdr);
			else
				dequeue(vq, n, conf.features);
			break;
		case OP_COMPLETE:
			if (conf.is_ctrl)
				ctrl_reply(vq, answer);
			else
				vn_virtq_complete(vq);
			break;
		case OP_PUBLISH:
			vn_virtq_publish(vq);
			break;
		case OP_INTERRUPT:
			vn_virtq_interrupt(vq);
			break;
		case OP_ARM:
			if (get(&in, 1) & 1)
				vn_virtq_arm(vq);
			else
				vn_virtq_disarm(vq);
			break;
		case OP_SET_MEM:
			CHECK(vn_virtq_set_mem(vq, maps[get(&in, 1) & 1]) == 0);
			break;
		case OP_SET_LOG:
			vn_virtq_set_log(vq, get(&in, 1) & 1, &log, get(&in, 2));
			break;
		case OP_RESTART:
			n = vn_virtq_position(vq);
			CHECK(!packed || (n & ~VN_EVENT_WRAP) < conf.size);
			vn_virtq_free(vq);
			conf.start = resumed(&conf, &bb, n);
			vn_bb_ring_start(&bb, packed, conf.size, DESC_GPA, USED_GPA, conf.start);
			CHECK(vn_virtq_create(&conf, &vq) == 0);
			break;
		case OP_AVAIL:
			CHECK(vn_virtq_avail(vq) <= conf.size);
			break;
		case OP_COAL:
			n = get(&in, 1);
			vn_virtq_set_coal(vq, n == 0 ? 0 : UINT32_MAX, n);
			break;
		case NUM_OPS:
			break;
		}
		CHECK(rte_mempool_avail_count(pool) == pool_size);
		CHECK(stats.completed_desc <= stats.received_desc);
		CHECK(bb.burst <= conf.size);
	}
	vn_virtq_free(vq);
	return 0;
}
