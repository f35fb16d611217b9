/* Cost of the pair part, counted on the recursion: position pairs, operations, memory; and the lines of --explain. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "network/nonlinearity.h"
#include "base/diag.h"
#include "recursion/rec.h"

typedef struct Cost {
	double steps, operations;
} Cost;

/* Operations per point of the two kernels together, as emitted. */
static double point_operations(const RecExpr *x, uint32_t channels)
{
	double own = 0, planes = x->theta ? 2 : 1;
	switch (x->op) {
	case REC_OP_INPUT:
		own = 2.0 * channels;
		break;
	case REC_OP_TAPS:
		own = x->taps->pool  ? planes * x->taps->box_size[0] * x->taps->box_size[1] * x->taps->box_size[2]
		      : x->taps->box ? planes * (x->taps->box_size[0] * x->taps->box_size[1] + x->taps->box_size[2] - 2)
				     : planes * x->taps->count;
		break;
	case REC_OP_AFFINE:
		own = 4;
		break;
	case REC_OP_SCALE:
	case REC_OP_EDGES:
	case REC_OP_NOISE:
	case REC_OP_ADD:
		own = planes;
		break;
	case REC_OP_NORM:
	case REC_OP_MUL:
		own = 2 * planes;
		break;
	case REC_OP_DUAL:
		own = x->node->as.pointwise.f->operations;
		break;
	case REC_OP_LOAD:
	case REC_OP_ARRAY:
	case REC_OP_SUM:
	case REC_OP_COUNT:
		break;
	}
	return own + (x->a ? point_operations(x->a, channels) : 0) + (x->b ? point_operations(x->b, channels) : 0);
}

static bool convolves(const RecExpr *x)
{
	return (x->op == REC_OP_TAPS && !x->taps->pool) || (x->a && convolves(x->a)) || (x->b && convolves(x->b));
}

/* Points of all slices of a nest, per execution of the loops around it: exact for a loop over all displacements. */
static double points(const RecNest *nest, const RecStmt *disp_loop)
{
	double n = 1;
	for (int a = 0; a < AXES; a++) {
		double size = nest->shape[a];
		if (nest->array_mode) {
			n *= size * size;
		} else if (!disp_loop || nest->disp.base == 0) {
			n *= size;
		} else if (nest->torus || disp_loop->as.disp.torus) {
			n *= size * disp_loop->as.disp.shape[a];
		} else {
			double sum = 0;
			for (int32_t d = disp_loop->as.disp.low[a]; d <= disp_loop->as.disp.high[a]; d++) {
				int32_t at = abs(nest->disp.scale[a] * d);
				sum += at < size ? size - at : 0;
			}
			n *= sum;
		}
	}
	return n * nest->elements;
}

static void count_nest(const RecNest *nest, double times, const RecStmt *disp_loop, uint32_t channels, Cost *cost)
{
	double n = times * points(nest, disp_loop);
	cost->operations += n * point_operations(nest->value, channels);
	cost->steps += convolves(nest->value) ? n : 0;
}

static void count(const RecBlock *block, double times, const RecStmt *disp_loop, uint32_t channels, Cost *cost)
{
	for (const RecStmt *s = block->first; s; s = s->next) {
		switch (s->kind) {
		case REC_NEST:
			count_nest(&s->as.nest, times, disp_loop, channels, cost);
			break;
		case REC_ROWS:
			for (uint32_t k = 0; k < s->as.rows.count; k++)
				count_nest(&s->as.rows.nests[k], times, disp_loop, channels, cost);
			break;
		case REC_LOOP_FRAMES:
			count(&s->body, times * s->frames->count, disp_loop, channels, cost);
			break;
		case REC_LOOP_DISP:
			count(&s->body, times, s, channels, cost);
			break;
		case REC_LOOP_REPEAT: {
			/* Inside, displacements are those of the repeat's own variable: as many as of the loop around. */
			count(&s->body, times * s->as.repeat.count, disp_loop, channels, cost);
			break;
		}
		case REC_LOOP_WRAP:
			count(&s->body, times, disp_loop, channels, cost);
			break;
		case REC_HALO:
		case REC_CLEAR:
			break;
		}
	}
}

/* ---- recursions ---- */

typedef struct Frames {
	const Group *group; /* the largest: of several lifts, that which costs most */
	bool *seen;         /* per q */
	uint32_t elements;  /* most values of the index r in a nest */
} Frames;

static uint32_t most_elements(const RecBlock *block)
{
	uint32_t most = 1;
	for (const RecStmt *s = block->first; s; s = s->next) {
		uint32_t here = most_elements(&s->body);
		if (s->kind == REC_NEST)
			here = s->as.nest.elements;
		for (uint32_t k = 0; s->kind == REC_ROWS && k < s->as.rows.count; k++)
			here = s->as.rows.nests[k].elements > here ? s->as.rows.nests[k].elements : here;
		most = here > most ? here : most;
	}
	return most;
}

