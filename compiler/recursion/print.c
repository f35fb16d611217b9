/* The recursion in readable form: --emit=recursion. */
#include <inttypes.h>

#include "base/diag.h"
#include "recursion/rec.h"

const char *rec_op_text(RecOp op)
{
	static const char *const texts[] = {
#define X(name, text) text,
		REC_OPS(X)
#undef X
	};
	return texts[op];
}

const char *rec_expr_text(const RecExpr *x)
{
	return x->op == REC_OP_DUAL ? node_text(x->node) : rec_op_text(x->op);
}

static void indent(FILE *to, int depth)
{
	fprintf(to, "%*s", 2 * depth, "");
}

static void print_triple(FILE *to, const uint32_t v[AXES])
{
	fprintf(to, "%" PRIu32 "x%" PRIu32 "x%" PRIu32, v[0], v[1], v[2]);
}

static void print_disp(FILE *to, const RecDisp *d, uint32_t frames)
{
	if (d->base == 0)
		fputs("0", to);
	else
		fprintf(to, "(%d,%d,%d)*d%" PRIu32, d->scale[0], d->scale[1], d->scale[2], d->base);
	bool shifted = false;
	for (uint32_t k = 0; k < frames; k++)
		shifted = shifted || d->shift[k][0] || d->shift[k][1] || d->shift[k][2];
	for (uint32_t k = 0; shifted && k < frames; k++)
		fprintf(to, "%s(%d,%d,%d)", k ? "|" : " + ", d->shift[k][0], d->shift[k][1], d->shift[k][2]);
}

static void print_expr(FILE *to, const RecExpr *x)
{
	fprintf(to, "%s", rec_expr_text(x));
	if (x->buffer)
		fprintf(to, " %%%" PRIu32, x->buffer->id);
	if (x->taps) {
		fprintf(to, x->taps->box ? " box " : x->taps->pool ? " window " : " list ");
		if (x->taps->box || x->taps->pool)
			print_triple(to, x->taps->box_size);
		else
			fprintf(to, "of %" PRIu32, x->taps->count);
		fputs(" stride ", to);
		print_triple(to, x->taps->stride);
		if (!x->taps->box && !x->taps->pool)
			for (uint32_t i = 0; i < x->taps->count * x->taps->elements_out; i++)
				fprintf(to, " %u:%d,%d,%d*%d", x->taps->taps[i].r, x->taps->taps[i].offset[0],
					x->taps->taps[i].offset[1], x->taps->taps[i].offset[2],
					x->taps->taps[i].weight);
		else
			fprintf(to, " from %d,%d,%d", x->taps->box_low[0], x->taps->box_low[1], x->taps->box_low[2]);
	}
	for (uint32_t i = 0; i < x->coef_count; i++)
		if (x->coef[i] >= 0)
			fprintf(to, " c%" PRId32, x->coef[i]);
	if (x->var)
		fprintf(to, " %s[%" PRIu64 "]", x->diagonal ? "make" : "factors", x->var->offset);
	if (x->mean) {
		fputs(" by ", to);
		print_expr(to, x->mean);
	}
	if (x->self)
		fputs(" always", to);
	if (!x->a)
		return;
	fputs("(", to);
	print_expr(to, x->a);
	if (x->b) {
		fputs(", ", to);
		print_expr(to, x->b);
	}
	fputs(")", to);
}

static void print_nest(FILE *to, const RecNest *n, uint32_t frames)
{
	static const char *const sinks[] = {"only factors", "store", "array", "elements", "windows", "sum", "output"};
	print_triple(to, n->shape);
	if (n->elements > 1)
		fprintf(to, " r<%" PRIu32, n->elements);
	fputs(n->array_mode ? " all pairs" : n->torus ? " torus at " : " at ", to);
	if (!n->array_mode)
		print_disp(to, &n->disp, frames);
	fprintf(to, ": %s", sinks[n->sink]);
	if (n->target)
		fprintf(to, " %%%" PRIu32 "%s", n->target->id, n->next ? "'" : "");
	if (n->left_offset) {
		fprintf(to, " from %d,%d,%d and", n->left_offset[0], n->left_offset[1], n->left_offset[2]);
		for (uint32_t k = 0; k < frames; k++)
			fprintf(to, "%s%d,%d,%d", k ? "|" : " ", n->right_offset[k][0], n->right_offset[k][1],
				n->right_offset[k][2]);
	}
	fputs(" <- ", to);
	print_expr(to, n->value);
	fputs("\n", to);
}

