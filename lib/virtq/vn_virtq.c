/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * A ring as an object: making it, publishing, and what is exchanged while it runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vn_virtq_priv.h"

/* Translate the three parts. On failure nothing has changed. */
static int
map_rings(struct vn_virtq *vq, const struct vn_guestmem *mem)
{
	const struct vn_virtq_conf *c = &vq->conf;
	const bool packed = vq->packed;
	const uint64_t event = sizeof(struct vn_vring_packed_event);
	const unsigned int align = packed ? VN_VRING_EVENT_ALIGN : VN_VRING_USED_ALIGN;
	void *desc, *avail, *used;

	if (mem == NULL)
		return -EFAULT;
	desc = vn_guestmem_addr(mem, c->desc_gpa, vn_vring_desc_bytes(c->size), packed);
	avail = vn_guestmem_addr(
		mem, c->avail_gpa, packed ? event : vn_vring_avail_bytes(c->size), false);
	used = vn_guestmem_addr(
		mem, c->used_gpa, packed ? event : vn_vring_used_bytes(c->size), true);
	if (desc == NULL || avail == NULL || used == NULL)
		return -EFAULT;
	/* A region may lie at another alignment in its file than in the guest. */
	if ((uintptr_t)desc % VN_VRING_DESC_ALIGN != 0 ||
		(uintptr_t)avail % (packed ? align : VN_VRING_AVAIL_ALIGN) != 0 ||
		(uintptr_t)used % align != 0)
		return -EFAULT;
	if (packed) {
		vq->pk_desc = desc;
		vq->pk_driver = avail;
		vq->pk_device = used;
	} else {
		vq->desc = desc;
		vq->avail_ring = avail;
		vq->used_ring = used;
	}
	vq->mem = mem;
	vq->hint = &vn_gm_no_slot;
	return 0;
}

static uint8_t
hdr_len_of(uint64_t features)
{
	if (features & VN_NET_F_HASH_REPORT)
		return VN_NET_HDR_LEN_HASH;
	return features & (VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF) ? VN_NET_HDR_LEN
								: VN_NET_HDR_LEN_LEGACY;
}

/* Which offloads may appear in the headers of this direction (virtio 1.2, 5.1.3). */
static void
pick_offloads(struct vn_virtq *vq, uint64_t f)
{
	const struct {
		uint64_t tx, rx;
		uint8_t type;
	} gso[] = {
		{VN_NET_F_HOST_TSO4, VN_NET_F_GUEST_TSO4, VN_NET_HDR_GSO_TCPV4},
		{VN_NET_F_HOST_TSO6, VN_NET_F_GUEST_TSO6, VN_NET_HDR_GSO_TCPV6},
		{VN_NET_F_HOST_UFO, VN_NET_F_GUEST_UFO, VN_NET_HDR_GSO_UDP},
		/* Of the GUEST_USO pair, ports give both or none. */
		{VN_NET_F_HOST_USO, VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6,
			VN_NET_HDR_GSO_UDP_L4},
	};
	const bool rx = vq->conf.is_rx;

	vq->csum_flags = 0;
	vq->gso_types = 0;
	if (f & (rx ? VN_NET_F_GUEST_CSUM : VN_NET_F_CSUM))
		vq->csum_flags = VN_NET_HDR_F_NEEDS_CSUM | (rx ? VN_NET_HDR_F_DATA_VALID : 0);
	vq->gso_ecn = f & (rx ? VN_NET_F_GUEST_ECN : VN_NET_F_HOST_ECN);
	for (unsigned int i = 0; i < RTE_DIM(gso); i++) {
		if (f & (rx ? gso[i].rx : gso[i].tx))
			vq->gso_types |= RTE_BIT64(gso[i].type);
	}
}