/* A group's frames may be served by several loops: each q counts once. */
static void find_frames(const RecBlock *block, Frames *frames)
{
	for (const RecStmt *s = block->first; s; s = s->next) {
		if (s->kind == REC_LOOP_FRAMES && s->frames->group && group_equal(s->frames->group, frames->group)) {
			uint32_t elements = most_elements(&s->body);
			for (uint32_t k = 0; k < s->frames->count; k++)
				frames->seen[s->frames->q[k]] = true;
			frames->elements = elements > frames->elements ? elements : frames->elements;
		}
		find_frames(&s->body, frames);
	}
}

uint32_t rec_recursions(const RecProgram *program, uint32_t *of)
{
	const Network *network = program->network;
	Frames frames = {.elements = 1};
	for (uint32_t id = 0; id < network->node_count; id++) {
		const Node *node = network->nodes[id];
		if (node_has_relation(node, RELATION_LIFT) &&
		    (!frames.group || node->type.group->order > frames.group->order))
			frames.group = node->type.group;
	}
	*of = 0;
	if (!frames.group)
		return 0;
	bool seen[GROUP_MAX_ORDER] = {false};
	frames.seen = seen;
	find_frames(&program->pair.block, &frames);
	uint32_t count = 0;
	for (uint32_t q = 0; q < frames.group->order; q++)
		count += seen[q];
	*of = frames.group->order * frames.group->order;
	/* what asks for no q but the identity needs no loop */
	return (count ? count : 1) * frames.elements;
}

/* ---- explanation ---- */

static void explain_fused(FILE *to, const RecExpr *x, int depth)
{
	if (x->a)
		explain_fused(to, x->a, depth + 1);
	if (x->b) {
		fputs(" + ", to);
		explain_fused(to, x->b, depth + 1);
	}
	fprintf(to, "%s%s", x->a ? "-" : "", rec_expr_text(x));
}

static void explain_nest(FILE *to, const char *net, const RecNest *nest, const char *how)
{
	fprintf(to, "%s: fused: ", net);
	explain_fused(to, nest->value, 0);
	fprintf(to, " (%" PRIu32 "x%" PRIu32 "x%" PRIu32 "%s)%s\n", nest->shape[0], nest->shape[1], nest->shape[2],
		nest->elements > 1 ? ", with the index r" : "", how);
}

static void explain_block(FILE *to, const char *net, const RecBlock *block, uint32_t *level)
{
	for (const RecStmt *s = block->first; s; s = s->next) {
		if (s->kind == REC_LOOP_FRAMES) {
			fprintf(to, "%s: frames: %" PRIu32 " of %" PRIu32 " elements q of %s%s\n", net,
				s->frames->count, s->frames->group->order, s->frames->group->name,
				s->body.first && s->body.last->kind == REC_NEST && s->body.last->as.nest.array_mode
					? ", by whole arrays: strides or circular sizes differ on exchanged axes"
					: ", by displacement slices");
		} else if (s->kind == REC_LOOP_DISP) {
			double n = 1;
			for (int a = 0; a < AXES; a++)
				n *= s->as.disp.high[a] - s->as.disp.low[a] + 1;
			if (s->as.disp.torus)
				n = (double)s->as.disp.shape[0] * s->as.disp.shape[1] * s->as.disp.shape[2];
			fprintf(to, "%s: displacements: %.0f of level %" PRIu32 " (%d..%d x %d..%d x %d..%d)%s\n", net,
				n, ++*level, s->as.disp.low[0], s->as.disp.high[0], s->as.disp.low[1],
				s->as.disp.high[1], s->as.disp.low[2], s->as.disp.high[2],
				s->as.disp.torus ? " on a torus" : "");
		} else if (s->kind == REC_LOOP_REPEAT) {
			fprintf(to, "%s: repeat: a loop of %" PRIu32 " iterations\n", net, s->as.repeat.count);
		} else if (s->kind == REC_NEST) {
			explain_nest(to, net, &s->as.nest, "");
		} else if (s->kind == REC_ROWS) {
			for (uint32_t k = 0; k < s->as.rows.count; k++)
				explain_nest(to, net, &s->as.rows.nests[k],
					     k ? ", row by row behind the one above" : "");
		}
		explain_block(to, net, &s->body, level);
	}
}

void rec_cost(Arena *arena, RecProgram *program)
{
	Cost cost = {0, 0};
	count(&program->pair.block, 1, NULL, program->channels, &cost);
	program->steps = cost.steps;
	program->operations = cost.operations;
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	if (to == NULL)
		arena_exhausted();
	uint32_t level = 0;
	const char *net = program->network->name;
	explain_block(to, net, &program->pair.block, &level);
	fprintf(to,
		"%s: cost per pair: %.4g position pairs through a convolution, %.4g operations, %.4g KiB per lane\n",
		net, cost.steps, cost.operations, (double)program->pair.lanes * 8 / 1024);
	bool good = !ferror(to);
	if (fclose(to) != 0 || !good || text == NULL)
		arena_exhausted();
	program->explanation = arena_copy(arena, text, size);
	free(text);
}
