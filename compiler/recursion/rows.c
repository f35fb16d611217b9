/* The schedule: chains of nests that run row by row.
 *
 * As lowered, every nest fills a whole slice before the next one reads it. Where nest k + 1 reads the slice of nest k only
 * through the rows of a filter, both can run as a wave: nest k is `lead` rows ahead, and of its slice only the rows that
 * are still read are kept, in a ring. Rows, and the operations within them, come in the same order as before, so the
 * results are the same bits. */
#include "base/diag.h"
#include "recursion/rec.h"

enum { WAVE_OF_LONG_PART = 8 };

uint32_t rec_nests(const RecBlock *block)
{
	uint32_t count = 0;
	for (const RecStmt *s = block->first; s; s = s->next)
		count += s->kind == REC_NEST ? 1 : s->kind == REC_ROWS ? s->as.rows.count : rec_nests(&s->body);
	return count;
}

static void count_reads(const RecExpr *x, uint32_t *reads)
{
	for (; x; x = x->a) {
		if (x->buffer)
			reads[x->buffer->id]++;
		if (x->b)
			count_reads(x->b, reads);
		if (x->mean)
			count_reads(x->mean, reads);
	}
}

static void count_block(const RecBlock *block, uint32_t *reads, uint32_t *writes)
{
	for (const RecStmt *s = block->first; s; s = s->next) {
		if (s->kind == REC_NEST) {
			count_reads(s->as.nest.value, reads);
			if (s->as.nest.target)
				writes[s->as.nest.target->id]++;
		}
		count_block(&s->body, reads, writes);
	}
}

/* The sliding sum through which an expression reads `buffer`, if that is how it does. */
static const RecExpr *sliding_reader(const RecExpr *x, const RecBuffer *buffer)
{
	const RecExpr *found = NULL;
	for (; x && !found; x = x->a) {
		if (x->buffer == buffer)
			return x->op == REC_OP_TAPS && x->taps->box && x->taps->stride[1] == 1 &&
					       x->taps->box_size[0] == 1
				       ? x
				       : NULL;
		if (x->b)
			found = sliding_reader(x->b, buffer);
	}
	return found;
}

static bool by_rows(const RecStmt *s)
{
	const RecNest *n = &s->as.nest;
	return s->kind == REC_NEST && !n->array_mode && !n->torus && n->elements == 1 && n->shape[0] == 1 &&
	       n->shape[1] > 1;
}

/* Can nest `s` hand its slice over by rows to the nest after its halo? */
static const RecExpr *hands_over(const RecStmt *s, const uint32_t *reads, const uint32_t *writes)
{
	if (!by_rows(s) || s->as.nest.sink != REC_SINK_STORE || s->as.nest.target->carried || s->as.nest.target->torus)
		return NULL;
	const RecStmt *halo = s->next, *reader = halo ? halo->next : NULL;
	uint32_t id = s->as.nest.target->id;
	if (!reader || halo->kind != REC_HALO || halo->as.halo.buffer != s->as.nest.target || !by_rows(reader) ||
	    reads[id] != 1 || writes[id] != 1)
		return NULL;
	return sliding_reader(reader->as.nest.value, s->as.nest.target);
}

static void schedule_block(Arena *arena, RecBlock *block, const uint32_t *reads, const uint32_t *writes, uint32_t most)
{
	RecStmt *before = NULL;
	for (RecStmt *s = block->first; s; before = s, s = s->next) {
		schedule_block(arena, &s->body, reads, writes, most);
		uint32_t count = 1;
		RecStmt *last = s;
		while (count < most && hands_over(last, reads, writes)) {
			last = last->next->next;
			count++;
		}
		if (count == 1)
			continue;
		RecStmt *wave = ARENA_NEW(arena, RecStmt);
		wave->kind = REC_ROWS;
		wave->frames = s->frames;
		wave->next = last->next;
		wave->as.rows.count = count;
		wave->as.rows.nests = ARENA_ARRAY(arena, RecNest, count);
		wave->as.rows.lead = ARENA_ARRAY(arena, int32_t, count);
		RecStmt *at = s;
		for (uint32_t k = 0; k < count; k++, at = k < count ? at->next->next : at)
			wave->as.rows.nests[k] = at->as.nest;
		for (uint32_t k = count - 1; k-- > 0;) {
			RecBuffer *b = wave->as.rows.nests[k].target;
			const RecTaps *t = sliding_reader(wave->as.rows.nests[k + 1].value, b)->taps;
			wave->as.rows.lead[k] = wave->as.rows.lead[k + 1] + t->box_low[1] + (int32_t)t->box_size[1] - 1;
			for (b->ring = 1; b->ring < t->box_size[1]; b->ring *= 2)
				continue;
		}
		if (before)
			before->next = wave;
		else
			block->first = wave;
		if (block->last == last)
			block->last = wave;
		s = wave;
	}
}

void rec_schedule(Arena *arena, RecPart *part)
{
	uint32_t *reads = ARENA_ARRAY(arena, uint32_t, part->buffer_count + 1);
	uint32_t *writes = ARENA_ARRAY(arena, uint32_t, part->buffer_count + 1);
	count_block(&part->block, reads, writes);
	/* The waves of a part of many layers are functions, and layers of one shape should make waves of one form. */
	uint32_t most = rec_nests(&part->block) > REC_LONG_PART ? WAVE_OF_LONG_PART : UINT32_MAX;
	schedule_block(arena, &part->block, reads, writes, most);
}