static int
conf_check(const struct vn_virtq_conf *c)
{
	const bool packed = c->features & VN_F_RING_PACKED;

	if (c->size == 0 || c->size > VN_VQ_MAX_SIZE || (!packed && !rte_is_power_of_2(c->size)))
		return -EINVAL;
	if (packed && (c->start & ~VN_EVENT_WRAP) >= c->size)
		return -EINVAL;
	if (c->desc_gpa % VN_VRING_DESC_ALIGN != 0 ||
		c->avail_gpa % (packed ? VN_VRING_EVENT_ALIGN : VN_VRING_AVAIL_ALIGN) != 0 ||
		c->used_gpa % (packed ? VN_VRING_EVENT_ALIGN : VN_VRING_USED_ALIGN) != 0)
		return -EINVAL;
	if (c->is_ctrl && c->is_rx)
		return -EINVAL;
	return c->stats == NULL ? -EINVAL : 0;
}

/*
 * Whoever served the ring before may have died between a store to it and its mark in the log, and
 * vn_virtq_packed_resume() has no log.
 */
static void
log_ring(const struct vn_virtq *vq)
{
	if (!vq->log_dirty)
		return;
	if (vq->packed)
		log_write(vq, vq->conf.desc_gpa, vn_vring_desc_bytes(vq->size));
	log_used(vq, 0,
		vq->packed ? sizeof(struct vn_vring_packed_event) : vn_vring_used_bytes(vq->size));
}

int
vn_virtq_create(const struct vn_virtq_conf *conf, struct vn_virtq **ret)
{
	const size_t vq_size = RTE_ALIGN_CEIL(sizeof(struct vn_virtq), RTE_CACHE_LINE_SIZE);
	struct vn_virtq *vq;
	int err;

	err = conf_check(conf);
	if (err < 0)
		return err;
	vq = aligned_alloc(RTE_CACHE_LINE_SIZE, vq_size);
	if (vq == NULL)
		return -ENOMEM;
	memset(vq, 0, vq_size);
	vq->packed = conf->features & VN_F_RING_PACKED;
	vq->mask = rte_align32pow2(conf->size) - 1;
	vq->inflight = calloc(vq->mask + 1u, sizeof(vq->inflight[0]));
	if (vq->inflight == NULL) {
		err = -ENOMEM;
		goto fail;
	}
	vq->conf = *conf;
	err = map_rings(vq, conf->mem);
	if (err < 0)
		goto fail;
	vq->size = conf->size;
	vq->hdr_len = hdr_len_of(conf->features);
	vq->event_idx = conf->features & VN_F_EVENT_IDX;
	vq->count_sizes = conf->count_sizes;
	pick_offloads(vq, conf->features);
	vq->stats = conf->stats;
	vq->bb = conf->bb;
	vq->copy_sum = vn_copy_sum_pick();
	if (vq->packed) {
		vq->dequeue = vn_virtq_packed_pick_dequeue(conf->features);
		vq->enqueue = vn_virtq_packed_pick_enqueue(conf->features);
		vq->views = vn_virtq_packed_pick_views(conf->features);
		vq->put = vn_virtq_packed_pick_put(conf->features);
		vq->puts = vn_virtq_packed_pick_puts(conf->features);
		vq->pk_next = vq->pk_published = vq->signalled = conf->start;
	} else {
		vq->dequeue = vn_virtq_pick_dequeue(conf->features);
		vq->enqueue = vn_virtq_pick_enqueue(conf->features);
		vq->views = vn_virtq_pick_views(conf->features);
		vq->put = vn_virtq_pick_put(conf->features);
		vq->puts = vn_virtq_pick_puts(conf->features);
		vq->published = vq->used = vq->taken = vq->avail = vq->signalled = conf->start;
	}
	vq->coal_seen = conf->stats->packets;
	vq->call_fd = conf->call_fd;
	vn_virtq_set_log(vq, conf->log_dirty, &conf->log, conf->used_log_gpa);
	log_ring(vq);
	*ret = vq;
	return 0;

fail:
	free(vq->inflight);
	free(vq);
	return err;
}

void
vn_virtq_set_offloads(struct vn_virtq *vq, uint64_t features)
{
	check_owner(vq);
	pick_offloads(vq, features);
}

void
vn_virtq_free(struct vn_virtq *vq)
{
	if (vq == NULL)
		return;
	check_owner(vq);
	free(vq->inflight);
	free(vq);
}

