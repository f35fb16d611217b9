/* Memory of a part: buffers get offsets in one workspace; two whose lives do not overlap may share memory, so that a
 * slice is written where the previous one has just been read and stays in the cache. */
#include <stdlib.h>

#include "base/diag.h"
#include "recursion/rec.h"

static void use(RecBuffer *b, uint32_t now)
{
	if (!b)
		return;
	if (!b->placed) {
		b->placed = true;
		b->first_use = now;
	}
	b->last_use = now;
}

static void use_expr(const RecExpr *e, uint32_t now)
{
	for (; e; e = e->a) {
		use(e->buffer, now);
		if (e->b)
			use_expr(e->b, now);
		if (e->mean)
			use_expr(e->mean, now);
	}
}

static void walk(const RecBlock *block, const RecPart *part, uint32_t *now)
{
	for (const RecStmt *s = block->first; s; s = s->next) {
		uint32_t begin = ++*now;
		switch (s->kind) {
		case REC_NEST:
			use_expr(s->as.nest.value, begin);
			use(s->as.nest.target, begin);
			break;
		case REC_ROWS:
			for (uint32_t k = 0; k < s->as.rows.count; k++) {
				use_expr(s->as.rows.nests[k].value, begin);
				use(s->as.rows.nests[k].target, begin);
			}
			break;
		case REC_HALO:
			use(s->as.halo.buffer, begin);
			break;
		case REC_CLEAR:
			use(s->as.clear.buffer, begin);
			break;
		case REC_LOOP_REPEAT:
			use(s->as.repeat.carried, begin);
			break;
		case REC_LOOP_FRAMES:
		case REC_LOOP_DISP:
		case REC_LOOP_WRAP:
			break;
		}
		if (!s->body.first)
			continue;
		walk(&s->body, part, now);
		uint32_t end = ++*now;
		/* What was there before the loop is read in every iteration. */
		for (uint32_t i = 0; i < part->buffer_count; i++) {
			RecBuffer *b = part->buffers[i];
			if (b->placed && b->first_use <= begin && b->last_use >= begin)
				b->last_use = end;
		}
		/* A torus slice is written by pieces, an array by displacements: all of the loop belongs to their lives. */
		for (uint32_t i = 0; i < part->buffer_count; i++) {
			RecBuffer *b = part->buffers[i];
			bool pieces = (s->kind == REC_LOOP_WRAP && b->torus) ||
				      (s->kind == REC_LOOP_DISP && b->kind == REC_ARRAY);
			if (pieces && b->placed && b->first_use > begin) {
				b->first_use = begin;
				b->last_use = end;
			}
		}
	}
}

static uint64_t size_of(RecBuffer *b)
{
	if (b->kind == REC_SLICE) {
		b->entries = 1;
		for (int a = 0; a < AXES; a++)
			b->entries *=
				a == 1 && b->ring ? b->ring : (uint64_t)b->shape[a] + b->halo_low[a] + b->halo_high[a];
	} else if (b->kind == REC_SUM) {
		b->entries = 1;
	}
	return b->entries * b->elements * (b->theta ? 2 : 1) * (b->carried ? 2 : 1);
}

static int by_first_use(const void *left, const void *right)
{
	const RecBuffer *a = *(RecBuffer *const *)left, *b = *(RecBuffer *const *)right;
	if (a->first_use != b->first_use)
		return a->first_use < b->first_use ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

void rec_plan(RecPart *part)
{
	uint32_t now = 0;
	walk(&part->block, part, &now);
	if (!part->buffer_count)
		return;
	qsort(part->buffers, part->buffer_count, sizeof *part->buffers, by_first_use);
	for (uint32_t i = 0; i < part->buffer_count; i++) {
		RecBuffer *b = part->buffers[i];
		uint64_t size = size_of(b);
		if (!b->placed)
			continue;
		if (b->kind == REC_SUM) {
			b->offset = part->sums;
			part->sums += size;
			continue;
		}
		/* First fit among the buffers that live at the same time (few: a stage has a handful). */
		uint64_t offset = 0;
		for (bool moved = true; moved;) {
			moved = false;
			for (uint32_t j = 0; j < i; j++) {
				RecBuffer *o = part->buffers[j];
				uint64_t o_size = o->entries * o->elements * (o->theta ? 2 : 1) * (o->carried ? 2 : 1);
				if (o->kind == REC_SUM || !o->placed || o->last_use < b->first_use ||
				    b->last_use < o->first_use)
					continue;
				if (offset < o->offset + o_size && o->offset < offset + size) {
					offset = o->offset + o_size;
					moved = true;
				}
			}
		}
		b->offset = offset;
		if (offset + size > part->lanes)
			part->lanes = offset + size;
	}
}