static void print_block(FILE *to, const RecBlock *block, int depth)
{
	for (const RecStmt *s = block->first; s; s = s->next) {
		uint32_t frames = s->frames->count;
		indent(to, depth);
		switch (s->kind) {
		case REC_LOOP_FRAMES:
			fprintf(to, "for q in %s {", s->frames->group->name);
			for (uint32_t k = 0; k < frames; k++)
				fprintf(to, "%s%u", k ? " " : "", s->frames->q[k]);
			fputs("}\n", to);
			break;
		case REC_LOOP_DISP:
			fprintf(to, "for d%" PRIu32 " in ", s->as.disp.base);
			if (s->as.disp.torus)
				fputs("torus ", to), print_triple(to, s->as.disp.shape);
			else
				fprintf(to, "%d..%d x %d..%d x %d..%d", s->as.disp.low[0], s->as.disp.high[0],
					s->as.disp.low[1], s->as.disp.high[1], s->as.disp.low[2], s->as.disp.high[2]);
			fputs("\n", to);
			break;
		case REC_LOOP_REPEAT:
			fprintf(to, "repeat %" PRIu32 " carrying %%%" PRIu32 ", output at d%" PRIu32 ", the last at ",
				s->as.repeat.count, s->as.repeat.carried->id, s->as.repeat.base);
			print_disp(to, &s->as.repeat.last, frames);
			fputs("\n", to);
			break;
		case REC_LOOP_WRAP:
			fprintf(to, "for d%" PRIu32 " in the pieces on a torus of ", s->as.wrap.base);
			print_disp(to, &s->as.wrap.from, frames);
			fputs("\n", to);
			break;
		case REC_NEST:
			print_nest(to, &s->as.nest, frames);
			break;
		case REC_ROWS:
			fputs("row by row\n", to);
			for (uint32_t k = 0; k < s->as.rows.count; k++) {
				indent(to, depth + 1);
				fprintf(to, "%+d rows: ", s->as.rows.lead[k]);
				print_nest(to, &s->as.rows.nests[k], frames);
			}
			break;
		case REC_HALO: {
			const RecBuffer *b = s->as.halo.buffer;
			fprintf(to, "halo %%%" PRIu32 " %s ", b->id, b->torus ? "wraps" : "zero");
			print_triple(to, b->halo_low);
			fputs(" and ", to);
			print_triple(to, b->halo_high);
			fputs("\n", to);
			break;
		}
		case REC_CLEAR:
			fprintf(to, "clear %%%" PRIu32 "\n", s->as.clear.buffer->id);
			break;
		}
		print_block(to, &s->body, depth + 1);
	}
}

static void print_part(FILE *to, const char *name, const RecPart *part)
{
	if (!part->block.first)
		return;
	fprintf(to, "  %s: %" PRIu64 " lanes, %" PRIu64 " sums\n", name, part->lanes, part->sums);
	for (uint32_t i = 0; i < part->buffer_count; i++) {
		static const char *const kinds[] = {"slice", "array", "sum"};
		const RecBuffer *b = part->buffers[i];
		fprintf(to, "    %%%" PRIu32 " = %s of %s%s%s, r %" PRIu32 ", %" PRIu64 " entries at %" PRIu64 "%s\n",
			b->id, kinds[b->kind], b->node->label, b->theta ? ", theta" : "", b->torus ? ", torus" : "",
			b->elements, b->entries, b->offset,
			b->carried ? ", two copies"
			: b->ring  ? ", a ring of rows"
				   : "");
	}
	print_block(to, &part->block, 2);
}

void rec_print(const RecProgram *program, FILE *to)
{
	fprintf(to, "net %s: %" PRIu64 " factors per tile, %" PRIu64 " in the state, %" PRIu32 " coefficients\n",
		program->network->name, program->tile_numbers, program->state_numbers, program->coefs.count);
	print_part(to, "variances", &program->variances);
	print_part(to, "state", &program->state);
	print_part(to, "pair", &program->pair);
}