void
vn_virtq_flush_used(struct vn_virtq *vq)
{
	if (vq->packed)
		vq->used = vq->taken;
	while (vq->used != vq->taken) {
		const uint16_t at = vq->used & vq->mask;
		const uint16_t n = RTE_MIN((uint16_t)(vq->taken - vq->used), vq->size - at);

		memcpy(&vq->used_ring->ring[at], &vq->inflight[at], n * sizeof(vq->inflight[0]));
		log_used(vq, offsetof(struct vn_vring_used, ring) + at * sizeof(vq->inflight[0]),
			n * sizeof(vq->inflight[0]));
		vq->used += n;
	}
	count(&vq->stats->completed_desc, vq->inflight_descs);
	vq->inflight_descs = 0;
	vq->view_bytes = 0;
}

void
vn_virtq_publish(struct vn_virtq *vq)
{
	check_owner(vq);
	vq->put_descs = 0;
	if (vq->published == vq->used || vq->broken != NULL)
		return;
	if (vq->packed) {
		vn_virtq_packed_publish(vq);
		return;
	}
	/* Buffers and used entries first, then the index that shows them. */
	__atomic_store_n(&vq->used_ring->idx, rte_cpu_to_le_16(vq->used), __ATOMIC_RELEASE);
	log_used(vq, offsetof(struct vn_vring_used, idx), sizeof(vq->used_ring->idx));
	vq->published = vq->used;
	vq->signal_due = true;
	vq->generation++;
	note_position(vq);
}

uint16_t
vn_virtq_avail_upto(struct vn_virtq *vq, uint16_t most)
{
	uint16_t avail;

	check_owner(vq);
	if (vq->packed)
		return vn_virtq_packed_avail(vq, most);
	avail = read_avail(vq);
	return RTE_MIN(avail, most);
}

uint16_t
vn_virtq_avail(struct vn_virtq *vq)
{
	return vn_virtq_avail_upto(vq, UINT16_MAX);
}

uint16_t
vn_virtq_offered(struct vn_virtq *vq)
{
	const uint16_t avail = vn_virtq_avail(vq);

	return (vq->packed ? vq->pk_run : vq->taken) + avail;
}

int
vn_virtq_set_mem(struct vn_virtq *vq, struct vn_guestmem *mem)
{
	int err;

	check_owner(vq);
	err = map_rings(vq, mem);
	if (err < 0)
		virtq_break(vq, "memory");
	return err;
}

void
vn_virtq_set_log(
	struct vn_virtq *vq, bool on, const struct vn_dirty_log *log, uint64_t used_log_gpa)
{
	check_owner(vq);
	vq->log_dirty = on && log != NULL && log->base != NULL;
	vq->log = vq->log_dirty ? *log : (struct vn_dirty_log){0};
	vq->used_log_gpa = used_log_gpa;
}

void
vn_virtq_set_count_sizes(struct vn_virtq *vq, bool on)
{
	check_owner(vq);
	vq->count_sizes = on;
	/* Somebody may be reading them. */
	for (unsigned int i = 0; on && i < RTE_DIM(vq->stats->size_class); i++)
		__atomic_store_n(&vq->stats->size_class[i], 0, __ATOMIC_RELAXED);
}

uint16_t
vn_virtq_position(const struct vn_virtq *vq)
{
	/* What a broken ring has taken it does not give back: whoever goes on takes it anew. */
	if (unlikely(vq->broken != NULL))
		return vq->packed ? vq->pk_published : vq->published;
	return vq->packed ? vq->pk_next : vq->taken;
}

bool
vn_virtq_broken(const struct vn_virtq *vq)
{
	return vn_virtq_broken_why(vq) != NULL;
}

const char *
vn_virtq_broken_why(const struct vn_virtq *vq)
{
	return __atomic_load_n(&vq->broken, __ATOMIC_RELAXED);
}

void
vn_virtq_break(struct vn_virtq *vq, const char *why)
{
	check_owner(vq);
	virtq_break(vq, why);
}

#ifdef VN_DEBUG_OWNERSHIP
void
vn_virtq_own(struct vn_virtq *vq, bool take_it)
{
	check_owner(vq);
	vq->owner = take_it ? gettid() : 0;
}
#endif
